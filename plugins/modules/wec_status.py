#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_status
short_description: Tell the state of WECs, and what is wrong with them
description:
  - Tells for one, several or all WECs of an ITS which state they are in, since when and why, and what to do about it.
  - It reads only. With the connection of a WEC it asks that WEC's own API too, which shows causes that the ITS cannot see.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: full
options:
  names:
    description:
      - Names of WECs. Without them, all that the ITS knows.
      - Exactly one is needed when the WEC's own API is to be asked too.
    type: list
    elements: str
    aliases: [name]
  hub_apiserver:
    description: The address of the ITS that agents dial, if it is not one that the ITS is otherwise known by.
    type: str
  wait_for:
    description: Wait until all of them are in this state, and fail if they are not in time.
    type: str
    choices:
      - joined
      - joined_unavailable
      - pending_approval
      - pending_csr
      - token_expired
      - absent
      - partial
      - other_name
      - other_hub
      - orphaned
      - name_conflict
      - replaced
      - deleting
      - unknown
  wait_timeout:
    description: Seconds to wait for O(wait_for).
    type: int
    default: 300
  wec_run_on:
    description:
      - With V(host), only the WEC's own host reaches its API, as M(kubestellar.wec.wec_join) has it. The WEC is then seen as the ITS
        shows it, and the options of its connection do not count.
    type: str
    choices: [controller, host]
    default: controller
  show_table:
    description: Whether to show a table of the fleet on the screen. Only with O(run_on=controller).
    type: bool
    default: false
extends_documentation_fragment:
  - kubestellar.wec._attributes
  - kubestellar.wec._attributes.actiongroup_wec
  - kubestellar.wec._its
  - kubestellar.wec._wec
  - kubestellar.wec._common
seealso:
  - module: kubestellar.wec.wec_join
author:
  - The kubestellar.wec authors (@kubestellar)
"""

EXAMPLES = r"""
- name: Show the whole fleet
  kubestellar.wec.wec_status:
    its_kubeconfig: ~/.kube/its1.kubeconfig
    show_table: true

- name: Find out from both sides what is wrong with one WEC
  kubestellar.wec.wec_status:
    name: edge-1
    its_kubeconfig: ~/.kube/its1.kubeconfig
    kubeconfig: ~/.kube/fleet.kubeconfig
    context: edge-1

- name: Wait until two WECs are back
  kubestellar.wec.wec_status:
    names: [edge-1, edge-2]
    its_kubeconfig: ~/.kube/its1.kubeconfig
    wait_for: joined
    wait_timeout: 600
"""

RETURN = r"""
wecs:
  description: What was found, one entry for each WEC.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the WEC.
      type: str
      sample: edge-1
    state:
      description: Its state, one of the choices of O(wait_for).
      type: str
      sample: joined_unavailable
    reason:
      description: Why it is in this state.
      type: str
      sample: it has joined, and is not available
    evidence:
      description: The facts that led to the state.
      type: list
      elements: str
      sample: ["its lease was renewed 9 min ago"]
    msg:
      description: The state and its most telling problem, as a sentence.
      type: str
      sample: "edge-1 is joined_unavailable: the agent has stopped renewing its lease. Check that the WEC runs."
    since:
      description: Since when, as its conditions tell.
      type: str
      sample: "2026-11-23T21:11:01Z"
    problems:
      description: What is wrong, the most telling problem first.
      type: list
      elements: dict
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
    accepted:
      description: Whether the ITS accepts it (C(spec.hubAcceptsClient)).
      type: bool
      sample: true
    joined:
      description: Whether it has ever joined. This stays true for ever.
      type: bool
      sample: true
    available:
      description: Whether its condition says that it is available. This lags up to five minutes behind.
      type: bool
      sample: false
    conditions:
      description: The conditions of its ManagedCluster.
      type: list
      elements: dict
      sample:
        - type: ManagedClusterJoined
          status: "True"
          reason: ManagedClusterJoined
          message: Managed cluster joined
          since: "2026-11-23T21:11:01Z"
    lease_age:
      description: Seconds since its agent last renewed its lease.
      type: float
      sample: 12.4
    labels:
      description: The labels of its ManagedCluster.
      type: dict
      sample: {"location-group": "edge"}
    timeline:
      description:
        - When it came how far, as the ITS shows it - V(announced), V(accepted), V(approved), V(joined), V(available).
        - Times are the ITS's, to the second, and those of conditions tell since when it is so.
      type: list
      elements: dict
      sample: [{"step": "joined", "started": null, "ended": "2026-03-01T10:22:31Z", "clock": "its"}]
    addon:
      description: V(available) or V(unavailable), if the ITS has KubeStellar's status add-on.
      type: str
      sample: available
    cluster_set:
      description: The cluster set that it belongs to.
      type: str
      sample: default
    kubernetes_version:
      description: Its Kubernetes version.
      type: str
      sample: v1.34.4+k3s1
    klusterlet_version:
      description: The version of its klusterlet, if its own API was asked.
      type: str
      sample: 1.2.1
    certificate_expires:
      description: When its agent's certificate expires, if its own API was asked.
      type: str
      sample: "2027-11-23T21:06:01Z"
    uid:
      description: UID of its namespace C(kube-system).
      type: str
      sample: 76ff3603-5fa7-40db-bfca-4c02094622ca
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

from ansible_collections.kubestellar.wec.plugins.module_utils._bodies import wec_status
from ansible_collections.kubestellar.wec.plugins.module_utils._bodies.module import run


def main() -> None:
    run(wec_status)


if __name__ == "__main__":
    main()
