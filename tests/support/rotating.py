# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WECs that joined long ago, whose agents get themselves another certificate as those of Open Cluster Management do."""

from __future__ import annotations

import base64
import json
import typing as t

import yaml
from fake_api import FakeApi, jwt, now
from fake_ocm import CSRS, FakeIts, csr, install_agent

AGENT = "/api/v1/namespaces/open-cluster-management-agent"
HUB_SECRET = f"{AGENT}/secrets/hub-kubeconfig-secret"
BOOTSTRAP = f"{AGENT}/secrets/bootstrap-hub-kubeconfig"
BEGAN = -86400.0


class FakeAgent:
    """One that registered a day ago. ``renews``: whether it asks in its own name when its Secret is gone; else it needs a token."""

    def __init__(self, its: FakeIts, wec: FakeApi, name: str, *, renews: bool = True, days: float = 365) -> None:
        self.its, self.wec, self.name, self.renews = its, wec, name, renews
        its.join(name, wec.uid)
        install_agent(wec, name, its, certificate=its.authority.client(name, days), token=jwt("old"))
        wec.change(HUB_SECRET, {"metadata": {"creationTimestamp": now(BEGAN)}})
        wec.put(f"{AGENT}/pods/klusterlet-agent-1", {})
        self._secret = json.loads(json.dumps(wec.objects[HUB_SECRET]))
        self._first = self._token
        wec.after.append(self._live)

    @property
    def certificate(self) -> bytes | None:
        found = self.wec.objects.get(HUB_SECRET)
        return base64.b64decode(found["data"]["tls.crt"]) if found else None

    @property
    def _token(self) -> str:
        encoded = self.wec.objects[BOOTSTRAP]["data"]["kubeconfig"]
        return str(yaml.safe_load(base64.b64decode(encoded))["users"][0]["user"]["token"])

    def _live(self) -> None:
        with self.its.lock:
            if HUB_SECRET not in self.wec.objects and self.renews:
                self._store()
            elif HUB_SECRET not in self.wec.objects and self._token != self._first:
                self._ask_with_token()
        lease = f"/apis/coordination.k8s.io/v1/namespaces/{self.name}/leases/managed-cluster-lease"
        self.its.change(lease, {"spec": {"renewTime": now()}})

    def _store(self) -> None:
        certificate = base64.b64encode(self.its.authority.client(self.name)).decode()
        self.wec.put(HUB_SECRET, {"data": {**self._secret["data"], "tls.crt": certificate}})

    def _ask_with_token(self) -> None:
        """As soon as it is asked for; whether it is approved, the test looks at."""
        payload = self._token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        path = f"{CSRS}/{self.name}-anew"
        if path not in self.its.objects:
            self.its.agents.add(self.name)
            self.its.put(path, csr(self.name, f"{self.name}-anew", token_id=claims["jti"]))
            self.its.after.append(self._fetch)

    def _fetch(self) -> None:
        answered = self.its.objects.get(f"{CSRS}/{self.name}-anew", {}).get("status", {}).get("certificate")
        if answered and HUB_SECRET not in self.wec.objects:
            self._store()


def workload(wec: FakeApi) -> t.Callable[[], str]:
    """A ConfigMap on a WEC; gives its UID whenever it is asked."""
    path = "/api/v1/namespaces/app/configmaps/settings"
    wec.put(path, {"data": {"value": "1"}})
    return lambda: str(wec.objects[path]["metadata"]["uid"])
