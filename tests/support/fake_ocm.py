# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a hub and its agents would do, on fake API servers."""

from __future__ import annotations

import base64
import datetime
import json
import pathlib
import stat
import sys
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fake_api import FakeApi, now

Json = dict[str, t.Any]
MANAGED_CLUSTERS = "/apis/cluster.open-cluster-management.io/v1/managedclusters"
CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
PUBLISHED = "https://its1.example:6443"
"""The address that the fake ITS publishes for agents."""
ALL_CLUSTERS = "system:open-cluster-management:managed-clusters"
BOOTSTRAP_USER = "system:serviceaccount:open-cluster-management:agent-registration-bootstrap"


class FakeAuthority:
    """A CA that signs clients."""

    def __init__(self, name: str = "its-ca") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = self._sign(self.name, self.key, 3650)
        self.pem = self.certificate.public_bytes(serialization.Encoding.PEM)

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: float) -> x509.Certificate:
        today = datetime.datetime.now(datetime.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(today - datetime.timedelta(days=1000))
            .not_valid_after(today + datetime.timedelta(days=days))
            .sign(self.key, hashes.SHA256())
        )

    def client(self, name: str, days: float = 365) -> bytes:
        """An agent's certificate."""
        return self._sign(subject(name), ec.generate_private_key(ec.SECP256R1()), days).public_bytes(
            serialization.Encoding.PEM
        )


def subject(
    name: str, common_names: t.Sequence[str] | None = None, organizations: t.Sequence[str] | None = None
) -> x509.Name:
    wanted = [f"system:open-cluster-management:{name}", ALL_CLUSTERS] if organizations is None else organizations
    names = [f"system:open-cluster-management:{name}:agent0"] if common_names is None else common_names
    return x509.Name(
        [
            *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, one) for one in wanted),
            *(x509.NameAttribute(NameOID.COMMON_NAME, one, _validate=False) for one in names),
        ]
    )


def request(of: x509.Name, extensions: t.Sequence[x509.ExtensionType] = ()) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(of)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    signed = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


def csr(name: str, object_name: str = "", token_id: str | None = None, pem: bytes | None = None) -> Json:
    """The signing request that an agent of this WEC makes."""
    extra = {"authentication.kubernetes.io/credential-id": [f"JTI={token_id}"]} if token_id else {}
    return {
        "metadata": {
            "name": object_name or f"{name}-abcde",
            "labels": {"open-cluster-management.io/cluster-name": name},
            "creationTimestamp": now(),
        },
        "spec": {
            "signerName": "kubernetes.io/kube-apiserver-client",
            "username": BOOTSTRAP_USER,
            "groups": ["system:serviceaccounts", "system:serviceaccounts:open-cluster-management"],
            "usages": ["digital signature", "key encipherment", "client auth"],
            "extra": extra,
            "request": base64.b64encode(request(subject(name)) if pem is None else pem).decode(),
        },
    }


def condition(kind: str, status: str = "True", reason: str = "") -> Json:
    return {"type": kind, "status": status, "reason": reason or kind, "message": "", "lastTransitionTime": now()}


CLUSTER_SETS = "/apis/cluster.open-cluster-management.io/v1beta2/managedclustersets"


def _selecting(kind: str) -> Json:
    return {"spec": {"clusterSelector": {"selectorType": kind}}}


