#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_drift
short_description: Tell where an inventory and an ITS do not agree
description:
  - Compares both ways what an inventory wants and what an ITS has, and tells what on the ITS will not stay well by itself, such as
    certificates that nobody renews. A few requests are made, however many WECs there are, and the WECs themselves are not asked.
  - As an action it compares all hosts of the play in one task. What they want is read from the variables that the roles use, such as
    C(wec_labels), and so is their connection to the ITS. Whether a WEC of the ITS is in the inventory at all is held against the
    whole inventory, whatever the run is limited to.
  - With O(status) it tells the state of each WEC too, so that one look at the ITS shows a whole fleet.
  - It reads only, and fails only if it is told to (O(fail_on)), or if an ITS cannot be asked.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
    details: What differs is in RV(drift), in diff mode or not.
  idempotent:
    support: full
options:
  wecs:
    description:
      - What is wanted of each WEC. Without it, the play's hosts are taken, as the inventory has them, which needs
        O(run_on=controller).
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
        choices: [present, absent, exact]
        default: present
      annotations_state:
        description: As O(kubestellar.wec.wec_configure#module:annotations_state).
        type: str
        choices: [present, absent, exact]
        default: present
      properties_state:
        description: As O(kubestellar.wec.wec_configure#module:properties_state).
        type: str
        choices: [present, absent, exact]
        default: present
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
  inventory:
    description:
      - The names of all WECs that somebody wants, those in O(wecs) among them anyway. Every other ManagedCluster is drift.
      - Without it, and without O(wecs), these are all hosts of the inventory.
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
    description: How many minor versions of Kubernetes a WEC may be behind the newest WEC of its ITS.
    type: int
    default: 2
  fail_on:
    description:
      - What the module fails of, for a scheduled job. With V(drift) it fails of any drift, with V(problems) if any of the WECs has a
        problem that M(kubestellar.wec.wec_status) would tell.
    type: list
    elements: str
    choices: [drift, problems]
    default: []
  status:
    description:
      - Whether to tell the state of each WEC too, as M(kubestellar.wec.wec_status) does, in RV(wecs), and with O(show_table) in a
        table for each ITS before the other.
    type: bool
    default: false
  show_table:
    description: Whether to show what was found on the screen. Only with O(run_on=controller).
    type: bool
    default: false
extends_documentation_fragment:
  - kubestellar.wec._attributes
  - kubestellar.wec._attributes.actiongroup_wec
  - kubestellar.wec._its
  - kubestellar.wec._common
seealso:
  - module: kubestellar.wec.wec_status
  - module: kubestellar.wec.wec_plan
    description: What a run would do about it.
  - module: kubestellar.wec.wec_leftovers
    description: Everything that is left over, on the WECs too.
author:
  - The kubestellar.wec authors (@kubestellar)
"""

EXAMPLES = r"""
- name: Compare the hosts of the play with the ITS
  kubestellar.wec.wec_drift:
    show_table: true

- name: Show the state of each host of the play too
  kubestellar.wec.wec_drift:
    status: true
    show_table: true

- name: Fail if anything is not as the inventory says
  kubestellar.wec.wec_drift:
    fail_on: [drift, problems]

- name: Compare two WECs with what they shall have
  kubestellar.wec.wec_drift:
    wecs:
      - name: edge-1
        labels: {location-group: edge}
      - name: edge-2
        labels: {location-group: edge}
    its_kubeconfig: ~/.kube/its1.kubeconfig
"""

RETURN = r"""
drift:
  description: Where they do not agree, in the order of the WECs' names. Empty if they do.
  returned: always
  type: list
  elements: dict
  contains:
    kind:
      description:
        - V(missing_on_its), V(missing_in_inventory), V(labels), V(annotations), V(properties), V(cluster_set), V(cannot_be_wanted),
          V(version_skew), V(certificate_expiring), V(lease_stale), V(orphan_mailbox) or V(orphan_properties).
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
problems:
  description: Those of the WECs that have problems, as the ITS shows them.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the WEC.
      type: str
      sample: edge-2
    host:
      description: Its name in the inventory.
      type: str
      sample: edge-2
    its:
      description: Address of the ITS's API server.
      type: str
      sample: https://its1.example:6443
    state:
      description: Its state, as RV(kubestellar.wec.wec_status#module:wecs[].state).
      type: str
      sample: joined_unavailable
    msg:
      description: The state and its most telling problem, as a sentence.
      type: str
      sample: "edge-2 is joined_unavailable: the agent has stopped renewing its lease. Check that the WEC runs."
wecs:
  description:
    - The WECs as the ITS shows them, in the order of their hosts. One that the ITS does not know is V(absent).
    - Beside what is named here, each has everything that RV(kubestellar.wec.wec_status#module:wecs) has.
  returned: with O(status)
  type: list
  elements: dict
  contains:
    name:
      description: Name of the WEC.
      type: str
      sample: edge-2
    host:
      description: Its name in the inventory.
      type: str
      sample: edge-2
    its:
      description: Address of the ITS's API server.
      type: str
      sample: https://its1.example:6443
    state:
      description: Its state, as RV(kubestellar.wec.wec_status#module:wecs[].state).
      type: str
      sample: joined_unavailable
    msg:
      description: The state and its most telling problem, as a sentence.
      type: str
      sample: "edge-2 is joined_unavailable: the agent has stopped renewing its lease. Check that the WEC runs."
    problems:
      description: What is wrong, as RV(kubestellar.wec.wec_status#module:wecs[].problems).
      type: list
      elements: dict
      sample: []
states:
  description: How many of RV(wecs) are in each state.
  returned: with O(status)
  type: dict
  sample: {"joined": 998, "joined_unavailable": 2}
unseen:
  description: Hosts whose ITS could not be asked, with the reason. The module fails then.
  returned: always
  type: list
  elements: dict
  sample: []
msg:
  description: What was found, in a sentence.
  returned: always
  type: str
  sample: "2 drifts: 1 missing_on_its, 1 labels."
"""

from ansible_collections.kubestellar.wec.plugins.module_utils._bodies import wec_drift
from ansible_collections.kubestellar.wec.plugins.module_utils._bodies.module import run


def main() -> None:
    run(wec_drift)


if __name__ == "__main__":
    main()
