# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The least that anybody can do: one Python process, connections that are kept, and nothing looked at that is not needed.

    python bare.py label KUBECONFIG KEY=VALUE WEC...
    python bare.py register KUBECONFIG FLEET WEC...      (clusteradm joins, this approves and accepts)
    python bare.py leave KUBECONFIG FLEET WEC...

It is what the collection is measured against, not an example: it takes whatever asks to be let in, gives up at nothing, and
when it takes WECs off, asks none of them who it is, and does not wait for a KubeStellar that has not noticed yet.
"""

from __future__ import annotations

import argparse
import base64
import concurrent.futures
import http.client
import json
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import typing as t
import urllib.parse

import yaml

Json = dict[str, t.Any]
CLUSTERS = "/apis/cluster.open-cluster-management.io/v1/managedclusters"
CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
NAME = "open-cluster-management.io/cluster-name"
TOKEN = "/api/v1/namespaces/open-cluster-management/serviceaccounts/agent-registration-bootstrap/token"
MAILBOX = "/api/v1/namespaces/{}"
PROPERTIES = "/api/v1/namespaces/customization-properties/configmaps/{}"
WORKS = "/apis/work.open-cluster-management.io/v1/manifestworks"
KLUSTERLET = "/apis/operator.open-cluster-management.io/v1/klusterlets/klusterlet"
OF_AGENT = [MAILBOX.format(f"open-cluster-management-agent{part}") for part in ("", "-addon")]
OPERATOR = MAILBOX.format("open-cluster-management")
RBAC = "/apis/rbac.authorization.k8s.io/v1"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
INSTALLATION = [
    OPERATOR,
    f"{RBAC}/clusterrolebindings/klusterlet",
    f"{RBAC}/clusterroles/klusterlet",
    f"{DEFINITIONS}/klusterlets.operator.open-cluster-management.io",
    f"{DEFINITIONS}/appliedmanifestworks.work.open-cluster-management.io",
    f"{DEFINITIONS}/clusterclaims.cluster.open-cluster-management.io",
]
PUBLISHED = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
_TICK = 1.0


class Client:
    """A connection for each thread, kept open."""

    def __init__(self, config: Json) -> None:
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        address = urllib.parse.urlsplit(cluster["server"])
        self._host, self._port = str(address.hostname), address.port
        self.server = cluster["server"]
        self.ca = base64.b64decode(cluster["certificate-authority-data"])
        self._tls = ssl.create_default_context(cadata=self.ca.decode())
        with tempfile.NamedTemporaryFile() as pem:
            pem.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
            pem.flush()
            self._tls.load_cert_chain(pem.name)
        self._own = threading.local()

    def request(self, method: str, path: str, body: Json | None = None) -> Json:
        """Raises OSError for an answer that is an error."""
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = http.client.HTTPSConnection(self._host, self._port, context=self._tls, timeout=60)
            self._own.connection = connection
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": kind})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise OSError(f"{method} {path}: {answer.status} {text[:200].decode(errors='replace')}")
        return t.cast(Json, json.loads(text))

    def is_there(self, path: str) -> bool:
        try:
            return bool(self.request("GET", path))
        except OSError as error:
            if " 404 " not in str(error):
                raise
            return False

    def delete(self, path: str) -> None:
        try:
            self.request("DELETE", path)
        except OSError as error:
            if " 404 " not in str(error):
                raise


def _hub(given: argparse.Namespace) -> Client:
    return Client(yaml.safe_load(given.kubeconfig.read_text(encoding="utf-8")))


def label(given: argparse.Namespace) -> None:
    client = _hub(given)
    key, _equals, value = given.label.partition("=")
    patch = {"metadata": {"labels": {key: value}}}
    with concurrent.futures.ThreadPoolExecutor(given.at_once) as pool:
        list(pool.map(lambda name: client.request("PATCH", f"{CLUSTERS}/{name}", patch), given.wecs))


def register(given: argparse.Namespace) -> None:
    client = _hub(given)
    token = client.request("POST", TOKEN, {"spec": {"expirationSeconds": 3600}})["status"]["token"]
    published = client.request("GET", PUBLISHED)["data"]["kubeconfig"]
    server = yaml.safe_load(published)["clusters"][0]["cluster"]["server"]
    fleet = {one["name"]: one for one in yaml.load(given.fleet.read_text(), Loader=yaml.CSafeLoader)["clusters"]}
    unknown = set(given.wecs) - set(fleet)
    if unknown:
        sys.exit(f"{given.fleet} does not have {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(given.at_once) as pool:
        ca = pathlib.Path(folder) / "ca.crt"
        ca.write_bytes(client.ca)
        shared = ["--hub-token", token, "--hub-apiserver", client.server, "--ca-file", str(ca), "--singleton"]
        # The address for agents is not the one for this machine.
        shared += ["--force-internal-endpoint-lookup"] if server != client.server else []
        joins = [pool.submit(_join, given, folder, name, shared) for name in given.wecs]
        accepted: set[str] = set()
        while not _look_and_let_in(client, set(given.wecs), accepted):
            for done in joins:
                if done.done():
                    done.result()
            time.sleep(_TICK)


def leave(given: argparse.Namespace) -> None:
    """In the order that is safe, all of them side by side."""
    hub = _hub(given)
    names = set(given.wecs)

    def left(path: str, name: t.Callable[[Json], str]) -> set[str]:
        return names & {name(one["metadata"]) for one in hub.request("GET", f"{path}?limit=5000")["items"]}

    with concurrent.futures.ThreadPoolExecutor(given.at_once) as pool:
        labels = {one["metadata"]["name"]: one["metadata"].get("labels") or {} for one in _items(hub, CLUSTERS)}

        def unlabel(name: str) -> None:
            own = {key: None for key in labels[name] if "open-cluster-management.io/" not in key}
            hub.request("PATCH", f"{CLUSTERS}/{name}", {"metadata": {"labels": own}})

        list(pool.map(unlabel, given.wecs))
        _until(lambda: not left(WORKS, lambda one: one["namespace"]))
        list(pool.map(lambda name: hub.delete(f"{CLUSTERS}/{name}"), given.wecs))
        _until(lambda: not left(CLUSTERS, lambda one: one["name"]))
        requests: dict[str, list[str]] = {name: [] for name in names}
        for one in _items(hub, f"{CSRS}?labelSelector={NAME}"):
            requests.get(one["metadata"]["labels"][NAME], []).append(f"{CSRS}/{one['metadata']['name']}")

        def clear(name: str) -> None:
            for path in (MAILBOX.format(name), PROPERTIES.format(name), *requests[name]):
                hub.delete(path)

        list(pool.map(clear, given.wecs))
        wecs = list(pool.map(lambda name: Client(_one(given.fleet, name)), given.wecs))
        list(pool.map(lambda wec: wec.delete(KLUSTERLET), wecs))
        _until_none(pool, wecs, [KLUSTERLET, *OF_AGENT])
        list(pool.map(lambda wec: [wec.delete(path) for path in INSTALLATION], wecs))
        _until_none(pool, wecs, [OPERATOR])
        _until(lambda: not left("/api/v1/namespaces", lambda one: one["name"]))


def _items(client: Client, path: str) -> list[Json]:
    return t.cast(list[Json], client.request("GET", f"{path}{'&' if '?' in path else '?'}limit=5000")["items"])


def _until(done: t.Callable[[], bool]) -> None:
    while not done():
        time.sleep(_TICK)


def _until_none(pool: concurrent.futures.Executor, wecs: t.Sequence[Client], paths: t.Sequence[str]) -> None:
    """Until none of these WECs has any of these objects."""
    while wecs:
        has = list(pool.map(lambda wec: any(map(wec.is_there, paths)), wecs))
        wecs = [wec for wec, still in zip(wecs, has, strict=True) if still]
        time.sleep(_TICK if wecs else 0)


def _join(given: argparse.Namespace, folder: str, name: str, shared: t.Sequence[str]) -> None:
    # A file of its own for each: clusteradm would read that of the whole fleet for a second.
    own = pathlib.Path(folder) / f"{name}.kubeconfig"
    own.write_text(json.dumps(_one(given.fleet, name)), encoding="utf-8")
    arguments = ["clusteradm", "join", "--kubeconfig", str(own), "--context", name, "--cluster-name", name]
    arguments += ["--bundle-version", given.bundle_version, *shared]
    done = subprocess.run(arguments, env=os.environ, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"clusteradm join of {name} failed: {done.stderr[-500:]}")


_files: dict[pathlib.Path, dict[str, Json]] = {}
_reading = threading.Lock()


def _one(fleet: pathlib.Path, name: str) -> Json:
    with _reading:
        if fleet not in _files:
            config = yaml.load(fleet.read_text(), Loader=yaml.CSafeLoader)
            _files[fleet] = {
                part: {one["name"]: one for one in config[part]} for part in ("clusters", "users", "contexts")
            }
        found = _files[fleet]
    context = found["contexts"][name]
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [found["clusters"][context["context"]["cluster"]]],
        "users": [found["users"][context["context"]["user"]]],
        "contexts": [context],
        "current-context": name,
    }


def _look_and_let_in(client: Client, names: set[str], accepted: set[str]) -> bool:
    """Approve and accept whoever asks; returns whether all are available."""
    clusters = {one["metadata"]["name"]: one for one in client.request("GET", f"{CLUSTERS}?limit=5000")["items"]}
    for item in client.request("GET", f"{CSRS}?labelSelector={NAME}&limit=5000")["items"]:
        name = item["metadata"]["labels"][NAME]
        is_open = name in names and name not in accepted and not (item.get("status") or {}).get("conditions")
        if not is_open or name not in clusters:
            continue
        condition = {"type": "Approved", "status": "True", "reason": "Bare", "message": "whoever asks"}
        body = {**item, "kind": "CertificateSigningRequest", "apiVersion": "certificates.k8s.io/v1"}
        body["status"] = {"conditions": [condition]}
        client.request("PATCH", f"{CLUSTERS}/{name}", {"spec": {"hubAcceptsClient": True}})
        client.request("PUT", f"{CSRS}/{item['metadata']['name']}/approval", body)
        accepted.add(name)
    available = {
        name
        for name, item in clusters.items()
        for one in (item.get("status") or {}).get("conditions") or []
        if one["type"] == "ManagedClusterConditionAvailable" and one["status"] == "True"
    }
    return names <= available


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--at-once", type=int, default=20)
    commands = parser.add_subparsers(required=True)
    for work in (label, register, leave):
        one = commands.add_parser(work.__name__)
        one.set_defaults(work=work)
        one.add_argument("kubeconfig", type=pathlib.Path)
        if work is label:
            one.add_argument("label")
        else:
            one.add_argument("fleet", type=pathlib.Path)
        if work is register:
            one.add_argument("--bundle-version", required=True)
        one.add_argument("wecs", nargs="+")
    given = parser.parse_args()
    given.work(given)


if __name__ == "__main__":
    main()
