# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a WEC's agent, a holder of a bootstrap token or a text of theirs may try on a real hub, and what comes of it: nothing."""

from __future__ import annotations

import base64
import contextlib
import json
import pathlib
import threading
import time
import typing as t
import urllib.error

import pytest
import yaml
from fake_ocm import request, subject
from fleet import BOOTSTRAP, ITS, MANAGED_CLUSTERS, Fleet, Run, wait_until

Json = dict[str, t.Any]
AGENT = "/api/v1/namespaces/open-cluster-management-agent"
SECRET = f"{AGENT}/secrets/bootstrap-hub-kubeconfig"
PROPERTIES = "/api/v1/namespaces/customization-properties/configmaps"
EVIL = request(subject("evil", ["system:kube-controller-manager"], []))


@contextlib.contextmanager
def attacking(attack: t.Callable[[threading.Event], None]) -> t.Iterator[None]:
    """Somebody who acts while something else runs. What goes wrong there is a failure of the test."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            attack(stop)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=60)
    assert not failures, failures


def verdict(csr: Json) -> list[str]:
    return [one["type"] for one in (csr.get("status") or {}).get("conditions") or []]


def approved(fleet: Fleet, name: str) -> list[str]:
    """The names of the WEC's requests that somebody has approved."""
    return [csr["metadata"]["name"] for csr in fleet.csrs(name) if "Approved" in verdict(csr)]


@pytest.fixture
def legacy_token(fleet: Fleet) -> t.Iterator[str]:
    """A token of the bootstrap account that never ends, and has no id: that of a Secret."""
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {
            "name": "legacy",
            "annotations": {"kubernetes.io/service-account.name": "agent-registration-bootstrap"},
        },
    }
    fleet.its.request("POST", f"{BOOTSTRAP}/secrets", body)
    path = f"{BOOTSTRAP}/secrets/legacy"
    wait_until(lambda: ((fleet.its.get(path) or {}).get("data") or {}).get("token"), 30, "the token is made")
    yield base64.b64decode((fleet.its.get(path) or {})["data"]["token"]).decode()
    fleet.its.request("DELETE", path)


def bootstrap_token_of(fleet: Fleet, wec: str, stop: threading.Event) -> str | None:
    """What somebody who controls the WEC reads there."""
    while not stop.wait(0.3):
        found = fleet.wec(wec).get(SECRET)
        if found is not None:
            config = yaml.safe_load(base64.b64decode(found["data"]["kubeconfig"]))
            return str(config["users"][0]["user"]["token"])
    return None


# -- signing requests --------------------------------------------------------------------------------------------------


def test_a_token_without_an_id_gets_nobodys_name(
    fleet: Fleet, take: t.Callable[..., list[str]], legacy_token: str
) -> None:
    before, at_once, later = take(3)
    pem = {name: request(subject(name)) for name in (before, at_once, later)}
    fleet.forge(before, f"{before}-forged", pem[before], legacy_token)

    def attack(stop: threading.Event) -> None:
        seen: dict[str, float] = {}
        while not stop.wait(0.1) and len(seen) < 2:
            for name, pause in ((at_once, 0.0), (later, 2.0)):
                if name not in seen and fleet.csrs(name):
                    seen[name] = time.monotonic()
                    time.sleep(pause)
                    fleet.forge(name, f"{name}-forged", pem[name], legacy_token)
        assert len(seen) == 2, "its agents have made no requests"

    with attacking(attack):
        run = fleet.register([before, at_once, later])
    assert run.code == 0, run.output
    for name in (before, at_once, later):
        assert fleet.is_available(name)
        assert f"{name}-forged" in [csr["metadata"]["name"] for csr in fleet.csrs(name)]
        assert f"{name}-forged" not in approved(fleet, name)
        assert len(approved(fleet, name)) == 1
    assert f"{before}-forged (it was made with a credential that has no id" in run.text


def test_what_is_examined_is_what_the_hub_signs(fleet: Fleet, wec: str) -> None:
    sent: list[str] = []

    def attack(stop: threading.Event) -> None:
        token = bootstrap_token_of(fleet, wec, stop)
        while token and not stop.wait(0.7) and len(sent) < 8:
            name = f"{wec}-double-{len(sent)}"
            try:
                fleet.forge(wec, name, b" " + request(subject(wec)) + EVIL, token)
            except urllib.error.HTTPError as error:
                if error.code != 401:
                    raise
                # The WEC is available by then, and its token is worthless.
                return
            sent.append(name)

    with attacking(attack):
        run = fleet.register([wec])
    assert run.code == 0, run.output
    assert fleet.is_available(wec)
    assert sent, "nothing was tried"
    assert not set(approved(fleet, wec)) & set(sent)
    assert len(approved(fleet, wec)) == 1
    assert "is not exactly one PEM block" in run.text


