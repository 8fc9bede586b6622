# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A sandbox for tests: runs playbooks on it, looks into its clusters and its audit logs."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import typing as t
import urllib.error
import urllib.request

import yaml
from fake_ocm import csr
from front_ends import AsModule
from sandbox import lifecycle
from sandbox.binaries import Binaries
from sandbox.control import ask
from sandbox.layout import ITS, REPOSITORY, WDS, Layout

Json = dict[str, t.Any]
_READS = ("get", "list", "watch")
MANAGED_CLUSTERS = "/apis/cluster.open-cluster-management.io/v1/managedclusters"
CSRS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
HOST_PYTHON = os.environ.get("WEC_TEST_HOST_PYTHON", "{{ ansible_playbook_python }}")
"""What modules run with on a host: the matrix of versions has hosts with an older Python."""
BOOTSTRAP = "/api/v1/namespaces/open-cluster-management"
_RECAP = re.compile(r"^(\S+)\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Recap:
    ok: int
    changed: int
    unreachable: int
    failed: int


@dataclasses.dataclass(frozen=True)
class Run:
    """A finished ansible-playbook."""

    code: int
    output: str
    seconds: float

    @property
    def recap(self) -> dict[str, Recap]:
        return {found[0]: Recap(*map(int, found[1:])) for found in _RECAP.findall(self.output)}

    @property
    def text(self) -> str:
        """The output as one line, for sentences that were wrapped."""
        return " ".join(self.output.split())


class Cluster:
    """One cluster's API, as its administrator."""

    def __init__(self, kubeconfig: Json) -> None:
        cluster, user = kubeconfig["clusters"][0]["cluster"], kubeconfig["users"][0]["user"]
        self.url = cluster["server"]
        self.ca = base64.b64decode(cluster["certificate-authority-data"])
        self._tls = ssl.create_default_context(cadata=self.ca.decode())
        with tempfile.NamedTemporaryFile() as pem:
            pem.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
            pem.flush()
            self._tls.load_cert_chain(pem.name)

    def request(self, method: str, path: str, body: Json | None = None, token: str = "") -> Json:
        """Raises urllib.error.HTTPError. An API server whose storage is not ready yet (429) is asked again."""
        for _attempt in range(20):
            try:
                return self._request(method, path, body, token)
            except urllib.error.HTTPError as error:
                if error.code != 429:
                    raise
                time.sleep(0.5)
        return self._request(method, path, body, token)

    def _request(self, method: str, path: str, body: Json | None, token: str) -> Json:
        content = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Content-Type": content, "User-Agent": "wec-tests"}
        tls = self._tls
        if token:
            headers["Authorization"] = f"Bearer {token}"
            tls = ssl.create_default_context(cadata=self.ca.decode())
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, context=tls, timeout=20) as answer:
            return t.cast(Json, json.loads(answer.read() or "{}"))

    def get(self, path: str) -> Json | None:
        try:
            return self.request("GET", path)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    @contextlib.contextmanager
    def watching(self, path: str) -> t.Iterator[list[str]]:
        """Collects what happens to the objects of a kind (ADDED, MODIFIED, DELETED), in its order, as ``TYPE name``."""
        version = self.request("GET", path)["metadata"]["resourceVersion"]
        url = f"{self.url}{path}?watch=1&resourceVersion={version}"
        answer = urllib.request.urlopen(url, context=self._tls, timeout=600)
        seen: list[str] = []

        def read() -> None:
            with contextlib.suppress(OSError, ValueError):
                for line in answer:
                    event = json.loads(line)
                    seen.append(f"{event['type']} {event['object']['metadata']['name']}")

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            yield seen
        finally:
            with contextlib.suppress(OSError):
                answer.fp.raw._sock.shutdown(socket.SHUT_RDWR)
            reader.join(timeout=10)

    def _has_furnished_its_namespaces(self) -> bool:
        namespaces = {
            one["metadata"]["name"] for one in self.items("/api/v1/namespaces") if one["status"]["phase"] == "Active"
        }
        accounts, maps = self.items("/api/v1/serviceaccounts"), self.items("/api/v1/configmaps")
        with_account = {one["metadata"]["namespace"] for one in accounts if one["metadata"]["name"] == "default"}
        with_ca = {one["metadata"]["namespace"] for one in maps if one["metadata"]["name"] == "kube-root-ca.crt"}
        return namespaces <= with_account & with_ca

    def items(self, path: str) -> list[Json]:
        found = self.get(path)
        return t.cast("list[Json]", found["items"]) if found else []

    def objects(self) -> set[str]:
        """Everything that the cluster stores, but for events: ``RESOURCE.GROUP NAMESPACE/NAME``.

        A cluster that has just been started is waited for until it has made what it makes in each namespace by itself.
        """
        wait_until(self._has_furnished_its_namespaces, 60, "a ServiceAccount and the CA in every namespace")
        groups = [("", "/api/v1")]
        for group in self.request("GET", "/apis")["groups"]:
            groups.append((group["name"], f"/apis/{group['preferredVersion']['groupVersion']}"))
        found = set()
        for group, root in groups:
            for resource in self.request("GET", root)["resources"]:
                name = resource["name"]
                if "/" in name or "list" not in resource["verbs"] or name in ("events", "componentstatuses"):
                    continue
                for item in self.items(f"{root}/{name}"):
                    where = f"{item['metadata'].get('namespace', '')}/{item['metadata']['name']}"
                    found.add(f"{name}.{group} {where}")
        return found


