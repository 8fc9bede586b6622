#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_label
short_description: Set labels and annotations of WECs on an ITS
version_added: 1.0.0
description:
  - Sets or removes labels and annotations of the ManagedClusters of one or many WECs. KubeStellar's BindingPolicies select WECs by
    their labels; labels and annotations whose keys are identifiers can also be used in templates.
  - Each WEC that differs gets one patch. What is as desired is not written.
  - If a WDS is given (O(wds_kubeconfig)), it is first looked up there which BindingPolicies would start or stop to select the WEC, and
    which properties their templates need. What would take workload away is refused, unless it is allowed.
  - When labels go that templates use, annotations stand in for them until KubeStellar has let the WEC go, so that no other WEC loses
    its workload.
  - Keys that belong to Kubernetes, Open Cluster Management or KubeStellar are protected.
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
      cluster_set:
        description: As O(cluster_set).
        type: str
  state:
    description:
      - V(applied) is a server-side apply by the field manager C(kubestellar.wec). It sets the labels and annotations, and removes
        those that this field manager owns and that are not given any more. What others have set stays. A key that has another value from another
        field manager is a conflict, unless O(force_conflicts) is set.
      - V(present) sets the labels and annotations and leaves others alone.
      - V(absent) removes those that are named; their values do not matter.
      - V(exact) sets the labels and annotations and removes every other one that is not protected, no matter who has set it.
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
  - module: kubestellar.wec.wec_properties
  - module: kubestellar.wec.wec_configure
  - module: kubestellar.wec.wec_status
author:
  - The kubestellar.wec authors (@kubestellar)
"""

EXAMPLES = r"""
- name: Label one WEC
  kubestellar.wec.wec_label:
    name: edge-1
    labels:
      location-group: edge
      region: us-east
    its_kubeconfig: ~/.kube/its1.kubeconfig

- name: Give two WECs exactly these labels
  kubestellar.wec.wec_label:
    wecs:
      - name: edge-1
        labels: {location-group: edge, gpu: "true"}
      - name: edge-2
        labels: {location-group: edge}
    state: exact
    protected: ["team.example/*"]
    its_kubeconfig: ~/.kube/its1.kubeconfig

- name: Take a WEC out of a group, although workload goes with it
  kubestellar.wec.wec_label:
    name: edge-1
    labels: {location-group: ""}
    state: absent
    allow_withdrawal: true
    its_kubeconfig: ~/.kube/its1.kubeconfig
    wds_kubeconfig: ~/.kube/wds1.kubeconfig
"""

RETURN = r"""
wecs:
  description: The record of each WEC, as RV(kubestellar.wec.wec_configure#module:wecs).
  returned: for the hosts of the play
  type: list
  elements: dict
  sample: [{"host": "edge-1", "name": "edge-1", "outcome": "changed", "msg": "edge-1 was changed: region us-west -> us-east."}]
verdicts:
  description: The result of each WEC, by its name, as RV(kubestellar.wec.wec_configure#module:verdicts).
  returned: with O(name) or O(wecs), on failure if the ITS could be asked
  type: dict
  sample: {"edge-1": {"name": "edge-1", "changed": true, "failed": false, "msg": "edge-1 was changed: region us-west -> us-east."}}
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

from ansible_collections.kubestellar.wec.plugins.module_utils._modules import wec_label
from ansible_collections.kubestellar.wec.plugins.module_utils._modules.module import run


def main() -> None:
    run(wec_label)


if __name__ == "__main__":
    main()
