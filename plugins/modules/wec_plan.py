#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_plan
short_description: Show what a run would do to a fleet of WECs, and to which of them
version_added: 1.0.0
description:
  - Looks at all WECs of an ITS at once, with a few requests however many they are, and shows for each whether it is in sync, is
    to be registered, is to be configured (with each label, annotation and property that would change), or is blocked and why.
  - As an action it looks at all hosts of the play in one task. What they want is read from the variables that the roles use, such
    as C(wec_labels), and so is their connection to the ITS.
  - The WECs themselves are not asked. What registering does to one shows only there, with the check mode of
    M(kubestellar.wec.wec_join).
  - It reads only. The digest of a plan can be handed to a later run (O(expected_plan)), which then refuses to go on if the plan is
    another by then.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
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
        description:
          - What the fleet's WECs may and must have. It has the parts C(labels), C(annotations) and C(properties), each of which maps
            keys, or patterns of keys with V(*) and V(?), to rules. In a part that is there, other keys are not allowed.
          - A rule can have C(required) (V(true) for a key that each WEC must have), C(required_in) (groups of the inventory whose
            hosts must have it), C(values) (a list of the values that are allowed) and C(pattern) (a regular expression that the
            whole value must match). An empty rule allows everything.
        type: dict
      groups:
        description: The groups that it is in, for the schema.
        type: list
        elements: str
        default: []
      wait_addon:
        description: Whether a WEC without KubeStellar's status add-on is to be looked at, as O(kubestellar.wec.wec_join#module:wait_addon).
        type: str
        choices: [auto, always, never]
        default: auto
      ask_wec:
        description: Whether its own API is to be asked whatever the ITS shows. Then it is to be registered.
        type: bool
        default: false
  hosts:
    description: The hosts to look at, if not all of the play. Not with O(wecs).
    type: list
    elements: str
  expected_plan:
    description:
      - The digest of a plan (RV(digest)) that this one must be. Otherwise the module fails.
      - Or, as a dictionary, the digests of each host (RV(digests)). Those of the hosts that this plan is for are compared, so
        that a plan for all can be held against a run for some of them, like one slice of a job. A host that has none must be as
        wanted.
    type: raw
  allow_withdrawal:
    description: Whether a change of labels that takes workload off a WEC is a change, and does not block it.
    type: bool
    default: false
  allow_removal:
    description: Whether the removal of a property that a template may need is a change, and does not block the WEC.
    type: bool
    default: false
  force_conflicts:
    description: Whether a key that another field manager has given another value is a change, and does not block the WEC.
    type: bool
    default: false
  to_register:
    description: Whether WECs that are not registered are to be registered. Otherwise they are blocked.
    type: bool
    default: true
  ask_wecs:
    description: Whether each WEC's own API is to be asked, whatever the ITS shows. Then all of them are to be registered.
    type: bool
    default: false
  show_table:
    description: Whether to show the plan on the screen. Only with O(run_on=controller).
    type: bool
    default: false
  outcome_of:
    description:
      - The name of a playbook. The plan becomes a custom statistic of the run then, as with M(ansible.builtin.set_stats), with the
        name C(wec_outcome). AWX makes an artifact of it.
      - With V(plan), RV(digests) becomes C(expected_plan) too, an extra variable of the jobs that follow.
    type: str
  retry_file:
    description: A file for the hosts in RV(to_report), for C(--limit) with C(@). Not written in check mode.
    type: path
  plan_file:
    description: A file for the plan as JSON, with RV(digest) and RV(wecs). It is written in check mode, too.
    type: path
extends_documentation_fragment:
  - kubestellar.wec._attributes
  - kubestellar.wec._attributes.actiongroup_wec
  - kubestellar.wec._its
  - kubestellar.wec._wds
  - kubestellar.wec._common
  - kubestellar.wec._pattern
seealso:
  - module: kubestellar.wec.wec_status
  - module: kubestellar.wec.wec_configure
author:
  - The kubestellar.wec authors (@kubestellar)
"""

EXAMPLES = r"""
- name: Show what is to be done for the hosts of the play
  kubestellar.wec.wec_plan:
    show_table: true

- name: Show what is to be done for two WECs
  kubestellar.wec.wec_plan:
    wecs:
      - name: edge-1
        labels: {location-group: edge}
      - name: edge-2
        labels: {location-group: edge}
    its_kubeconfig: ~/.kube/its1.kubeconfig
"""

RETURN = r"""
wecs:
  description: The plan, one entry for each WEC.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the WEC.
      type: str
      sample: edge-1
    host:
      description: Its name in the inventory.
      type: str
      sample: edge-1
    its:
      description: Address of its ITS's API server.
      type: str
      sample: https://its1.example:6443
    state:
      description: Its state as the ITS shows it, as RV(kubestellar.wec.wec_status#module:wecs[].state).
      type: str
      sample: joined
    action:
      description: V(nothing), V(register), V(configure) or V(blocked).
      type: str
      sample: configure
    reason:
      description: Why, in words.
      type: str
      sample: the ITS has no ManagedCluster of this name
    steps:
      description: What is to be changed of its configuration, in the order of changing, with what is before and after.
      type: list
      elements: dict
      sample:
        - side: ITS
          verb: update
          object: ManagedCluster edge-1
          reason: its labels differ from the desired state
          before: {"labels": {"region": null}}
          after: {"labels": {"region": "us-east"}}
    problem:
      description: Why it is blocked.
      type: dict
      sample: null
    warnings:
      description:
        - What is wrong with it that does not stop the run, with code, summary, evidence and remedy. An agent that is late in renewing its
          lease (V(heartbeat_late)) is one, because the WEC itself was not asked.
      type: list
      elements: dict
      sample: []
    outcome:
      description: V(in_sync), V(planned) or V(blocked).
      type: str
      sample: planned
    changed:
      description: Always V(false). A plan changes nothing.
      type: bool
      sample: false
    msg:
      description: The same in a sentence.
      type: str
      sample: "edge-1 is to be configured: +region=us-east."
    diff:
      description: What is to be changed, before and after.
      type: dict
      sample: null
to_register:
  description: The hosts that are to be registered.
  returned: success
  type: list
  elements: str
  sample: [edge-7]
to_configure:
  description: The hosts that are to be configured only, blocked ones too.
  returned: success
  type: list
  elements: str
  sample: [edge-1]
to_report:
  description:
    - The hosts whose WECs something is to be done for, or that cannot be worked on. In a small fleet, all of them.
    - One whose WEC is in sync is always there, since Ansible ends a run when all hosts of a play have failed.
  returned: success
  type: list
  elements: str
  sample: [edge-1, edge-2, edge-7]
in_sync:
  description: The hosts for which nothing is to be done.
  returned: success
  type: list
  elements: str
  sample: [edge-2]
unseen:
  description: Hosts whose ITS could not be asked, with the reason.
  returned: success
  type: list
  elements: dict
  sample: []
digest:
  description: The same for two plans that do the same.
  returned: success
  type: str
  sample: 4f0c2d1e9a7b6c35
digests:
  description: Such a digest for each host that something is to be done for.
  returned: success
  type: dict
  sample: {"edge-1": "0c1f52be7d3e9a44", "edge-7": "b1946ac92492d234"}
msg:
  description: The plan in a sentence.
  returned: success
  type: str
  sample: "1000 WECs: 990 in sync, 10 to register."
"""

from ansible_collections.kubestellar.wec.plugins.module_utils._modules import wec_plan
from ansible_collections.kubestellar.wec.plugins.module_utils._modules.module import run


def main() -> None:
    run(wec_plan)


if __name__ == "__main__":
    main()
