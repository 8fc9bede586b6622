#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_agent
short_description: Do the WEC's half of joining or leaving, without the ITS
version_added: 1.0.0
description:
  - Looks at the agent on a cluster, or installs, renews or removes it, through the cluster's own API alone.
  - It is what M(kubestellar.wec.wec_join) runs on a WEC's host with O(kubestellar.wec.wec_join#module:wec_run_on=host), and
    seldom of use by itself. It has no option for the ITS, so that nothing of the ITS's credential can come to the host.
  - It decides nothing. Whether a cluster may be joined or deregistered is for M(kubestellar.wec.wec_join) to say, which knows
    both sides.
  - What it returns are facts without any token or key.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: partial
    details: Without O(steps) nothing is changed. Steps are carried out each time.
options:
  name:
    description:
      - Name of the WEC on the ITS. A DNS label.
    type: str
    required: true
  steps:
    description:
      - What to do, in this order. Without it, the module only looks.
      - V(join) installs the agent with C(clusteradm join), and looks at what that has left behind.
      - V(refresh) gives an agent that is there another introduction to its hub.
      - V(forget) takes its certificate away, and V(restart) restarts it, so that it starts anew.
      - V(renew) takes its certificate away while it runs, and waits until it has another one, of another key.
      - V(readdress_bootstrap) and, after it, V(readdress_hub) tell it another address of the same hub, and leave it its certificate.
      - V(delete_klusterlet) waits until the agent has taken its workload away, deletes the Klusterlet and waits until the agent is
        gone. V(stand_in_for_operator) does what an operator would do that is gone itself, V(delete_agent_namespaces) deletes the
        namespaces that an agent without a Klusterlet has left.
      - V(cut) takes the owner references of O(orphans) from their workload, V(delete_applied) deletes O(orphans).
      - The others delete one part each of the operator's installation, unless somebody else on this cluster needs it.
      - Steps of joining and of leaving cannot be in one task.
    type: list
    elements: str
    choices:
      - join
      - refresh
      - forget
      - renew
      - restart
      - readdress_bootstrap
      - readdress_hub
      - delete_klusterlet
      - stand_in_for_operator
      - delete_agent_namespaces
      - cut
      - delete_applied
      - purge Namespace open-cluster-management
      - purge ClusterRoleBinding klusterlet
      - purge ClusterRole klusterlet
      - purge CustomResourceDefinition klusterlets.operator.open-cluster-management.io
      - purge CustomResourceDefinition appliedmanifestworks.work.open-cluster-management.io
      - purge CustomResourceDefinition clusterclaims.cluster.open-cluster-management.io
    default: []
  with_leaving:
    description: Whether to return everything that is needed to remove the agent, too.
    type: bool
    default: false
  orphans:
    description: Names of AppliedManifestWorks that no agent takes away. For steps of leaving.
    type: list
    elements: str
    default: []
  workload:
    description: What becomes of the workload of O(orphans). For V(delete_applied) in O(steps).
    type: str
    choices: [keep, remove]
  purge:
    description: As in M(kubestellar.wec.wec_join). With V(true), a part of the operator that has to stay is a failure.
    type: bool
  wait_timeout:
    description: Seconds that each step of leaving may wait for what others do.
    type: int
    default: 300
  with_rights:
    description: Whether to return the distribution and the rights of the identity on the WEC, too.
    type: bool
    default: false
  with_clusteradm:
    description: Whether to return what C(clusteradm) is there also for a WEC that has a certificate already.
    type: bool
    default: false
  hub_apiserver:
    description: The address of the hub that the agent dials, and C(clusteradm). Needed in O(steps) for V(join), V(refresh) and the address.
    type: str
  hub_ca:
    description: The CA that the agent trusts the hub by, in PEM. Needed for V(join) and V(refresh) in O(steps).
    type: str
  hub_token:
    description:
      - The token that the agent introduces itself with. Needed for V(join) and V(refresh) in O(steps).
      - While C(clusteradm) runs, it is visible in the process list of the machine where this runs.
    type: str
extends_documentation_fragment:
  - kubestellar.wec._attributes
  - kubestellar.wec._attributes.actiongroup_wec
  - kubestellar.wec._wec
  - kubestellar.wec._agent
  - kubestellar.wec._common
seealso:
  - module: kubestellar.wec.wec_join