class FakeIts(FakeApi):
    """A hub that accepts and signs at once, and whose agents answer at once, as far as ``agents`` names them."""

    def __init__(self, authority: FakeAuthority, ocm_version: str = "v1.2.1") -> None:
        super().__init__(is_hub=True)
        self.authority = authority
        for name in ("default", "edge", "special"):
            self.put(f"{CLUSTER_SETS}/{name}", _selecting("ExclusiveClusterSetLabel"))
        self.put(f"{CLUSTER_SETS}/global", _selecting("LabelSelector"))
        self.agents: set[str] = set()
        namespace = "/api/v1/namespaces/open-cluster-management"
        self.put(f"{namespace}/serviceaccounts/agent-registration-bootstrap", {})
        self.put(
            "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication",
            {"data": {"client-ca-file": authority.pem.decode()}},
        )
        self.put(
            "/apis/operator.open-cluster-management.io/v1/clustermanagers/cluster-manager",
            {"spec": {"registrationImagePullSpec": f"quay.io/open-cluster-management/registration:{ocm_version}"}},
        )
        info = {"clusters": [{"name": "", "cluster": {"server": PUBLISHED}}]}
        self.put("/api/v1/namespaces/kube-public/configmaps/cluster-info", {"data": {"kubeconfig": json.dumps(info)}})
        self.after.append(self._hub)

    def announce(self, name: str, token_id: str | None = None) -> None:
        """The agent makes its ManagedCluster and its signing request."""
        self.agents.add(name)
        self.put(f"{MANAGED_CLUSTERS}/{name}", {"spec": {"hubAcceptsClient": False, "leaseDurationSeconds": 60}})
        # As a Kubernetes of 1.30 and later has it: which token made a request is noted (seen on 1.34.4).
        token_id = token_id or self.minted.get(f"wec-bootstrap-{name}")
        self.put(f"{CSRS}/{name}-abcde", csr(name, token_id=token_id))

    def join(self, name: str, uid: str | None = None) -> None:
        """As if it had been registered all along."""
        self.announce(name)
        del self.objects[f"{CSRS}/{name}-abcde"]
        annotations = {"wec.kubestellar.io/kube-system-uid": uid} if uid else {}
        self.change(
            f"{MANAGED_CLUSTERS}/{name}",
            {"spec": {"hubAcceptsClient": True}, "metadata": {"annotations": annotations}},
        )
        self.make_available(name)

    def make_available(self, name: str) -> None:
        conditions = [
            condition("HubAcceptedManagedCluster"),
            condition("ManagedClusterJoined"),
            condition("ManagedClusterConditionAvailable"),
        ]
        self.change(f"{MANAGED_CLUSTERS}/{name}", {"status": {"conditions": conditions}})
        self.put(
            f"/api/v1/namespaces/{name}", {"metadata": {"labels": {"open-cluster-management.io/cluster-name": name}}}
        )
        path = f"/apis/coordination.k8s.io/v1/namespaces/{name}/leases/managed-cluster-lease"
        self.put(path, {"spec": {"renewTime": now()}})

    def _hub(self) -> None:
        for path, item in list(self.objects.items()):
            if path.startswith(CSRS) and not item.get("status", {}).get("certificate"):
                approved = any(one["type"] == "Approved" for one in item.get("status", {}).get("conditions", []))
                if approved:
                    item["status"]["certificate"] = "Y2VydGlmaWNhdGU="
        for name in self.agents:
            cluster = self.objects.get(f"{MANAGED_CLUSTERS}/{name}")
            issued = any(
                item["metadata"]["labels"].get("open-cluster-management.io/cluster-name") == name
                and item.get("status", {}).get("certificate")
                for path, item in self.objects.items()
                if path.startswith(CSRS)
            )
            if cluster and cluster["spec"]["hubAcceptsClient"] and issued and "status" not in cluster:
                self.make_available(name)


OPERATOR_OBJECTS = (
    "/api/v1/namespaces/open-cluster-management/serviceaccounts/klusterlet",
    "/apis/apps/v1/namespaces/open-cluster-management/deployments/klusterlet",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles/klusterlet",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/klusterlet",
)
"""What clusteradm puts on a WEC for the operator."""


def install_agent(
    wec: FakeApi, name: str, its: FakeIts, certificate: bytes | None = None, token: str = "", server: str = ""
) -> None:
    """A klusterlet on a WEC, with its bootstrap secret, and with a certificate if one is given."""
    import yaml

    def kubeconfig(user: Json) -> str:
        ca = base64.b64encode(its.authority.pem).decode()
        config = {
            "clusters": [{"name": "hub", "cluster": {"server": server or PUBLISHED, "certificate-authority-data": ca}}],
            "users": [{"name": "user", "user": user}],
            "contexts": [{"name": "c", "context": {"cluster": "hub", "user": "user"}}],
            "current-context": "c",
        }
        return base64.b64encode(yaml.safe_dump(config).encode()).decode()

    namespace = "/api/v1/namespaces/open-cluster-management-agent"
    wec.put("/api/v1/namespaces/open-cluster-management", {})
    wec.put(namespace, {})
    for path in OPERATOR_OBJECTS:
        if path not in wec.objects:
            wec.put(path, {})
    wec.put(
        "/apis/operator.open-cluster-management.io/v1/klusterlets/klusterlet",
        {
            "spec": {
                "clusterName": name,
                "namespace": "open-cluster-management-agent",
                "deployOption": {"mode": "Singleton"},
            }
        },
    )
    wec.put(f"{namespace}/secrets/bootstrap-hub-kubeconfig", {"data": {"kubeconfig": kubeconfig({"token": token})}})
    if certificate is not None:
        encoded = {
            "kubeconfig": kubeconfig({"client-certificate": "tls.crt", "client-key": "tls.key"}),
            "tls.crt": base64.b64encode(certificate).decode(),
            "cluster-name": base64.b64encode(name.encode()).decode(),
            "agent-name": base64.b64encode(b"agent0").decode(),
        }
        wec.put(f"{namespace}/secrets/hub-kubeconfig-secret", {"data": encoded})


