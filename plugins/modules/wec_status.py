#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_status
short_description: Show the status of WECs, and where they differ from the inventory
version_added: 1.0.0
description:
  - Shows the state of each WEC, since when and why, when its agent was heard of last, what is wrong with it and what to do about it.
  - Compares both ways what an inventory wants and what an ITS has (drift). What will not stay well by itself is drift too, such as a
    certificate that nobody renews.
  - A few requests are made to the ITS, however many WECs there are. What an ITS shows of a WEC is five minutes old in the worst case. With the
    connection of a WEC, or O(ask_wecs), the WEC's own API is asked too, which shows causes that the ITS cannot see.
  - It only reads. It fails only if you ask for that (O(fail_on), O(wait_for)), or if an ITS cannot be asked.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details: What differs is in RV(wecs[].drift), in diff mode or not.
  idempotent:
    support: full
options:
  name:
    description:
      - Name of one WEC. It is compared with nothing. If its connection is given (O(kubeconfig), O(host)), its own API is asked too.
      - Without it and without O(wecs) and O(all), the hosts of the play are meant, which needs O(run_on=controller). Their desired state is
        read from the variables that the roles use, such as C(wec_labels), and so is their connection to the ITS.
      - With the keyword C(run_once), one task is for all hosts of the batch, and M(kubestellar.wec.wec_result) then gives each host its own
        result. Without it, each host's task is for this host alone.
    type: str
  wecs:
    description: Several WECs, each with what is wanted of it.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the WEC.
        type: str
        required: true
      host:
        description: Its name in the inventory, if that is another.
        type: str
      labels:
        description: Its labels.
        type: dict
      annotations:
        description: Its annotations.
        type: dict
      properties:
        description: Its properties for KubeStellar's templates.
        type: dict
      cluster_set:
        description: The ManagedClusterSet that it belongs to.
        type: str
      labels_state:
        description: As O(kubestellar.wec.wec_configure#module:labels_state).
        type: str
        choices: [applied, present, absent, exact]
      annotations_state:
        description: As O(kubestellar.wec.wec_configure#module:annotations_state).
        type: str
        choices: [applied, present, absent, exact]
      properties_state:
        description: As O(kubestellar.wec.wec_configure#module:properties_state).
        type: str
        choices: [applied, present, absent, exact]
      protected:
        description: Keys that must not be written or removed, as patterns with V(*) and V(?), beyond those of the system.
        type: list
        elements: str
        default: []
      schema:
        description: What the fleet's WECs may and must have, as O(kubestellar.wec.wec_plan#module:wecs[].schema).
        type: dict
      groups:
        description: The groups that it is in, for the schema.
        type: list
        elements: str
        default: []
  hosts:
    description: The hosts of the batch to look at, if not all of them. Only with the keyword C(run_once).
    type: list
    elements: str
  all:
    description: Look at every WEC that the ITS has. Nothing is compared.
    type: bool
    default: false
  compare:
    description: Whether to compare with what is wanted.
    type: bool
    default: true
  inventory:
    description:
      - The names of all WECs that somebody wants. Every other ManagedCluster is drift, and so is a mailbox or a ConfigMap of properties without a
        ManagedCluster.
      - For all hosts of the batch, these are all hosts of the inventory, whatever the run is limited to. Otherwise nothing is held against
        the whole inventory without it.
    type: list
    elements: str
  certificate_days:
    description:
      - An agent's certificate that ends within this many days is drift, once the agent should have renewed it, which is when four
        fifths of its time are over.
      - The ITS shows a certificate as long as it keeps the signing request. Kubernetes deletes that an hour after it was answered.
    type: float
    default: 30.0
  version_skew:
    description:
      - How many minor versions of Kubernetes a WEC may be behind the newest one. With O(inventory), or for all hosts of the batch, that is the
        newest of its ITS, and otherwise the newest of those that are looked at.
    type: int
    default: 2
  ask_wecs:
    description:
      - For hosts of the play, whether to ask the API of each WEC too, as far as the host's variables say how to reach it. A WEC that only its
        own host reaches (O(wec_run_on=host)) is seen as the ITS shows it.
    type: bool
    default: false
  at_once:
    description: How many WECs are asked at the same time with O(ask_wecs). By default as many as Ansible's forks.
    type: int
  fail_on:
    description:
      - What the module fails on, for a scheduled job. With V(drift) a WEC fails that differs from what is wanted, with V(problems) one that
        something is wrong with.
    type: list
    elements: str
    choices: [drift, problems]
    default: []
  bundle_version:
    description:
      - The desired version of the klusterlet. One that is older is drift, where its WEC is asked. By default that of the hub.
    type: str
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
    description: Whether to show a table of the WECs, and one of what differs, on the screen. Only with O(run_on=controller).
    type: bool
    default: false
  outcome_of:
    description:
      - The name of a playbook. What was found becomes a custom statistic of the run then, as with M(ansible.builtin.set_stats), with the
        name C(wec_outcome). AWX makes an artifact of it.
    type: str
extends_documentation_fragment:
  - kubestellar.wec._attributes
  - kubestellar.wec._attributes.actiongroup_wec
  - kubestellar.wec._its
  - kubestellar.wec._wds
  - kubestellar.wec._wec
  - kubestellar.wec._common
  - kubestellar.wec._pattern
seealso:
  - module: kubestellar.wec.wec_join
  - module: kubestellar.wec.wec_plan
    description: What a run would do about it.
  - module: kubestellar.wec.wec_leftovers
    description: Everything that is left over, on the WECs too.
author:
  - The kubestellar.wec authors (@kubestellar)
"""

EXAMPLES = r"""
- name: Show the status of all hosts of the play, and where they differ from the inventory
  kubestellar.wec.wec_status:
    show_table: true
  run_once: true

- name: Look at all hosts of the play from both sides, and fail if something is wrong or differs
  kubestellar.wec.wec_status:
    ask_wecs: true
    fail_on: [drift, problems]
  run_once: true

- name: Show every WEC of an ITS
  kubestellar.wec.wec_status:
    all: true
    its_kubeconfig: ~/.kube/its1.kubeconfig
    show_table: true

- name: Find out from both sides what is wrong with one WEC
  kubestellar.wec.wec_status:
    name: edge-1
    its_kubeconfig: ~/.kube/its1.kubeconfig
    kubeconfig: ~/.kube/fleet.kubeconfig
    context: edge-1

- name: Compare two WECs with their desired state
  kubestellar.wec.wec_status:
    wecs:
      - name: edge-1
        labels: {location-group: edge}
      - name: edge-2
        labels: {location-group: edge}
    its_kubeconfig: ~/.kube/its1.kubeconfig

- name: Wait until two WECs are back
  kubestellar.wec.wec_status:
    wecs: [{name: edge-1}, {name: edge-2}]
    its_kubeconfig: ~/.kube/its1.kubeconfig
    wait_for: joined
    wait_timeout: 600
"""

RETURN = r"""
wecs:
  description:
    - What was found, one record for each WEC. One that the ITS does not know is in the state V(absent).
    - What is on the ITS and of no host of the inventory has a record too, in which RV(wecs[].host) is V(null).
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: Its name in the inventory.
      type: str
      sample: edge-1
    its:
      description: Address of its ITS's API server.
      type: str
      sample: https://its1.example:6443
    outcome:
      description:
        - V(in_sync), V(drift) if it differs from what is wanted, V(problem) if something is wrong with it, V(observed) if it was compared with
          nothing, or V(failed) if the module fails on it. V(unreachable) if its ITS cannot be asked.
      type: str
      sample: in_sync
    drift:
      description: Where it differs from what is wanted.
      type: list
      elements: dict
      contains:
        kind:
          description:
            - V(missing_on_its), V(missing_in_inventory), V(labels), V(annotations), V(properties), V(cluster_set), V(invalid_desired_state),
              V(version_skew), V(certificate_expiring), V(orphan_mailbox) or V(orphan_properties).
          type: str
          sample: labels
        name:
          description: Name of the WEC.
          type: str
          sample: edge-1
        host:
          description: Its name in the inventory. Nothing if it is on the ITS only.
          type: str
          sample: edge-1
        its:
          description: Address of the ITS's API server.
          type: str
          sample: https://its1.example:6443
        msg:
          description: What differs, in words.
          type: str
          sample: region=us-east->eu-west, +tier=gold
        before:
          description: What there is. For labels, annotations and properties, only the keys that differ.
          type: raw
          sample: {"region": "us-east", "tier": null}
        after:
          description: What there should be.
          type: raw
          sample: {"region": "eu-west", "tier": "gold"}
        remedy:
          description: What to do about it.
          type: str
          sample: Configure edge-1, or correct the inventory
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
      description: How it is, in a sentence.
      type: str
      sample: edge-1 is in sync, last heartbeat 12 s ago.
    since:
      description: Since when, according to its conditions.
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
      description: Seconds since its agent last renewed its lease, by the ITS's clock where the ITS has noted the time.
      type: float
      sample: 12.4
    lease_duration:
      description:
        - How many seconds the lease lasts. An agent that has not renewed it for one and a half times as long has the problem V(heartbeat_late).
      type: int
      sample: 60
    clock_ahead:
      description: Seconds by which the WEC's clock is ahead of the ITS's, as the renewal of the lease shows. V(null) if that is not known.
      type: float
      sample: 0.2
    labels:
      description: The labels of its ManagedCluster.
      type: dict
      sample: {"location-group": "edge"}
    timeline:
      description:
        - When it came how far, as the ITS shows it - V(announced), V(accepted), V(approved), V(joined), V(available).
        - Times are the ITS's, to the second, and those of conditions are their last transition.
      type: list
      elements: dict
      sample: [{"step": "joined", "started": null, "ended": "2026-03-01T10:22:31Z", "clock": "its"}]
    addon:
      description: V(available) or V(unavailable), if the ITS has KubeStellar's status add-on.
      type: str
      sample: available
    works:
      description:
        - What it runs, by the ManifestWorks in its mailbox, without those of add-ons.
        - Null where they may not be listed.
      type: dict
      contains:
        count:
          description: How many there are.
          type: int
          sample: 7
        applied:
          description: How many of them are applied on the WEC as they are now.
          type: int
          sample: 7
        available:
          description: How many of these have all of their objects available there.
          type: int
          sample: 6
        failing:
          description: Those that fail for more than a minute, by C(name), and with the C(reason).
          type: list
          elements: dict
          sample: [{"name": "nginx-1", "reason": "Available=False: ResourcesNotAvailable"}]
    binding_policies:
      description:
        - The BindingPolicies that select it, and those that have works in its mailbox still.
        - Null where no WDS is named, or its works may not be listed.
      type: list
      elements: dict
      contains:
        name:
          description: Its name.
          type: str
          sample: nginx
        works:
          description: How many ManifestWorks it has there.
          type: int
          sample: 2
        available:
          description: How many of these are applied and available on the WEC.
          type: int
          sample: 2
        statuses:
          description:
            - V(fresh) if the status of each work has come back. V(old) if one is missing, or none comes back any more.
            - V(unknown) where that may not be looked at, or nothing is there that has a status.
          type: str
          sample: fresh
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
drift:
  description: Everything that differs, as RV(wecs[].drift), in the order of the WECs' names, each with the address of its ITS (C(its)).
  returned: success
  type: list
  elements: dict
  sample: []
states:
  description: How many WECs are in each state.
  returned: success
  type: dict
  sample: {"joined": 998, "joined_unavailable": 2}
to_report:
  description: The hosts that fail and one that does not, or in a small fleet all of them.
  returned: success
  type: list
  elements: str
  sample: [edge-1, edge-2]
msg:
  description: What was found, in a sentence.
  returned: success
  type: str
  sample: "2 drifts: 1 missing_on_its, 1 labels."
"""

from ansible_collections.kubestellar.wec.plugins.module_utils._modules import wec_status
from ansible_collections.kubestellar.wec.plugins.module_utils._modules.module import run


def main() -> None:
    run(wec_status)


if __name__ == "__main__":
    main()
