# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import datetime
import socket
import typing as t

import pytest
from fake_api import FakeApi, jwt, now
from fake_ocm import CSRS, MANAGED_CLUSTERS, FakeAuthority, FakeIts, condition, csr, install_agent
from fake_wds import PROPERTIES
from front_ends import AsAction, FrontEnd

Json = dict[str, t.Any]
Options = dict[str, t.Any]


@pytest.fixture
def options(its: FakeIts) -> Options:
    return {"its_kubeconfig": its.kubeconfig()}


def member(its: FakeIts, name: str, version: str = "", **labels: str) -> None:
    its.join(name, f"uid-of-{name}")
    changes: Json = {"metadata": {"labels": labels}} if labels else {}
    if version:
        changes["status"] = {"version": {"kubernetes": version}}
    its.change(f"{MANAGED_CLUSTERS}/{name}", changes)


def kinds(result: Json) -> list[tuple[str, str]]:
    return [(one["name"], one["kind"]) for one in result["drift"]]


def test_a_fleet_that_is_as_the_inventory_says(run: FrontEnd, its: FakeIts, options: Options) -> None:
    member(its, "edge-1", region="us")
    wecs = [{"name": "edge-1", "labels": {"region": "us"}}]
    result = run("wec_status", wecs=wecs, inventory=[], fail_on=["drift", "problems"], show_table=True, **options)
    assert not result.get("failed"), result
    assert result["drift"] == []
    (record,) = result["wecs"]
    assert (record["outcome"], record["problems"], record["drift"]) == ("in_sync", [], [])
    assert record["msg"].startswith("edge-1 is in sync, last heartbeat ")
    assert result["changed"] is False
    assert its.writes == []
    if isinstance(run, AsAction):
        assert run.lines[-1] == "The inventory and the ITS agree."


def test_both_ways(run: FrontEnd, its: FakeIts, options: Options) -> None:
    member(its, "edge-1")
    member(its, "elsewhere")
    member(its, "unknown")
    wecs = [{"name": "edge-1"}, {"name": "new", "host": "new-host"}]
    result = run("wec_status", wecs=wecs, inventory=["elsewhere"], show_table=True, **options)
    assert kinds(result) == [("new", "missing_on_its"), ("unknown", "missing_in_inventory")]
    assert [one["host"] for one in result["drift"]] == ["new-host", None]
    assert {one["its"] for one in result["drift"]} == {its.url}
    assert "Register new" in result["drift"][0]["remedy"]
    assert "deregister unknown" in result["drift"][1]["remedy"]
    assert result["msg"].startswith("2 drifts: 1 missing_on_its, 1 missing_in_inventory.")
    if isinstance(run, AsAction):
        assert [line.split()[:2] for line in run.lines[-4:-1]] == [
            ["WEC", "DRIFT"],
            ["new", "missing_on_its"],
            ["unknown", "missing_in_inventory"],
        ]


def test_what_is_out_of_sync_shows_before_and_after(run: FrontEnd, its: FakeIts, options: Options) -> None:
    member(its, "edge-1", region="eu", mine="x")
    its.change(f"{MANAGED_CLUSTERS}/edge-1", {"metadata": {"annotations": {"owner": "dev"}}})
    its.put(f"{PROPERTIES}/edge-1", {"data": {"url": "a", "old": "b"}})
    wec = {
        "name": "edge-1",
        "labels": {"region": "us", "tier": "gold"},
        "annotations": {"owner": "ops"},
        "properties": {"url": "c"},
        "properties_state": "exact",
        "cluster_set": "edge",
    }
    found = {one["kind"]: one for one in run("wec_status", wecs=[wec], **options)["drift"]}
    assert {kind: (one["before"], one["after"]) for kind, one in found.items()} == {
        "labels": ({"region": "eu", "tier": None}, {"region": "us", "tier": "gold"}),
        "annotations": ({"owner": "dev"}, {"owner": "ops"}),
        "properties": ({"url": "a", "old": "b"}, {"url": "c", "old": None}),
        "cluster_set": (None, "edge"),
    }
    assert found["labels"]["msg"] == "missing: +tier=gold. different: region eu -> us"


