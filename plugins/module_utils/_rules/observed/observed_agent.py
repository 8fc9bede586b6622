# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One WEC as its own API shows it."""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

from ..registration.certificates import CertificateFacts
from ..registration.tokens import TokenFacts
from .conditions import Condition, find

Json = dict[str, t.Any]

AGENT_NAMESPACE = "open-cluster-management-agent"
OPERATOR_NAMESPACE = "open-cluster-management"
BOOTSTRAP_SECRET = "bootstrap-hub-kubeconfig"
HUB_SECRET = "hub-kubeconfig-secret"
UPGRADED_FROM = "wec.kubestellar.io/upgraded-from"
"""Annotation of a Klusterlet while it is being upgraded: its images before. A run that was killed is recognised by it."""


@dataclasses.dataclass(frozen=True)
class Klusterlet:
    name: str
    uid: str
    cluster_name: str
    namespace: str
    mode: str
    is_deleting: bool
    image: str | None
    raw: Json = dataclasses.field(repr=False, default_factory=dict)

    @property
    def is_hosted(self) -> bool:
        """Its agents serve another cluster than the one they run on."""
        return self.mode.endswith("Hosted")

    @property
    def is_being_upgraded(self) -> bool:
        """Whether an upgrade was begun, and has not been proved."""
        return UPGRADED_FROM in ((self.raw.get("metadata") or {}).get("annotations") or {})

    @property
    def hub_connection(self) -> Condition:
        return find(self.raw, "HubConnectionDegraded")


def klusterlet(item: Json) -> Klusterlet:
    spec, metadata = item.get("spec") or {}, item["metadata"]
    mode = (spec.get("deployOption") or {}).get("mode") or "Default"
    namespace = metadata["name"] if mode.endswith("Hosted") else spec.get("namespace") or AGENT_NAMESPACE
    return Klusterlet(
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        cluster_name=spec.get("clusterName", ""),
        namespace=namespace,
        mode=mode,
        is_deleting=bool(metadata.get("deletionTimestamp")),
        image=spec.get("registrationImagePullSpec") or spec.get("imagePullSpec"),
        raw=item,
    )


@dataclasses.dataclass(frozen=True)
class Bootstrap:
    """The credential that the agent bootstraps with. ``ca`` is a PEM bundle.

    ``is_revoked``: whether the Secret that the token is bound to is gone from the ITS; None if that is not known.
    """

    server: str
    ca: bytes | None
    token: TokenFacts
    is_revoked: bool | None = None
    proxy: str | None = None


@dataclasses.dataclass(frozen=True)
class HubCredential:
    """What the agent got from a hub. ``issued_by_its``: whether this ITS's CA signed it; None if that is not known.

    ``pem`` is the certificate as it is there, which is no secret. ``stored`` is when its Secret was created, by the WEC's clock; a
    renewal keeps the Secret.
    """

    cluster_name: str
    agent_name: str
    server: str
    ca: bytes | None
    certificate: CertificateFacts | None
    issued_by_its: bool | None = None
    pem: bytes = dataclasses.field(repr=False, default=b"")
    stored: datetime.datetime | None = None

    def is_newer_than(self, moment: datetime.datetime, ahead: float) -> bool:
        """Whether the certificate was surely issued after ``moment``, by the ITS's clock. ``ahead``: seconds by which the WEC's is.

        A signer dates it back, by five minutes (Kubernetes: pkg/controller/certificates/signer). The Secret is created for the
        certificate that comes, so that one which is not older cannot have an older certificate.
        """
        if self.certificate is not None and self.certificate.not_before >= moment:
            return True
        return self.stored is not None and self.stored - datetime.timedelta(seconds=ahead) >= moment


@dataclasses.dataclass(frozen=True)
class ObservedAgent:
    """``uid`` is that of the namespace kube-system: it identifies the cluster for its whole life.

    ``klusterlets`` is None where the API does not serve them. ``remnants`` are parts of an installation that is not whole,
    ``terminating`` those of its namespaces that are being deleted, ``missing`` what an installation with a Klusterlet lacks.
    """

    uid: str
    version: str | None
    klusterlets: tuple[Klusterlet, ...] | None = None
    bootstrap: Bootstrap | None = None
    credential: HubCredential | None = None
    remnants: tuple[str, ...] = ()
    terminating: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    def the_klusterlet(self, name: str) -> Klusterlet | None:
        """The klusterlet of this cluster itself, preferring one with this WEC's name."""
        own = [one for one in self.klusterlets or () if not one.is_hosted]
        return next((one for one in own if one.cluster_name == name), own[0] if own else None)
