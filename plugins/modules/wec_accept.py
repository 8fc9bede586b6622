#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_accept
short_description: Approve and accept WECs on an ITS, or stop accepting them
version_added: 1.0.0
description:
  - Approves the signing requests of the agents of one or many WECs, accepts the WECs, and waits until they are available.
    All WECs of a batch are looked at together, and a line on the screen shows their progress.
  - Only the ITS is contacted.
  - A signing request is approved only if its label, signer, requester, usages, common name, organizations and key all
    belong to the one WEC, and the WEC is named here. Requests of add-ons and denied requests are never approved.
  - Of several requests the one is approved that was made with this WEC's own token. Where that is not known and different agents
    made them, none is approved.
  - A WEC that has joined before, or whose ManagedCluster notes which cluster it is, gets another certificate only for a request
    that was made with a token that is known to be its own (O(wecs[].token_id)), or with O(replace_lost_cluster).
  - Requests that are not a WEC's own are named on the screen as soon as they are seen, and in RV(verdicts).
  - A WEC is accepted only together with a legitimate signing request or an existing certificate of its own.
  - With O(state=absent) a WEC stays registered and its agent stays where it is, and the ITS takes the agent's rights away.
    With O(state=present) it is back within seconds.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  wecs:
    description: Several WECs.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the WEC.
        type: str
        required: true
      uid:
        description: UID of the WEC's namespace C(kube-system), to be noted on its ManagedCluster.
        type: str
      token_id:
        description:
          - The id of the agent's bootstrap token, as in RV(kubestellar.wec.wec_join#module:member).
          - Where the ITS records the token of a request (Kubernetes 1.30 and later), a request that was made with another
            token is not approved.
        type: str
      holds_certificate:
        description:
          - Whether the WEC's own API has shown a certificate of this ITS for this name, as
            RV(kubestellar.wec.wec_join#module:member) shows. Such a WEC needs no signing request to be accepted.
        type: bool
        default: false
      awaits_request:
        description:
          - Whether its agent was made to start anew, as RV(kubestellar.wec.wec_join#module:member) shows. Then what the
            ITS shows from before does not count, and another signing request is waited for.
        type: bool
        default: false
      replace_lost_cluster:
        description: As O(replace_lost_cluster), for this WEC alone.
        type: bool
      remove_foreign_csrs:
        description: As O(remove_foreign_csrs), for this WEC alone.
        type: bool
  state:
    description:
      - V(present) sees to it that the WECs are accepted.
      - V(absent) sees to it that they are not. This is not a kill switch. A WEC that has works keeps its access to them, also to
        new ones, until the last of them is gone. To stop its workload, remove the labels that select it first, with
        M(kubestellar.wec.wec_label), or take it off with M(kubestellar.wec.wec_join) and O(kubestellar.wec.wec_join#module:state=absent).
      - The works of add-ons go by themselves some minutes after the WEC has lost its access.
    type: str
    choices: [present, absent]
    default: present
  drain:
    description:
      - What to do with O(state=absent) if a WEC has works that are not those of an add-on.
      - V(refuse) names them and changes nothing.
      - V(wait) waits until they are gone, for O(wait_timeout).
      - V(ignore) stops accepting it all the same. Its agent goes on with what it has.
    type: str
    choices: [refuse, wait, ignore]
    default: refuse
  replace_lost_cluster:
    description:
      - Whether a WEC may get a certificate under a name that another cluster had, without proof that it is the same one. The other
        cluster's certificate works until it expires.
      - Unlike O(kubestellar.wec.wec_join#module:replace_lost_cluster), nothing of the other cluster is removed first.
    type: bool
    default: false
  remove_foreign_csrs:
    description:
      - Whether signing requests under these WECs' names are deleted that are not their own and that nobody has approved.
      - The ITS identity needs the right to delete C(certificatesigningrequests), which the shipped roles do not grant.
    type: bool
    default: false
  ask_wecs:
    description:
      - Whether WECs are asked, too, whether the agent of the status add-on runs, for the hosts of the play and with the variables that
        say how each is reached, such as C(wec_kubeconfig). The ITS knows it up to a minute later.
      - A WEC that cannot be asked is waited for as the ITS shows it. The identity there needs the right to get the Deployment
        C(status-agent).
    type: bool
    default: false
  progress_interval:
    description: Seconds between two lines about the progress on the screen.
    type: float
    default: 5.0
  wait:
    description: Whether to wait until the WECs are available. Without it, only what can be done at once is done.
    type: bool
    default: true
  wait_timeout:
    description:
      - Seconds to wait without any WEC of the batch getting further (announced, let in, certified, joined, available). Those
        that are not available by then have failed, and their verdicts name the likely cause.
      - A hub takes in a large batch step by step, about three WECs a second. So however large the batch is, the same time fits.
    type: int
    default: 300
extends_documentation_fragment:
  - kubestellar.wec._attributes
  - kubestellar.wec._attributes.actiongroup_wec
  - kubestellar.wec._batch
  - kubestellar.wec._batch.name
  - kubestellar.wec._its
  - kubestellar.wec._proofs
  - kubestellar.wec._common
  - kubestellar.wec._pattern
seealso:
  - module: kubestellar.wec.wec_join
  - module: kubestellar.wec.wec_status
author:
  - The kubestellar.wec authors (@kubestellar)
"""

EXAMPLES = r"""
- name: Accept one WEC whose agent was installed some other way
  kubestellar.wec.wec_accept:
    name: edge-1
    its_kubeconfig: ~/.kube/its1.kubeconfig

- name: Accept a batch and wait for all of it
  kubestellar.wec.wec_accept:
    wecs:
      - name: edge-1
        token_id: 1e771b60-f4f5-4c83-96ad-1c6b771ffa99
      - name: edge-2
    its_kubeconfig: ~/.kube/its1.kubeconfig
    wait_timeout: 600

- name: Stop accepting a WEC when its works are gone
  kubestellar.wec.wec_accept:
    name: edge-1
    state: absent
    drain: wait
    its_kubeconfig: ~/.kube/its1.kubeconfig
"""

RETURN = r"""
wecs:
  description:
    - The record of each WEC, as RV(verdicts) has it, with C(host), C(its) and C(outcome) (V(in_sync), V(changed), V(planned) in check
      mode, V(failed) or V(unreachable)).
  returned: for the hosts of the play
  type: list
  elements: dict
  sample: [{"host": "edge-1", "name": "edge-1", "its": "https://its1.example:6443", "outcome": "changed"}]
verdicts:
  description: How it ended for each WEC, by its name.
  returned: success, and on failure if the ITS could be asked
  type: dict
  contains:
    name:
      description: Name of the WEC.
      type: str
      sample: edge-1
    state:
      description: Its state on the ITS.
      type: str
      sample: joined
    changed:
      description: Whether anything was changed for this WEC.
      type: bool
      sample: true
    failed:
      description: Whether it is not available, and will not be by waiting.
      type: bool
      sample: false
    msg:
      description: How it ended, as a sentence.
      type: str
      sample: edge-1 is joined and available.
    steps:
      description: What was done, or would be done in check mode.
      type: list
      elements: dict
      sample: [{"side": "ITS", "verb": "accept", "object": "ManagedCluster edge-1", "reason": "it should be a WEC of this ITS"}]
    works:
      description: The works that it still has, with O(state=absent).
      type: list
      elements: str
      sample: [addon-addon-status-deploy-0]
    proofs:
      description: The approved signing requests, each with its proof.
      type: dict
      sample: {"edge-1-d6kgb": "token"}
    rejected_csrs:
      description: Signing requests under its name that failed the checks, each with the reasons.
      type: list
      elements: dict
      sample: []
    problem:
      description: What it waits for, or failed of.
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
    addon:
      description: V(available) if the status add-on was waited for and is available.
      type: str
      sample: available
    probe:
      description: V(seen) if a probe was asked for and has arrived.
      type: str
      sample: seen
    timeline:
      description:
        - When it came how far, as the ITS shows it - V(announced), V(accepted), V(approved), V(joined), V(available) - and when
          V(addon) or V(probe) was proved.
        - Times are the ITS's, to the second. What was done here has C(started), too.
      type: list
      elements: dict
      sample: [{"step": "joined", "started": null, "ended": "2026-03-01T10:22:31Z", "clock": "its"}]
    seconds:
      description: How long it took.
      type: float
      sample: 6.2
its:
  description:
    - The ITS that was used, with the address of its API server (C(server)) and where the connection came from (C(source)).
  returned: success
  type: dict
  sample: {"server": "https://its1.example:6443", "source": "its_kubeconfig /home/ops/.kube/its1.kubeconfig, context its1"}
"""

from ansible_collections.kubestellar.wec.plugins.module_utils._modules import wec_accept
from ansible_collections.kubestellar.wec.plugins.module_utils._modules.module import run


def main() -> None:
    run(wec_accept)


if __name__ == "__main__":
    main()
