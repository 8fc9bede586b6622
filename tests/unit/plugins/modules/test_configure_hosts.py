# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""wec_configure, wec_label and wec_properties as one task for all hosts of a batch, and for one of them."""

from __future__ import annotations

import threading
import typing as t

import pytest
from fake_api import Fault
from fake_ocm import MANAGED_CLUSTERS, FakeIts
from fake_wds import FakeWds, add_work
from front_ends import AsAction
from records import by_host, in_order

Json = dict[str, t.Any]
PROPERTIES = "/api/v1/namespaces/customization-properties/configmaps"


def member(its: FakeIts, name: str, **labels: str) -> None:
    its.join(name, f"uid-of-{name}")
    its.change(f"{MANAGED_CLUSTERS}/{name}", {"metadata": {"labels": labels or None}})


def labels_of(its: FakeIts, name: str) -> Json:
    found: Json = its.objects[f"{MANAGED_CLUSTERS}/{name}"]["metadata"].get("labels") or {}
    return found


def of_play(**hosts: Json) -> AsAction:
    return AsAction(ansible_play_batch=list(hosts), hostvars=hosts, inventory_hostname=next(iter(hosts)))


def test_all_are_configured_at_once_and_each_failure_is_its_own(its: FakeIts) -> None:
    names = [f"edge-{number}" for number in range(12)]
    shared = {"its_kubeconfig": its.kubeconfig(), "wec_labels": {"region": "us"}}
    hosts: Json = {name: {**shared, "wec_properties": {"url": name}} for name in names}
    hosts |= {"nobody": shared, "in-sync": {"its_kubeconfig": its.kubeconfig()}}
    for name in names:
        member(its, name, region="eu")
    member(its, "in-sync")
    play = of_play(**hosts)
    foreseen = play("wec_configure", check_mode=True)
    assert {by_host(foreseen)[name]["outcome"] for name in names} == {"planned"}
    assert its.writes == []

    def refuse(method: str, path: str, _body: t.Any) -> None:
        if (method, path) == ("PATCH", f"{MANAGED_CLUSTERS}/edge-3"):
            raise Fault(422, "not this one", "Invalid")

    its.before.append(refuse)
    result = play("wec_configure")
    assert result["failed"]
    assert in_order(result, failed=True) == ["edge-3", "nobody"]
    found = by_host(result)
    assert found["nobody"]["problem"]["code"] == "not_registered"
    assert {host: one["outcome"] for host, one in found.items() if host not in names} == {
        "nobody": "failed",
        "in-sync": "in_sync",
    }
    assert found["edge-1"]["msg"] == "edge-1 was changed: +url=edge-1; region eu -> us."
    assert found["edge-1"]["diff"]["after"]["ITS: ManagedCluster edge-1"] == {"labels": {"region": "us"}}
    # Its properties were written before its labels were refused.
    assert (found["edge-3"]["changed"], found["edge-3"]["failed"]) == (True, True)
    for name in names:
        assert labels_of(its, name)["region"] == ("eu" if name == "edge-3" else "us")
    its.before.remove(refuse)
    assert [one["host"] for one in play("wec_configure")["wecs"] if one["changed"]] == ["edge-3"]


def test_a_changed_value_costs_a_write_for_each_wec_and_no_look(its: FakeIts) -> None:
    names = [f"edge-{number}" for number in range(1, 21)]
    for name in names:
        member(its, name)
    for region in ("us", "eu"):
        its.requests.clear()
        shared = {"its_kubeconfig": its.kubeconfig(), "wec_labels": {"region": region}}
        assert of_play(**dict.fromkeys(names, shared))("wec_configure")["changed"]
    assert len(its.writes) == len(names)
    assert len(its.requests) - len(its.writes) <= 10


def test_only_the_hosts_that_are_named(its: FakeIts) -> None:
    shared = {"its_kubeconfig": its.kubeconfig(), "wec_labels": {"region": "us"}}
    for name in ("one", "two", "three"):
        member(its, name)
    # The host that the task runs on need not be one of them; one of another batch is left alone.
    result = of_play(one=shared, two=shared, three=shared)("wec_configure", hosts=["two", "three", "elsewhere"])
    assert list(by_host(result)) == ["two", "three"]
    assert [labels_of(its, name) for name in ("one", "two", "three")] == [{}, {"region": "us"}, {"region": "us"}]


def test_without_run_once_a_task_is_for_its_own_host(its: FakeIts) -> None:
    shared = {"its_kubeconfig": its.kubeconfig(), "wec_labels": {"region": "us"}}
    member(its, "one")
    member(its, "two")
    play = AsAction(inventory_hostname="two", hostvars={"one": shared, "two": shared})
    assert list(by_host(play("wec_configure"))) == ["two"]
    assert [labels_of(its, name) for name in ("one", "two")] == [{}, {"region": "us"}]
    refused = play("wec_configure", hosts=["one"])
    assert refused["msg"].startswith("hosts: counts only with run_once")


