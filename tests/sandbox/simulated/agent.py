# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One simulated WEC's agent: it registers with the hub and stays in touch, as OCM's own does.

(OCM: pkg/registration/spoke and pkg/registration/register/csr.) It makes its ManagedCluster and its signing request with
the bootstrap token, waits for the certificate, keeps it in the WEC's hub-kubeconfig-secret, and with it renews its lease
and tells its state. Certificates are not renewed: they last a year.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import datetime
import random
import time
import typing as t
import warnings

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ..api import ApiError
from .conditions import is_true, with_condition
from .hub import CLUSTER_NAME, MANAGED_CLUSTERS, REQUESTS, UNREACHABLE, Address, Client, Feed
from .resources import SECRET
from .store import Store, now_micro
from .works import Works

Json = dict[str, t.Any]
BOOTSTRAP_SECRET = "bootstrap-hub-kubeconfig"
HUB_SECRET = "hub-kubeconfig-secret"
_ALL_CLUSTERS = "system:open-cluster-management:managed-clusters"
_MOST_REQUESTS = 10
_FIRST_DELAY, _LONGEST_DELAY = 0.25, 15.0
_LEASE_JITTER = 0.25
_FEED_LAG = 10.0
"""Seconds after which a signing request that the feed has not shown must be gone."""


@dataclasses.dataclass(frozen=True)
class Identity:
    """What an agent is told by its Klusterlet. ``asks_for`` is the cluster whose certificate it wants."""

    cluster: str
    agent: str
    asks_for: str
    external_urls: tuple[str, ...]
    certificate_seconds: int | None
    ca: bytes


@dataclasses.dataclass(frozen=True)
class Facts:
    """What an agent tells about its cluster."""

    version: str
    size: Json


@dataclasses.dataclass(frozen=True)
class Introduction:
    """The bootstrap kubeconfig. ``entry`` is the name of its cluster's entry."""

    address: Address
    entry: str
    token: str


@dataclasses.dataclass(frozen=True)
class Credential:
    """What the hub has given to the agent, PEM."""

    introduction: Introduction
    certificate: bytes
    key: bytes


class StartAgain(Exception):
    """What the agent began with does not hold any more."""


