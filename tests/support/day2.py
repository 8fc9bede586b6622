# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WECs with a workload whose hub moves, is lost, or is another one from now on."""

from __future__ import annotations

import base64
import datetime
import json
import pathlib
import typing as t

import yaml
from fleet import MANAGED_CLUSTERS, Cluster, Fleet, Run, wait_until, works_of
from sandbox.layout import ITS, ITS2
from watching import Going, Watch

Json = dict[str, t.Any]
AGENT = "/api/v1/namespaces/open-cluster-management-agent"
KLUSTERLET = "/apis/operator.open-cluster-management.io/v1/klusterlets/klusterlet"
APPLIED = "/apis/work.open-cluster-management.io/v1/appliedmanifestworks"
CONFIG_MAP = "/api/v1/namespaces/app/configmaps/settings"
OTHER_MAP = "/api/v1/namespaces/app/configmaps/more"
DEPLOYMENT = "/apis/apps/v1/namespaces/app/deployments/web"


def web() -> Json:
    """A Deployment whose pod waits."""
    labels = {"app": "web"}
    container = {"name": "web", "image": "registry.k8s.io/pause:3.10"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "app"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    }


def manifests(name: str = "settings", value: str = "1") -> list[Json]:
    """A namespace, a ConfigMap in it, and for the first of two works a Deployment."""
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "app"}},
        *([web()] if name == "settings" else []),
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "app"},
            "data": {"value": value},
        },
    ]


def send(hub: Cluster, wec: str, name: str, *objects: Json) -> None:
    body = {
        "apiVersion": "work.open-cluster-management.io/v1",
        "kind": "ManifestWork",
        "metadata": {"name": name},
        "spec": {"workload": {"manifests": list(objects)}},
    }
    hub.request("POST", works_of(wec), body)


def uid(fleet: Fleet, wec: str, path: str = CONFIG_MAP) -> str | None:
    found = fleet.wec(wec).get(path)
    return str(found["metadata"]["uid"]) if found else None


def deployed(fleet: Fleet, wec: str) -> dict[str, str | None]:
    """Two works on a WEC that is registered; gives the UIDs of what they bring."""
    send(fleet.its, wec, "w1", *manifests())
    send(fleet.its, wec, "w2", *manifests("more"))
    wait_until(lambda: all(uids(fleet, wec).values()), 30, "the workload has arrived")
    return uids(fleet, wec)


def uids(fleet: Fleet, wec: str) -> dict[str, str | None]:
    return {path: uid(fleet, wec, path) for path in (CONFIG_MAP, OTHER_MAP, DEPLOYMENT)}


def second_hub(fleet: Fleet) -> Cluster:
    return Cluster(fleet.kubeconfig(ITS2))


def inventory_of(fleet: Fleet, its: str, folder: pathlib.Path) -> pathlib.Path:
    """The inventory of the sandbox with another ITS."""
    content = yaml.safe_load(fleet.layout.inventory.read_text())
    content["wecs"]["vars"].update(its_kubeconfig=str(fleet.layout.kubeconfig(f"{its}-onboarder")), its_context=its)
    path = folder / f"{its}.yml"
    path.write_text(yaml.safe_dump(content))
    return path


def command(inventory: pathlib.Path, playbook: str, limit: str, *arguments: str, **variables: t.Any) -> list[str]:
    extra = ["-e", json.dumps(variables)] if variables else []
    return ["ansible-playbook", "-i", str(inventory), "-l", limit, f"kubestellar.wec.{playbook}", *extra, *arguments]


def play(fleet: Fleet, inventory: pathlib.Path, playbook: str, limit: str, *arguments: str, **variables: t.Any) -> Run:
    return fleet.command(command(inventory, playbook, limit, *arguments, **variables), timeout=400)


def secret(fleet: Fleet, wec: str, name: str = "hub-kubeconfig-secret") -> dict[str, bytes]:
    found: Json = fleet.wec(wec).get(f"{AGENT}/secrets/{name}") or {"data": {}}
    return {key: base64.b64decode(value) for key, value in found["data"].items()}


def dials(fleet: Fleet, wec: str) -> str:
    config = yaml.safe_load(secret(fleet, wec)["kubeconfig"])
    return str(config["clusters"][0]["cluster"]["server"])


def eviction(fleet: Fleet, wec: str) -> str | None:
    found: Json = fleet.wec(wec).get(KLUSTERLET) or {}
    work = found["spec"].get("workConfiguration") or {}
    return t.cast("str | None", work.get("appliedManifestWorkEvictionGracePeriod"))


