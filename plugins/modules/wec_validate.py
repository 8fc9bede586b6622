#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_validate
short_description: Check what a WEC shall have, without asking anybody
description:
  - Finds out what is wrong with labels, annotations and properties before anything is changed, all of it at once. Their syntax is
    checked, the keys that are protected, and a schema of the fleet's own.
  - No API is contacted. O(its_kubeconfig) and the like are only read, to see that they can be.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: It changes nothing.
  idempotent:
    support: full
options:
  name:
    description: Name of the WEC.
    type: str
    required: true
  labels:
    description: Its labels.
    type: dict
  annotations:
    description: Its annotations.
    type: dict
  properties:
    description: Its properties.
    type: dict
  cluster_set:
    description: The ManagedClusterSet that it belongs to.
    type: str
  labels_state:
    description: How O(labels) are meant. With V(absent), values do not matter.
    type: str
    choices: [present, absent, exact]
    default: present
  annotations_state:
    description: How O(annotations) are meant. With V(absent), values do not matter.
    type: str
    choices: [present, absent, exact]
    default: present
  properties_state:
    description: How O(properties) are meant. With V(absent), values do not matter.
    type: str
    choices: [present, absent, exact]
    default: present
  protected:
    description: More keys of labels and annotations that must not be written or removed, as patterns with V(*) and V(?).
    type: list
    elements: str
    default: []
  schema:
    description:
      - What the fleet's WECs may and must have. It has the parts C(labels), C(annotations) and C(properties), each of which maps
        keys, or patterns of keys with V(*) and V(?), to rules. In a part that is there, other keys are not allowed.
      - A rule can have C(required) (V(true) for a key that each WEC must have), C(required_in) (groups of the inventory whose
        hosts must have it), C(values) (a list of the values that are allowed) and C(pattern) (a regular expression that the whole
        value must match). An empty rule allows everything.
    type: dict
  groups:
    description: The groups that the WEC's host is in, for C(required_in) in O(schema).
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - kubestellar.wec._attributes
  - kubestellar.wec._attributes.actiongroup_wec
  - kubestellar.wec._its
  - kubestellar.wec._common
seealso:
  - module: kubestellar.wec.wec_configure
  - module: kubestellar.wec.wec_preflight
author:
  - The kubestellar.wec authors (@kubestellar)
"""

EXAMPLES = r"""
- name: Check a host's labels and properties
  kubestellar.wec.wec_validate:
    name: edge-1
    labels: {location-group: edge}
    properties: {clusterURL: https://my.clusters/1001-abcd}
    groups: "{{ group_names }}"
    schema:
      labels:
        location-group: {required: true, values: [edge, core]}
        team.example/*: {}
      properties:
        clusterURL: {required: true, pattern: https://.+}
        gpuModel: {required_in: [gpu]}
    its_kubeconfig: ~/.kube/its1.kubeconfig
"""

RETURN = r"""
name:
  description: Name of the WEC.
  returned: always
  type: str
  sample: edge-1
violations:
  description: Everything that is wrong.
  returned: always
  type: list
  elements: str
  sample: ["labels[location-group]: 'egde' is not one of edge, core"]
wec:
  description: What the WEC shall have, as M(kubestellar.wec.wec_configure) takes it.
  returned: always
  type: dict
  sample: {"name": "edge-1", "labels": {"location-group": "edge"}}
its:
  description: The ITS that would be used.
  returned: if its options can be read
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
"""

from ansible_collections.kubestellar.wec.plugins.module_utils._bodies import wec_validate
from ansible_collections.kubestellar.wec.plugins.module_utils._bodies.module import run


def main() -> None:
    run(wec_validate)


if __name__ == "__main__":
    main()
