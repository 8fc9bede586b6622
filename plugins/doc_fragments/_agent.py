# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  bundle_version:
    description:
      - Version of the klusterlet, such as V(1.2.1). Without it, that of the hub.
      - It cannot be newer than the hub, because the agent's add-ons would never register.
    type: str
  bundle_overrides:
    description: Other image tags than O(bundle_version) says, for V(ocm) and V(policy_addon).
    type: dict
  klusterlet_mode:
    description:
      - With V(singleton), registration and work agent are one pod whose name on the ITS stays the same when it restarts.
      - With V(default) they are two.
      - V(hosted) is refused, because each C(clusteradm join) makes another hosted klusterlet with a random name, so that a
        run could not be repeated.
    type: str
    choices: [singleton, default, hosted]
    default: singleton
  image_registry:
    description: Where the klusterlet's images come from, instead of C(quay.io/open-cluster-management).
    type: str
  proxy_url:
    description: Address of a proxy that the agent reaches the ITS through.
    type: str
  feature_gates:
    description: Feature gates of the agent, each V(true) or V(false).
    type: dict
  klusterlet_annotations:
    description:
      - Annotations that the agent puts on its ManagedCluster when it creates it. Keys get the prefix
        C(agent.open-cluster-management.io/) if they have none.
    type: dict
  resource_qos_class:
    description: Quality of service of the agent's pods.
    type: str
    choices: [Default, BestEffort, ResourceRequirement]
  resource_requests:
    description: What the agent's containers request, such as C(cpu) and C(memory).
    type: dict
  resource_limits:
    description: What the agent's containers are limited to.
    type: dict
  clusteradm_binary:
    description: Name or path of C(clusteradm), version 1.0 or newer. It is needed only when an agent must be installed.
    type: str
    default: clusteradm
  clusteradm_timeout:
    description: Seconds that C(clusteradm join) has.
    type: int
    default: 120
"""