class Agent:
    """``told`` is called when its connection to the hub has become another. ``trouble`` is what keeps it from the hub."""

    def __init__(
        self,
        identity: Identity,
        facts: Facts,
        store: Store,
        namespace: str,
        feed: Feed,
        sentence: t.Callable[[], None],
    ) -> None:
        self.identity = identity
        self._facts, self._store, self._namespace, self._feed, self._told = facts, store, namespace, feed, sentence
        self._wake = asyncio.Event()
        self._credential: Credential | None = None
        self._introduction: Introduction | None = None
        self.trouble = ""
        self.is_registered = False
        self._is_in_touch = False

    def notice(self) -> None:
        """Something on the WEC has changed."""
        self._wake.set()

    async def run(self) -> t.NoReturn:
        self._feed.listen(self.identity.cluster, self._wake)
        delay = _FIRST_DELAY
        try:
            while True:
                try:
                    self._credential = self._credential or self._stored()
                    if self._credential is None:
                        self._credential = await self._register()
                        self.trouble = ""
                    self._note_trouble(self.trouble)
                    await self._serve(self._credential)
                except StartAgain:
                    self._credential = None
                except (ApiError, *UNREACHABLE) as error:
                    if self._is_in_touch:
                        self._is_in_touch, delay = False, _FIRST_DELAY
                    self._note_trouble(_words(error))
                    await self._pause(delay * random.uniform(0.5, 1.0))
                    delay = min(_LONGEST_DELAY, delay * 2)
        finally:
            self._feed.leave(self.identity.cluster, self._wake)

    def _note_trouble(self, trouble: str) -> None:
        registered = self._credential is not None
        if (trouble, registered) != (self.trouble, self.is_registered):
            self.trouble, self.is_registered = trouble, registered
            self._told()

    async def _wait(self, seconds: float | None) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
        self._wake.clear()

    async def _pause(self, seconds: float) -> None:
        """Wait, but not when there is another introduction to try, or what the agent needs has been put into its Secret.

        Seen on real clusters: where both kubeconfigs were given the hub's other address, it is in touch a second later.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._introduced() == self._introduction:
            if self._credential is None and self._stored() is not None:
                return
            await self._wait(end - time.monotonic())

    # -- registering ---------------------------------------------------------------------------------------------

    async def _register(self) -> Credential:
        """Raises StartAgain, ApiError, UNREACHABLE."""
        introduction = self._introduced()
        while introduction is None:
            await self._wait(None)
            introduction = self._introduced()
        self._introduction = introduction
        client = Client(introduction.address, introduction.token, hidden_names=self._feed.hidden_names)
        try:
            await self._announce(client)
            while len(self._feed.requests_of(self.identity.cluster)) >= _MOST_REQUESTS:
                await self._wait(60)
            key = ec.generate_private_key(ec.SECP256R1())
            name = await self._ask(client, key)
            self._note_trouble("")
            certificate = await self._issued(client, name)
        finally:
            await client.close()
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        credential = Credential(introduction, certificate, pem)
        self._keep(credential)
        return credential

    async def _announce(self, client: Client) -> None:
        """Make the ManagedCluster, if there is none."""
        name = self.identity.cluster
        if self._feed.cluster(name) is not None:
            return
        ca = base64.b64encode(self.identity.ca).decode()
        configs = [{"url": url, "caBundle": ca} for url in self.identity.external_urls if url]
        body = {
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            "metadata": {"name": name},
            "spec": {"managedClusterClientConfigs": configs} if configs else {},
        }
        try:
            await client.request("POST", MANAGED_CLUSTERS, body)
        except ApiError as error:
            if error.status != 409:
                raise

    async def _ask(self, client: Client, key: ec.EllipticCurvePrivateKey) -> str:
        name = self.identity.cluster
        spec: Json = {
            "request": base64.b64encode(signing_request(self.identity, key)).decode(),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["digital signature", "key encipherment", "client auth"],
        }
        if self.identity.certificate_seconds:
            spec["expirationSeconds"] = self.identity.certificate_seconds
        body = {
            "apiVersion": "certificates.k8s.io/v1",
            "kind": "CertificateSigningRequest",
            "metadata": {"generateName": f"{name}-", "labels": {CLUSTER_NAME: name}},
            "spec": spec,
        }
        return str((await client.request("POST", REQUESTS, body))["metadata"]["name"])

    async def _issued(self, client: Client, name: str) -> bytes:
        """The certificate, as soon as there is one. Raises StartAgain when the request or the introduction is gone."""
        made, seen = time.monotonic(), False
        while True:
            item = self._feed.request(name)
            if item is not None:
                seen = True
                encoded = (item.get("status") or {}).get("certificate")
                if encoded:
                    return base64.b64decode(encoded)
            elif seen or time.monotonic() > made + _FEED_LAG:
                raise StartAgain
            if self._introduced() != self._introduction:
                raise StartAgain
            await self._announce(client)
            await self._wait(60 if seen else _FEED_LAG)

    # -- what the WEC keeps --------------------------------------------------------------------------------------

    def _introduced(self) -> Introduction | None:
        data = self._secret(BOOTSTRAP_SECRET)
        return _read_introduction(data["kubeconfig"]) if data.get("kubeconfig") else None

    def _stored(self) -> Credential | None:
        """The credential in the WEC's Secret, if it is for this agent and of the hub that it is introduced to."""
        data, introduction = self._secret(HUB_SECRET), self._introduced()
        if introduction is None or not data.get("kubeconfig") or not data.get("tls.crt") or not data.get("tls.key"):
            return None
        known = _read_introduction(data["kubeconfig"])
        is_own = data.get("cluster-name", b"").decode() == self.identity.cluster
        is_same = known is not None and (known.address, known.entry) == (introduction.address, introduction.entry)
        certificate = x509.load_pem_x509_certificate(data["tls.crt"])
        is_valid = certificate.not_valid_after_utc > datetime.datetime.now(datetime.timezone.utc)
        if not (is_own and is_same and is_valid):
            return None
        self._introduction = introduction
        return Credential(introduction, data["tls.crt"], data["tls.key"])

    def _secret(self, name: str) -> dict[str, bytes]:
        found = self._store.find(SECRET, self._namespace, name) or {}
        return {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}

    def _keep(self, credential: Credential) -> None:
        address = credential.introduction.address
        entry = {"server": address.server, "certificate-authority-data": _encoded(address.ca.encode())}
        context = {"cluster": credential.introduction.entry, "namespace": "configuration", "user": "default-auth"}
        kubeconfig = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": credential.introduction.entry, "cluster": entry}],
            "contexts": [{"name": "default-context", "context": context}],
            "current-context": "default-context",
            "users": [{"name": "default-auth", "user": {"client-certificate": "tls.crt", "client-key": "tls.key"}}],
        }
        data = {
            "agent-name": self.identity.agent.encode(),
            "cluster-name": self.identity.cluster.encode(),
            "kubeconfig": yaml.safe_dump(kubeconfig).encode(),
            "tls.crt": credential.certificate,
            "tls.key": credential.key,
        }
        metadata = {"name": HUB_SECRET, "namespace": self._namespace}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque"}
        self._store.apply({**body, "data": {key: _encoded(value) for key, value in data.items()}})

    # -- staying in touch ----------------------------------------------------------------------------------------

    async def _serve(self, credential: Credential) -> t.NoReturn:
        """Raises StartAgain when the introduction leads to another hub; ApiError, UNREACHABLE."""
        address = credential.introduction.address
        client = Client(address, "", credential.certificate, credential.key, self._feed.hidden_names)
        works = Works(self.identity, self._store, self._feed, client, address.server)
        lease: Json | None = None
        renewal, delay = 0.0, _FIRST_DELAY
        try:
            while True:
                introduction = self._introduced()
                if introduction is not None and introduction.address != address:
                    raise StartAgain
                client.require_name()
                cluster = self._feed.cluster(self.identity.cluster)
                if cluster is None or not is_true(cluster, "HubAcceptedManagedCluster"):
                    lease, renewal = None, 0.0
                    await self._wait(None)
                    continue
                try:
                    if time.monotonic() >= renewal:
                        lease = await self._renew(client, lease)
                        self._is_in_touch = True
                        self._note_trouble("")
                        seconds = cluster["spec"].get("leaseDurationSeconds") or 60
                        renewal = time.monotonic() + seconds * random.uniform(1, 1 + _LEASE_JITTER)
                    await self._report(client, cluster)
                    await works.see_to()
                except ApiError as error:
                    if error.status == 401:
                        raise
                    # The hub makes the agent's rights, and its lease, after it has accepted it.
                    lease = None
                    await asyncio.sleep(delay * random.uniform(0.5, 1.0))
                    delay = min(_LONGEST_DELAY, delay * 2)
                    continue
                delay = _FIRST_DELAY
                await self._wait(max(0.0, renewal - time.monotonic()))
        finally:
            await client.close()

    async def _renew(self, client: Client, lease: Json | None) -> Json:
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self.identity.cluster}/leases/managed-cluster-lease"
        known = lease or await client.get(path)
        known["spec"]["renewTime"] = now_micro()
        return await client.request("PUT", path, known)

    async def _report(self, client: Client, cluster: Json) -> None:
        """Set the parts of the ManagedCluster's status that are the agent's, if they differ."""
        for _attempt in range(3):
            status = self._status(cluster)
            if status is None:
                return
            metadata = {key: cluster["metadata"][key] for key in ("uid", "resourceVersion")}
            path = f"{MANAGED_CLUSTERS}/{self.identity.cluster}"
            try:
                await client.merge(f"{path}/status", {"metadata": metadata, "status": status})
                return
            except ApiError as error:
                if error.status != 409:
                    raise
                cluster = await client.get(path)

    def _status(self, cluster: Json) -> Json | None:
        """None if nothing is to be changed."""
        status = cluster.get("status") or {}
        conditions = list(status.get("conditions") or [])
        for kind, reason, message in (
            ("ManagedClusterJoined", "ManagedClusterJoined", "Managed cluster joined"),
            ("ManagedClusterConditionAvailable", "ManagedClusterAvailable", "Managed cluster is available"),
        ):
            conditions = with_condition(conditions, kind, "True", reason, message)
        wanted = {
            "conditions": conditions,
            "version": {"kubernetes": self._facts.version},
            "capacity": self._facts.size,
            "allocatable": self._facts.size,
        }
        return None if all(status.get(key) == value for key, value in wanted.items()) else wanted