author:
  - The kubestellar.wec authors (@kubestellar)
"""

EXAMPLES = r"""
- name: Look at the agent on an edge node, whose API nobody else reaches
  kubestellar.wec.wec_agent:
    name: edge-1
    kubeconfig_from_host: k3s
    run_on: host
  become: true
  register: agent

- name: Install an agent with a token that somebody else has made
  kubestellar.wec.wec_agent:
    name: edge-1
    steps: [join]
    hub_apiserver: https://its1.example:6443
    hub_ca: "{{ lookup('ansible.builtin.file', 'its1-ca.crt') }}"
    hub_token: "{{ lookup('ansible.builtin.env', 'EDGE_1_HUB_TOKEN') }}"
    bundle_version: 1.2.1
    kubeconfig_from_host: k3s
    run_on: host
  become: true
"""

RETURN = r"""
name:
  description: Name of the WEC.
  returned: success
  type: str
  sample: edge-1
steps:
  description: What was done, or would be done in check mode.
  returned: with O(steps)
  type: list
  elements: str
  sample: [join]
view:
  description:
    - What the cluster shows of its agent, in the form that M(kubestellar.wec.wec_join) reads. It has the keys C(uid), C(version),
      C(klusterlets), C(bootstrap), C(credential), C(remnants), C(terminating) and C(missing).
  returned: without O(steps)
  type: dict
  sample: {"uid": "76ff3603-5fa7-40db-bfca-4c02094622ca", "version": "v1.34.4+k3s1", "klusterlets": null, "bootstrap": null,
           "credential": null, "remnants": [], "terminating": [], "missing": []}
introduction:
  description: The id (not the token) of the token that the agent has to introduce itself with.
  returned: without O(steps)
  type: str
  sample: 1e771b60-f4f5-4c83-96ad-1c6b771ffa99
works:
  description: The names of what a hub has applied on the cluster.
  returned: without O(steps)
  type: list
  elements: str
  sample: []
clusteradm:
  description:
    - What C(clusteradm) reports of itself, with the keys C(binary), C(version) and C(flags), or C(error). Nothing for a WEC that has
      a certificate, unless O(with_clusteradm) asks for it.
  returned: without O(steps)
  type: dict
  sample: {"binary": "/usr/local/bin/clusteradm", "version": "1.3.1", "flags": ["--ca-file", "--cluster-name"]}
leaving:
  description:
    - What there is of an agent beside RV(view), with the keys C(applied), C(namespaces), C(parts), C(cluster_managers) and
      C(has_operator).
  returned: with O(with_leaving)
  type: dict
  sample: {"applied": [], "namespaces": ["open-cluster-management-agent"], "parts": ["ClusterRole klusterlet"],
           "cluster_managers": [], "has_operator": true}
released_finalizers:
  description: Finalizers that were taken away, because the controller that should have removed them is gone.
  returned: with steps of leaving
  type: list
  elements: dict
  sample: [{"kind": "Klusterlet", "name": "klusterlet",
            "finalizer": "operator.open-cluster-management.io/klusterlet-cleanup"}]
remarks:
  description: What stays on the cluster, and why.
  returned: with steps of leaving
  type: list
  elements: str
  sample: []
rules:
  description: What the identity on the WEC may do, by namespace, as the API server says.
  returned: with O(with_rights)
  type: dict
  sample: {"open-cluster-management": {"status": {"incomplete": false, "resourceRules": []}}}
distribution:
  description: Which Kubernetes distribution it looks like, and the evidence.
  returned: with O(with_rights)
  type: dict
  sample: {"name": "k3s", "sign": "version v1.34.4+k3s1"}
now:
  description: The time on the WEC's API server.
  returned: without O(steps)
  type: str
  sample: "2026-01-31T12:00:00Z"
wec:
  description:
    - The WEC's connection that was used, with the address of its API server (C(server)) and where the connection came from (C(source)).
  returned: success
  type: dict
  sample: {"server": "https://127.0.0.1:6443", "source": "kubeconfig_from_host k3s: /etc/rancher/k3s/k3s.yaml on the host, context default"}
"""

from ansible_collections.kubestellar.wec.plugins.module_utils._modules import wec_agent
from ansible_collections.kubestellar.wec.plugins.module_utils._modules.module import run


def main() -> None:
    run(wec_agent)


if __name__ == "__main__":
    main()