def short_lease(fleet: Fleet, wec: str, seconds: int = 5) -> None:
    fleet.its.request("PATCH", f"{MANAGED_CLUSTERS}/{wec}", {"spec": {"leaseDurationSeconds": seconds}})


def evict_at_once(fleet: Fleet, wec: str) -> None:
    """What has no counterpart would be deleted within seconds of the move."""
    patch = {"spec": {"workConfiguration": {"appliedManifestWorkEvictionGracePeriod": "10s"}}}
    fleet.wec(wec).request("PATCH", KLUSTERLET, patch)

    def follows() -> bool:
        pods = fleet.wec(wec).items(f"{AGENT}/pods")
        return bool(pods) and all("eviction-grace-period=10s" in str(pod["spec"]) for pod in pods)

    wait_until(follows, 60, "the agent evicts within 10 s")


def sign_anew(fleet: Fleet, certificate: bytes, days: float) -> bytes:
    """The same certificate with another end, signed by the ITS's own CA."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    folder = fleet.state / ITS
    key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    authority = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    old = x509.load_pem_x509_certificate(certificate)
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(old.subject)
        .issuer_name(authority.subject)
        .public_key(old.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=400))
        .not_valid_after(now + datetime.timedelta(days=days))
    )
    return builder.sign(t.cast(t.Any, key), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def change_credential(wec: Cluster, change: t.Callable[[dict[str, bytes]], None]) -> None:
    path = f"{AGENT}/secrets/hub-kubeconfig-secret"
    data = {key: base64.b64decode(value) for key, value in (wec.get(path) or {})["data"].items()}
    change(data)
    wec.request("PATCH", path, {"data": {key: base64.b64encode(value).decode() for key, value in data.items()}})


def delete_hub_pods(fleet: Fleet) -> None:
    """As administrators restart what a hub consists of; returns when its webhooks answer and its controllers lead.

    Pods that the hub did not let in any more could not give their leases back: their successors would wait for 137 s.
    """
    before = set()
    for namespace in _HUB_NAMESPACES:
        for pod in fleet.its.items(f"/api/v1/namespaces/{namespace}/pods"):
            before.add(pod["metadata"]["uid"])
            fleet.its.request("DELETE", f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}")

    def runs_again() -> bool:
        pods = [pod for one in _HUB_NAMESPACES for pod in fleet.its.items(f"/api/v1/namespaces/{one}/pods")]
        fresh = [pod for pod in pods if pod["metadata"]["uid"] not in before]
        return len(pods) == len(fresh) == len(before) and all(_is_ready(pod) for pod in fresh)

    wait_until(runs_again, 120, "the hub's pods run again")
    for lease in _leases_of_others(fleet):
        path = f"{_LEASES.format(lease['metadata']['namespace'])}/{lease['metadata']['name']}"
        fleet.its.request("DELETE", path)
    wait_until(lambda: _leaders(fleet) >= 4 and not _leases_of_others(fleet), 120, "the hub's controllers lead")


def _leases_of_others(fleet: Fleet) -> list[Json]:
    """Those that no pod of the hub holds."""
    found = []
    for namespace in _HUB_NAMESPACES:
        pods = {pod["metadata"]["name"] for pod in fleet.its.items(f"/api/v1/namespaces/{namespace}/pods")}
        for lease in fleet.its.items(_LEASES.format(namespace)):
            if str(lease["spec"].get("holderIdentity")).rpartition("_")[0] not in pods:
                found.append(lease)
    return found


def _leaders(fleet: Fleet) -> int:
    return sum(len(fleet.its.items(_LEASES.format(namespace))) for namespace in _HUB_NAMESPACES)


_LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"

_HUB_NAMESPACES = ("open-cluster-management-hub", "open-cluster-management")


def _is_ready(pod: Json) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def killed_after(
    fleet: Fleet, wec: str, writes: int, *arguments: str, playbook: str = "register", **variables: t.Any
) -> str:
    """Kill a run when it has written so often; returns its last write. Raises AssertionError if it was over before."""
    mark = fleet.mark()
    extra = ["-e", json.dumps(variables)] if variables else []
    going = Going(fleet, [wec], *arguments, *extra, playbook=playbook)
    came = Watch(lambda: True if len(fleet.writes(mark)) >= writes else None)
    while not came.held and not going.is_over:
        came.join(timeout=0.02)
    is_over = going.is_over
    going.kill()
    came.stop()
    done = fleet.writes(mark)
    assert not is_over, f"it was over after {len(done)} writes: {done}"
    print(f"{wec}: killed after write {len(done)}, {done[-1]}")
    return done[-1]