def _condition(item: Json | None, kind: str) -> str:
    """The status of a condition; empty where it is not set."""
    for condition in (item or {}).get("status", {}).get("conditions", []):
        if condition["type"] == kind:
            return t.cast(str, condition["status"])
    return ""


class Fleet:
    """One sandbox. Each test takes fresh WECs from it, so that tests can run in any order."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.state = layout.state
        self._taken: set[str] = set()

    # -- clusters ------------------------------------------------------------------------------------------------

    @property
    def its(self) -> Cluster:
        return Cluster(self.kubeconfig(ITS))

    @property
    def wds(self) -> Cluster:
        return Cluster(self.kubeconfig(WDS))

    def wec(self, name: str) -> Cluster:
        return Cluster(self.kubeconfig("fleet", name))

    def kubeconfig(self, file: str, context: str | None = None) -> Json:
        config = yaml.safe_load(self.layout.kubeconfig(file).read_text())
        wanted = context or config["current-context"]
        chosen = next(one for one in config["contexts"] if one["name"] == wanted)["context"]
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [one for one in config["clusters"] if one["name"] == chosen["cluster"]],
            "users": [one for one in config["users"] if one["name"] == chosen["user"]],
            "contexts": [{"name": wanted, "context": chosen}],
            "current-context": wanted,
        }

    def take(self, count: int, flavour: str | None = None) -> list[str]:
        """Names of WECs that no test has used: those that are there, then new ones."""
        names = []
        known = list(ask(self.layout, "status")["clusters"])
        for number in range(1, 1000):
            name = f"edge-{number}"
            if len(names) == count:
                break
            if name in self._taken:
                continue
            if name not in known:
                self.sandbox("add", name=name, flavour=flavour)
                known.append(name)
            elif flavour:
                continue
            self._taken.add(name)
            names.append(name)
        return names

    def release(self, names: t.Iterable[str]) -> None:
        """End these clusters: each takes half a gigabyte."""
        known = ask(self.layout, "status")["clusters"]
        for name in names:
            if name in known:
                self.sandbox("remove", name=name)

    def sandbox(self, command: str, **arguments: t.Any) -> t.Any:
        return ask(self.layout, command, **arguments)

    def managed_cluster(self, name: str) -> Json | None:
        return self.its.get(f"{MANAGED_CLUSTERS}/{name}")

    def condition(self, name: str, kind: str) -> str:
        return _condition(self.managed_cluster(name), kind)

    def addon_condition(self, name: str) -> str:
        """Whether the ITS calls a WEC's status add-on available; empty where there is none."""
        path = f"/apis/addon.open-cluster-management.io/v1alpha1/namespaces/{name}/managedclusteraddons/addon-status"
        return _condition(self.its.get(path), "Available")

    def seconds_to_join(self, name: str) -> float:
        """From the announcement of a WEC to its first being available."""
        cluster = t.cast(Json, self.managed_cluster(name))
        conditions = {one["type"]: one["lastTransitionTime"] for one in cluster["status"]["conditions"]}
        began, ended = cluster["metadata"]["creationTimestamp"], conditions["ManagedClusterConditionAvailable"]
        return (_time(ended) - _time(began)).total_seconds()

    def csrs(self, name: str) -> list[Json]:
        return self.its.items(f"{CSRS}?labelSelector=open-cluster-management.io/cluster-name={name}")

    def decide(self, item: Json, kind: str) -> None:
        """Approve or deny a signing request, as its administrator."""
        condition = {"type": kind, "status": "True", "reason": "Test", "message": "by a test"}
        body = {**item, "status": {"conditions": [condition]}}
        self.its.request("PUT", f"{CSRS}/{item['metadata']['name']}/approval", body)

    def forge(self, name: str, object_name: str, pem: bytes | None = None, token: str = "") -> None:
        """A request as this WEC's agent would make it, but by the token's owner or the administrator."""
        made = csr(name, object_name, pem=pem)
        spec = {key: made["spec"][key] for key in ("signerName", "usages", "request")}
        self.its.request("POST", CSRS, {"metadata": made["metadata"], "spec": spec}, token)

    def pre_create(self, name: str, accepted: bool = False) -> None:
        body = {
            "apiVersion": "cluster.open-cluster-management.io/v1",
            "kind": "ManagedCluster",
            "metadata": {"name": name},
            "spec": {"hubAcceptsClient": accepted},
        }
        self.its.request("POST", MANAGED_CLUSTERS, body)

    def bootstrap_token(self) -> str:
        """A token that may introduce any WEC, of nobody's run."""
        path = f"{BOOTSTRAP}/serviceaccounts/agent-registration-bootstrap/token"
        return t.cast(str, self.its.request("POST", path, {"spec": {}})["status"]["token"])

    def bootstrap_secrets(self, *names: str) -> list[str]:
        """What runs have made for these WECs' tokens and not taken away."""
        selector = f"wec.kubestellar.io/bootstrap in ({','.join(names)})".replace(" ", "%20")
        found = self.its.items(f"{BOOTSTRAP}/secrets?labelSelector={selector}")
        return [one["metadata"]["name"] for one in found]

    def is_available(self, name: str) -> bool:
        return self.condition(name, "ManagedClusterConditionAvailable") == "True"

    def options(self, name: str, its: str = f"{ITS}-onboarder") -> dict[str, t.Any]:
        """Options of a module for one WEC and the ITS."""
        return {
            "name": name,
            "its_kubeconfig": str(self.layout.kubeconfig(its)),
            "kubeconfig": str(self.layout.kubeconfig("fleet")),
            "context": name,
        }

    def module(self, module: str, name: str, **options: t.Any) -> Json:
        """Run a module of the collection in this process: faster than a playbook by a second."""
        own = self.options(name)
        if module in ("wec_accept", "wec_label", "wec_properties", "wec_configure"):
            own = {key: value for key, value in own.items() if key in ("name", "its_kubeconfig")}
        binary = {"clusteradm_binary": str(self.clusteradm)} if module == "wec_join" else {}
        front_end = AsModule()
        result = front_end(module, **{**own, **binary, **options})
        return {**result, "warnings": front_end.warnings}

    def join(self, name: str, **options: t.Any) -> Json:
        return self.module("wec_join", name, **{"wait_timeout": 120, **options})

    def problems(self, name: str, both_sides: bool = True) -> dict[str, str]:
        """The codes of all problems that wec_status sees, each with its evidence."""
        one_side = {} if both_sides else {"kubeconfig": None, "context": None}
        (found,) = self.module("wec_status", name, **one_side)["wecs"]
        return {problem["code"]: " ".join(problem["evidence"]) for problem in found["problems"]}

    @property
    def clusteradm(self) -> pathlib.Path:
        return Binaries().path("clusteradm", "clusteradm")

    # -- playbooks -----------------------------------------------------------------------------------------------

    def environment(self) -> dict[str, str]:
        """The variables of a shell that has sourced the sandbox's env file, and has an empty home folder."""
        home = self.state / "home"
        home.mkdir(exist_ok=True)
        base = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "NO_COLOR": "1"}
        script = (
            f'. "{self.layout.env}" && exec "{sys.executable}" -c "import json,os; print(json.dumps(dict(os.environ)))"'
        )
        done = subprocess.run(["sh", "-c", script], env=base, cwd="/", capture_output=True, text=True, check=True)
        return t.cast("dict[str, str]", json.loads(done.stdout))

    def command(self, arguments: t.Sequence[str], timeout: float = 300, **environment: str) -> Run:
        """Run a command in a shell's environment, from a folder that has nothing to do with it."""
        began = time.monotonic()
        done = subprocess.run(
            arguments,
            env={**self.environment(), **environment},
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Run(done.returncode, done.stdout, time.monotonic() - began)

    def playbook(
        self, name: str, limit: t.Sequence[str], *arguments: str, timeout: float = 300, **variables: t.Any
    ) -> Run:
        """Run a playbook of the collection (or a path) on these WECs."""
        return self.command(self.playbook_command(name, limit, *arguments, **variables), timeout=timeout)

    def playbook_command(self, name: str, limit: t.Sequence[str], *arguments: str, **variables: t.Any) -> list[str]:
        playbook = name if "/" in name else f"kubestellar.wec.{name}"
        extra = ["-e", json.dumps(variables)] if variables else []
        inventory = str(self.layout.inventory)
        return ["ansible-playbook", "-i", inventory, "-l", ",".join(limit), playbook, *extra, *arguments]

    def register(self, limit: t.Sequence[str], *arguments: str, timeout: float = 300, **variables: t.Any) -> Run:
        return self.playbook("register", limit, *arguments, timeout=timeout, **variables)

    def deregister(self, limit: t.Sequence[str], *arguments: str, timeout: float = 300, **variables: t.Any) -> Run:
        return self.playbook("deregister", limit, *arguments, timeout=timeout, **variables)

    def leave(self, name: str, **options: t.Any) -> Json:
        return self.module("wec_join", name, **{"state": "absent", "wait_timeout": 60, **options})

    def send_work(self, wec: str, name: str, *manifests: Json) -> None:
        """A ManifestWork of somebody's own."""
        body = {
            "apiVersion": "work.open-cluster-management.io/v1",
            "kind": "ManifestWork",
            "metadata": {"name": name},
            "spec": {"workload": {"manifests": list(manifests)}},
        }
        self.its.request("POST", f"{works_of(wec)}", body)

    # -- audit logs ----------------------------------------------------------------------------------------------

    def mark(self) -> dict[str, int]:
        """A place in every audit log, to be given to ``writes``."""
        return {path.parent.name: path.stat().st_size for path in self.state.glob("*/audit.log")}

    def requests(self, since: t.Mapping[str, int], users: tuple[str, ...] = ("-admin", "-onboarder")) -> list[Json]:
        """Requests to any API server by users whose name ends like one of these, in their order."""
        found = []
        for path in sorted(self.state.glob("*/audit.log")):
            with path.open("rb") as log:
                log.seek(since.get(path.parent.name, 0))
                for line in log:
                    if not line.endswith(b"\n"):
                        break
                    event = json.loads(line)
                    if event["user"].get("username", "").endswith(users) and event.get("userAgent") != "wec-tests":
                        # That of simulated WECs is one log for all, which says whose each line is.
                        found.append({"cluster": path.parent.name, **event})
        return sorted(found, key=lambda event: str(event["requestReceivedTimestamp"]))

    def approvals(self, since: t.Mapping[str, int], name: str) -> list[str]:
        """Approvals of a WEC's signing requests that the ITS has taken: of two at once, it refuses the second (409)."""
        return [
            event["requestURI"]
            for event in self.requests(since)
            if event["cluster"] == ITS and event["verb"] == "update" and event["responseStatus"]["code"] < 300
            if f"/{name}-" in event["requestURI"] and event["requestURI"].partition("?")[0].endswith("/approval")
        ]

    def writes(self, since: t.Mapping[str, int]) -> list[str]:
        """Everything but reads, as ``CLUSTER VERB PATH``."""
        return [
            f"{event['cluster']} {event['verb']} {event['requestURI']}"
            for event in self.requests(since)
            if event["verb"] not in _READS
        ]


def start(wecs: int, state: pathlib.Path, ocm: str = "1.2.1", kubestellar: bool = False, **shape: t.Any) -> Fleet:
    """``shape``: ``simulated``, how many simulated WECs there are, ``simulated_faults`` and ``second_hub``."""
    layout = Layout(state)
    lifecycle.up(layout, wecs, ocm, kubestellar, **shape)
    return Fleet(layout)


def works_of(wec: str) -> str:
    return f"/apis/work.open-cluster-management.io/v1/namespaces/{wec}/manifestworks"


def _time(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def wait_until(holds: t.Callable[[], t.Any], seconds: float, what: str) -> None:
    """Poll until something holds. Raises AssertionError."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.5)


__all__ = [
    "BOOTSTRAP",
    "CSRS",
    "HOST_PYTHON",
    "ITS",
    "MANAGED_CLUSTERS",
    "REPOSITORY",
    "Cluster",
    "Fleet",
    "Recap",
    "Run",
    "start",
    "wait_until",
    "works_of",
]
