# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import pathlib
import socket
import threading
import time
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.plugin_utils import _files
from fake_api import Fault
from fake_fleet import BOOTSTRAP, FakeFleet
from fake_ocm import MANAGED_CLUSTERS, PUBLISHED, FakeAuthority, FakeIts, install_agent
from front_ends import AsAction, AsModule, FrontEnd
from records import by_host, in_order

Json = dict[str, t.Any]
Options = dict[str, t.Any]
Clusteradm = tuple[pathlib.Path, pathlib.Path]
SECRETS = "/api/v1/namespaces/open-cluster-management/secrets"


@pytest.fixture
def fleet(its: FakeIts) -> t.Iterator[FakeFleet]:
    found = FakeFleet(its)
    yield found
    found.close()


@pytest.fixture
def options(its: FakeIts) -> Options:
    return {"its_kubeconfig": its.kubeconfig("secret-of-the-its-user", its.authority.pem), "wait_timeout": 2}


def closed_port() -> str:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return f"https://127.0.0.1:{closed.getsockname()[1]}"


def calls(clusteradm: Clusteradm) -> list[list[str]]:
    return [json.loads(line) for line in clusteradm[1].read_text().splitlines()]


def test_all_are_registered_each_once(
    run: FrontEnd, its: FakeIts, fleet: FakeFleet, clusteradm: Clusteradm, options: Options
) -> None:
    names = [f"edge-{number}" for number in range(1, 7)]
    fleet.add(*names)
    result = run("wec_join", wecs=[fleet.entry(name, clusteradm) for name in names], at_once=3, **options)
    assert not result.get("failed"), result
    assert result["changed"]
    assert result["msg"] == "6 of 6 WECs registered."
    assert list(by_host(result)) == names
    for name in names:
        one = by_host(result)[name]
        assert (one["state_before"], one["state"]) == ("absent", "joined")
        assert [step["verb"] for step in one["steps"]] == ["create", "join", "accept", "approve", "update"]
        assert one["msg"] == f"{name} is joined and available."
        assert one["agent_endpoint"] == PUBLISHED
        assert one["uid"] == fleet.wecs[name].uid
        annotations = its.objects[f"{MANAGED_CLUSTERS}/{name}"]["metadata"]["annotations"]
        assert annotations["wec.kubestellar.io/kube-system-uid"] == fleet.wecs[name].uid
    joins = [call for call in calls(clusteradm) if call[0] == "join" and call[1] != "--help"]
    assert len(joins) == len(names)
    # The binary is asked about itself once.
    assert len(calls(clusteradm)) == len(names) + 2
    assert not [path for path in its.objects if path.startswith(SECRETS)], "no bootstrap token is left"
    assert "secret-of" not in json.dumps(result)
    if isinstance(run, AsAction):
        assert run.lines[0].startswith("6 WECs: 6 answered within ")
        assert run.lines[-1].endswith("6 announced, 6 accepted, 6 joined, 6 available")


def test_what_is_set_for_all_counts_for_each_that_has_nothing_of_its_own(
    run: FrontEnd, fleet: FakeFleet, clusteradm: Clusteradm, options: Options
) -> None:
    fleet.add("edge-1", "edge-2")
    entries = [fleet.entry("edge-1", clusteradm), {**fleet.entry("edge-2", clusteradm), "klusterlet_mode": "singleton"}]
    result = run("wec_join", wecs=entries, klusterlet_mode="default", **options)
    assert not result.get("failed"), result
    joins = {call[call.index("--cluster-name") + 1]: call for call in calls(clusteradm) if "--cluster-name" in call}
    assert "--singleton" not in joins["edge-1"]
    assert "--singleton" in joins["edge-2"]