def test_an_invalid_desired_state_of_one_stops_the_wecs_of_all_hubs_unless_that_is_not_wanted(its: FakeIts) -> None:
    other = FakeIts(its.authority)
    try:
        member(its, "one")
        member(other, "two")
        play = of_play(
            one={"its_kubeconfig": its.kubeconfig(), "wec_labels": {"region": "us"}},
            two={"its_kubeconfig": other.kubeconfig(), "wec_labels": {"a b": "us"}},
        )
        stopped = play("wec_configure")
        assert stopped["msg"].startswith("Nothing was changed. ")
        assert its.writes == other.writes == []
        going_on = play("wec_configure", stop_on_violation=False)
        assert in_order(going_on, failed=True) == ["two"]
        assert labels_of(its, "one")["region"] == "us"
    finally:
        other.close()


def test_a_hub_that_goes_away_is_what_its_own_wecs_fail_of(its: FakeIts) -> None:
    other = FakeIts(its.authority)
    try:
        member(its, "one")
        member(other, "two")
        labels = {"wec_labels": {"region": "us"}}
        play = of_play(
            one={"its_kubeconfig": its.kubeconfig(), **labels}, two={"its_kubeconfig": other.kubeconfig(), **labels}
        )

        def go_away(method: str, _path: str, _body: t.Any) -> None:
            if method == "PATCH":
                raise Fault(503, "not now", "ServiceUnavailable")

        its.before.append(go_away)
        result = play("wec_configure", its_outage_timeout=0)
        assert result["failed"]
        assert in_order(result, failed=True) == ["one"]
        assert labels_of(other, "two")["region"] == "us"
    finally:
        other.close()


@pytest.mark.parametrize(
    ("module", "labels", "properties"),
    [("wec_configure", True, True), ("wec_label", True, False), ("wec_properties", False, True)],
)
def test_each_module_has_its_own_part(its: FakeIts, module: str, labels: bool, properties: bool) -> None:
    member(its, "one")
    own = {"its_kubeconfig": its.kubeconfig(), "wec_labels": {"region": "us"}, "wec_properties": {"url": "x"}}
    result = of_play(one=own)(module)
    assert not result.get("failed"), result
    assert (labels_of(its, "one") == {"region": "us"}) is labels
    assert (f"{PROPERTIES}/one" in its.objects) is properties


def test_an_argument_of_the_task_is_for_all_hosts(its: FakeIts) -> None:
    for name in ("one", "two"):
        member(its, name, old="x")
    own = {"its_kubeconfig": its.kubeconfig(), "wec_labels": {"region": "us"}}
    of_play(one=own, two=own)("wec_label", labels={"tier": "gold"}, state="exact")
    assert labels_of(its, "one") == labels_of(its, "two") == {"tier": "gold"}


def test_the_works_of_all_are_looked_at_together(its: FakeIts, wds: FakeWds) -> None:
    names = [f"edge-{number}" for number in range(30)]
    for name in names:
        member(its, name)
        its.put(f"{PROPERTIES}/{name}", {"data": {"url": "old"}})
        add_work(its, name, "web")
    shared = {"its_kubeconfig": its.kubeconfig(), "wec_properties": {"url": "new"}}
    its.requests.clear()
    result = of_play(**dict.fromkeys(names, shared))("wec_configure")
    assert not result.get("failed"), result
    looks = [path for method, path in its.requests if method == "GET" and "manifestworks" in path]
    assert not [path for path in looks if "/namespaces/" in path]
    assert len(looks) <= 6


def test_a_look_that_fails_takes_nothing_from_what_was_done(its: FakeIts, wds: FakeWds) -> None:
    names = [f"edge-{number}" for number in range(30)]
    for name in names:
        member(its, name)
        its.put(f"{PROPERTIES}/{name}", {"data": {"url": "old"}})
        add_work(its, name, "web")
    sent = threading.Event()

    def refuse(method: str, path: str, _body: t.Any) -> None:
        if method == "PATCH" and "manifestworks" in path:
            sent.set()
        if sent.is_set() and method == "GET" and path.endswith("/manifestworks"):
            raise Fault(403, "not any more", "Forbidden")

    its.before.append(refuse)
    shared = {"its_kubeconfig": its.kubeconfig(), "wec_properties": {"url": "new"}}
    result = of_play(**dict.fromkeys(names, shared))("wec_configure", wait_timeout=1)
    assert {one["changed"] for one in result["wecs"]} == {True}
    assert {one["problem"]["code"] for one in result["wecs"]} == {"delivery_late"}
    assert "403" in result["wecs"][0]["msg"]
