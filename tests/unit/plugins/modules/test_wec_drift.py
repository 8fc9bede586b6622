# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import socket
import typing as t

import pytest
from fake_api import now
from fake_ocm import CSRS, MANAGED_CLUSTERS, FakeAuthority, FakeIts, csr
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
    result = run("wec_drift", wecs=wecs, fail_on=["drift", "problems"], show_table=True, **options)
    assert not result.get("failed"), result
    assert result["drift"] == result["problems"] == result["unseen"] == []
    assert result["msg"] == "The inventory and the ITS agree."
    assert result["changed"] is False
    assert its.writes == []
    if isinstance(run, AsAction):
        assert run.lines == ["The inventory and the ITS agree."]


def test_both_ways(run: FrontEnd, its: FakeIts, options: Options) -> None:
    member(its, "edge-1")
    member(its, "elsewhere")
    member(its, "unknown")
    wecs = [{"name": "edge-1"}, {"name": "new", "host": "new-host"}]
    result = run("wec_drift", wecs=wecs, inventory=["elsewhere"], show_table=True, **options)
    assert kinds(result) == [("new", "missing_on_its"), ("unknown", "missing_in_inventory")]
    assert [one["host"] for one in result["drift"]] == ["new-host", None]
    assert {one["its"] for one in result["drift"]} == {its.url}
    assert "Register new" in result["drift"][0]["remedy"]
    assert "deregister unknown" in result["drift"][1]["remedy"]
    assert result["msg"].startswith("2 drifts: 1 missing_on_its, 1 missing_in_inventory.")
    if isinstance(run, AsAction):
        assert [line.split()[:2] for line in run.lines[:-1]] == [
            ["WEC", "DRIFT"],
            ["new", "missing_on_its"],
            ["unknown", "missing_in_inventory"],
        ]


def test_what_is_not_as_wanted_shows_before_and_after(run: FrontEnd, its: FakeIts, options: Options) -> None:
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
    found = {one["kind"]: one for one in run("wec_drift", wecs=[wec], **options)["drift"]}
    assert {kind: (one["before"], one["after"]) for kind, one in found.items()} == {
        "labels": ({"region": "eu", "tier": None}, {"region": "us", "tier": "gold"}),
        "annotations": ({"owner": "dev"}, {"owner": "ops"}),
        "properties": ({"url": "a", "old": "b"}, {"url": "c", "old": None}),
        "cluster_set": (None, "edge"),
    }
    assert found["labels"]["msg"] == "region=eu->us, +tier=gold"


def test_versions_far_behind_the_newest(run: FrontEnd, its: FakeIts, options: Options) -> None:
    for name, version in (("a", "v1.31.9"), ("b", "v1.32.0+k3s1"), ("c", "v1.34.4"), ("d", "")):
        member(its, name, version)
    wecs = [{"name": name} for name in "abd"]
    (found,) = run("wec_drift", wecs=wecs, inventory=["c"], **options)["drift"]
    assert (found["name"], found["kind"]) == ("a", "version_skew")
    assert (found["before"], found["after"]) == ("v1.31.9", "v1.34.4")
    assert kinds(run("wec_drift", wecs=wecs, inventory=["c"], version_skew=3, **options)) == []
    assert len(kinds(run("wec_drift", wecs=wecs, inventory=["c"], version_skew=0, **options))) == 2


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
    result = run("wec_drift", wecs=[{"name": "edge-1"}], certificate_days=limit, **options)
    assert kinds(result) == ([("edge-1", "certificate_expiring")] if is_drift else [])


def test_a_certificate_that_is_to_be_renewed_by_its_agent_yet_is_none(
    run: FrontEnd, its: FakeIts, authority: FakeAuthority, options: Options
) -> None:
    """Of its 1300 days, 300 are left."""
    member(its, "edge-1")
    request = csr("edge-1")
    request["status"] = {"certificate": base64.b64encode(authority.client("edge-1", 300)).decode()}
    its.put(f"{CSRS}/edge-1-abcde", request)
    assert kinds(run("wec_drift", wecs=[{"name": "edge-1"}], certificate_days=365, **options)) == []


def test_a_lease_that_is_not_renewed(run: FrontEnd, its: FakeIts, options: Options) -> None:
    for name in ("edge-1", "edge-2"):
        member(its, name)
    path = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/managed-cluster-lease"
    its.change(path.format("edge-1"), {"spec": {"renewTime": now(-600)}})
    del its.objects[path.format("edge-2")]
    its.announce("edge-3")
    wecs = [{"name": f"edge-{number}"} for number in (1, 2, 3)]
    result = run("wec_drift", wecs=wecs, **options)
    assert kinds(result) == [("edge-1", "lease_stale"), ("edge-2", "lease_stale")]
    assert [one["msg"] for one in result["drift"]] == ["its lease was renewed 10 min ago", "it has no lease"]


def test_what_belongs_to_no_managed_cluster(run: FrontEnd, its: FakeIts, options: Options) -> None:
    its.put("/api/v1/namespaces/gone", {"metadata": {"labels": {"open-cluster-management.io/cluster-name": "gone"}}})
    its.put(f"{PROPERTIES}/gone", {"data": {"a": "b"}})
    assert kinds(run("wec_drift", wecs=[], **options)) == [("gone", "orphan_mailbox"), ("gone", "orphan_properties")]


