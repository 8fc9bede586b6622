# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is private to the collection: it changes without notice.

"""A WEC's own API: what it shows of the agent that serves a hub, and of its health."""

from __future__ import annotations

import base64
import binascii
import functools
import typing as t

from .._errors import ApiError
from .._rules import certificates, kubeconfigs, tokens, yaml_text
from .._rules.kubeconfigs import KubeconfigError
from .._rules.wec_view import (
    AGENT_NAMESPACE,
    BOOTSTRAP_SECRET,
    HUB_SECRET,
    OPERATOR_NAMESPACE,
    Bootstrap,
    HubCredential,
    Klusterlet,
    WecView,
    klusterlet,
)
from .._rules.yaml_text import NotYamlError
from . import paths
from .kube import Kube

Json = dict[str, t.Any]


class Wec:
    """One WEC."""

    def __init__(self, kube: Kube) -> None:
        self.kube = kube

    @functools.cached_property
    def uid(self) -> str:
        """What identifies this cluster for its whole life."""
        return str(self.kube.get(paths.namespace("kube-system"))["metadata"]["uid"])

    @functools.cached_property
    def version(self) -> str:
        return str(self.kube.get(paths.VERSION).get("gitVersion", ""))

    def view(self, name: str, client_ca: t.Callable[[], bytes | None]) -> WecView:
        """What shows whether and how this cluster is registered. ``client_ca``: the CA of the ITS's clients."""
        klusterlets = self._klusterlets()
        view = WecView(self.uid, self.version, klusterlets)
        own = view.the_klusterlet(name)
        if own is None:
            return WecView(self.uid, self.version, klusterlets, remnants=self._remnants(klusterlets))
        return WecView(
            self.uid,
            self.version,
            klusterlets,
            bootstrap=self.bootstrap(own.namespace),
            credential=self._credential(own.namespace, client_ca),
        )

    def _klusterlets(self) -> tuple[Klusterlet, ...] | None:
        try:
            return tuple(klusterlet(item) for item in self.kube.list(paths.KLUSTERLETS))
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def _remnants(self, klusterlets: t.Sequence[Klusterlet] | None) -> tuple[str, ...]:
        found = ["CustomResourceDefinition klusterlets exists"] if klusterlets is not None else []
        for namespace in (OPERATOR_NAMESPACE, AGENT_NAMESPACE):
            if self.kube.find(paths.namespace(namespace)) is not None:
                found.append(f"Namespace {namespace} exists")
        return tuple(found)

    def bootstrap(self, namespace: str) -> Bootstrap | None:
        data = self._secret(namespace, BOOTSTRAP_SECRET)
        if data is None or "kubeconfig" not in data:
            return None
        server, ca, token = _read_kubeconfig(data["kubeconfig"])
        return Bootstrap(server, ca, tokens.read(token))

    def _credential(self, namespace: str, client_ca: t.Callable[[], bytes | None]) -> HubCredential | None:
        data = self._secret(namespace, HUB_SECRET)
        if data is None or not data.get("kubeconfig") or not data.get("tls.crt"):
            return None
        server, ca, _token = _read_kubeconfig(data["kubeconfig"])
        certificate, issued = None, None
        try:
            certificate = certificates.read_certificate(data["tls.crt"])
            authorities = client_ca()
            issued = certificates.is_issued_by(data["tls.crt"], authorities) if authorities else None
        except certificates.MalformedPem:
            pass
        return HubCredential(
            cluster_name=data.get("cluster-name", b"").decode(errors="replace"),
            agent_name=data.get("agent-name", b"").decode(errors="replace"),
            server=server,
            ca=ca,
            certificate=certificate,
            issued_by_its=issued,
        )

    def _secret(self, namespace: str, name: str) -> dict[str, bytes] | None:
        found = self.kube.find(paths.secret(namespace, name))
        if found is None:
            return None
        try:
            return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}
        except binascii.Error:
            return {}

    def pods(self, namespace: str) -> list[Json]:
        return self.kube.list(paths.pods(namespace))

    def deployment(self, namespace: str, name: str) -> Json | None:
        return self.kube.find(paths.deployment(namespace, name))


def _read_kubeconfig(content: bytes) -> tuple[str, bytes | None, str]:
    """Server, CA and token of an agent's kubeconfig; what cannot be read is empty."""
    try:
        config = kubeconfigs.select(kubeconfigs.check_shape(yaml_text.parse(content)), None)
        ca = kubeconfigs.decode(config, "cluster", "certificate-authority")
    except (NotYamlError, KubeconfigError):
        return "", None, ""
    server = str(kubeconfigs.the_cluster(config).get("server") or "")
    return server, ca, str(kubeconfigs.the_user(config).get("token") or "")
