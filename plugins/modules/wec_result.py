#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_result
short_description: Show the result of a task for all hosts as a result of each host
version_added: 1.0.0
description:
  - A task that works on all hosts of the batch at once, such as M(kubestellar.wec.wec_join) with the keyword C(run_once), has one
    result, and the recap of the run shows it for one host only. This action gives each host its own result, with its own message,
    change, failure and difference.
  - A host whose WEC failed fails here, so that the tasks that follow do not run for it.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: The difference is the one that the other tasks have made for this host.
  idempotent:
    support: full
options:
  registered:
    description:
      - The names of the variables in which the results of these tasks are registered, in the order of the tasks.
      - A task that was skipped has no result. The result of M(kubestellar.wec.wec_plan) counts for hosts that no later task has
        worked on.
    type: list
    elements: str
    required: true
  outcome_of:
    description:
      - With the keyword C(run_once), this summarizes the results of all hosts of the batch before any of them fails. With the name of
        a playbook, the summary becomes a custom statistic of the run, as with M(ansible.builtin.set_stats), with the name
        C(wec_outcome). AWX makes an artifact of it.
    type: str
  retry_file:
    description:
      - With the keyword C(run_once), a file for the hosts that have failed, and those that are yet to come, for C(--limit) with C(@).
        Not written in check mode.
    type: path
extends_documentation_fragment:
  - kubestellar.wec._attributes
  - kubestellar.wec._pattern
seealso:
  - module: kubestellar.wec.wec_join
  - module: kubestellar.wec.wec_configure
author:
  - The kubestellar.wec authors (@kubestellar)
"""

EXAMPLES = r"""
- name: Join the clusters of all hosts at once
  kubestellar.wec.wec_join:
  register: joined
  run_once: true
  failed_when: false

- name: Show the result for each cluster
  kubestellar.wec.wec_result:
    registered: [joined]
"""

RETURN = r"""
wecs:
  description:
    - The record of the host's WEC, as the last of the tasks has it.
    - If the run fails on something that is of no host of the inventory, the first host fails with the records of that instead.
  returned: if one of the tasks has a record of this host
  type: list
  elements: dict
  contains:
    name:
      description: Name of the WEC.
      type: str
      sample: edge-1
    host:
      description: Its host in the inventory.
      type: str
      sample: edge-1
    its:
      description: Address of the ITS's API server.
      type: str
      sample: https://its1.example:6443
    outcome:
      description: What became of it, V(in_sync), V(changed), V(planned), V(blocked), V(failed) or V(unreachable).
      type: str
      sample: changed
    state:
      description: Its state, as RV(kubestellar.wec.wec_status#module:wecs[].state).
      type: str
      sample: joined
    problem:
      description: Why it failed.
      type: dict
      sample: null
msg:
  description: The result in a sentence.
  returned: always
  type: str
  sample: edge-1 is joined and available.
"""

from ansible_collections.kubestellar.wec.plugins.module_utils._modules import wec_result
from ansible_collections.kubestellar.wec.plugins.module_utils._modules.module import run


def main() -> None:
    run(wec_result)


if __name__ == "__main__":
    main()
