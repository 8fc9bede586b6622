#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_properties
short_description: Set properties of WECs for the templates of KubeStellar
version_added: 1.0.0
description:
  - Sets or removes the customization properties of one or many WECs, which are in a ConfigMap of the WEC's name in the namespace
    C(customization-properties) of the ITS. Both are made if they are not there.
  - All keys are written at once, and only if nobody has changed the ConfigMap since it was read. Binary data is left alone.
  - KubeStellar does not deliver a changed value by itself; this does (O(deliver)).
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
  properties:
    description:
      - Its properties for KubeStellar's templates. Keys are identifiers of the language Go, and values are text. A number or a
        truth value is refused, because it would not always be written the way it was meant.
    type: dict
  wecs:
    description: Several WECs.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the WEC.
        type: str
        required: true
      properties:
        description: As O(properties).
        type: dict
  state:
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
  - module: kubestellar.wec.wec_configure
author:
  - The kubestellar.wec authors (@kubestellar)
"""

EXAMPLES = r"""
- name: Set properties of one WEC
  kubestellar.wec.wec_properties:
    name: edge-1
    properties:
      clusterURL: https://my.clusters/1001-abcd
      datacenter: us-east-1a
      maxPods: "100"
    its_kubeconfig: ~/.kube/its1.kubeconfig

- name: Remove a property that no template needs any more
  kubestellar.wec.wec_properties:
    name: edge-1
    properties: {datacenter: ""}
    state: absent
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
  sample: {"edge-1": {"name": "edge-1", "changed": true, "failed": false, "msg": "edge-1 was changed: update ManagedCluster edge-1."}}
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

from ansible_collections.kubestellar.wec.plugins.module_utils._modules import wec_properties
from ansible_collections.kubestellar.wec.plugins.module_utils._modules.module import run


def main() -> None:
    run(wec_properties)


if __name__ == "__main__":
    main()