def test_a_wec_costs_the_its_five_writes(
    run: FrontEnd, its: FakeIts, fleet: FakeFleet, clusteradm: Clusteradm, options: Options
) -> None:
    names = [f"edge-{number}" for number in range(1, 13)]
    fleet.add(*names)
    result = run("wec_join", wecs=[fleet.entry(name, clusteradm) for name in names], at_once=8, **options)
    assert not result.get("failed"), result
    # Secret, token, acceptance, approval, and the Secret's end.
    assert len(its.writes) == 5 * len(names)
    # What concerns the hub as a whole is asked once, for all of them.
    assert its.requests.count(("GET", "/api/v1/namespaces/kube-system")) == 1
    assert sum(path.endswith("selfsubjectrulesreviews") for _method, path in its.requests) <= 3


def test_a_second_run_changes_nothing(
    run: FrontEnd, its: FakeIts, fleet: FakeFleet, clusteradm: Clusteradm, options: Options
) -> None:
    fleet.add("edge-1", "edge-2")
    for name, wec in fleet.wecs.items():
        its.join(name, wec.uid)
        install_agent(wec, name, its, certificate=its.authority.client(name))
    result = run("wec_join", wecs=[fleet.entry(name, clusteradm) for name in fleet.wecs], **options)
    assert not result.get("failed"), result
    assert not result["changed"]
    assert its.writes == []
    assert result["msg"] == "0 of 2 WECs registered."


def test_check_mode_plans_the_same_and_writes_nothing(
    run: FrontEnd, its: FakeIts, fleet: FakeFleet, clusteradm: Clusteradm, options: Options
) -> None:
    fleet.add("edge-1", "edge-2")
    wecs = [fleet.entry(name, clusteradm) for name in fleet.wecs]
    result = run("wec_join", check_mode=True, wecs=wecs, **options)
    assert not result.get("failed"), result
    assert result["changed"]
    verbs = [step["verb"] for step in by_host(result)["edge-1"]["steps"]]
    assert verbs == ["create", "join", "accept", "approve", "update"]
    assert by_host(result)["edge-1"]["msg"].startswith("edge-1 would be registered: ")
    assert by_host(result)["edge-1"]["diff"]["after"]["WEC: Klusterlet klusterlet"]["hub"] == PUBLISHED
    assert its.writes == []
    assert all(wec.writes == [] for wec in fleet.wecs.values())


def test_what_one_fails_of_is_its_own(
    run: FrontEnd, its: FakeIts, fleet: FakeFleet, clusteradm: Clusteradm, options: Options
) -> None:
    fleet.add("good", "elsewhere", "option", "twin")
    fleet.add("mute", announces=False)
    install_agent(fleet.wecs["elsewhere"], "elsewhere", its, FakeAuthority("other").client("elsewhere"))
    wecs = [
        fleet.entry("good", clusteradm),
        {
            **fleet.entry("good", clusteradm),
            "name": "dead",
            "kubeconfig": None,
            "host": closed_port(),
            "api_key": "k-e-y",
        },
        fleet.entry("elsewhere", clusteradm),
        fleet.entry("option", clusteradm, hub_apiserver="nonsense"),
        {**fleet.entry("good", clusteradm), "name": "Not A Name", "inventory_hostname": "host"},
        fleet.entry("mute", clusteradm),
        fleet.entry("twin", clusteradm),
        {**fleet.entry("twin", clusteradm), "name": "other-twin"},
    ]
    result = run("wec_join", wecs=wecs, **options)
    assert result["failed"]
    messages = {host: one["msg"] for host, one in by_host(result).items()}
    assert {host for host, one in by_host(result).items() if not one["failed"]} == {"good"}
    assert messages["good"] == "good is joined and available."
    assert messages["dead"].startswith("dead: The WEC at ")
    assert "cannot be reached" in messages["dead"]
    assert "another hub" in messages["elsewhere"]
    assert "hub_apiserver: 'nonsense'" in messages["option"]
    assert "name (wec_name in an inventory): 'Not A Name'" in messages["host"]
    assert "the klusterlet operator does not run" in messages["mute"]
    assert "the same cluster as other-twin" in messages["twin"]
    assert "the same cluster as twin" in messages["other-twin"]
    for host in ("dead", "mute", "twin"):
        assert by_host(result)[host]["problem"]["code"], host
        assert messages[host] in result["msg"]
    assert f"{MANAGED_CLUSTERS}/twin" not in its.objects
    assert not fleet.wecs["twin"].writes
    assert "k-e-y" not in json.dumps(result)


