#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_rotate
short_description: Rotate the client certificates of WECs' agents
version_added: 1.0.0
description:
  - Gives the agents of WECs that have joined another key and another certificate for the ITS, for example after a leak. One whose
    certificate was issued after O(before) is not touched, so that a run that was killed is simply repeated.
  - An agent that works makes another key as soon as its Secret is deleted, and asks with the certificate that it has. The hub
    approves that by itself. Then the agent is restarted, and a lease that it renews on the ITS is waited for.
  - An agent that is not available, whose certificate has expired, or that does not ask within 30 seconds is given a bootstrap token for this
    one WEC and registers anew, as M(kubestellar.wec.wec_join) does it. Its signing request is approved if it passes all checks.
  - After that, the certificate on the WEC is read once more. It has to be a new one, of another key.
  - The WEC's workload is not touched.
  - Kubernetes cannot revoke a client certificate. The one before is valid until its end, and as long as the ITS accepts the WEC, it has the
    WEC's rights there. See U(https://github.com/kubestellar/ansible-collection-wec/blob/main/docs/day2.md#credentials-have-leaked).
  - Certificates of add-ons are their own, and are left alone.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  before:
    description:
      - The moment after which nobody could copy a certificate any more, in UTC, by the ITS's clock. Certificates that may have been
        issued before it are rotated.
      - It is needed, and must not lie in the future.
    type: str
  plan_only:
    description: Whether only to look, whatever the mode of the run, and to return what the tasks that follow need.
    type: bool
    default: false
  wait_timeout:
    description: Seconds that the ITS has to see WECs available again, as long as none of them gets any further.
    type: int
    default: 300
  bundle_version:
    description: The hub's version, if it cannot be read there. The klusterlet stays as it is.
    type: str
  clusteradm_binary:
    description: Name or path of C(clusteradm). It is not run for WECs that have joined.
    type: str
    default: clusteradm
  hub_apiserver:
    description:
      - The address of the ITS that the agent on the WEC dials. As O(kubestellar.wec.wec_join#module:hub_apiserver).
    type: str
  hub_ca_cert:
    description: File with the CA that the agent trusts the ITS by. Without it, that of the ITS's own connection.
    type: path
  internal_endpoint_lookup:
    description: Whether the agent gets the address that the ITS publishes. As O(kubestellar.wec.wec_join#module:internal_endpoint_lookup).
    type: str
    choices: [auto, always, never]
    default: auto
  proxy_url:
    description: The proxy by which an agent that registers anew reaches the ITS. Without it, the one that it has.
    type: str
  remove_foreign_csrs:
    description:
      - Whether signing requests under the WEC's name are deleted that are not its own and that nobody has approved.
        As O(kubestellar.wec.wec_join#module:remove_foreign_csrs).
    type: bool
    default: false
  wec_run_on:
    description: Where the WEC's half of the work is done. As O(kubestellar.wec.wec_join#module:wec_run_on).
    type: str
    choices: [controller, host]
    default: controller
  at_once:
    description:
      - How many WECs are worked on at the same time, of whatever ITS.
      - Without it, as many as Ansible has forks; V(5) where that is not known.
    type: int
  progress_interval:
    description: With several WECs, seconds between two lines about the progress. Only with O(run_on=controller).
    type: float
    default: 5.0
  show_table:
    description: Whether to show a line for each WEC whose certificate is due.
    type: bool
    default: false
  outcome_of:
    description: Name of the playbook, for the outcome of the run that is kept as with M(ansible.builtin.set_stats).
    type: str
  retry_file:
    description: With O(plan_only), a file for the hosts that are to be rotated, one a line, for C(--limit).
    type: path
extends_documentation_fragment:
  - kubestellar.wec._attributes
  - kubestellar.wec._attributes.actiongroup_wec
  - kubestellar.wec._batch
  - kubestellar.wec._batch.name
  - kubestellar.wec._rotate_wecs
  - kubestellar.wec._its
  - kubestellar.wec._wec
  - kubestellar.wec._common
  - kubestellar.wec._pattern
seealso:
  - module: kubestellar.wec.wec_join
  - module: kubestellar.wec.wec_leftovers
  - module: kubestellar.wec.wec_status
author:
  - The kubestellar.wec authors (@kubestellar)
"""

EXAMPLES = r"""
- name: Rotate the certificate of one agent
  kubestellar.wec.wec_rotate:
    before: "2026-11-28T03:10:00Z"
    name: edge-1
    its_kubeconfig: ~/.kube/its1.kubeconfig
    kubeconfig: ~/.kube/fleet.kubeconfig
    context: edge-1

- name: Rotate the certificates of all hosts of the batch
  kubestellar.wec.wec_rotate:
    before: "2026-11-28T03:10:00Z"
  run_once: true
  register: rotated
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
      description: Its state.
      type: str
      sample: joined
    certificate:
      description: The certificate of its agent, after what was done.
      type: dict
      contains: &certificate
        serial:
          description: Its serial number, in hexadecimal.
          type: str
          sample: 5C3B0F7B2A
        not_before:
          description: From when on it is valid. A signer dates it back, Kubernetes by five minutes.
          type: str
          sample: "2026-11-28T03:15:40Z"
        not_after:
          description: When it ends.
          type: str
          sample: "2027-11-28T03:15:40Z"
    certificate_before:
      description: The one before, which is valid until its end. Null where nothing was done.
      type: dict
      contains: *certificate
    certificate_expires:
      description: When the certificate of its agent ends.
      type: str
      sample: "2027-11-28T03:15:40Z"
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
      sample: The agent of edge-1 has another certificate, valid until 2027-11-28T03:15:40Z.
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
to_rotate:
  description: The hosts that something is to be done for.
  returned: with O(plan_only)
  type: list
  elements: str
  sample: [edge-1]
to_report:
  description: The hosts that have a result of their own. In a large fleet, of those that are in sync only one.
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

from ansible_collections.kubestellar.wec.plugins.module_utils._modules import wec_rotate
from ansible_collections.kubestellar.wec.plugins.module_utils._modules.module import run


def main() -> None:
    run(wec_rotate)


if __name__ == "__main__":
    main()
