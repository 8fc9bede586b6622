# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What KubeStellar would do between a fake ITS and a fake WDS."""

from __future__ import annotations

import typing as t

from fake_api import FakeApi
from fake_ocm import MANAGED_CLUSTERS, FakeIts

Json = dict[str, t.Any]
_GROUP = "/apis/control.kubestellar.io/v1alpha1"
POLICIES, BINDINGS = f"{_GROUP}/bindingpolicies", f"{_GROUP}/bindings"
PROPERTIES = "/api/v1/namespaces/customization-properties/configmaps"
GENERATION = "transport.kubestellar.io/originOwnerReferenceBindingGeneration"


def works_of(name: str) -> str:
    return f"/apis/work.open-cluster-management.io/v1/namespaces/{name}/manifestworks"


def add_work(its: FakeIts, name: str, binding: str, **metadata: t.Any) -> str:
    """A work that was delivered and applied; gives its path."""
    path = f"{works_of(name)}/{binding}-work"
    its.put(
        path,
        {
            "metadata": {
                "labels": {"transport.kubestellar.io/originOwnerReferenceBindingKey": binding},
                "annotations": {GENERATION: "1"},
                "generation": 1,
                **metadata,
            },
            "status": {"conditions": [{"type": "Applied", "status": "True", "observedGeneration": 1}]},
        },
    )
    return path


class FakeWds(FakeApi):
    """A WDS, and KubeStellar's controllers between it and an ITS.

    ``lag``: how often the Bindings are read before the controller-manager makes them follow the labels. ``delivers``: whether
    the transport controller runs. ``hit``: every WEC that was found to lack a property while a Binding had it as a
    destination, because KubeStellar withdraws the workload from all of its WECs then.
    """

    def __init__(self, its: FakeIts) -> None:
        super().__init__()
        self.its, self.lag, self.delivers = its, 0, True
        self.hit: set[str] = set()
        self._needs: dict[str, set[str]] = {}
        its.after.append(self._transport)

    def policy(self, name: str, labels: Json, needs: t.Collection[str] = ()) -> None:
        """A BindingPolicy with its Binding, and one object with a template that needs these properties."""
        self.put(f"{POLICIES}/{name}", {"spec": {"clusterSelectors": [{"matchLabels": labels}]}})
        self.put(
            f"/api/v1/namespaces/app/configmaps/{name}",
            {
                "metadata": {"annotations": {"control.kubestellar.io/expand-templates": "true"}},
                "data": {key: f"x {{{{ .{key} }}}}" for key in needs},
            },
        )
        clause = {"group": "", "version": "v1", "resource": "configmaps", "namespace": "app", "name": name}
        self.put(
            f"{BINDINGS}/{name}",
            {"metadata": {"generation": 1}, "spec": {"workload": {"namespaceScope": [clause]}, "destinations": []}},
        )
        self._needs[name] = set(needs)
        self._controller_manager()

    def destinations(self, name: str) -> list[str]:
        return [one["clusterId"] for one in self.objects[f"{BINDINGS}/{name}"]["spec"]["destinations"]]

    def serve(self, method: str, target: str, body: Json | None) -> tuple[int, t.Any]:
        path = target.partition("?")[0]
        if path == _GROUP:
            return 200, {"resources": [{"name": "bindingpolicies"}]}
        if (method, path) == ("GET", BINDINGS):
            self._controller_manager()
        return super().serve(method, target, body)

    def _controller_manager(self) -> None:
        wanted = {name: self._selected(name) for name in self._needs}
        if all(self.destinations(name) == wanted[name] for name in wanted):
            self._transport()
            return
        if self.lag > 0:
            self.lag -= 1
            return
        for name, selected in wanted.items():
            item = self.objects[f"{BINDINGS}/{name}"]
            if self.destinations(name) != selected:
                item["spec"]["destinations"] = [{"clusterId": one} for one in selected]
                item["metadata"]["generation"] += 1
        self._transport()

    def _selected(self, name: str) -> list[str]:
        selectors = self.objects[f"{POLICIES}/{name}"]["spec"]["clusterSelectors"]
        found = []
        for path, item in sorted(self.its.objects.items()):
            own = item["metadata"].get("labels") or {}
            if path.startswith(MANAGED_CLUSTERS) and any(
                one["matchLabels"].items() <= own.items() for one in selectors
            ):
                found.append(item["metadata"]["name"])
        return found

    def _transport(self) -> None:
        if not self.delivers:
            return
        for name, needs in self._needs.items():
            item = self.objects[f"{BINDINGS}/{name}"]
            errors = []
            for wec in self.destinations(name):
                self.hit |= {f"{wec} lacks {key}" for key in needs - self._properties(wec)}
                errors += [f'map has no entry for key "{key}"' for key in sorted(needs - self._properties(wec))]
            item["status"] = {"observedGeneration": item["metadata"]["generation"], "errors": errors}
        for path, item in self.its.objects.items():
            if "/manifestworks/" in path and item["metadata"]["annotations"][GENERATION] == "0":
                item["metadata"]["annotations"][GENERATION] = "1"
                item["metadata"]["generation"] += 1
                item["status"]["conditions"][0]["observedGeneration"] = item["metadata"]["generation"]

    def _properties(self, wec: str) -> set[str]:
        metadata = self.its.objects[f"{MANAGED_CLUSTERS}/{wec}"]["metadata"]
        config_map = self.its.objects.get(f"{PROPERTIES}/{wec}") or {}
        return {
            *(metadata.get("labels") or {}),
            *(metadata.get("annotations") or {}),
            *(config_map.get("data") or {}),
            *(config_map.get("binaryData") or {}),
        }
