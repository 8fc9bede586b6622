#!/usr/bin/python
# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: wec_register
short_description: Register many WECs at once
description:
  - Does for many WECs in one task what M(kubestellar.wec.wec_preflight), M(kubestellar.wec.wec_join) and
    M(kubestellar.wec.wec_accept) do one after the other. First all of them are asked who they are, so that no cluster gets two
    names. Then each is checked, and its agent installed, side by side, and the ITS approves and accepts the first while others are
    still being joined.
  - What would keep a WEC from being registered is found out before anything is changed for it. With O(stop_on_violation) it is
    found out for all of them before anything is changed for any.
  - A WEC that does not answer keeps nobody waiting. If it turns out later to be a cluster that another host has named, it is
    refused alone.
  - What fails for one WEC is told for this one (RV(verdicts)), and the others go on. The module fails in the end.
  - As an action it registers all hosts of the batch. How each is reached, and how its agent shall be, is read from the variables
    that the role register uses (C(wec_kubeconfig), C(register_hub_apiserver) and so on), and so is its connection to the ITS.
    Threads do the work in one process, so that a thousand WECs need no more memory than ten.
  - WECs that are reached over their host's own connection (C(wec_kubeconfig_from_host), C(wec_run_on)) are not for this module.
    The role register takes these.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  wecs:
    description:
      - The WECs. Without it, the hosts of the batch are taken, as the inventory has them, which needs O(run_on=controller).
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the WEC.
        type: str
        required: true
      inventory_hostname:
        description: Its host in the inventory, if that is not O(wecs[].name).
        type: str
      hub_apiserver:
        description: As O(kubestellar.wec.wec_join#module:hub_apiserver).
        type: str
      internal_endpoint_lookup:
        description: As O(kubestellar.wec.wec_join#module:internal_endpoint_lookup).
        type: str
        choices: [auto, always, never]
        default: auto
      hub_ca_cert:
        description: As O(kubestellar.wec.wec_join#module:hub_ca_cert).
        type: path
      hub_token:
        description: As O(kubestellar.wec.wec_join#module:hub_token).
        type: str
      bundle_version:
        description: As O(kubestellar.wec.wec_join#module:bundle_version).
        type: str
      bundle_overrides:
        description: As O(kubestellar.wec.wec_join#module:bundle_overrides).
        type: dict
      klusterlet_mode:
        description: As O(kubestellar.wec.wec_join#module:klusterlet_mode).
        type: str
        choices: [singleton, default, hosted]
        default: singleton
      image_registry:
        description: As O(kubestellar.wec.wec_join#module:image_registry).
        type: str
      image_pull_credential_file:
        description: As O(kubestellar.wec.wec_join#module:image_pull_credential_file).
        type: path
      proxy_url:
        description: As O(kubestellar.wec.wec_join#module:proxy_url).
        type: str
      proxy_ca_cert:
        description: As O(kubestellar.wec.wec_join#module:proxy_ca_cert).
        type: path
      feature_gates:
        description: As O(kubestellar.wec.wec_join#module:feature_gates).
        type: dict
      klusterlet_annotations:
        description: As O(kubestellar.wec.wec_join#module:klusterlet_annotations).
        type: dict
      resource_qos_class:
        description: As O(kubestellar.wec.wec_join#module:resource_qos_class).
        type: str
        choices: [Default, BestEffort, ResourceRequirement]
      resource_requests:
        description: As O(kubestellar.wec.wec_join#module:resource_requests).
        type: dict
      resource_limits:
        description: As O(kubestellar.wec.wec_join#module:resource_limits).
        type: dict
      klusterlet_values_file:
        description: As O(kubestellar.wec.wec_join#module:klusterlet_values_file).
        type: path
      clusteradm_binary:
        description: As O(kubestellar.wec.wec_join#module:clusteradm_binary).
        type: str
        default: clusteradm
      clusteradm_timeout:
        description: As O(kubestellar.wec.wec_join#module:clusteradm_timeout).
        type: int
        default: 120
      move_from_other_hub:
        description: As O(kubestellar.wec.wec_join#module:move_from_other_hub).
        type: bool
        default: false
      replace_lost_cluster:
        description: As O(kubestellar.wec.wec_join#module:replace_lost_cluster).
        type: bool
        default: false
      remove_foreign_csrs:
        description: As O(kubestellar.wec.wec_join#module:remove_foreign_csrs).
        type: bool
        default: false
      kubeconfig:
        description: As O(kubestellar.wec.wec_join#module:kubeconfig).
        type: raw
      context:
        description: As O(kubestellar.wec.wec_join#module:context).
        type: str
      host:
        description: As O(kubestellar.wec.wec_join#module:host).
        type: str
      api_key:
        description: As O(kubestellar.wec.wec_join#module:api_key).
        type: str
      ca_cert:
        description: As O(kubestellar.wec.wec_join#module:ca_cert).
        type: path
        aliases: [ssl_ca_cert]
      client_cert:
        description: As O(kubestellar.wec.wec_join#module:client_cert).
        type: path
        aliases: [cert_file]
      client_key:
        description: As O(kubestellar.wec.wec_join#module:client_key).
        type: path
        aliases: [key_file]
      validate_certs:
        description: As O(kubestellar.wec.wec_join#module:validate_certs).
        type: bool
        aliases: [verify_ssl]
      proxy:
        description: As O(kubestellar.wec.wec_join#module:proxy).
        type: str
      no_proxy:
        description: As O(kubestellar.wec.wec_join#module:no_proxy).
        type: str
      impersonate_user:
        description: As O(kubestellar.wec.wec_join#module:impersonate_user).
        type: str
      impersonate_groups:
        description: As O(kubestellar.wec.wec_join#module:impersonate_groups).
        type: list
        elements: str
      connect_timeout:
        description: As O(kubestellar.wec.wec_join#module:connect_timeout).
        type: float
      read_timeout:
        description: As O(kubestellar.wec.wec_join#module:read_timeout).
        type: float
  at_once:
    description:
      - How many WECs are worked on at the same time, of whatever ITS. One that does not answer holds up its own place only.
      - Without it, as many as Ansible has forks; V(5) where that is not known.
    type: int
  stop_on_violation:
    description: Whether nothing is changed for anybody if one of the WECs cannot be registered as it is.
    type: bool
    default: false
  progress_interval:
    description: Seconds between two lines about how far the batch is. Only with O(run_on=controller).
    type: float
    default: 5.0
  wait_timeout:
    description:
      - Seconds to wait without any of them getting further. Those that are not available by then have failed, and the likely
        cause is told for each.
    type: int
    default: 300
extends_documentation_fragment:
  - kubestellar.wec._attributes
  - kubestellar.wec._attributes.actiongroup_wec
  - kubestellar.wec._its
  - kubestellar.wec._proofs
  - kubestellar.wec._common
notes:
  - O(connect_timeout) and O(read_timeout) are for the ITS, and for each WEC that has none of its own.
seealso:
  - module: kubestellar.wec.wec_join
    description: For one WEC.
  - module: kubestellar.wec.wec_plan
    description: What is to be done for each WEC, and configuring all of them at once.
author:
  - The kubestellar.wec authors (@kubestellar)
"""

EXAMPLES = r"""
- name: Register all hosts of the batch
  kubestellar.wec.wec_register:
    wait_timeout: 600
  register: registered
  run_once: true
  failed_when: false

- name: Tell of those that failed
  ansible.builtin.debug:
    msg: "{{ registered.verdicts | dict2items | selectattr('value.failed') | map(attribute='value.msg') }}"
  run_once: true

- name: Register two clusters of one kubeconfig, with images from a mirror
  kubestellar.wec.wec_register:
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
"""

RETURN = r"""
verdicts:
  description: How it ended for each WEC, by the name of its host.
  returned: success, and on failure if the ITS could be asked
  type: dict
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
    state:
      description: Its state in the end, or where it was left.
      type: str
      sample: joined
    state_before:
      description: The state that was found.
      type: str
      sample: absent
    uid:
      description: UID of the WEC's namespace C(kube-system), which identifies the cluster for its whole life.
      type: str
      sample: 76ff3603-5fa7-40db-bfca-4c02094622ca
    kubernetes_version:
      description: Version of its API server.
      type: str
      sample: v1.34.4
    distribution:
      description: What its cluster is, as RV(kubestellar.wec.wec_preflight#module:distribution).
      type: str
      sample: k3s
    klusterlet_version:
      description: Version of the klusterlet, if one was installed.
      type: str
      sample: 1.2.1
    agent_endpoint:
      description: Address of the ITS that the agent was given, if it was.
      type: str
      sample: https://its1.example:6443
    changed:
      description: Whether anything was changed for this WEC, or would be in check mode.
      type: bool
      sample: true
    failed:
      description: Whether it is not registered, and will not be by waiting.
      type: bool
      sample: false
    msg:
      description: How it ended, as a sentence.
      type: str
      sample: edge-1 is joined and available.
    problem:
      description: What it failed of.
      type: dict
      sample: null
    steps:
      description: What was done, or would be done in check mode.
      type: list
      elements: dict
      sample: [{"side": "ITS", "verb": "accept", "object": "ManagedCluster edge-1", "reason": "it shall be a WEC of this ITS"}]
    proofs:
      description: The approved signing requests, each with its proof.
      type: dict
      sample: {"edge-1-d6kgb": "token"}
    rejected_csrs:
      description: Signing requests under its name that failed the checks, each with the reasons.
      type: list
      elements: dict
      sample: []
    addon:
      description: V(available) if the status add-on was waited for and is available.
      type: str
      sample: available
    probe:
      description: V(seen) if a probe was asked for and has arrived.
      type: str
      sample: seen
    timeline:
      description: When it came how far, as RV(kubestellar.wec.wec_accept#module:verdicts.timeline).
      type: list
      elements: dict
      sample: [{"step": "joined", "started": null, "ended": "2026-03-01T10:22:31Z", "clock": "its"}]
    seconds:
      description: How long it took after its agent was installed.
      type: float
      sample: 6.2
registered:
  description: The hosts whose WECs are registered now, or would be in check mode.
  returned: success, and on failure if an ITS could be asked
  type: list
  elements: str
  sample: [edge-1, edge-2]
not_registered:
  description: The hosts whose WECs are not, for whatever reason.
  returned: success, and on failure if an ITS could be asked
  type: list
  elements: str
  sample: []
unseen:
  description: Hosts whose ITS could not be asked, with the reason.
  returned: success, and on failure if an ITS could be asked
  type: list
  elements: dict
  sample: []
msg:
  description: How many were registered, or what failed, for each that did.
  returned: always
  type: str
  sample: 2 of 2 WECs registered.
"""

from ansible_collections.kubestellar.wec.plugins.module_utils._bodies import wec_register
from ansible_collections.kubestellar.wec.plugins.module_utils._bodies.module import run


def main() -> None:
    run(wec_register)


if __name__ == "__main__":
    main()