def test_one_that_never_answers_keeps_nobody_waiting(
    run: FrontEnd, its: FakeIts, fleet: FakeFleet, clusteradm: Clusteradm, options: Options
) -> None:
    fleet.add("edge-1", "edge-2")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        never = f"https://127.0.0.1:{silent.getsockname()[1]}"
        began, done = time.monotonic(), []
        its.after.append(lambda: done.append(time.monotonic() - began))
        own = {**fleet.entry("edge-1", clusteradm), "kubeconfig": None, "host": never, "api_key": "k-e-y"}
        wecs = [
            {**own, "name": "silent", "connect_timeout": 8},
            *(fleet.entry(name, clusteradm) for name in fleet.wecs),
        ]
        result = run("wec_join", wecs=wecs, at_once=1, **options)
    assert in_order(result, failed=False) == ["edge-1", "edge-2"]
    assert in_order(result, failed=True) == ["silent"]
    assert "does not answer" in by_host(result)["silent"]["msg"]
    # Each begins while the silent one still has most of its time.
    assert done[0] < 6


def test_a_name_that_two_have_is_nobodys(
    run: FrontEnd, its: FakeIts, fleet: FakeFleet, clusteradm: Clusteradm, options: Options
) -> None:
    fleet.add("edge-1", "edge-2")
    wecs = [fleet.entry(name, clusteradm, inventory_hostname=name) for name in fleet.wecs]
    wecs[1]["name"] = "edge-1"
    result = run("wec_join", wecs=wecs, **options)
    assert result["failed"]
    assert "is also that of edge-2" in by_host(result)["edge-1"]["msg"]
    assert "is also that of edge-1" in by_host(result)["edge-2"]["msg"]
    assert its.writes == []


def test_on_request_one_violation_stops_all(
    run: FrontEnd, its: FakeIts, fleet: FakeFleet, clusteradm: Clusteradm, options: Options
) -> None:
    fleet.add("edge-1", "edge-2")
    wecs = [fleet.entry("edge-1", clusteradm), fleet.entry("edge-2", clusteradm, hub_apiserver="nonsense")]
    result = run("wec_join", wecs=wecs, stop_on_violation=True, **options)
    assert result["failed"]
    assert result["msg"].startswith("Nothing was changed. ")
    assert "hub_apiserver" in result["msg"]
    assert its.writes == []


def test_a_join_that_fails_leaves_no_token(
    run: FrontEnd, its: FakeIts, fleet: FakeFleet, tmp_path: pathlib.Path, options: Options
) -> None:
    from fake_ocm import fake_clusteradm

    fleet.add("edge-1")
    failing = fake_clusteradm(tmp_path, failure="no such thing")
    result = run("wec_join", wecs=[fleet.entry("edge-1", failing)], **options)
    assert result["failed"]
    assert "no such thing" in result["msg"]
    assert by_host(result)["edge-1"]["changed"], "a token was made"
    assert not [path for path in its.objects if path.startswith(SECRETS)]


def test_an_its_that_goes_away_is_what_all_fail_of(
    run: FrontEnd, its: FakeIts, fleet: FakeFleet, clusteradm: Clusteradm, options: Options
) -> None:
    fleet.add("edge-1", "edge-2", announces=False)
    options = {**options, "its_outage_timeout": 0, "wait_timeout": 30}
    fleet.wecs["edge-2"].after.append(lambda: its.close() if BOOTSTRAP in fleet.wecs["edge-2"].objects else None)
    result = run("wec_join", wecs=[fleet.entry(name, clusteradm) for name in fleet.wecs], at_once=1, **options)
    assert result["failed"]
    assert all(one["failed"] for one in by_host(result).values())
    assert "cannot be reached" in result["msg"]


