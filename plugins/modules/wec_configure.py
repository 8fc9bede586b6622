#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_configure
short_description: Set labels, annotations and properties of WECs in the safe order
version_added: 1.0.0
description:
  - Does what M(kubestellar.wec.wec_label) and M(kubestellar.wec.wec_properties) do, for both at once and in the order that is safe.
    New properties come first, because labels start the delivery of workload. Properties that are not wanted any more go last, when
    KubeStellar has let the WEC go.
  - If a WDS is given (O(wds_kubeconfig)), it is first looked up there which BindingPolicies would start or stop to select the WEC, and
    which properties their templates need. What would take workload away is refused, unless it is allowed.
  - Only the ITS is written to.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  labels:
    description:
      - Its labels. KubeStellar's BindingPolicies select WECs by them. Values are text.
    type: dict
  annotations:
    description:
      - Its annotations. Values are text.
    type: dict
  properties:
    description:
      - Its properties for KubeStellar's templates. Keys are identifiers of the language Go, and values are text. A number or a
        truth value is refused, because it would not always be written the way it was meant.
    type: dict
  cluster_set:
    description:
      - The ManagedClusterSet that it belongs to.
    type: str
  wecs:
    description: Several WECs.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the WEC.
        type: str
        required: true
      labels:
        description: As O(labels).
        type: dict
      annotations:
        description: As O(annotations).
        type: dict
      properties:
        description: As O(properties).
        type: dict
      cluster_set:
        description: As O(cluster_set).
        type: str
  labels_state:
    description:
      - V(applied) is a server-side apply by the field manager C(kubestellar.wec). It sets the labels, and removes those that this
        field manager owns and that are not given any more. What others have set stays. A key that has another value from another
        field manager is a conflict, unless O(force_conflicts) is set.
      - V(present) sets the labels and leaves others alone.
      - V(absent) removes those that are named; their values do not matter.
      - V(exact) sets the labels and removes every other one that is not protected, no matter who has set it.
      - The default is V(applied) for what the variables of a host say, and V(present) for what the task itself says. Such a task
        is another field manager, C(kubestellar.wec-task), so that the next apply does not remove what it has set.
    type: str
    choices: [applied, present, absent, exact]
  annotations_state:
    description:
      - V(applied) is a server-side apply by the field manager C(kubestellar.wec). It sets the annotations, and removes those that this
        field manager owns and that are not given any more. What others have set stays. A key that has another value from another
        field manager is a conflict, unless O(force_conflicts) is set.
      - V(present) sets the annotations and leaves others alone.
      - V(absent) removes those that are named; their values do not matter.
      - V(exact) sets the annotations and removes every other one that is not protected, no matter who has set it.
      - The default is V(applied) for what the variables of a host say, and V(present) for what the task itself says. Such a task
        is another field manager, C(kubestellar.wec-task), so that the next apply does not remove what it has set.
    type: str
    choices: [applied, present, absent, exact]
  properties_state:
    description:
      - V(applied) is a server-side apply by the field manager C(kubestellar.wec). It sets the properties, and removes those that this
        field manager owns and that are not given any more. What others have set stays. A key that has another value from another
        field manager is a conflict, unless O(force_conflicts) is set.
      - V(present) sets the properties and leaves others alone.
      - V(absent) removes those that are named; their values do not matter.
      - V(exact) sets the properties and removes every other one, no matter who has set it.
      - The default is V(applied) for what the variables of a host say, and V(present) for what the task itself says. Such a task
        is another field manager, C(kubestellar.wec-task), so that the next apply does not remove what it has set.
    type: str
    choices: [applied, present, absent, exact]
extends_documentation_fragment:
  - kubestellar.wec._attributes
  - kubestellar.wec._attributes.actiongroup_wec
  - kubestellar.wec._batch
  - kubestellar.wec._configure
  - kubestellar.wec._its
  - kubestellar.wec._wds
  - kubestellar.wec._common
seealso:
  - module: kubestellar.wec.wec_label
  - module: kubestellar.wec.wec_properties
author:
  - The kubestellar.wec authors (@kubestellar)
"""

EXAMPLES = r"""
- name: Configure the WECs of all hosts at once, as their variables say
  kubestellar.wec.wec_configure:
  register: configured
  run_once: true
  failed_when: false

- name: Show the result for each cluster
  kubestellar.wec.wec_result:
    registered: [configured]

