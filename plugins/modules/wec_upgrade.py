#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_upgrade
short_description: Upgrade the klusterlets of WECs
version_added: 1.0.0
description:
  - Looks which klusterlets are older than the hub, or than O(bundle_version), and upgrades them. One that is up to date is not
    touched, and a klusterlet is never made older, unless an upgrade of it was begun and not finished.
  - C(clusteradm upgrade klusterlet) writes the definitions, the roles, the operator and the images of the Klusterlet. Everything else of
    the Klusterlet stays as it is. Then the new operator is waited for, then the new agents, and then a lease that the new agent has
    renewed on the ITS.
  - While that goes on, the pods before run on, and the WEC's workload is not touched.
  - An image that cannot be pulled fails within seconds, with the words of the pod.
  - While it is upgraded, the Klusterlet has the annotation C(wec.kubestellar.io/upgraded-from). A run that was killed is simply repeated.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  bundle_version:
    description: Desired version of the klusterlets, not newer than the hub. By default that of the hub.
    type: str
  image_registry:
    description: Where the images come from. By default, from where the present ones come.
    type: str
  rollback:
    description:
      - Whether the images before are written back, of the operator and of the Klusterlet, where the upgrade fails. The task fails all the
        same, and says whether they run again.
      - Definitions and roles stay those of the new version, which serve the old one too.
    type: bool
    default: false
  plan_only:
    description: Whether only to look, whatever the mode of the run, and to return what the tasks that follow need.
    type: bool
    default: false
  wait_timeout:
    description:
      - Seconds that the new operator has to roll out, and after it the new agents. The agent's lease is waited for up to 180 seconds more.
    type: int
    default: 300
  hub_apiserver:
    description: The address of the ITS that agents dial, if it is not one that the ITS is otherwise known by.
    type: str
  wec_run_on:
    description: V(host) is refused, because C(clusteradm) has to reach the WEC's API from where this runs.
    type: str
    choices: [controller, host]
    default: controller
  clusteradm_binary:
    description: Name or path of C(clusteradm).
    type: str
    default: clusteradm
  clusteradm_timeout:
    description: Seconds that C(clusteradm upgrade) has.
    type: int
    default: 120
  at_once:
    description:
      - How many WECs are worked on at the same time, of whatever ITS. One that only waits has no place.
      - Without it, as many as Ansible has forks; V(5) where that is not known.
    type: int
  progress_interval:
    description: With several WECs, seconds between two lines about the progress. Only with O(run_on=controller).
    type: float
    default: 5.0
  show_table:
    description: Whether to show a line for each WEC that is not up to date.
    type: bool
    default: false
  outcome_of:
    description: Name of the playbook, for the outcome of the run that is kept as with M(ansible.builtin.set_stats).
    type: str
  retry_file:
    description: With O(plan_only), a file for the hosts that are to be upgraded, one a line, for C(--limit).
    type: path
extends_documentation_fragment:
  - kubestellar.wec._attributes
  - kubestellar.wec._attributes.actiongroup_wec
  - kubestellar.wec._batch
  - kubestellar.wec._batch.name
  - kubestellar.wec._upgrade_wecs
  - kubestellar.wec._its
  - kubestellar.wec._wec
  - kubestellar.wec._common
  - kubestellar.wec._pattern
seealso:
  - module: kubestellar.wec.wec_join
  - module: kubestellar.wec.wec_status
author:
  - The kubestellar.wec authors (@kubestellar)
"""

EXAMPLES = r"""
- name: Upgrade one klusterlet to the version of its hub
  kubestellar.wec.wec_upgrade:
    name: edge-1
    its_kubeconfig: ~/.kube/its1.kubeconfig
    kubeconfig: ~/.kube/fleet.kubeconfig
    context: edge-1
    rollback: true

- name: Upgrade all hosts of the batch
  kubestellar.wec.wec_upgrade:
    bundle_version: 1.2.1
  run_once: true
  register: upgraded
"""

RETURN = r"""
wecs:
  description: The record of each WEC.
  returned: success, and on failure if the ITS could be asked
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
      description: Address of its ITS.
      type: str
      sample: https://its1.example:6443
    outcome:
      description: V(in_sync), V(changed), V(planned) in check mode, V(failed) or V(unreachable).
      type: str
      sample: changed
    state:
      description: Its state before.
      type: str
      sample: joined
    klusterlet_version:
      description: The oldest version among the images of its operator and its agents, after what was done.
      type: str
      sample: 1.2.1
    klusterlet_version_before:
      description: The same before.
      type: str
      sample: 1.0.0
    target_version:
      description: The desired version.
      type: str
      sample: 1.2.1
    rolled_back:
      description: Where it failed with O(rollback), whether the images before run again.
      type: bool
      sample: true
    changed:
      description: Whether anything was changed for this WEC.
      type: bool
      sample: true
    failed:
      description: Whether it failed.
      type: bool
      sample: false
    msg:
      description: How it ended, as a sentence.
      type: str
      sample: edge-1 was upgraded from 1.0.0 to 1.2.1.
    problem:
      description: What it failed of, with C(code), C(summary), C(evidence) and C(remedy).
      type: dict
      sample: {}
    steps:
      description: What was done, or would be done in check mode, with what there was C(before) and is C(after).
      type: list
      elements: dict
      sample: []
digest:
  description: The same for two plans that do the same.
  returned: with O(plan_only)
  type: str
  sample: 0f4c2b7a9d1e6583
to_upgrade:
  description: The hosts that something is to be done for.
  returned: with O(plan_only)
  type: list
  elements: str
  sample: [edge-1]
to_report:
  description: The hosts that have a result of their own. In a large fleet, of those that are up to date only one.
  returned: with O(plan_only)
  type: list
  elements: str
  sample: [edge-1, edge-2]
unseen:
  description: Hosts whose ITS could not be asked, with the reason.
  returned: with O(plan_only)
  type: list
  elements: dict
  sample: []
"""

from ansible_collections.kubestellar.wec.plugins.module_utils._modules import wec_upgrade
from ansible_collections.kubestellar.wec.plugins.module_utils._modules.module import run


def main() -> None:
    run(wec_upgrade)


if __name__ == "__main__":
    main()
