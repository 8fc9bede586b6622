# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubeconfigs as distributions, clouds and tools write them, and as people change them, all of one real cluster.

The shapes are those of the tools' own code and documentation; addresses, names and credentials are ours.
"""

from __future__ import annotations

import base64
import copy
import dataclasses
import json
import pathlib
import typing as t

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

Json = dict[str, t.Any]
EXEC_API = "client.authentication.k8s.io/"


@dataclasses.dataclass(frozen=True)
class Target:
    """The cluster and its administrator. ``folder`` is where files may be written that a kubeconfig names; ``proxies`` are addresses
    of proxies that lead to it, by what they are."""

    server: str
    ca: bytes
    certificate: bytes
    key: bytes
    token: str
    folder: pathlib.Path
    proxies: t.Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def secrets(self) -> list[str]:
        return [self.token, base64.b64encode(self.key).decode(), self.key.decode().splitlines()[1]]


@dataclasses.dataclass(frozen=True)
class Shape:
    """``refused``: a part of the sentence by which this collection refuses what kubectl takes; ``repaired``: it takes what kubectl
    refuses, and clusteradm is given what kubectl would have taken."""

    name: str
    content: bytes
    context: str | None = None
    environment: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    refused: str = ""
    repaired: bool = False


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def shapes(target: Target) -> list[Shape]:
    """More than a hundred. Plugins and other files are written to the target's folder."""
    _write_files(target)
    found = [*_of_tools(target), *_written_otherwise(target), *_clusters(target), *_users(target), *_plugins(target)]
    found += [*_structures(target)]
    names = [shape.name for shape in found]
    assert len(set(names)) == len(names), sorted(name for name in names if names.count(name) > 1)
    return found


def _write_files(target: Target) -> None:
    for name, content in (
        ("ca.crt", target.ca),
        ("client.crt", target.certificate),
        ("client.key", target.key),
        ("token", f"{target.token}\n".encode()),
        ("token-plain", target.token.encode()),
        ("token-bom", b"\xef\xbb\xbf" + target.token.encode()),
        ("empty", b""),
    ):
        (target.folder / name).write_bytes(content)
    for version in ("v1", "v1beta1", "v1alpha1", "v2"):
        for kind, status in (
            ("token", {"token": target.token}),
            (
                "certificate",
                {"clientCertificateData": target.certificate.decode(), "clientKeyData": target.key.decode()},
            ),
            ("nothing", {}),
            ("ended", {"token": target.token, "expirationTimestamp": "2020-01-01T00:00:00Z"}),
        ):
            answer = {"apiVersion": EXEC_API + version, "kind": "ExecCredential", "status": status}
            (target.folder / f"{kind}-{version}.json").write_text(json.dumps(answer))


# -- as tools write them -----------------------------------------------------------------------------------------


def _cluster(target: Target, **more: t.Any) -> Json:
    return {"certificate-authority-data": encoded(target.ca), "server": target.server, **more}


def _admin(target: Target) -> Json:
    return {"client-certificate-data": encoded(target.certificate), "client-key-data": encoded(target.key)}


def _config(
    cluster: Json, user: Json | None, names: tuple[str, str, str] = ("default", "default", "default"), **context: t.Any
) -> Json:
    """``names``: of the cluster, the user and the context."""
    return {
        "apiVersion": "v1",
        "clusters": [{"cluster": cluster, "name": names[0]}],
        "contexts": [{"context": {"cluster": names[0], "user": names[1], **context}, "name": names[2]}],
        "current-context": names[2],
        "kind": "Config",
        "preferences": {},
        "users": [{"name": names[1], "user": user}],
    }


def _plugin(target: Target, kind: str = "token", version: str = "v1beta1", **more: t.Any) -> Json:
    """A plugin that gives a good credential. It stands for the tool that the shape is of."""
    given = {
        "apiVersion": EXEC_API + version,
        "command": "cat",
        "args": [str(target.folder / f"{kind}-{version}.json")],
    }
    return {"exec": {key: value for key, value in {**given, **more}.items() if value is not ...}}