- name: Make two WECs what the inventory says, and nothing else
  kubestellar.wec.wec_configure:
    wecs:
      - name: edge-1
        labels: {location-group: edge}
        properties: {clusterURL: https://my.clusters/1001-abcd}
      - name: edge-2
        labels: {location-group: edge}
        properties: {clusterURL: https://my.clusters/1002-efgh}
    labels_state: exact
    properties_state: exact
    its_kubeconfig: ~/.kube/its1.kubeconfig
    wds_kubeconfig: ~/.kube/wds1.kubeconfig
"""

RETURN = r"""
wecs:
  description: The record of each WEC.
  returned: for the hosts of the play
  type: list
  elements: dict
  contains:
    host:
      description: Its host in the inventory.
      type: str
      sample: edge-1
    name:
      description: Name of the WEC.
      type: str
      sample: edge-1
    its:
      description: Address of the ITS's API server.
      type: str
      sample: https://its1.example:6443
    outcome:
      description: What became of it, V(in_sync), V(changed), V(planned) (in check mode), V(failed) or V(unreachable).
      type: str
      sample: changed
    changed:
      description: Whether anything was changed for this WEC, or would be in check mode.
      type: bool
      sample: true
    failed:
      description: Whether it could not be configured, or must not be.
      type: bool
      sample: false
    msg:
      description: The result in a sentence, with each key that has changed.
      type: str
      sample: "edge-1 was changed: region us-west -> us-east."
    steps:
      description: What was done, or would be done in check mode, with what is before and after.
      type: list
      elements: dict
      sample: []
    problem:
      description: Why it failed.
      type: dict
      sample: null
verdicts:
  description: How it ended for each WEC, by its name.
  returned: with O(name) or O(wecs), on failure if the ITS could be asked
  type: dict
  contains:
    name:
      description: Name of the WEC.
      type: str
      sample: edge-1
    changed:
      description: Whether it was changed.
      type: bool
      sample: true
    failed:
      description: Whether it could not be configured, or must not be.
      type: bool
      sample: false
    msg:
      description: What was done, or what failed, in a sentence.
      type: str
      sample: "edge-1 was changed: update ManagedCluster edge-1. BindingPolicy edge starts to select edge-1: its workload goes there."
    labels:
      description: Its labels afterwards, or as they would be in check mode.
      type: dict
      sample: {"location-group": "edge"}
    annotations:
      description: Its annotations afterwards, or as they would be in check mode.
      type: dict
      sample: {}
    properties:
      description: The properties in its ConfigMap afterwards, or as they would be in check mode.
      type: dict
      sample: {"clusterURL": "https://edge-1.example"}
    usable_as_properties:
      description: Labels and annotations that templates can use, because their keys are identifiers.
      type: list
      elements: str
      sample: [region]
    unusable_as_properties:
      description: Labels that templates cannot use.
      type: list
      elements: str
      sample: [location-group]
    steps:
      description: What was done, or would be done in check mode.
      type: list
      elements: dict
      sample: [{"side": "ITS", "verb": "update", "object": "ManagedCluster edge-1", "reason": "its labels differ from the desired state"}]
    impacts:
      description: What that does to the workload that KubeStellar delivers, as far as a WDS was given.
      type: list
      elements: dict
      contains:
        effect:
          description: Whether a BindingPolicy V(starts) or V(stops) to select the WEC, or its workload V(lacks) a property.
          type: str
          sample: starts
        policy:
          description: The BindingPolicy.
          type: str
          sample: edge
        properties:
          description: The properties that would be missing.
          type: list
          elements: str
          sample: []
        objects:
          description: The objects whose templates need them.
          type: list
          elements: str
          sample: []
        other_wecs:
          description: The other WECs that would lose the workload too.
          type: list
          elements: str
          sample: []
        msg:
          description: All that in a sentence.
          type: str
          sample: "BindingPolicy edge starts to select edge-1: its workload goes there."
    delivery:
      description:
        - Whether properties with other values than before were V(delivered), or one of V(nothing to deliver) and V(waits for the
          next change of the Binding).
      type: str
      sample: delivered
    timeline:
      description:
        - When it was configured, V(configure).
        - Times are the ITS's, to the second. What was done here has C(started), too.
      type: list
      elements: dict
      sample: [{"step": "configure", "started": "2026-03-01T10:22:30Z", "ended": "2026-03-01T10:22:31Z", "clock": "its"}]
    problem:
      description: What failed.
      type: dict
      contains:
        code:
          description: The problem's name for programs.
          type: str
          sample: not_accepted
        summary:
          description: What it is.
          type: str
          sample: the ITS does not accept the WEC
        evidence:
          description: The facts that show it.
          type: list
          elements: str
          sample: ["a labelled WEC without a mailbox starves the others"]
        remedy:
          description: What to do about it.
          type: str
          sample: Run register, or set hubAcceptsClient on its ManagedCluster, if it should be a WEC
its:
  description: The ITS that was used.
  returned: success
  type: dict
  contains:
    server:
      description: Address of its API server.
      type: str
      sample: https://its1.example:6443
    source:
      description: Where the connection came from.
      type: str
      sample: its_kubeconfig /home/ops/.kube/its1.kubeconfig, context its1
wds:
  description: The WDS that was looked into.
  returned: if one was given
  type: dict
  contains:
    server:
      description: Address of its API server.
      type: str
      sample: https://wds1.example:6443
    source:
      description: Where the connection came from.
      type: str
      sample: wds_kubeconfig /home/ops/.kube/wds1.kubeconfig, context wds1
"""

from ansible_collections.kubestellar.wec.plugins.module_utils._modules import wec_configure
from ansible_collections.kubestellar.wec.plugins.module_utils._modules.module import run


def main() -> None:
    run(wec_configure)


if __name__ == "__main__":
    main()
