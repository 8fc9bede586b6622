# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workload with a status, and what of it comes back into the WDS."""

from __future__ import annotations

import secrets
import typing as t

from fleet import Fleet
from workload import CONTROL

Json = dict[str, t.Any]


# A Deployment without a ready replica has no such field: the cell would be a text, and SUM would leave the WEC out.
_READY = "has(returned.status.readyReplicas) ? returned.status.readyReplicas : 0"


def collectors(fleet: Fleet) -> None:
    """StatusCollectors: ``per-wec`` has a row for each WEC, ``total`` counts the WECs and sums their ready replicas."""
    for name, spec in (
        (
            "per-wec",
            {
                "limit": 20,
                "select": [
                    {"name": "wec", "def": "inventory.name"},
                    {"name": "ready", "def": _READY},
                ],
            },
        ),
        (
            "total",
            {
                "limit": 20,
                "combinedFields": [
                    {"name": "wecs", "type": "COUNT"},
                    {"name": "ready", "type": "SUM", "subject": _READY},
                ],
            },
        ),
    ):
        path = f"{CONTROL}/statuscollectors"
        if fleet.wds.get(f"{path}/{name}") is None:
            body = {"apiVersion": "control.kubestellar.io/v1alpha1", "kind": "StatusCollector"}
            fleet.wds.request("POST", path, {**body, "metadata": {"name": name}, "spec": spec})


class Application:
    """A Deployment in a namespace of its own, and a BindingPolicy that sends it to the WECs with ``group=NAME``."""

    def __init__(self, fleet: Fleet, singleton: bool = False) -> None:
        self.fleet, self.name = fleet, f"service-{secrets.token_hex(2)}"
        self.labels = {"group": self.name}
        mark = {"workload": self.name}
        self._deployment = f"/apis/apps/v1/namespaces/{self.name}/deployments/web"
        wds = fleet.wds
        wds.request("POST", "/api/v1/namespaces", {"metadata": {"name": self.name, "labels": mark}})
        pod = {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "registry.k8s.io/pause:3.10"}]},
        }
        wds.request(
            "POST",
            f"/apis/apps/v1/namespaces/{self.name}/deployments",
            {
                "metadata": {"name": "web", "labels": mark},
                "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": pod},
            },
        )
        clause: Json = {"objectSelectors": [{"matchLabels": mark}]}
        if singleton:
            clause["wantSingletonReportedState"] = True
        else:
            collectors(fleet)
            clause["statusCollectors"] = ["per-wec", "total"]
        policy = {
            "apiVersion": "control.kubestellar.io/v1alpha1",
            "kind": "BindingPolicy",
            "metadata": {"name": self.name},
            "spec": {"clusterSelectors": [{"matchLabels": self.labels}], "downsync": [clause]},
        }
        wds.request("POST", f"{CONTROL}/bindingpolicies", policy)

    def end(self) -> None:
        self.fleet.wds.request("DELETE", f"{CONTROL}/bindingpolicies/{self.name}")
        self.fleet.wds.request("DELETE", f"/api/v1/namespaces/{self.name}")

    def scale(self, replicas: int) -> None:
        """In the WDS, so on every WEC that is selected."""
        self.fleet.wds.request("PATCH", self._deployment, {"spec": {"replicas": replicas}})

    def held_at(self, wec: str, replicas: int) -> bool:
        """Keep it at this size on one WEC, as an autoscaler there would: the WEC's agent scales it back now and then."""
        cluster = self.fleet.wec(wec)
        found = cluster.get(self._deployment)
        if found and found["spec"]["replicas"] != replicas:
            cluster.request("PATCH", self._deployment, {"spec": {"replicas": replicas}})
        return True

    def fail_on(self, wec: str) -> None:
        """Its pods end on one WEC and cannot start again, until images are mended there."""
        self.fleet.sandbox("break-image", cluster=wec, repository="pause")
        self.fleet.sandbox("kill-pods", cluster=wec, namespace=self.name, selector="app=web")

    def ready_on(self, wec: str) -> int:
        found = self.fleet.wec(wec).get(self._deployment) or {}
        return t.cast(int, found.get("status", {}).get("readyReplicas", 0))

    def work_statuses(self, wec: str) -> list[Json]:
        """All in the WEC's mailbox."""
        return self.fleet.its.items(f"{CONTROL}/namespaces/{wec}/workstatuses")

    def work_status(self, wec: str) -> Json | None:
        """The Deployment's."""
        for one in self.work_statuses(wec):
            source = one["spec"]["sourceRef"]
            if source["kind"] == "Deployment" and source["namespace"] == self.name:
                return one
        return None

    def ready_reported(self, wec: str) -> int:
        return t.cast(int, (self.work_status(wec) or {}).get("status", {}).get("readyReplicas", 0))

    def in_wds(self) -> Json:
        """The Deployment's status in the WDS."""
        return t.cast(Json, (self.fleet.wds.get(self._deployment) or {}).get("status") or {})

    def ready_in_wds(self) -> int:
        return t.cast(int, self.in_wds().get("readyReplicas", 0))

    def _rows(self, collector: str) -> list[list[t.Any]]:
        selector = f"status.kubestellar.io/resource=deployments,status.kubestellar.io/binding-policy={self.name}"
        found = self.fleet.wds.items(f"{CONTROL}/namespaces/{self.name}/combinedstatuses?labelSelector={selector}")
        for result in found[0].get("results") or [] if found else []:
            if result["name"] == collector:
                return [[_value(column) for column in row["columns"]] for row in result.get("rows") or []]
        return []

    def rows(self) -> dict[str, int]:
        """The ready replicas of each WEC, of CombinedStatus."""
        return {wec: int(ready or 0) for wec, ready in self._rows("per-wec")}

    def total(self) -> tuple[int, int]:
        """How many WECs there are, and the sum of their ready replicas, of CombinedStatus."""
        rows = self._rows("total")
        return (int(rows[0][0]), int(rows[0][1])) if rows else (0, 0)


def _value(column: Json) -> t.Any:
    """Of a value of a CombinedStatus, which has its type beside it."""
    return {"String": column.get("string"), "Number": column.get("float"), "Bool": column.get("bool")}.get(
        column["type"]
    )