def _of_tools(target: Target) -> t.Iterator[Shape]:
    admin, cluster, files = _admin(target), _cluster(target), target.folder
    arn = "arn:aws:eks:eu-central-1:111122223333:cluster/edge"
    gke = "gke_project_europe-west3-a_edge"
    oc = ("api-edge-example:6443", "kube:admin/api-edge-example:6443", "default/api-edge-example:6443/kube:admin")
    for name, config in {
        "k3s": _config(cluster, admin),
        "rke2": _config(cluster, admin),
        "microk8s": _config(cluster, admin, ("microk8s-cluster", "admin", "microk8s")),
        "microk8s, a token": _config(cluster, {"token": target.token}, ("microk8s-cluster", "admin", "microk8s")),
        "kubeadm": _config(cluster, admin, ("kubernetes", "kubernetes-admin", "kubernetes-admin@kubernetes")),
        "k0s": _config(cluster, admin, ("local", "user", "Default")),
        "talos": _config(cluster, admin, ("edge", "admin@edge", "admin@edge"), namespace="default"),
        "eks": _config(
            cluster,
            _plugin(target, env=[{"name": "AWS_PROFILE", "value": "edge"}], provideClusterInfo=False),
            (arn, arn, arn),
        ),
        "eks, env null": _config(cluster, _plugin(target, env=None), (arn, arn, arn)),
        "eks, aws-iam-authenticator": _config(cluster, _plugin(target, version="v1alpha1"), (arn, arn, arn)),
        "gke": _config(
            cluster,
            _plugin(target, installHint="Install gke-gcloud-auth-plugin", provideClusterInfo=True),
            (gke, gke, gke),
        ),
        "gke, the old provider": _config(
            cluster, {"auth-provider": {"name": "gcp", "config": {"cmd-path": "gcloud"}}}, (gke, gke, gke)
        ),
        "aks, an administrator": _config(
            cluster, {**admin, "token": target.token}, ("edge", "clusterAdmin_rg_edge", "edge-admin")
        ),
        "aks, kubelogin": _config(cluster, _plugin(target, env=None, provideClusterInfo=False), ("edge", "u", "edge")),
        "aks, the old provider": _config(cluster, {"auth-provider": {"name": "azure", "config": {}}}),
        "openshift, oc login": _config(cluster, {"token": target.token}, oc, namespace="default"),
        "openshift, insecure": _config(
            {"insecure-skip-tls-verify": True, "server": target.server}, {"token": target.token}, oc
        ),
        "rancher, through its server": _config(
            _cluster(target, server=f"{target.server}/k8s/clusters/c-m-abc"), {"token": "kubeconfig-user-x:secretvalue"}
        ),
        "teleport": _config(
            cluster,
            _plugin(target, "certificate", args=["certificate-v1beta1.json"], env=[]),
            ("teleport", "teleport-edge", "teleport-edge"),
        ),
        "pinniped": _config(
            cluster, _plugin(target, provideClusterInfo=True, interactiveMode="IfAvailable"), ("pinniped",) * 3
        ),
        "minikube": _config(
            {
                "certificate-authority": str(files / "ca.crt"),
                "server": target.server,
                "extensions": [{"name": "cluster_info", "extension": {"provider": "minikube.sigs.k8s.io"}}],
            },
            {"client-certificate": str(files / "client.crt"), "client-key": str(files / "client.key")},
            ("minikube",) * 3,
            namespace="default",
            extensions=[{"name": "context_info", "extension": {"last-update": "Thu, 01 Oct 2026 10:00:00 UTC"}}],
        ),
        "kind": _config(cluster, admin, ("kind-edge",) * 3),
        "k3d": _config(cluster, admin, ("k3d-edge", "admin@k3d-edge", "k3d-edge")),
        "vcluster": _config(cluster, admin, ("vcluster_edge_team-a_kind-host",) * 3),
        "kubeflex": {
            **_config(cluster, admin, ("its1-cluster", "its1-admin", "its1")),
            "preferences": {"extensions": [{"name": "kubeflex-initial-ctx-name", "extension": {"data": {"x": "y"}}}]},
        },
        "digitalocean": _config(
            cluster, _plugin(target, env=None), ("do-fra1-edge", "do-fra1-edge-admin", "do-fra1-edge")
        ),
        "oracle": _config(cluster, _plugin(target, env=[]), ("cluster-abc", "user-abc", "context-abc")),
        "linode": _config(cluster, {"token": target.token}, ("lke1", "lke1-admin", "lke1-ctx"), namespace="default"),
        "gardener": _config(
            {**cluster, "extensions": [{"name": f"{EXEC_API}exec", "extension": {"shootRef": {"name": "edge"}}}]},
            _plugin(target, version="v1", interactiveMode="IfAvailable", provideClusterInfo=True),
            ("garden-edge",) * 3,
        ),
        "oidc-login": _config(cluster, _plugin(target, version="v1", interactiveMode="Never", env=None), ("oidc",) * 3),
        "a service account": _config(cluster, {"token": target.token}, namespace="kube-system"),
        "a pod's": _config(
            {"certificate-authority": str(files / "ca.crt"), "server": target.server},
            {"tokenFile": str(files / "token")},
        ),
    }.items():
        yield _shape(name, config)


