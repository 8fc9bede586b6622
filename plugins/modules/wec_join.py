#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_join
short_description: Join a cluster to an ITS as a Workload Execution Cluster (WEC)
description:
  - Registers one Kubernetes cluster with a KubeStellar Inventory and Transport Space (ITS), which is an Open Cluster
    Management hub.
  - It looks at both sides first and does only what is missing. Installing the agent is left to C(clusteradm join).
    Tokens, approval, acceptance and verification go through the APIs.
  - A WEC that is joined already is not touched, and C(clusteradm) is not run.
  - What is half done is completed, and what can be mended is mended. An agent whose token has expired gets a fresh one. An
    agent whose certificate has expired is made to start anew. If the ManagedCluster of an agent with a valid certificate was
    deleted, it is re-created.
  - What would take the cluster away from another hub, another name or another cluster is refused, with the evidence.
  - A signing request is approved only if everything in it belongs to this one WEC.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  name:
    description:
      - Name of the WEC on the ITS. A DNS label.
    type: str
    required: true
  state:
    description:
      - V(present) sees to it that the cluster is joined.
    type: str
    choices: [present]
    default: present
  deletion_timeout:
    description: Seconds to wait while an earlier registration of the WEC is still being taken apart.
    type: int
    default: 60
  wait:
    description:
      - Whether to approve the agent's signing request, accept the WEC and wait until it is available.
      - Without it, the module returns when the agent is applied. M(kubestellar.wec.wec_accept) does the rest for a whole
        batch at once.
    type: bool
    default: true
  wait_timeout:
    description: Seconds to wait. If the WEC is not available by then, the module fails and names the likely cause.
    type: int
    default: 300
extends_documentation_fragment:
  - kubestellar.wec._attributes
  - kubestellar.wec._attributes.actiongroup_wec
  - kubestellar.wec._its
  - kubestellar.wec._wec
  - kubestellar.wec._join
  - kubestellar.wec._proofs
  - kubestellar.wec._common
seealso:
  - module: kubestellar.wec.wec_accept
  - module: kubestellar.wec.wec_preflight
  - module: kubestellar.wec.wec_status
  - name: Registering a cluster
    description: What Open Cluster Management does during registration.
    link: https://open-cluster-management.io/docs/concepts/cluster-inventory/managedcluster/
author:
  - The kubestellar.wec authors (@kubestellar)
"""

EXAMPLES = r"""
- name: Join one cluster, approve it and wait until it is available
  kubestellar.wec.wec_join:
    name: edge-1
    its_kubeconfig: ~/.kube/its1.kubeconfig
    its_context: its1
    kubeconfig: ~/.kube/fleet.kubeconfig
    context: edge-1

- name: Only install the agent; another task accepts the whole batch
  kubestellar.wec.wec_join:
    name: "{{ inventory_hostname }}"
    its_kubeconfig: "{{ its_kubeconfig }}"
    kubeconfig: "{{ wec_kubeconfig }}"
    context: "{{ inventory_hostname }}"
    wait: false
  register: joined

- name: Join through a proxy, with images from a mirror
  kubestellar.wec.wec_join:
    name: edge-3
    its_kubeconfig: its1.kubeconfig
    kubeconfig: edge-3.kubeconfig
    proxy_url: http://proxy.example:3128
    image_registry: mirror.example/open-cluster-management
    image_pull_credential_file: mirror.json

- name: Let a new cluster take the place of a lost one
  kubestellar.wec.wec_join:
    name: edge-4
    its_kubeconfig: its1.kubeconfig
    kubeconfig: edge-4-new.kubeconfig
    replace_lost_cluster: true

- name: Join with a token instead of a kubeconfig, through an address that the WEC can dial
  kubestellar.wec.wec_join:
    name: edge-2
    its_kubeconfig: its1.kubeconfig
    hub_apiserver: https://its1.example:6443
    host: https://edge-2.example:6443
    api_key: "{{ lookup('ansible.builtin.env', 'EDGE_2_TOKEN') }}"
    ca_cert: edge-2-ca.crt
"""

RETURN = r"""
name:
  description: Name of the WEC.
  returned: success
  type: str
  sample: edge-1
