#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_join
short_description: Join clusters to an ITS as Workload Execution Clusters (WECs), or take them off
version_added: 1.0.0
description:
  - Registers Kubernetes clusters with a KubeStellar Inventory and Transport Space (ITS), which is an Open Cluster
    Management hub.
  - It looks at both sides first and does only what is missing. Installing the agent is left to C(clusteradm join).
    Tokens, approval, acceptance and verification go through the APIs.
  - A WEC that is joined already is not touched, and C(clusteradm) is not run.
  - What is half done is completed, and what can be mended is mended. An agent whose token has expired gets a fresh one. An
    agent whose certificate has expired is made to start anew. If the ManagedCluster of an agent with a valid certificate was
    deleted, it is re-created.
  - What would take the cluster away from another hub, another name or another cluster is refused, with the evidence.
  - A signing request is approved only if everything in it belongs to this one WEC.
  - With O(state=absent) a WEC leaves in an order in which nothing gets stuck and no workload is lost by accident. Its labels
    go first, so that KubeStellar withdraws its workload. The ManagedCluster goes when that is done, then the agent, and
    then what the hub leaves behind, which is the mailbox, the properties, the signing requests and the bootstrap token.
  - It works on one WEC (O(name)), on several of one ITS (O(wecs)), or on the hosts of the play, with the variables that the roles
    register and deregister read, such as C(wec_kubeconfig), C(register_hub_apiserver) and C(deregister_purge). Ansible evaluates
    them for each host as in any task, also those of the play and of a role. An argument of the task counts for all hosts.
  - With the keyword C(run_once), one task works on all hosts of the batch. First all clusters are asked for their identity, so that
    no cluster gets two names. Then each is checked and its agent installed, in parallel, and the ITS approves and accepts the first
    clusters while others are still being joined. A cluster that fails does so alone. M(kubestellar.wec.wec_result) then gives each
    host its own result. Without C(run_once), each host's task is for this host alone.
  - WECs that leave together are looked at on the ITS together, and all of them wait at the same time.
  - A run that was interrupted is repeated, and goes on from what it finds. What does not go in time stops it, with what is
    still there and why.
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
      - Without it and without O(wecs), the hosts of the play are meant, which needs O(run_on=controller).
    type: str
  at_once:
    description:
      - With several WECs, how many are worked on at the same time, of whatever ITS. One that does not answer holds up its own place
        only. With O(state=absent), one that only waits for what others do has no place.
      - Without it, as many as Ansible has forks; V(5) where that is not known.
    type: int
  preflight_only:
    description:
      - Whether only to check everything that could make the registration fail, without changing anything.
      - The module fails, and names all of it, if there is anything.
    type: bool
    default: false
  stop_on_violation:
    description: With several WECs, whether nothing is changed for any of them if the checks fail for one.
    type: bool
    default: false
  progress_interval:
    description: With several WECs, seconds between two lines about the progress. Only with O(run_on=controller).
    type: float
    default: 5.0
  state:
    description:
      - V(present) sees to it that the cluster is joined.
      - V(absent) sees to it that it is not, and that nothing of its registration is left. It is refused, with the evidence,
        if this cluster is not the one that the ITS has under O(name).
    type: str
    choices: [present, absent]
    default: present
  drain:
    description:
      - What to do with O(state=absent) if works are in the WEC's mailbox that KubeStellar did not make.
      - V(refuse) names them, and nothing is changed.
      - V(wait) waits until somebody has taken them away, and changes nothing until then.
      - V(ignore) lets the hub delete them, with their workload.
    type: str
    choices: [refuse, wait, ignore]
    default: refuse
  wec_access:
    description:
      - V(lost) says that the WEC is gone for good, with O(state=absent). It is not contacted.
      - Then finalizers are removed that only the lost agent could remove. These are C(manifest-work-cleanup) of ManifestWorks
        and those of the add-on manager (C(addon.open-cluster-management.io)), and only in this WEC's mailbox, on objects that
        are being deleted already. RV(released_finalizers) lists each.
      - It is refused while the WEC's agent renews its lease.
      - What ran on the lost cluster may run on, and the certificate of its agent works until it expires if a WEC of this name
        is ever accepted again. Prefer another name for its successor.
      - V(moved) says that the WEC's agent serves another ITS, with O(state=absent). The WEC's connection is needed to see that this is
        so, and nothing is changed there. What this ITS has of it goes as with V(lost), and no lease is waited for.
    type: str
    choices: [given, lost, moved]
    default: given
  its_access:
    description:
      - V(lost) says that the ITS is gone for good, with O(state=absent). It is not contacted, and the WEC is cleaned alone.
      - That the agent belonged to the lost ITS cannot be proved then. The Klusterlet must be for O(name).
    type: str
    choices: [given, lost]
    default: given
  workload:
    description:
      - What becomes of workload that no agent will take off the WEC, with O(state=absent). That is so with O(its_access=lost),
        and where the ManagedCluster or the Klusterlet was deleted while works were there.
      - V(keep) leaves it. Its C(ownerReferences) to AppliedManifestWorks are cut, because the cluster would delete it with
        these, and even long afterwards, when their definition comes back with another registration.
      - V(remove) lets the cluster delete it, and waits for that.
      - If there is such workload and nothing is set, the module refuses.
    type: str
    choices: [keep, remove]
  purge:
    description:
      - Whether O(state=absent) also removes the klusterlet operator (with the Namespace C(open-cluster-management) and its ClusterRole)
        and the CustomResourceDefinitions of Klusterlets, AppliedManifestWorks and ClusterClaims from the WEC.
      - Without it, they are removed with the registration, unless somebody else on the cluster needs them, which is another Klusterlet,
        an AppliedManifestWork of another agent or a ClusterManager. Where the right to remove them is missing, they stay, with a
        warning. Where nothing else of a registration is there, they stay too.
      - What others have made in the Namespace C(open-cluster-management) keeps that, without the operator, and ClusterClaims that others
        have made keep their definition, each with a warning that names them.
      - With V(true), it is refused if somebody else needs them. With V(false), they stay.
    type: bool
  deletion_timeout:
    description: Seconds to wait while an earlier registration of the WEC is still being taken apart.
    type: int
    default: 60
  wait:
    description:
      - Whether to approve the agent's signing request, accept the WEC and wait until it is available.
      - Without it, the module returns when the agent is applied. M(kubestellar.wec.wec_accept) does the rest for a whole
        batch at once.
      - Several WECs are always waited for.
      - Without meaning with O(state=absent), which always waits.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds to wait without the WEC getting further. If it is not available by then, the module fails and names the likely cause.
      - With O(state=absent) this is the time for each thing that has to go.
    type: int
    default: 300
