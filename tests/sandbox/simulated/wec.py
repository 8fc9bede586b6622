# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One simulated WEC: its objects, its API at its address, its operator and agent, and its fault."""

from __future__ import annotations

import base64
import json
import ssl
import typing as t

from ..cluster import open_crd
from ..flavours import of_wec
from ..layout import hostname
from ..pki import Authority
from .agent import Facts
from .api import Api
from .endpoint import AuditLog, Endpoint
from .faults import Fault
from .hub import Feed
from .operator import Operator
from .resources import CONFIG_MAP, DEFINITION, NAMESPACE, NODE, Kind
from .store import Store, now

Json = dict[str, t.Any]


class Wec:
    """It is not registered at first."""

    def __init__(self, number: int, authority: Authority, tls: ssl.SSLContext, log: AuditLog, feed: Feed) -> None:
        self.name = f"edge-{number}"
        self.flavour = of_wec(number)
        self._authority = authority
        self._user = f"{self.name}-admin"
        self._certificate, self._key = authority.make(self._user, ["system:masters"])
        self.endpoint = Endpoint(self.name, self._user, tls, log)
        self._store = Store(self.name, self._notice)
        self.endpoint.api = Api(self._store, self.flavour, self.endpoint.url)
        ca = base64.b64decode(authority.inline("ca.crt"))
        facts = Facts(self.flavour.version, self.flavour.node_status("")["capacity"])
        self._operator: Operator | None = None
        self._fill()
        self._operator = Operator(self.name, self._store, facts, ca, feed)

    @property
    def fault(self) -> Fault:
        return self.endpoint.fault

    @property
    def is_registered(self) -> bool:
        """Whether its agent has a certificate of the hub."""
        return self._operator is not None and self._operator.is_registered

    async def set_fault(self, fault: Fault) -> None:
        await self.endpoint.set(fault)
        if self._operator is not None:
            await self._operator.set_fault(fault)

    def kubeconfig(self, server: str | None = None) -> Json:
        """With one context, named like the WEC."""
        cluster = {
            "server": server or self.endpoint.url,
            "certificate-authority-data": self._authority.inline("ca.crt"),
        }
        credentials = {
            "client-certificate-data": base64.b64encode(self._certificate).decode(),
            "client-key-data": base64.b64encode(self._key).decode(),
        }
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": self.name, "cluster": cluster}],
            "users": [{"name": self._user, "user": credentials}],
            "contexts": [{"name": self.name, "context": {"cluster": self.name, "user": self._user}}],
            "current-context": self.name,
        }

    def _notice(self, kind: Kind, namespace: str) -> None:
        if self._operator is not None:
            self._operator.notice(kind, namespace)

    def _fill(self) -> None:
        """What a fresh cluster has, as far as anybody looks at it."""
        for name in ("default", "kube-node-lease", "kube-public", "kube-system"):
            self._store.create(NAMESPACE, "", {"metadata": {"name": name}})
        node = self._store.create(NODE, "", self.flavour.node(self.name))
        self._store.set_status(NODE, "", node["metadata"]["name"], self.flavour.node_status(now()))
        for group, (kind, plural) in self.flavour.groups.items():
            self._store.create(DEFINITION, "", open_crd(group, kind, plural))
        if self.flavour.publishes_cluster_info:
            config = self.kubeconfig(server=f"https://{hostname(self.name)}:{self.endpoint.port}")
            public = {"apiVersion": "v1", "kind": "Config"}
            clusters = [{"name": "", "cluster": config["clusters"][0]["cluster"]}]
            data = {"kubeconfig": json.dumps({**public, "clusters": clusters})}
            self._store.create(CONFIG_MAP, "kube-public", {"metadata": {"name": "cluster-info"}, "data": data})