_FAKE_CLUSTERADM = """\
#!{python}
import base64, json, os, sys, urllib.error, urllib.request
arguments = sys.argv[1:]
with open({log!r}, "a") as log:
    print(json.dumps(arguments), file=log)
if arguments == ["version"]:
    print("clusteradm\\tversion\\t:{version}")
    sys.exit(0)
if arguments == ["join", "--help"]:
    print({flags!r})
    sys.exit(0)
if arguments == ["upgrade", "klusterlet", "--help"]:
    print("--bundle-version-overrides=FILE --image-registry=quay.io/open-cluster-management --wait=false")
    sys.exit(0)
upgrades = arguments[:2] == ["upgrade", "klusterlet"]
given, words = {{}}, arguments[2 if upgrades else 1 :]
while words:
    word = words.pop(0)
    given[word] = words.pop(0) if words and not words[0].startswith("--") else ""
if {failure!r}:
    print("Error: " + {failure!r} + " " + given.get("--hub-token", ""), file=sys.stderr)
    sys.exit(1)
config = json.load(open(given["--kubeconfig"]))
server = config["clusters"][0]["cluster"]["server"]
def patch(path, body):
    data, kind = json.dumps(body).encode(), {{"Content-Type": "application/merge-patch+json"}}
    urllib.request.urlopen(urllib.request.Request(server + path, data, kind, method="PATCH"))
if upgrades:
    tag, home = json.load(open(given["--bundle-version-overrides"]))["ocm"], given["--image-registry"]
    image = home + "/registration-operator:" + tag
    spec = {{"imagePullSpec": image, "registrationImagePullSpec": home + "/registration:" + tag,
            "workImagePullSpec": home + "/work:" + tag}}
    own = "/apis/operator.open-cluster-management.io/v1/klusterlets/klusterlet"
    found = json.load(urllib.request.urlopen(server + own))["spec"]
    if not found.get("resourceRequirement"):
        spec.update({{"clusterName": "cluster1", "deployOption": {{"mode": "Singleton"}}}})
    patch(own, {{"spec": spec}})
    patch("/apis/apps/v1/namespaces/open-cluster-management/deployments/klusterlet",
          {{"spec": {{"template": {{"spec": {{"containers": [{{"name": "klusterlet", "image": image}}]}}}}}}}})
    sys.exit(0)
ca = base64.b64encode(open(given["--ca-file"], "rb").read()).decode()
def post(path, body):
    data = json.dumps(body).encode()
    urllib.request.urlopen(urllib.request.Request(server + path, data, {{"Content-Type": "application/json"}}))
for path in {objects!r}:
    folder, _slash, name = path.rpartition("/")
    try:
        post(folder, {{"metadata": {{"name": name}}}})
    except urllib.error.HTTPError as error:
        if error.code != 409:
            raise
internal = "--force-internal-endpoint-lookup" in arguments
hub_server = {published!r} if internal else given["--hub-apiserver"]
hub = {{"clusters": [{{"name": "hub", "cluster": {{"server": hub_server, "certificate-authority-data": ca}}}}],
       "users": [{{"name": "bootstrap", "user": {{"token": given["--hub-token"]}}}}],
       "contexts": [{{"name": "bootstrap", "context": {{"cluster": "hub", "user": "bootstrap"}}}}],
       "current-context": "bootstrap"}}
post("/apis/operator.open-cluster-management.io/v1/klusterlets",
     {{"metadata": {{"name": "klusterlet"}}, "spec": {{"clusterName": given["--cluster-name"],
      "namespace": "open-cluster-management-agent", "deployOption": {{"mode": "Singleton"}}}}}})
post("/api/v1/namespaces/open-cluster-management-agent/secrets",
     {{"metadata": {{"name": "bootstrap-hub-kubeconfig"}},
      "data": {{"kubeconfig": base64.b64encode(json.dumps(hub).encode()).decode()}}}})
"""


FLAGS = """\
      --annotation --bundle-version-overrides string --ca-file string --cluster-name string --feature-gates mapStringBool
      --force-internal-endpoint-lookup --hub-apiserver string --hub-token string --image-pull-credential-file string
      --image-registry string --klusterlet-annotation stringArray --klusterlet-values-file string --proxy-ca-file string
      --proxy-url string --resource-limits --resource-qos-class string --resource-requests --singleton
"""


def fake_clusteradm(
    folder: pathlib.Path, version: str = "v1.3.1", failure: str = "", flags: str = FLAGS
) -> tuple[pathlib.Path, pathlib.Path]:
    """A clusteradm for fake WECs; gives its path, and that of the log of its calls."""
    program, log = folder / "clusteradm", folder / "clusteradm.log"
    program.write_text(
        _FAKE_CLUSTERADM.format(
            python=sys.executable,
            log=str(log),
            version=version,
            failure=failure,
            published=PUBLISHED,
            objects=OPERATOR_OBJECTS,
            flags=flags,
        ),
        encoding="utf-8",
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program, log