def test_what_cannot_be_wanted_is_told_and_nothing_else_of_it(run: FrontEnd, its: FakeIts, options: Options) -> None:
    member(its, "edge-1")
    result = run("wec_drift", wecs=[{"name": "edge-1", "labels": {"a b": "c"}}], **options)
    assert kinds(result) == [("edge-1", "cannot_be_wanted")]
    assert "labels[a b]" in result["drift"][0]["msg"]


def test_it_fails_only_of_what_it_is_told_to(run: FrontEnd, its: FakeIts, options: Options) -> None:
    member(its, "edge-1")
    lease = "/apis/coordination.k8s.io/v1/namespaces/edge-1/leases/managed-cluster-lease"
    its.change(lease, {"spec": {"renewTime": now(-600)}})
    wecs = [{"name": "edge-1"}]
    told = run("wec_drift", wecs=wecs, **options)
    assert not told.get("failed")
    assert [one["name"] for one in told["problems"]] == ["edge-1"]
    assert told["msg"] == "1 drift: 1 lease_stale. 1 WEC has problems."
    for fail_on in (["drift"], ["problems"], ["drift", "problems"]):
        failed = run("wec_drift", wecs=wecs, fail_on=fail_on, **options)
        assert failed["failed"]
        assert failed["msg"] == told["msg"]
        assert len(failed["drift"]) == 1
    its.change(lease, {"spec": {"renewTime": now()}})
    assert not run("wec_drift", wecs=wecs, fail_on=["problems", "drift"], **options).get("failed")


@pytest.mark.parametrize("option", ["connect_timeout", "read_timeout"])
def test_no_time_at_all_is_refused(run: FrontEnd, its: FakeIts, options: Options, option: str) -> None:
    refused = run("wec_drift", wecs=[], **{option: 0}, **options)["msg"]
    assert refused.startswith(f"{option}: 0")
    assert "must be more than 0 seconds" in refused


@pytest.mark.parametrize("option", ["certificate_days", "version_skew"])
def test_limits_below_nothing_are_refused(run: FrontEnd, its: FakeIts, options: Options, option: str) -> None:
    assert (
        run("wec_drift", wecs=[], **{option: -1}, **options)["msg"]
        == f"{option}: {-1 if option == 'version_skew' else -1.0} must not be negative."
    )


@pytest.mark.parametrize("status", [False, True])
def test_a_fleet_costs_one_list_of_each_kind(run: FrontEnd, its: FakeIts, options: Options, status: bool) -> None:
    for number in range(30):
        member(its, f"edge-{number}")
    its.requests.clear()
    wecs = [{"name": f"edge-{number}"} for number in range(30)]
    assert kinds(run("wec_drift", wecs=wecs, status=status, **options)) == []
    assert len(its.requests) <= 9


def test_with_status_each_wec_is_told_as_by_the_module_for_that(run: FrontEnd, its: FakeIts, options: Options) -> None:
    member(its, "edge-1", "v1.34.4", region="us")
    member(its, "edge-2")
    its.change(
        "/apis/coordination.k8s.io/v1/namespaces/edge-2/leases/managed-cluster-lease", {"spec": {"renewTime": ""}}
    )
    its.announce("edge-3")
    names = ["none", "edge-3", "edge-2", "edge-1"]
    result = run(
        "wec_drift", wecs=[{"name": name, "host": f"host-of-{name}"} for name in names], status=True, **options
    )
    assert [(one.pop("host"), one.pop("its")) for one in result["wecs"]] == [
        (f"host-of-{name}", its.url) for name in names
    ]
    told = run("wec_status", names=names, **options)["wecs"]
    assert [one["name"] for one in told] == names
    for one in (*told, *result["wecs"]):
        # Time goes on between the two looks.
        assert {"lease_age", "evidence"} <= one.keys()
        del one["lease_age"], one["evidence"]
    assert result["wecs"] == told
    assert result["wecs"][0]["state"] == "absent"
    assert result["states"] == {"absent": 1, "joined": 1, "joined_unavailable": 1, "pending_approval": 1}
    without = run("wec_drift", wecs=[{"name": "edge-1"}], **options)
    assert "wecs" not in without
    assert "states" not in without


def test_the_table_of_the_states_comes_before_the_other(its: FakeIts, options: Options) -> None:
    member(its, "edge-1")
    run = AsAction()
    run("wec_drift", wecs=[{"name": "edge-1"}, {"name": "new"}], status=True, show_table=True, **options)
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
        result = AsAction(**play, ansible_play_batch=["edge-1"])("wec_drift")
        assert not result.get("failed"), result
        assert kinds(result) == [("edge-1", "labels"), ("stray", "missing_in_inventory")]
        run = AsAction(**play, ansible_play_batch=list(hostvars))
        both = run("wec_drift", show_table=True)
        assert kinds(both) == kinds(result)
        assert both["failed"]
        assert both["unseen"][0]["hosts"] == ["far"]
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
        result = run("wec_drift", status=True, show_table=True)
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
        result = run("wec_drift", status=True, show_table=True)
    assert result["failed"]
    assert result["wecs"] == []
    assert len(run.lines) == 1
    assert run.lines[0].startswith("Not looked at: far: ")
    assert "agree" not in result["msg"]