def test_versions_far_behind_the_newest(run: FrontEnd, its: FakeIts, options: Options) -> None:
    for name, version in (("a", "v1.31.9"), ("b", "v1.32.0+k3s1"), ("c", "v1.34.4"), ("d", "")):
        member(its, name, version)
    wecs = [{"name": name} for name in "abd"]
    (found,) = run("wec_status", wecs=wecs, inventory=["c"], **options)["drift"]
    assert (found["name"], found["kind"]) == ("a", "version_skew")
    assert (found["before"], found["after"]) == ("v1.31.9", "v1.34.4")
    assert kinds(run("wec_status", wecs=wecs, inventory=["c"], version_skew=3, **options)) == []
    assert len(kinds(run("wec_status", wecs=wecs, inventory=["c"], version_skew=0, **options))) == 2


@pytest.mark.parametrize(
    ("days", "limit", "is_drift"), [(5, 30, True), (40, 30, False), (-1, 0, True), (190, 200, True)]
)
def test_certificates_that_nobody_renews(
    run: FrontEnd, its: FakeIts, authority: FakeAuthority, options: Options, days: float, limit: float, is_drift: bool
) -> None:
    member(its, "edge-1")
    request = csr("edge-1")
    request["status"] = {"certificate": base64.b64encode(authority.client("edge-1", days)).decode()}
    its.put(f"{CSRS}/edge-1-abcde", request)
    result = run("wec_status", wecs=[{"name": "edge-1"}], certificate_days=limit, **options)
    assert kinds(result) == ([("edge-1", "certificate_expiring")] if is_drift else [])


def test_a_certificate_that_is_to_be_renewed_by_its_agent_yet_is_none(
    run: FrontEnd, its: FakeIts, authority: FakeAuthority, options: Options
) -> None:
    """Of its 1300 days, 300 are left."""
    member(its, "edge-1")
    request = csr("edge-1")
    request["status"] = {"certificate": base64.b64encode(authority.client("edge-1", 300)).decode()}
    its.put(f"{CSRS}/edge-1-abcde", request)
    assert kinds(run("wec_status", wecs=[{"name": "edge-1"}], certificate_days=365, **options)) == []


def test_what_belongs_to_no_managed_cluster(run: FrontEnd, its: FakeIts, options: Options) -> None:
    its.put("/api/v1/namespaces/gone", {"metadata": {"labels": {"open-cluster-management.io/cluster-name": "gone"}}})
    its.put(f"{PROPERTIES}/gone", {"data": {"a": "b"}})
    assert kinds(run("wec_status", wecs=[], inventory=[], **options)) == [
        ("gone", "orphan_mailbox"),
        ("gone", "orphan_properties"),
    ]


def test_an_invalid_desired_state_is_told_and_nothing_else_of_it(run: FrontEnd, its: FakeIts, options: Options) -> None:
    member(its, "edge-1")
    result = run("wec_status", wecs=[{"name": "edge-1", "labels": {"a b": "c"}}], **options)
    assert kinds(result) == [("edge-1", "invalid_desired_state")]
    assert "labels[a b]" in result["drift"][0]["msg"]


@pytest.mark.parametrize(
    ("fail_on", "failed"),
    [
        ([], []),
        (["drift"], ["other", None]),
        (["problems"], ["late"]),
        (["drift", "problems"], ["other", "late", None]),
    ],
)
def test_it_fails_on_what_it_is_told_to_and_so_do_the_wecs_concerned(
    run: FrontEnd, its: FakeIts, options: Options, fail_on: list[str], failed: list[str | None]
) -> None:
    for name in ("well", "other", "late", "stray"):
        member(its, name)
    its.change(
        "/apis/coordination.k8s.io/v1/namespaces/late/leases/managed-cluster-lease", {"spec": {"renewTime": now(-100)}}
    )
    wecs = [{"name": "well"}, {"name": "other", "labels": {"region": "us"}}, {"name": "late"}]
    result = run("wec_status", wecs=wecs, inventory=[], fail_on=fail_on, **options)
    assert bool(result.get("failed")) is bool(failed)
    assert [one["host"] for one in result["wecs"] if one["failed"]] == failed
    assert {one["name"]: one["outcome"] for one in result["wecs"] if not one["failed"]} == {
        name: outcome
        for name, outcome in (("well", "in_sync"), ("other", "drift"), ("late", "problem"), ("stray", "drift"))
        if {"stray": None}.get(name, name) not in failed
    }
    messages = {one["name"]: one["msg"] for one in result["wecs"]}
    assert messages["other"] == (
        "other differs from the inventory: labels missing: +region=us. Configure other, or correct the inventory."
    )
    assert messages["late"].startswith("late is joined: the agent is late in renewing its lease: its lease lasts 60 s")
    assert messages["stray"].startswith("stray differs from the inventory: ManagedCluster stray: ")
    assert result["msg"] == "2 drifts: 1 missing_in_inventory, 1 labels. 1 WEC has problems."


