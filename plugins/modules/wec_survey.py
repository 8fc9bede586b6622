#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_survey
short_description: Look at an ITS once for a batch of WECs
description:
  - Reads, with a few requests however many WECs there are, what M(kubestellar.wec.wec_preflight) and M(kubestellar.wec.wec_join)
    would each ask the ITS for. They take it as their option O(kubestellar.wec.wec_join#module:survey).
  - As an action it looks for all hosts of the batch in one task, by the variables that the roles use.
  - What it returns is for these modules, holds no secret, and is out of date soon.
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
      - Names of the WECs. Without them, the play's hosts are taken, with the ITS that the inventory names for each, which needs
        O(run_on=controller).
    type: list
    elements: str
  clusteradm_binary:
    description: Name or path of C(clusteradm), which is asked for its version and options.
    type: str
    default: clusteradm
extends_documentation_fragment:
  - kubestellar.wec._attributes
  - kubestellar.wec._attributes.actiongroup_wec
  - kubestellar.wec._its
  - kubestellar.wec._common
seealso:
  - module: kubestellar.wec.wec_preflight
  - module: kubestellar.wec.wec_join
  - module: kubestellar.wec.wec_status
    description: What the ITS shows, for people.
author:
  - The kubestellar.wec authors (@kubestellar)
"""

EXAMPLES = r"""
- name: Look at the ITS once
  kubestellar.wec.wec_survey:
    its_kubeconfig: ~/.kube/its1.kubeconfig
  register: survey
  run_once: true

- name: Join each cluster
  kubestellar.wec.wec_join:
    name: "{{ inventory_hostname }}"
    its_kubeconfig: ~/.kube/its1.kubeconfig
    kubeconfig: ~/.kube/fleet.kubeconfig
    context: "{{ inventory_hostname }}"
    survey:
      hub: "{{ survey.hubs[survey.wecs[inventory_hostname].hub] }}"
      view: "{{ survey.wecs[inventory_hostname].view }}"
    wait: false
"""

RETURN = r"""
hubs:
  description: What was found of each ITS as a whole.
  returned: success
  type: list
  elements: dict
  contains:
    server:
      description: Address of its API server.
      type: str
      sample: https://its1.example:6443
    clock_offset:
      description: Seconds by which its clock is ahead.
      type: float
      sample: 0.0
    clusteradm:
      description: What C(clusteradm) has told about itself.
      type: dict
      sample: {}
    objects:
      description: What was read, by what was asked for.
      type: dict
      sample: {}
wecs:
  description: What was found of each WEC, by the name of its host.
  returned: success
  type: dict
  contains:
    HOST:
      description: Of one host.
      type: dict
      contains:
        hub:
          description: Which of RV(hubs) is its ITS.
          type: int
          sample: 0
        view:
          description: Its objects on the ITS.
          type: dict
          sample: {"name": "edge-1", "managed_cluster": null, "csrs": [], "lease": null, "mailbox": null}
unseen:
  description: Hosts whose ITS could not be looked at, and why.
  returned: success
  type: list
  elements: dict
  contains:
    hosts:
      description: Their names.
      type: list
      elements: str
      sample: [edge-9]
    msg:
      description: Why.
      type: str
      sample: "its_kubeconfig ...: cannot reach https://127.0.0.1:1: the connection was refused"
"""

from ansible_collections.kubestellar.wec.plugins.module_utils._bodies import wec_survey
from ansible_collections.kubestellar.wec.plugins.module_utils._bodies.module import run


def main() -> None:
    run(wec_survey)


if __name__ == "__main__":
    main()