@pytest.mark.parametrize(("option", "value"), [("at_once", 0), ("wait_timeout", 0), ("its_outage_timeout", -1)])
def test_nonsense_is_refused_before_anything_is_done(
    run: FrontEnd, its: FakeIts, fleet: FakeFleet, clusteradm: Clusteradm, options: Options, option: str, value: int
) -> None:
    fleet.add("edge-1")
    result = run("wec_join", wecs=[fleet.entry("edge-1", clusteradm)], **{**options, option: value})
    assert result["failed"]
    assert result["msg"].startswith(f"{option}: {value}")
    assert " must " in result["msg"]
    assert its.requests == []


def test_where_the_modules_run_the_wecs_must_be_listed() -> None:
    result = AsModule()("wec_join", its_kubeconfig="x")
    assert result["failed"]
    assert result["msg"].startswith("name: must be given")


# -- the hosts of a play -----------------------------------------------------------------------------------------


def of_play(**hosts: Json) -> AsAction:
    return AsAction(ansible_play_batch=list(hosts), hostvars=hosts, inventory_hostname=next(iter(hosts)))


def test_hosts_of_a_play_are_registered_as_the_inventory_has_them(
    its: FakeIts, fleet: FakeFleet, clusteradm: Clusteradm
) -> None:
    fleet.add("edge-1", "two")
    shared = {
        "its_kubeconfig": its.kubeconfig(ca=its.authority.pem),
        "register_clusteradm_binary": str(clusteradm[0]),
        "register_image_registry": "mirror.example/ocm",
    }
    play = of_play(
        one={**shared, "wec_name": "edge-1", "wec_kubeconfig": fleet.wecs["edge-1"].kubeconfig()},
        two={**shared, "wec_host": fleet.wecs["two"].url, "wec_api_key": "secret-key"},
        three={**shared, "register_klusterlet_mode": "upside-down"},
        four={**shared, "wec_host": closed_port(), "wec_api_key": "secret-key", "wec_connect_timeout": 1},
    )
    result = play("wec_join", wait_timeout=2)
    assert {host: one["failed"] for host, one in by_host(result).items()} == {
        "one": False,
        "two": False,
        "three": True,
        "four": True,
    }
    assert by_host(result)["one"]["name"] == "edge-1"
    assert "value of klusterlet_mode must be one of" in by_host(result)["three"]["msg"]
    joins = [call for call in calls(clusteradm) if call[0] == "join" and call[1] != "--help"]
    assert all(call[call.index("--image-registry") + 1] == "mirror.example/ocm" for call in joins)
    assert "secret-key" not in json.dumps(result)


def test_a_kubeconfig_that_they_have_in_common_is_read_once(
    its: FakeIts, fleet: FakeFleet, clusteradm: Clusteradm, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"edge-{number}" for number in range(1, 5)]
    fleet.add(*names)
    both: Json = {"apiVersion": "v1", "kind": "Config", "clusters": [], "users": [], "contexts": []}
    for name in names:
        own = fleet.wecs[name].kubeconfig()
        for part in ("clusters", "users"):
            both[part].append({**own[part][0], "name": name})
        both["contexts"].append({"name": name, "context": {"cluster": name, "user": name}})
    file = tmp_path / "fleet.kubeconfig"
    file.write_text(json.dumps(both))
    read: list[str] = []
    really = _files.read
    monkeypatch.setattr(_files, "read", lambda loader, path: read.append(path) or really(loader, path))
    shared = {"its_kubeconfig": its.kubeconfig(ca=its.authority.pem), "register_clusteradm_binary": str(clusteradm[0])}
    play = of_play(**{name: {**shared, "wec_kubeconfig": str(file), "wec_context": name} for name in names})
    result = play("wec_join", wait_timeout=2, at_once=4)
    assert in_order(result, failed=False) == names, result
    assert read == [str(file)]