@pytest.mark.parametrize("option", ["connect_timeout", "read_timeout"])
def test_no_time_at_all_is_refused(run: FrontEnd, its: FakeIts, options: Options, option: str) -> None:
    refused = run("wec_status", wecs=[], inventory=[], **{option: 0}, **options)["msg"]
    assert refused.startswith(f"{option}: 0")
    assert "must be more than 0 seconds" in refused


@pytest.mark.parametrize("option", ["certificate_days", "version_skew"])
def test_limits_below_nothing_are_refused(run: FrontEnd, its: FakeIts, options: Options, option: str) -> None:
    assert (
        run("wec_status", wecs=[], inventory=[], **{option: -1}, **options)["msg"]
        == f"{option}: {-1 if option == 'version_skew' else -1.0} must not be negative."
    )


def test_a_fleet_costs_one_list_of_each_kind(run: FrontEnd, its: FakeIts, options: Options) -> None:
    for number in range(30):
        member(its, f"edge-{number}")
    its.requests.clear()
    wecs = [{"name": f"edge-{number}"} for number in range(30)]
    assert kinds(run("wec_status", wecs=wecs, inventory=[], **options)) == []
    assert len(its.requests) <= 9


@pytest.mark.parametrize("inventory", [None, []])
def test_each_wec_has_a_record(run: FrontEnd, its: FakeIts, options: Options, inventory: list[str] | None) -> None:
    member(its, "edge-1", "v1.34.4", region="us")
    member(its, "edge-2")
    its.change(
        "/apis/coordination.k8s.io/v1/namespaces/edge-2/leases/managed-cluster-lease", {"spec": {"renewTime": ""}}
    )
    its.announce("edge-3")
    names = ["none", "edge-3", "edge-2", "edge-1"]
    result = run(
        "wec_status",
        wecs=[{"name": name, "host": f"host-of-{name}"} for name in names],
        inventory=inventory,
        **options,
    )
    assert [(one["name"], one["host"], one["its"]) for one in result["wecs"]] == [
        (name, f"host-of-{name}", its.url) for name in names
    ]
    assert [one["outcome"] for one in result["wecs"]] == ["drift", "problem", "problem", "in_sync"]
    assert result["states"] == {"absent": 1, "joined": 1, "joined_unavailable": 1, "pending_approval": 1}
    assert result["to_report"] == [f"host-of-{name}" for name in names]


def test_what_was_compared_with_nothing_is_not_called_in_sync(run: FrontEnd, its: FakeIts, options: Options) -> None:
    member(its, "edge-1")
    for way in ({"name": "edge-1"}, {"all": True}, {"wecs": [{"name": "edge-1"}], "compare": False}):
        result = run("wec_status", **way, **options)
        assert [one["outcome"] for one in result["wecs"]] == ["observed"]
        assert result["msg"].startswith("edge-1 is joined: last heartbeat ")
        assert result["drift"] == []


@pytest.mark.parametrize("way", [{"name": "edge-1"}, {"wecs": [{"name": "edge-1"}]}])
def test_all_wecs_are_not_some(run: FrontEnd, its: FakeIts, options: Options, way: Options) -> None:
    refused = run("wec_status", all=True, **way, **options)
    assert refused["msg"] == f"all: True cannot be given with {next(iter(way))}. Leave one of them out."


def test_the_table_of_the_states_comes_before_the_other(its: FakeIts, options: Options) -> None:
    member(its, "edge-1")
    run = AsAction()
    run("wec_status", wecs=[{"name": "edge-1"}, {"name": "new"}], show_table=True, **options)
    assert [line.split()[:2] for line in run.lines] == [
        ["WEC", "STATE"],
        ["edge-1", "joined"],
        ["new", "absent"],
        ["WEC", "DRIFT"],
        ["new", "missing_on_its"],
        ["1", "drift:"],
    ]


