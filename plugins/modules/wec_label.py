#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_label
short_description: Set labels of WECs on an ITS
description:
  - Sets or removes labels of the ManagedClusters of one or many WECs. KubeStellar's BindingPolicies select WECs by them.
  - Each WEC that differs gets one patch. What is as desired is not written.
  - Keys that belong to Kubernetes, Open Cluster Management or KubeStellar are protected.
  - Only the ITS is contacted.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name:
    description: Name of one WEC.
    type: str
  labels:
    description:
      - Its labels. Values are text. With O(state=absent) they do not matter.
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
      labels:
        description: Its labels.
        type: dict
        required: true
  state:
    description:
      - V(present) sets the labels and leaves others alone.
      - V(absent) removes the named labels.
      - V(exact) sets the labels and removes every other one that is not protected.
    type: str
    choices: [present, absent, exact]
    default: present
  protected:
    description:
      - More keys that must not be written or removed, as patterns with V(*) and V(?).
      - Keys with a prefix in the domains C(kubernetes.io), C(k8s.io), C(open-cluster-management.io) and C(kubestellar.io)
        always are.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - kubestellar.wec._attributes
  - kubestellar.wec._attributes.actiongroup_wec
  - kubestellar.wec._its
  - kubestellar.wec._common
seealso:
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
"""

RETURN = r"""
verdicts:
  description: How it ended for each WEC, by its name.
  returned: success, and on failure if the ITS could be asked
  type: dict
  contains:
    name:
      description: Name of the WEC.
      type: str
      sample: edge-1
    changed:
      description: Whether its labels were changed.
      type: bool
      sample: true
    failed:
      description: Whether its labels could not be set.
      type: bool
      sample: false
    msg:
      description: What failed, or an empty text.
      type: str
      sample: ""
    labels:
      description: Its labels afterwards, or as they would be in check mode.
      type: dict
      sample: {"location-group": "edge"}
    steps:
      description: What was done, or would be done in check mode.
      type: list
      elements: dict
      sample: [{"side": "ITS", "verb": "update", "object": "ManagedCluster edge-1", "reason": "its labels shall be as the inventory says"}]
    problem:
      description: What failed.
      type: dict
      contains:
        code:
          description: The problem's name for programs.
          type: str
          sample: csr_denied
        summary:
          description: What it is.
          type: str
          sample: the agent's signing request was denied
        evidence:
          description: The facts that show it.
          type: list
          elements: str
          sample: ["CertificateSigningRequest edge-1-x2k9d: AdminDeny not ours"]
        remedy:
          description: What to do about it.
          type: str
          sample: Find out who denied it and why; after it is deleted the agent makes another one
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
"""

from ansible_collections.kubestellar.wec.plugins.module_utils._bodies import wec_label
from ansible_collections.kubestellar.wec.plugins.module_utils._bodies.module import run


def main() -> None:
    run(wec_label)


if __name__ == "__main__":
    main()