extends_documentation_fragment:
  - kubestellar.wec._attributes
  - kubestellar.wec._attributes.actiongroup_wec
  - kubestellar.wec._batch
  - kubestellar.wec._its
  - kubestellar.wec._wec
  - kubestellar.wec._wds
  - kubestellar.wec._join
  - kubestellar.wec._join_wecs
  - kubestellar.wec._proofs
  - kubestellar.wec._common
seealso:
  - module: kubestellar.wec.wec_accept
  - module: kubestellar.wec.wec_agent
  - module: kubestellar.wec.wec_result
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

- name: Join the clusters of all hosts at once, as their variables say
  kubestellar.wec.wec_join:
  register: joined
  run_once: true
  failed_when: false

- name: Show the result for each cluster
  kubestellar.wec.wec_result:
    registered: [joined]

- name: Join two clusters of one kubeconfig, with images from a mirror
  kubestellar.wec.wec_join:
    its_kubeconfig: ~/.kube/its1.kubeconfig
    wecs:
      - name: edge-1
        kubeconfig: ~/.kube/fleet.kubeconfig
        context: edge-1
        image_registry: mirror.example/open-cluster-management
      - name: edge-2
        kubeconfig: ~/.kube/fleet.kubeconfig
        context: edge-2
        image_registry: mirror.example/open-cluster-management

- name: Check what could be in the way of one cluster, and change nothing
  kubestellar.wec.wec_join:
    name: edge-1
    its_kubeconfig: ~/.kube/its1.kubeconfig
    kubeconfig: ~/.kube/fleet.kubeconfig
    context: edge-1
    preflight_only: true

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

- name: Join a k3s edge node with the kubeconfig that it has itself
  kubestellar.wec.wec_join:
    name: edge-6
    its_kubeconfig: its1.kubeconfig
    kubeconfig_from_host: k3s
  become: true