def test_the_hosts_of_the_play_are_compared_and_the_whole_inventory_counts(
    its: FakeIts, authority: FakeAuthority
) -> None:
    member(its, "edge-1", region="eu")
    member(its, "edge-2")
    member(its, "stray")
    own = {"its_kubeconfig": its.kubeconfig()}
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = {"its_host": f"https://127.0.0.1:{closed.getsockname()[1]}", "its_api_key": "token"}
        hostvars = {
            "edge-1": {**own, "wec_labels": {"region": "us"}},
            "second": {**own, "wec_name": "edge-2", "wec_cluster_set": ""},
            "far": dead,
        }
        play = {"inventory_hostname": "edge-1", "hostvars": hostvars, "groups": {"all": list(hostvars)}}
        result = AsAction(**play, ansible_play_batch=["edge-1"])("wec_status")
        assert not result.get("failed"), result
        assert kinds(result) == [("edge-1", "labels"), ("stray", "missing_in_inventory")]
        assert [one["host"] for one in result["wecs"]] == ["edge-1", None]
        run = AsAction(**play, ansible_play_batch=list(hostvars))
        both = run("wec_status", show_table=True)
        assert kinds(both) == kinds(result)
        assert both["failed"]
        assert [(one["host"], one["outcome"]) for one in both["wecs"] if one["failed"]] == [("far", "unreachable")]
        assert "the connection was refused" in both["msg"]
        assert run.lines[-1].startswith("Not looked at: far: ")


def test_several_itss_have_a_table_each(its: FakeIts) -> None:
    other = FakeIts(its.authority)
    try:
        for server, region in ((its, "us"), (other, "eu")):
            member(server, "edge-1", region=region)
        hostvars = {
            "here": {"its_kubeconfig": its.kubeconfig(), "wec_name": "edge-1", "wec_labels": {"region": "us"}},
            "there": {"its_kubeconfig": other.kubeconfig(), "wec_name": "edge-1", "wec_labels": {"region": "us"}},
        }
        play = {"inventory_hostname": "here", "hostvars": hostvars, "groups": {"all": list(hostvars)}}
        run = AsAction(**play, ansible_play_batch=list(hostvars))
        result = run("wec_status", show_table=True)
        assert not result.get("failed"), result
        assert [(one["host"], one["its"], one["labels"]) for one in result["wecs"]] == [
            ("here", its.url, {"region": "us"}),
            ("there", other.url, {"region": "eu"}),
        ]
        assert [line.split()[0] for line in run.lines[:6]] == [
            f"{its.url}:",
            "WEC",
            "edge-1",
            f"{other.url}:",
            "WEC",
            "edge-1",
        ]
        assert [(one["host"], one["its"]) for one in result["drift"]] == [("there", other.url)]
    finally:
        other.close()


def test_nothing_is_said_to_agree_with_an_its_that_does_not_answer() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = {"its_host": f"https://127.0.0.1:{closed.getsockname()[1]}", "its_api_key": "token"}
        play = {"inventory_hostname": "far", "hostvars": {"far": dead}, "groups": {"all": ["far"]}}
        run = AsAction(**play, ansible_play_batch=["far"])
        result = run("wec_status", show_table=True)
    assert result["failed"]
    assert [one["outcome"] for one in result["wecs"]] == ["unreachable"]
    assert len(run.lines) == 1
    assert run.lines[0].startswith("Not looked at: far: ")
    assert "agree" not in result["msg"]


def test_a_wec_that_is_named_and_not_there_is_drift_if_that_is_asked_for(
    run: FrontEnd, its: FakeIts, options: Options
) -> None:
    result = run("wec_status", name="nobody", fail_on=["drift", "problems"], **options)
    assert result["failed"]
    assert kinds(result) == [("nobody", "missing_on_its")]
    assert "the ITS has no ManagedCluster of this name" in result["msg"]
    assert not run("wec_status", name="nobody", fail_on=["problems"], **options).get("failed")
    assert not run("wec_status", name="nobody", wait_for="absent", fail_on=["drift"], **options).get("failed")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "edge-1", "inventory": []}, "inventory: counts only with wecs or the hosts of a play."),
        ({"name": "edge-1", "ask_wecs": True}, "ask_wecs: True counts only with the hosts of a play."),
        ({"wecs": [{"name": "edge-1"}], "ask_wecs": True}, "ask_wecs: True counts only with the hosts of a play."),
        ({"all": True, "ask_wecs": True}, "ask_wecs: True counts only with the hosts of a play."),
        ({"all": True, "fail_on": ["drift"]}, "fail_on: 'drift' counts only with name, wecs or the hosts of a play"),
        ({"name": "edge-1", "compare": False, "fail_on": ["drift"]}, "fail_on: 'drift' counts only with compare."),
        ({"wecs": [], "compare": False, "inventory": ["a"]}, "inventory: counts only with compare."),
        ({"wecs": []}, "wecs: [] counts only with inventory."),
    ],
)
def test_what_would_have_no_effect_is_refused(
    run: FrontEnd, its: FakeIts, options: Options, given: dict[str, t.Any], message: str
) -> None:
    member(its, "edge-1")
    result = run("wec_status", **given, **options)
    assert result["failed"]
    assert message in result["msg"]
    assert its.requests == []