def _shape(name: str, config: Json, **more: t.Any) -> Shape:
    return Shape(name, yaml.safe_dump(config, sort_keys=False).encode(), **more)


# -- the same, written otherwise ----------------------------------------------------------------------------------


def _written_otherwise(target: Target) -> t.Iterator[Shape]:
    config = _config(_cluster(target), _admin(target))
    text = yaml.safe_dump(config, sort_keys=False)
    yield Shape("a byte order mark", text.encode("utf-8-sig"))
    yield Shape("CRLF", text.replace("\n", "\r\n").encode())
    yield Shape("JSON", json.dumps(config).encode())
    yield Shape("JSON with tabs", json.dumps(config, indent="\t").encode())
    yield Shape("JSON after blank lines", b"\n\n" + json.dumps(config, indent=2).encode())
    yield Shape("flow style", yaml.safe_dump(config, default_flow_style=True).encode())
    yield Shape("narrow", yaml.safe_dump(config, width=30).encode())
    yield Shape("comments", ("# of the edge\n" + text.replace("users:", "users:  # all of them")).encode())
    yield Shape("a document start", ("---\n" + text).encode())
    yield Shape("a second document", (text + "---\nanother: thing\n").encode())
    yield Shape(
        "an anchor",
        text.replace("name: default", "name: &n default", 1).replace("cluster: default", "cluster: *n").encode(),
    )
    yield Shape("quoted", yaml.safe_dump(config, default_style='"').encode().replace(b"!!int ", b""))
    yield Shape("UTF-16", text.encode("utf-16"), refused="UTF-16")
    yield Shape("UTF-16 without a mark", text.encode("utf-16-le"), refused="UTF-16")
    yield Shape("Latin-1", ("# Zürich\n" + text).encode("latin-1"))
    yield Shape("not YAML", (text + "  x: [\n").encode())
    yield Shape("tabs", text.replace("  ", "\t").encode())
    yield Shape(
        "no apiVersion and no kind", text.replace("apiVersion: v1\n", "").replace("kind: Config\n", "").encode()
    )
    yield Shape("another apiVersion", text.replace("apiVersion: v1", "apiVersion: v2").encode())
    yield Shape("another kind", text.replace("kind: Config", "kind: Secret").encode())
    yield Shape(
        "names with blanks and umlauts",
        _shape("", _config(_cluster(target), _admin(target), ("Zürich 1", "ü", "Zürich/1 @x"))).content,
    )


# -- clusters -----------------------------------------------------------------------------------------------------