def test_several_itss_take_in_their_wecs_concurrency(its: FakeIts, fleet: FakeFleet, clusteradm: Clusteradm) -> None:
    other = FakeIts(its.authority)
    others = FakeFleet(other)
    try:
        fleet.add("edge-1", announces=False)
        others.add("edge-2")

        def announce_last() -> None:
            # The agent of the first waits until the other hub has taken in its own.
            if "/api/v1/namespaces/edge-2" in other.objects and BOOTSTRAP in fleet.wecs["edge-1"].objects:
                with its.lock:
                    if f"{MANAGED_CLUSTERS}/edge-1" not in its.objects:
                        its.announce("edge-1")

        other.after.append(announce_last)
        fleet.wecs["edge-1"].after.append(announce_last)
        shared = {"register_clusteradm_binary": str(clusteradm[0])}
        play = of_play(
            one={**shared, "its_kubeconfig": its.kubeconfig(ca=its.authority.pem), "wec_name": "edge-1"}
            | {"wec_kubeconfig": fleet.wecs["edge-1"].kubeconfig()},
            two={**shared, "its_kubeconfig": other.kubeconfig(ca=its.authority.pem), "wec_name": "edge-2"}
            | {"wec_kubeconfig": others.wecs["edge-2"].kubeconfig()},
        )
        result = play("wec_join", wait_timeout=20)
    finally:
        others.close()
        other.close()
    assert in_order(result, failed=False) == ["one", "two"], result
    assert [one["its"] for one in by_host(result).values()] == [its.url, other.url]
    assert all(line.startswith((f"{its.url}: ", f"{other.url}: ")) for line in play.lines), play.lines


def test_hosts_whose_its_cannot_be_asked_do_not_stop_the_others(
    its: FakeIts, fleet: FakeFleet, clusteradm: Clusteradm
) -> None:
    fleet.add("good", "bad")
    shared = {"register_clusteradm_binary": str(clusteradm[0])}
    good = {**shared, "its_kubeconfig": its.kubeconfig(ca=its.authority.pem)}
    bad = {**shared, "its_host": closed_port(), "its_api_key": "secret-key"}
    play = of_play(
        good={**good, "wec_kubeconfig": fleet.wecs["good"].kubeconfig()},
        bad={**bad, "wec_kubeconfig": fleet.wecs["bad"].kubeconfig()},
    )
    stopped = play("wec_join", wait_timeout=2, stop_on_violation=True)
    assert stopped["msg"].startswith("Nothing was changed. ")
    assert its.writes == []
    result = play("wec_join", wait_timeout=2)
    assert result["failed"]
    assert not by_host(result)["good"]["failed"]
    assert by_host(result)["bad"]["outcome"] == "unreachable"
    assert "secret-key" not in json.dumps(result)


def test_what_both_sides_show_is_told_of_one_that_fails(
    fleet: FakeFleet, clusteradm: Clusteradm, options: Options
) -> None:
    fleet.add("edge-1", announces=False)
    result = AsAction()("wec_join", wecs=[fleet.entry("edge-1", clusteradm)], **{**options, "wait_timeout": 1})
    assert result["failed"]
    # The ITS has heard nothing of it; the WEC shows why.
    assert by_host(result)["edge-1"]["problem"]["code"] == "operator_not_running"
    assert "the klusterlet operator does not run on the WEC" in result["msg"]


def test_where_accepting_fails_no_join_goes_on_and_no_token_is_left(
    its: FakeIts, fleet: FakeFleet, clusteradm: Clusteradm, options: Options
) -> None:
    """The hub refuses its list of clusters while agents are being installed."""
    names = [f"edge-{number}" for number in range(1, 7)]
    fleet.add(*names, announces=False)
    began = threading.Event()

    def refuse(method: str, path: str, _body: t.Any) -> None:
        if path.startswith(SECRETS) and method == "POST":
            began.set()
        if began.is_set() and (method, path) == ("GET", MANAGED_CLUSTERS):
            raise Fault(403, "not any more", "Forbidden")

    its.before.append(refuse)
    result = AsAction()("wec_join", wecs=[fleet.entry(name, clusteradm) for name in names], at_once=2, **options)
    assert result["failed"]
    assert all("403" in one["msg"] for one in result["wecs"]), result
    assert not [path for path in its.objects if path.startswith(SECRETS)], "a bootstrap token is left"
    asked = len(its.requests)
    time.sleep(0.5)
    assert len(its.requests) == asked, "a join goes on"