uid:
  description: UID of the WEC's namespace C(kube-system), which identifies the cluster for its whole life.
  returned: success
  type: str
  sample: 76ff3603-5fa7-40db-bfca-4c02094622ca
state:
  description: The state of the WEC afterwards.
  returned: success
  type: str
  sample: joined
state_before:
  description: The state that was found.
  returned: success
  type: str
  sample: absent
reason:
  description: Why the state that was found is what it is.
  returned: success
  type: str
  sample: it has no agent
evidence:
  description: The facts that led to the state that was found, or to a refusal.
  returned: success, or when refused
  type: list
  elements: str
  sample: ["its lease was renewed 12 s ago"]
steps:
  description: What was done, or would be done in check mode, in this order. Empty if nothing had to be done.
  returned: success
  type: list
  elements: dict
  contains:
    side:
      description: V(ITS) or V(WEC).
      type: str
      sample: ITS
    verb:
      description: What is done to the object, such as V(create), V(update), V(approve), V(accept) or V(join).
      type: str
      sample: accept
    object:
      description: Kind and name of the object.
      type: str
      sample: ManagedCluster edge-1
    reason:
      description: Why.
      type: str
      sample: it shall be a WEC of this ITS
proofs:
  description:
    - Which signing requests were approved, each with how well it is proved to be this WEC's own.
    - V(identity) means that everything in it belongs to this WEC. V(token) means that beyond that the ITS recorded that it
      was made with the very token that this WEC was given.
  returned: success
  type: dict
  sample: {"edge-1-d6kgb": "token"}
rejected_csrs:
  description: Signing requests under this name that failed the checks, each with the reasons.
  returned: success
  type: list
  elements: dict
  sample: [{"name": "edge-1-evil", "faults": ["its organizations are 'system:masters'"]}]
agent_endpoint:
  description: The address that the agent was told to dial, if an agent was applied.
  returned: success
  type: str
  sample: https://its1.example:6443
klusterlet_version:
  description: The version of the klusterlet, if one was applied.
  returned: success
  type: str
  sample: 1.2.1
kubernetes_version:
  description: The WEC's version.
  returned: success
  type: str
  sample: v1.34.4+k3s1
member:
  description: What M(kubestellar.wec.wec_accept) needs to know of this WEC, as an entry of its O(kubestellar.wec.wec_accept#module:wecs).
  returned: success
  type: dict
  contains:
    name:
      description: Name of the WEC.
      type: str
      sample: edge-1
    uid:
      description: UID of its namespace C(kube-system).
      type: str
      sample: 76ff3603-5fa7-40db-bfca-4c02094622ca
    token_id:
      description: The id (not the token) of the bootstrap token that its agent has.
      type: str
      sample: 1e771b60-f4f5-4c83-96ad-1c6b771ffa99
    holds_certificate:
      description: Whether its agent has a certificate of this ITS for this name.
      type: bool
      sample: false
    awaits_request:
      description: Whether its agent was made to start anew, so that what the ITS shows from before does not count.
      type: bool
      sample: true
addon:
  description: V(available) if the status add-on was waited for and is available.
  returned: success
  type: str
  sample: available
probe:
  description: V(seen) if a probe was asked for and has arrived.
  returned: success
  type: str
  sample: seen
problem:
  description: What keeps the WEC from being available.
  returned: on failure, if it is known
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
    uid:
      description: UID of the ITS's namespace C(kube-system).
      type: str
      sample: 21f5da3d-9765-4fcc-b219-7087f6bf8664
wec:
  description: The WEC's connection that was used.
  returned: success
  type: dict
  contains:
    server:
      description: Address of its API server.
      type: str
      sample: https://edge-1.example:6443
    source:
      description: Where the connection came from.
      type: str
      sample: kubeconfig /home/ops/.kube/fleet.kubeconfig, context edge-1
"""

from ansible_collections.kubestellar.wec.plugins.module_utils._bodies import wec_join
from ansible_collections.kubestellar.wec.plugins.module_utils._bodies.module import run


def main() -> None:
    run(wec_join)


if __name__ == "__main__":
    main()
