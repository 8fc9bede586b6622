# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What KubeStellar delivers to WECs."""

from __future__ import annotations

import itertools
import typing as t

from fleet import Fleet, wait_until

Json = dict[str, t.Any]
CONTROL = "/apis/control.kubestellar.io/v1alpha1"
_GROUPS = itertools.count(1)


class Workload:
    """A BindingPolicy that selects ``group=NAME``, and a ConfigMap with templates in a namespace of its own."""

    def __init__(self, fleet: Fleet, templates: dict[str, str], selector: Json | None = None) -> None:
        self.fleet, self.name = fleet, f"app-{next(_GROUPS)}"
        self.selector = {"group": self.name} if selector is None else selector
        self.labels = dict(self.selector)
        mark = {"workload": self.name}
        wds = fleet.wds
        wds.request("POST", "/api/v1/namespaces", {"metadata": {"name": self.name, "labels": mark}})
        metadata = {
            "name": "settings",
            "labels": mark,
            "annotations": {"control.kubestellar.io/expand-templates": "true"},
        }
        wds.request("POST", f"/api/v1/namespaces/{self.name}/configmaps", {"metadata": metadata, "data": templates})
        policy = {
            "apiVersion": "control.kubestellar.io/v1alpha1",
            "kind": "BindingPolicy",
            "metadata": {"name": self.name},
            "spec": {
                "clusterSelectors": [{"matchLabels": self.selector} if self.selector else {}],
                "downsync": [{"objectSelectors": [{"matchLabels": mark}]}],
            },
        }
        wds.request("POST", f"{CONTROL}/bindingpolicies", policy)
        wait_until(self._is_bound, 30, f"Binding {self.name}")

    def _is_bound(self) -> bool:
        binding = self.fleet.wds.get(f"{CONTROL}/bindings/{self.name}")
        workload = (binding or {}).get("spec", {}).get("workload", {})
        return bool(workload.get("namespaceScope"))

    def end(self) -> None:
        self.fleet.wds.request("DELETE", f"{CONTROL}/bindingpolicies/{self.name}")
        self.fleet.wds.request("DELETE", f"/api/v1/namespaces/{self.name}")

    def on(self, wec: str) -> dict[str, str] | None:
        """What has arrived on a WEC."""
        found = self.fleet.wec(wec).get(f"{self.config_maps}/settings")
        return found["data"] if found else None

    @property
    def config_maps(self) -> str:
        return f"/api/v1/namespaces/{self.name}/configmaps"

    def arrives(self, wec: str, data: dict[str, str], seconds: float = 20) -> None:
        wait_until(lambda: self.on(wec) == data, seconds, f"{data} on {wec}")

    def leaves(self, wec: str, seconds: float = 30) -> None:
        wait_until(lambda: self.on(wec) is None, seconds, f"{self.name} has left {wec}")

    def arrives_somehow(self, wec: str, seconds: float = 30) -> None:
        wait_until(lambda: self.on(wec) is not None, seconds, f"{self.name} on {wec}")