def flood(fleet: Fleet, name: str, count: int = 12) -> list[str]:
    token, names = fleet.bootstrap_token(), [f"{name}-flood-{number}" for number in range(count)]
    for one in names:
        fleet.forge(name, one, request(subject(name)), token)
    return names


def test_a_flood_is_named_before_anything_is_done_and_the_others_go_on(
    fleet: Fleet, take: t.Callable[..., list[str]]
) -> None:
    flooded, other = take(2)
    names = flood(fleet, flooded)
    run = fleet.register([flooded, other])
    assert run.code != 0
    assert run.seconds < 90
    assert "[csr_too_many]" in run.text
    assert all(name in run.text for name in names)
    assert fleet.is_available(other)
    assert run.recap[other].failed == 0
    assert fleet.wec(flooded).get(SECRET) is None, "its agent was installed"
    # With the word for it, and the right to delete, they go.
    allowed = {"register_remove_foreign_csrs": True, "its_kubeconfig": str(fleet.layout.kubeconfig(ITS))}
    again = fleet.register([flooded, other], **allowed)
    assert again.code == 0, again.output
    assert fleet.is_available(flooded)
    assert not set(names) & {csr["metadata"]["name"] for csr in fleet.csrs(flooded)}


def test_a_flood_that_comes_while_it_is_waited_for_is_named_within_two_looks(fleet: Fleet, wec: str) -> None:
    came: list[float] = []

    def attack(stop: threading.Event) -> None:
        if bootstrap_token_of(fleet, wec, stop):
            flood(fleet, wec)
            came.append(time.monotonic())

    fleet.sandbox("partition", wec=wec)
    try:
        with attacking(attack):
            run = fleet.register([wec])
            ended = time.monotonic()
    finally:
        fleet.sandbox("heal", wec=wec)
    assert run.code != 0
    assert came, "nothing was tried"
    assert "[csr_too_many]" in run.text
    assert ended - came[0] < 30, "two looks, and one at the cause"


def test_a_name_that_is_somebodys_is_not_given_away(fleet: Fleet, wec: str) -> None:
    assert not fleet.join(wec).get("failed")
    path = f"{MANAGED_CLUSTERS}/{wec}"
    fleet.sandbox("partition", wec=wec)
    try:
        fleet.its.request("PATCH", path, {"spec": {"leaseDurationSeconds": 1}})
        wait_until(lambda: fleet.condition(wec, "ManagedClusterConditionAvailable") != "True", 60, "it is away")
        fleet.forge(wec, f"{wec}-stranger", request(subject(wec)), fleet.bootstrap_token())
        result = fleet.module("wec_accept", wec, wait_timeout=4)
        assert result["failed"]
        assert result["verdicts"][wec]["problem"]["code"] == "csr_name_in_use"
        assert f"{wec}-stranger" not in approved(fleet, wec)
        by_word = fleet.module("wec_accept", wec, wait_timeout=4, replace_lost_cluster=True)
        assert by_word["verdicts"][wec]["proofs"] == {f"{wec}-stranger": "identity"}
    finally:
        fleet.its.request("PATCH", path, {"spec": {"leaseDurationSeconds": 60}})
        fleet.sandbox("heal", wec=wec)


# -- names and texts ---------------------------------------------------------------------------------------------------

HOSTILE = "#jinja2:variable_start_string:'[%', variable_end_string:'%]'\n[% lookup('pipe','touch MARK') %]"
TEXTS = [
    HOSTILE,
    "{{ lookup('pipe','touch MARK') }}",
    "{% set x = lookup('pipe','touch MARK') %}",
    "!unsafe {{ 1 }}",
    "\x1b[2J\u202eevil",
]


@pytest.fixture
def joined(fleet: Fleet, take: t.Callable[..., list[str]]) -> list[str]:
    names = take(2)
    run = fleet.register(names)
    assert run.code == 0, run.output
    return names


def dynamic(fleet: Fleet, folder: pathlib.Path) -> pathlib.Path:
    file = folder / "its1.its.yml"
    content = {"plugin": "kubestellar.wec.its", "its_kubeconfig": str(fleet.layout.kubeconfig(f"{ITS}-onboarder"))}
    file.write_text(yaml.safe_dump(content))
    return file


def of_inventory(fleet: Fleet, inventory: pathlib.Path, playbook: str, *arguments: str) -> Run:
    return fleet.command(["ansible-playbook", "-i", str(inventory), playbook, *arguments])