def signing_request(identity: Identity, key: ec.EllipticCurvePrivateKey) -> bytes:
    """What OCM's agent asks the hub to sign, PEM: both organizations in one part of the name, as Go writes them."""
    cluster = f"system:open-cluster-management:{identity.asks_for}"
    organizations = [_part(NameOID.ORGANIZATION_NAME, one) for one in (cluster, _ALL_CLUSTERS)]
    common_name = _part(NameOID.COMMON_NAME, f"{cluster}:{identity.agent}")
    subject = x509.Name([x509.RelativeDistinguishedName(organizations), x509.RelativeDistinguishedName([common_name])])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _part(oid: x509.ObjectIdentifier, value: str) -> x509.NameAttribute[str]:
    """The names are longer than the 64 characters that X.520 has for them; Go does not mind."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return x509.NameAttribute(oid, value, _validate=False)


def _read_introduction(kubeconfig: bytes) -> Introduction | None:
    """None for one that cannot be used."""
    try:
        config = yaml.load(kubeconfig, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        context = next(one["context"] for one in config["contexts"] if one["name"] == config["current-context"])
        cluster = next(one["cluster"] for one in config["clusters"] if one["name"] == context["cluster"])
        user = next(one["user"] for one in config["users"] if one["name"] == context["user"])
        ca = base64.b64decode(cluster["certificate-authority-data"]).decode()
        return Introduction(Address(cluster["server"], ca), context["cluster"], user.get("token", ""))
    except (yaml.YAMLError, KeyError, TypeError, ValueError, StopIteration):
        return None


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _words(error: Exception) -> str:
    """As Go's client says it."""
    if isinstance(error, ApiError):
        return {401: "Unauthorized", 403: "Forbidden"}.get(error.status, str(error))
    if isinstance(error, asyncio.TimeoutError):
        return "dial tcp: i/o timeout"
    text = str(error)
    return f"tls: failed to verify certificate: x509: {text}" if "CERTIFICATE_VERIFY" in text else f"dial tcp: {text}"