def _clusters(target: Target) -> t.Iterator[Shape]:
    ca = encoded(target.ca)
    lines = "\n".join(ca[start : start + 60] for start in range(0, len(ca), 60))
    port = target.server.rpartition(":")[2]
    for name, changes in {
        "a final slash": {"server": f"{target.server}/"},
        "localhost": {"server": f"https://localhost:{port}"},
        "HTTPS in capitals": {"server": target.server.replace("https", "HTTPS")},
        "a server without a scheme": {"server": target.server.removeprefix("https://")},
        "a server with a blank": {"server": f"{target.server} "},
        "a server that is missing": {"server": ...},
        "a server that is null": {"server": None},
        "a server that is a number": {"server": 6443},
        "a CA on several lines": {"certificate-authority-data": lines},
        "a CA with text around it": {"certificate-authority-data": encoded(b"# ours\n" + target.ca + b"\n")},
        "two CAs": {"certificate-authority-data": encoded(target.ca + target.ca)},
        "a CA with blanks": {"certificate-authority-data": lines.replace("\n", " ")},
        "a CA that is not base64": {"certificate-authority-data": "not base64!"},
        "a CA that is no PEM": {"certificate-authority-data": encoded(b"hello")},
        "a CA that is broken": {
            "certificate-authority-data": encoded(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        },
        "another CA": {"certificate-authority-data": encoded(target.certificate)},
        "no CA": {"certificate-authority-data": ...},
        "a CA of kubectl config view": {"certificate-authority-data": "DATA+OMITTED"},
        "a CA as a file": {"certificate-authority-data": ..., "certificate-authority": "ca.crt"},
        "a CA as a file and as data": {"certificate-authority": "ca.crt"},
        "a CA that is not there": {"certificate-authority-data": ..., "certificate-authority": "nope.crt"},
        "a CA under a tilde": {"certificate-authority-data": ..., "certificate-authority": "~/ca.crt"},
        "insecure": {"certificate-authority-data": ..., "insecure-skip-tls-verify": True},
        "insecure, and a CA": {"insecure-skip-tls-verify": True},
        "not insecure, and a CA": {"insecure-skip-tls-verify": False},
        "insecure as a text": {"certificate-authority-data": ..., "insecure-skip-tls-verify": "true"},
        "a right name for TLS": {"tls-server-name": "localhost"},
        "a wrong name for TLS": {"tls-server-name": "wrong.example"},
        "an empty proxy": {"proxy-url": ""},
        "a proxy without a scheme": {"proxy-url": "127.0.0.1:9"},
        "a proxy that is a name": {"proxy-url": "localhost:9"},
        "a proxy by ftp": {"proxy-url": "ftp://127.0.0.1:9"},
        "a proxy by socks4": {"proxy-url": "socks4://127.0.0.1:9"},
        "a proxy that is not there": {"proxy-url": "http://127.0.0.1:9"},
        "a SOCKS proxy that is not there": {"proxy-url": "socks5://127.0.0.1:9"},
        **{name: {"proxy-url": url} for name, url in target.proxies.items()},
        "no compression": {"disable-compression": True},
        "unknown fields": {"certificate-authority-fingerprint": "ab:cd"},
    }.items():
        cluster = {key: value for key, value in {**_cluster(target), **changes}.items() if value is not ...}
        yield _shape(name, _config(cluster, _admin(target)))
    yield _shape(
        "a proxy of the environment that this machine is not reached through",
        _config(_cluster(target), _admin(target)),
        environment={"HTTPS_PROXY": "127.0.0.1:9"},
    )


# -- users --------------------------------------------------------------------------------------------------------


def _users(target: Target) -> t.Iterator[Shape]:
    admin, token = _admin(target), target.token
    groups = {"as-groups": ["system:masters"]}
    for name, user in {
        "a token": {"token": token},
        "a token with blanks around it": {"token": f"{token}\n"},
        "a wrong token": {"token": "wrong"},
        "a token that is a number": {"token": 12345},
        "a token that is true": {"token": True},
        "an empty token": {"token": ""},
        "a file of a token": {"tokenFile": "token"},
        "a file of a token without a line end": {"tokenFile": "token-plain"},
        "a file of a token, and another token": {"tokenFile": "token", "token": "wrong"},
        "a file of a token that is empty": {"tokenFile": "empty"},
        "a file of a token that is not there": {"tokenFile": "nope"},
        "a certificate and a token": {**admin, "token": "wrong"},
        "a certificate as files": {"client-certificate": "client.crt", "client-key": "client.key"},
        "a certificate as a file, the key as data": {
            "client-certificate": "client.crt",
            "client-key-data": admin["client-key-data"],
        },
        "a certificate as a file and as data": {**admin, "client-certificate": "client.crt"},
        "a key as a file and as data": {**admin, "client-key": "client.key"},
        "a certificate without a key": {"client-certificate-data": admin["client-certificate-data"]},
        "a key without a certificate": {"client-key-data": admin["client-key-data"]},
        "a key that is null": {**admin, "client-key-data": None},
        "a key of kubectl config view": {**admin, "client-key-data": "DATA+OMITTED"},
        "a key that is another's": {**admin, "client-key-data": encoded(_new_key())},
        "a key with a password": {**admin, "client-key-data": encoded(_new_key(b"a-password"))},
        "a key that is broken": {
            **admin,
            "client-key-data": encoded(b"-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"),
        },
        "certificate and key exchanged": {
            "client-certificate-data": admin["client-key-data"],
            "client-key-data": admin["client-certificate-data"],
        },
        "a certificate that is not there": {"client-certificate": "nope.crt", "client-key": "client.key"},
        "a user and a password": {"username": "me", "password": "a-password-of-mine"},
        "a token and a password": {"token": token, "username": "me", "password": "a-password-of-mine"},
        "a certificate and a password": {**admin, "username": "me", "password": "a-password-of-mine"},
        "nobody": {},
        "somebody else": {**admin, "as": "somebody"},
        "somebody else's groups": {**admin, "as": "somebody", **groups},
        "somebody else's groups alone": {**admin, **groups},
        "somebody else's UID alone": {**admin, "as-uid": "1"},
        "somebody else's facts": {
            **admin,
            "as": "somebody",
            "as-uid": "1",
            "as-user-extra": {"why": ["test"]},
            **groups,
        },
        "unknown fields of a user": {**admin, "colour": "red"},
        "oidc without an issuer": {"auth-provider": {"name": "oidc", "config": {"id-token": "x"}}},
        "a provider that nobody has": {"auth-provider": {"name": "nope"}},
    }.items():
        yield _shape(name, _config(_cluster(target), user), repaired="blanks" in name)
    yield _shape("a user that is null", _config(_cluster(target), None))


def _plugins(target: Target) -> t.Iterator[Shape]:
    def shape(name: str, **plugin: t.Any) -> Shape:
        return _shape(f"a plugin, {name}", _config(_cluster(target), _plugin(target, **plugin)))

    for version in ("v1", "v1beta1", "v1alpha1", "v2"):
        for mode in (..., "Never", "IfAvailable", "Always", "sometimes"):
            yield shape(f"{version}, {'no mode' if mode is ... else mode}", version=version, interactiveMode=mode)
    yield shape("a certificate", kind="certificate")
    yield shape("nothing", kind="nothing")
    yield shape("a token that ended", kind="ended")
    yield shape("no command", command=...)
    yield shape("no apiVersion", apiVersion=...)
    yield shape("not there", command="/nonexistent/plugin", installHint="Install it.")
    yield shape("no ExecCredential", command="echo", args=["hello"])
    yield shape("of another version", args=[str(target.folder / "token-v1.json")])
    yield shape("that fails", command="false", args=[])
    yield shape("args null", command="true", args=None)
    yield shape("args a text", args="x")
    yield shape("args with a number", command="cat", args=[1])
    yield shape("env without a name", env=[{"value": "x"}])
    yield shape("env with a number", env=[{"name": "A", "value": 1}])
    yield shape("env a mapping", env={"A": "b"})
    both = {**_plugin(target), "auth-provider": {"name": "oidc", "config": {}}}
    yield _shape("a plugin, and a provider", _config(_cluster(target), both))
    yield _shape("a plugin, and a certificate", _config(_cluster(target), {**_plugin(target), **_admin(target)}))


# -- how entries lead to each other ----------------------------------------------------------------------------------


def _structures(target: Target) -> t.Iterator[Shape]:
    base = _config(_cluster(target), _admin(target))

    def shape(name: str, context: str | None = None, **changes: t.Any) -> Shape:
        config = {**copy.deepcopy(base), **{key.replace("_", "-"): value for key, value in changes.items()}}
        return _shape(name, {key: value for key, value in config.items() if value is not ...}, context=context)

    yield shape("no current context", current_context="")
    yield shape("no current context, one named", context="default", current_context="")
    yield shape("a current context that is not there", current_context="nope")
    yield shape("a context that is not there", context="nope")
    yield shape(
        "a context of another cluster", contexts=[{"name": "default", "context": {"cluster": "x", "user": "default"}}]
    )
    yield shape(
        "a context of another user", contexts=[{"name": "default", "context": {"cluster": "default", "user": "x"}}]
    )
    yield shape("a context without a user", contexts=[{"name": "default", "context": {"cluster": "default"}}])
    yield shape("a context that is null", contexts=[{"name": "default", "context": None}])
    yield shape("a context that is a number", contexts=[{**base["contexts"][0], "name": 12}], current_context=12)
    yield shape("clusters as a mapping", clusters={"default": _cluster(target)})
    yield shape("users that are null", users=None)
    yield shape("no users", users=[])
    yield shape("a user twice", users=base["users"] * 2)
    yield shape("a context twice", contexts=base["contexts"] * 2)
    yield shape("a user without a user", users=[{"name": "default"}])
    yield shape("many contexts", contexts=[*base["contexts"], *({"name": f"c{n}", "context": {}} for n in range(30))])
    yield shape("an unknown list", things=[{"name": "x"}])


def _new_key(password: bytes | None = None) -> bytes:
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how)