def test_a_name_that_is_a_group_and_a_time_that_is_none_hide_nobody(
    fleet: Fleet, joined: list[str], tmp_path: pathlib.Path
) -> None:
    inventory, token, odd = dynamic(fleet, tmp_path), fleet.bootstrap_token(), joined[0]
    taken = ["wecs", "all", "localhost"]
    body = {"apiVersion": "cluster.open-cluster-management.io/v1", "kind": "ManagedCluster", "spec": {}}
    conditions = (fleet.managed_cluster(odd) or {})["status"]["conditions"]
    shifted = [{**one, "lastTransitionTime": "9999-12-31T23:59:59-12:00"} for one in conditions]
    try:
        for name in taken:
            fleet.its.request("POST", MANAGED_CLUSTERS, {**body, "metadata": {"name": name}}, token)
        fleet.its.request("PATCH", f"{MANAGED_CLUSTERS}/{odd}/status", {"status": {"conditions": shifted}})
        run = of_inventory(fleet, inventory, "kubestellar.wec.status")
        listed = fleet.command(["ansible-inventory", "-i", str(inventory), "--list"])
    finally:
        for name in taken:
            with contextlib.suppress(Exception):
                fleet.its.request("DELETE", f"{MANAGED_CLUSTERS}/{name}")
    assert all(name in run.text for name in joined), run.output
    assert "name_is_group" in run.text
    for name in taken:
        assert f"{name} is left out" in run.text
    hosts = json.loads(listed.output[listed.output.index("{\n") :])["wecs"]["hosts"]
    assert set(joined) <= set(hosts)
    assert not set(taken) & set(hosts)


def test_texts_of_others_are_data_in_an_exported_inventory(
    fleet: Fleet, joined: list[str], tmp_path: pathlib.Path
) -> None:
    mark, name = tmp_path / "was-evaluated", joined[0]
    texts = {f"t{number}": text.replace("MARK", str(mark)) for number, text in enumerate(TEXTS)}
    annotations = {f"example.com/{key}": text for key, text in texts.items()}
    fleet.its.request("PATCH", f"{MANAGED_CLUSTERS}/{name}", {"metadata": {"annotations": annotations}})
    current = fleet.its.get(f"{PROPERTIES}/{name}")
    if current is None:
        fleet.its.request("POST", PROPERTIES, {"metadata": {"name": name}, "data": texts})
    else:
        fleet.its.request("PATCH", f"{PROPERTIES}/{name}", {"data": texts})
    file = tmp_path / "exported.yml"
    variables = {"its_kubeconfig": str(fleet.layout.kubeconfig(f"{ITS}-onboarder")), "export_file": str(file)}
    exported = fleet.command(["ansible-playbook", "kubestellar.wec.export", "-e", json.dumps(variables)])
    assert exported.code == 0, exported.output
    shows = tmp_path / "show.yml"
    task = {"ansible.builtin.debug": {"var": f"hostvars['{name}']"}}
    written = {
        "ansible.builtin.copy": {"content": "{{ hostvars[wanted] | to_json }}", "dest": str(tmp_path / "vars.json")}
    }
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [task, written]}
    shows.write_text(yaml.safe_dump([play]))
    for inventory in (file, dynamic(fleet, tmp_path)):
        for playbook in ("kubestellar.wec.status", "kubestellar.wec.plan"):
            run = of_inventory(fleet, inventory, playbook)
            assert name in run.text or "in sync" in run.text, run.output
            assert "\x1b[2J" not in run.output
        fleet.command(["ansible-inventory", "-i", str(inventory), "--list"])
        shown = of_inventory(fleet, inventory, str(shows), "-e", f"wanted={name}")
        assert shown.code == 0, shown.output
        found = json.loads((tmp_path / "vars.json").read_text())
        assert {key: found["wec_annotations"][key] for key in annotations} == annotations
        assert {key: found["wec_properties"][key] for key in texts} == texts
    assert not mark.exists()


# -- what a WEC has ----------------------------------------------------------------------------------------------------


def test_a_secret_that_would_end_the_process_is_its_own_wecs_problem(fleet: Fleet, joined: list[str]) -> None:
    odd, other = joined
    encoded = base64.b64encode(b"[" * 60_000).decode()
    fleet.wec(odd).request("PATCH", SECRET, {"data": {"kubeconfig": encoded}})
    for run in (fleet.playbook("diagnose", joined), fleet.register(joined, "--tags", "preflight")):
        assert "dead state" not in run.text
        assert odd in run.recap, run.output
        assert run.recap[other].failed == 0, run.output
