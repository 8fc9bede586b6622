# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the WECs differ, so that whoever looks at them has something to tell them apart by."""

from __future__ import annotations

import dataclasses
import typing as t

from .binaries import KUBERNETES_VERSION, kubernetes_set


@dataclasses.dataclass(frozen=True)
class Flavour:
    """The outside of one Kubernetes distribution.

    ``provider_id`` may use ``{cluster}``. ``publishes_cluster_info``: kubeadm-based clusters have the ConfigMap
    kube-public/cluster-info, others do not. ``groups`` maps API groups to one (kind, plural) served in each.
    ``kubernetes`` is the version that it is a distribution of.
    """

    name: str
    version_suffix: str
    provider_id: str
    os_image: str
    node_labels: dict[str, str] = dataclasses.field(default_factory=dict)
    publishes_cluster_info: bool = False
    groups: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)
    kubernetes: str = KUBERNETES_VERSION

    @property
    def version(self) -> str:
        return self.kubernetes + self.version_suffix

    @property
    def binaries(self) -> str:
        """The set that its control plane comes from."""
        return kubernetes_set(self.kubernetes)

    def node(self, cluster: str) -> dict[str, t.Any]:
        name = f"{cluster}-node"
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": name,
                "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", **self.node_labels},
            },
            "spec": {"providerID": self.provider_id.format(cluster=cluster)},
        }

    def node_status(self, now: str) -> dict[str, t.Any]:
        size = {"cpu": "4", "memory": "8Gi", "pods": "110"}
        return {
            "capacity": size,
            "allocatable": size,
            "nodeInfo": {
                "kubeletVersion": self.version,
                "osImage": self.os_image,
                "architecture": "amd64",
                "operatingSystem": "linux",
                "bootID": "",
                "containerRuntimeVersion": "processes://1",
                "kernelVersion": "",
                "kubeProxyVersion": "",
                "machineID": "",
                "systemUUID": "",
            },
            "conditions": [
                {
                    "type": "Ready",
                    "status": "True",
                    "reason": "KubeletReady",
                    "message": "pods run as plain processes",
                    "lastHeartbeatTime": now,
                    "lastTransitionTime": now,
                }
            ],
        }


KIND = Flavour(
    "kind",
    version_suffix="",
    provider_id="kind://docker/{cluster}/{cluster}-node",
    os_image="Debian GNU/Linux 12 (bookworm)",
    node_labels={"node-role.kubernetes.io/control-plane": ""},
    publishes_cluster_info=True,
)
K3S = Flavour(
    "k3s",
    version_suffix="+k3s1",
    provider_id="k3s://{cluster}-node",
    os_image="K3s dev",
    node_labels={"node-role.kubernetes.io/control-plane": "true", "node.kubernetes.io/instance-type": "k3s"},
)
OPENSHIFT = Flavour(
    "openshift",
    version_suffix="",
    provider_id="aws:///us-east-1a/i-0123456789abcdef0",
    os_image="Red Hat Enterprise Linux CoreOS 9.6",
    node_labels={"node.openshift.io/os_id": "rhel", "node-role.kubernetes.io/worker": ""},
    groups={
        "config.openshift.io": ("ClusterVersion", "clusterversions"),
        "route.openshift.io": ("Route", "routes"),
    },
)
EKS = Flavour(
    "eks",
    version_suffix="-eks-c39b1d0",
    provider_id="aws:///us-east-1b/i-0fedcba9876543210",
    os_image="Amazon Linux 2023",
    node_labels={"eks.amazonaws.com/nodegroup": "edge", "topology.kubernetes.io/region": "us-east-1"},
)
KUBEFLEX = Flavour("kubeflex", version_suffix="", provider_id="", os_image="")
"""A control plane of KubeFlex's type k8s: an API server without nodes. No WEC looks like this."""
ROTATION = (KIND, K3S, OPENSHIFT, EKS)
BY_NAME = {flavour.name: flavour for flavour in ROTATION}


def of_wec(number: int) -> Flavour:
    """The flavour of edge-NUMBER (from 1) unless another is asked for."""
    return ROTATION[(number - 1) % len(ROTATION)]