- name: Join an edge node whose API nobody else reaches
  kubestellar.wec.wec_join:
    name: edge-7
    its_kubeconfig: its1.kubeconfig
    kubeconfig_from_host: auto
    wec_run_on: host
  become: true

- name: Take a WEC off its ITS, and leave nothing behind on either side
  kubestellar.wec.wec_join:
    name: edge-1
    state: absent
    its_kubeconfig: its1.kubeconfig
    kubeconfig: fleet.kubeconfig
    context: edge-1

- name: Take a cluster off that does not exist any more
  kubestellar.wec.wec_join:
    name: edge-4
    state: absent
    wec_access: lost
    its_kubeconfig: its1.kubeconfig

- name: Remove the agent of an ITS that does not exist any more, and keep the workload
  kubestellar.wec.wec_join:
    name: edge-5
    state: absent
    its_access: lost
    workload: keep
    kubeconfig: edge-5.kubeconfig
"""

RETURN = r"""
wecs:
  description: The record of each WEC, where several were worked on.
  returned: with O(wecs), and for the hosts of the play
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
      description: Whether it failed.
      type: bool
      sample: false
    msg:
      description: The result in a sentence.
      type: str
      sample: edge-1 is joined and available.
    problem:
      description: Why it failed, as RV(kubestellar.wec.wec_status#module:wecs[].problems).
      type: dict
      sample: null
    diff:
      description: What was changed, before and after.
      type: dict
      sample: null
    checks:
      description: The checks that were made, as RV(checks).
      type: list
      elements: dict
      sample: []
    kept_works:
      description: As RV(kept_works).
      type: dict
      sample: null
    seconds:
      description: Seconds from the installation of its agent to the end.
      type: float
      sample: 6.2
msg:
  description: The result in a sentence; of several WECs how many were changed, or what failed, for each that did.
  returned: with several WECs, with O(state=absent), and on failure
  type: str
  sample: 2 of 2 WECs registered.
checks:
  description: Every check, in the order in which they were made.
  returned: with O(preflight_only)
  type: list
  elements: dict
  contains:
    name:
      description: Name of the check.
      type: str
      sample: agent_endpoint
    passed:
      description: Whether it passed. Null if it could not be made.
      type: bool
      sample: true
    fact:
      description: What was seen, or what is wrong and what to do about it.
      type: str
      sample: agents dial https://its1.example:6443
    problem:
      description: What is wrong, if it is a known problem.
      type: dict
      sample: null
distribution:
  description: What the cluster looks like, such as V(kind), V(k3s), V(openshift), V(eks) or V(unknown).
  returned: with O(preflight_only)
  type: str
  sample: k3s
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
      description:
        - What is done to the object, such as V(create), V(update), V(delete), V(approve), V(accept) or V(join).
        - V(withdraw) is what KubeStellar does, and V(release) removes finalizers.
      type: str
      sample: accept
    object:
      description: Kind and name of the object.
      type: str
      sample: ManagedCluster edge-1
    reason:
      description: Why.
      type: str
      sample: it should be a WEC of this ITS
released_finalizers:
  description: Every finalizer that was removed by force, with O(wec_access=lost). Also in the result of a failure.
  returned: with O(state=absent)
  type: list
  elements: dict
  contains:
    kind:
      description: Kind of the object.
      type: str
      sample: ManifestWork
    name:
      description: Namespace and name of the object.
      type: str
      sample: edge-4/wds1-app-7f2c
    finalizer:
      description: The finalizer.
      type: str
      sample: cluster.open-cluster-management.io/manifest-work-cleanup
kept_works:
  description:
    - What became of the workload of another hub, with O(works_of_other_hub=keep) and afterwards. Null where none was kept.
  returned: success
  type: dict
  contains:
    eviction:
      description: V(on) if the agent deletes again what its hub does not know, else V(off).
      type: str
      sample: "off"
    without_counterpart:
      description: ManifestWorks of the other hub that have objects which no ManifestWork of this ITS has, with these objects.
      type: list
      elements: dict
      sample: [{"manifestwork": "w1", "objects": ["configmaps app/settings"]}]
may_still_run:
  description: The objects that the ITS had sent to a cluster that was not contacted, and that may run there still.
  returned: with O(wec_access=lost)
  type: list
  elements: str
  sample: ["Deployment app/web"]
leftovers:
  description:
    - What is there still of the registration, on the sides that were not lost.
    - The module fails if something is there that was not expected.
  returned: with O(state=absent), not in check mode
  type: list
  elements: dict
  contains:
    side:
      description: V(ITS) or V(WEC).
      type: str
      sample: WEC
    kind:
      description: Kind of the object.
      type: str
      sample: Namespace
    name:
      description: Name of the object, with its namespace if it has one.
      type: str
      sample: open-cluster-management
    expected:
      description: Whether it stays because of how the module was called, such as the operator with O(purge=false).
      type: bool
      sample: true
proofs:
  description:
    - Which signing requests were approved, each with how well it is proved to be this WEC's own.
    - V(identity) means that everything in it belongs to this WEC. V(token) means that beyond that the ITS recorded that it
      was made with the very token that this WEC was given.
  returned: with O(state=present)
  type: dict
  sample: {"edge-1-d6kgb": "token"}
rejected_csrs:
  description: Signing requests under this name that failed the checks, each with the reasons.
  returned: with O(state=present)
  type: list
  elements: dict
  sample: [{"name": "edge-1-evil", "faults": ["its organizations are 'system:masters'"]}]
agent_endpoint:
  description: The address that the agent was configured with, if an agent was installed.
  returned: with O(state=present)
  type: str
  sample: https://its1.example:6443
klusterlet_version:
  description: The version of the klusterlet, if one was applied.
  returned: with O(state=present)
  type: str
  sample: 1.2.1
kubernetes_version:
  description: The WEC's version.
  returned: success
  type: str
  sample: v1.34.4+k3s1
member:
  description: What M(kubestellar.wec.wec_accept) needs to know of this WEC, as an entry of its O(kubestellar.wec.wec_accept#module:wecs).
  returned: with O(state=present)
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
    replace_lost_cluster:
      description: Whether it may take over the name of a cluster that is lost.
      type: bool
      sample: false
    remove_foreign_csrs:
      description: Whether signing requests that are not its own are deleted.
      type: bool
      sample: false
addon:
  description: V(available) if the status add-on was waited for and is available.
  returned: with O(state=present)
  type: str
  sample: available
probe:
  description: V(seen) if a probe was asked for and has arrived.
  returned: with O(state=present)
  type: str
  sample: seen
timeline:
  description:
    - When V(join) or V(leave) was begun and ended, and with O(wait) when the WEC came how far - V(announced), V(accepted),
      V(approved), V(joined), V(available), V(addon), V(probe).
    - Times are the ITS's, to the second. What was done here has C(started), too.
  returned: success
  type: list
  elements: dict
  sample: [{"step": "join", "started": "2026-03-01T10:22:28Z", "ended": "2026-03-01T10:22:31Z", "clock": "its"}]
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
  description:
    - The ITS that was used, with the address of its API server (C(server)) and where the connection came from (C(source)).
    - C(uid) is the UID of its namespace C(kube-system).
  returned: success, unless the ITS is lost
  type: dict
  sample: {"server": "https://its1.example:6443",
           "source": "its_kubeconfig /home/ops/.kube/its1.kubeconfig, context its1", "uid": "21f5da3d-9765-4fcc-b219-7087f6bf8664"}
wds:
  description:
    - The WDS that was looked into, with the address of its API server (C(server)) and where the connection came from (C(source)).
  returned: with O(state=absent), if one was given
  type: dict
  sample: {"server": "https://wds1.example:6443", "source": "wds_kubeconfig /home/ops/.kube/wds1.kubeconfig, context wds1"}
wec:
  description:
    - The WEC's connection that was used, with the address of its API server (C(server)) and where the connection came from (C(source)).
  returned: success, unless the WEC is lost
  type: dict
  sample: {"server": "https://edge-1.example:6443", "source": "kubeconfig /home/ops/.kube/fleet.kubeconfig, context edge-1"}
"""

from ansible_collections.kubestellar.wec.plugins.module_utils._modules import wec_join
from ansible_collections.kubestellar.wec.plugins.module_utils._modules.module import run


def main() -> None:
    run(wec_join)


if __name__ == "__main__":
    main()