def told(days: float) -> Json:
    """What an agent tells when it has renewed its certificate, which then ends in so many days and was for a year."""
    moment = datetime.datetime.now(datetime.timezone.utc)
    ends = moment + datetime.timedelta(days=days)
    begins = ends - datetime.timedelta(days=365)
    sentence = f"client certificate rotated starting from {begins:%Y-%m-%d %H:%M:%S} +0000 UTC to {ends:%Y-%m-%d %H:%M:%S} +0000 UTC"
    return {**condition("ClusterCertificateRotated"), "message": sentence}


def rotated(its: FakeIts, name: str, days: float) -> str:
    path = f"{MANAGED_CLUSTERS}/{name}"
    conditions = [*its.objects[path]["status"]["conditions"], told(days)]
    its.change(path, {"status": {"conditions": conditions}})
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return f"{end:%Y-%m-%d}"


def test_ends_of_certificates_are_shown_as_far_as_the_its_tells_them_without_a_request_more(
    run: FrontEnd, its: FakeIts, options: Options
) -> None:
    for name in ("a", "b", "c", "d"):
        member(its, name)
    asked = [{"name": name} for name in "abcd"]
    its.requests.clear()
    run("wec_status", wecs=asked, **options)
    plain = list(its.requests)
    near, far = rotated(its, "a", 20.1), rotated(its, "b", 200.1)
    its.requests.clear()
    shown = run("wec_status", wecs=asked, show_table=True, **options)
    assert its.requests == plain
    ends = {one["name"]: one["certificate_expires"] for one in shown["wecs"]}
    assert (ends["a"][:10], ends["b"][:10], ends["c"]) == (near, far, None)
    assert kinds(shown) == [("a", "certificate_expiring")]
    if run.lines:
        header, *rows = run.lines
        place = header.index("CERTIFICATE")
        assert [row[place:].split()[0] for row in rows[:3]] == [near, far, "-"]


def test_without_an_inventory_a_certificate_that_ends_soon_is_a_problem_with_its_date(
    run: FrontEnd, its: FakeIts, options: Options
) -> None:
    member(its, "a")
    near = rotated(its, "a", 20.1)
    for asked in ({"all": True}, {"name": "a"}):
        (found,) = run("wec_status", **asked, **options)["wecs"]
        (problem,) = [one for one in found["problems"] if one["code"] == "certificate_expiring"]
        assert problem["evidence"][0].startswith(f"it ends at {near}T")
    (found,) = run("wec_status", all=True, certificate_days=5, **options)["wecs"]
    assert "certificate_expiring" not in [one["code"] for one in found["problems"]]


def test_one_that_was_away_too_long_is_named_with_the_end_of_its_certificate(
    run: FrontEnd, its: FakeIts, wec: FakeApi, authority: FakeAuthority, options: Options
) -> None:
    """The ITS knows it, if the agent has told it; the WEC's own API, that its bootstrap token is over, too."""
    its.join("a", wec.uid)
    day = rotated(its, "a", -3)
    (found,) = run("wec_status", name="a", **options)["wecs"]
    assert found["certificate_expires"] is None, "one that is available has another one since"
    conditions = [
        *its.objects[f"{MANAGED_CLUSTERS}/a"]["status"]["conditions"][:2],
        condition("ManagedClusterConditionAvailable", "Unknown", "ManagedClusterLeaseUpdateStopped"),
        told(-3),
    ]
    its.change(f"{MANAGED_CLUSTERS}/a", {"status": {"conditions": conditions}})
    (found,) = run("wec_status", name="a", **options)["wecs"]
    (expired,) = [one for one in found["problems"] if one["code"] == "certificate_expired"]
    assert expired["evidence"] == [f"it ended at {found['certificate_expires']}, as the ITS shows it"]
    assert found["certificate_expires"].startswith(day)

    install_agent(wec, "a", its, certificate=authority.client("a", -2), token=jwt("old", expires_in=-9000))
    its.put("/api/v1/namespaces/open-cluster-management/secrets/none", {})
    (found,) = run("wec_status", name="a", kubeconfig=wec.kubeconfig(), **options)["wecs"]
    problems = [one for one in found["problems"] if one["code"] == "certificate_expired"]
    assert len(problems) == 1
    ended, token = problems[0]["evidence"][:2]
    assert ended == f"it ended at {found['certificate_expires']}"
    assert token.startswith("its bootstrap token ended at 20")
