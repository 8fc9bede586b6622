# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pathlib
import socket
import typing as t

import pytest
from fake_api import FakeApi
from fake_ocm import FakeIts
from front_ends import AsAction, FrontEnd

Json = dict[str, t.Any]


@pytest.fixture
def options(its: FakeIts, wec: FakeApi, clusteradm: tuple[pathlib.Path, pathlib.Path]) -> Json:
    return {
        "name": "edge-1",
        "its_kubeconfig": its.kubeconfig(ca=its.authority.pem),
        "kubeconfig": wec.kubeconfig(),
        "clusteradm_binary": str(clusteradm[0]),
    }


def surveyed(run: FrontEnd, options: Json, *names: str) -> Json:
    asked = {key: options[key] for key in ("its_kubeconfig", "clusteradm_binary")}
    result = run("wec_survey", names=list(names), **asked)
    assert not result.get("failed"), result
    return result


def of_wec(survey: Json, name: str) -> Json:
    found = survey["wecs"][name]
    return {"hub": survey["hubs"][found["hub"]], "view": found["view"]}


def test_it_costs_lists_and_writes_nothing(run: FrontEnd, its: FakeIts, options: Json) -> None:
    names = [f"edge-{number}" for number in range(30)]
    its.join("edge-3")
    survey = surveyed(run, options, *names)
    assert set(survey["wecs"]) == set(names)
    assert survey["wecs"]["edge-3"]["view"]["managed_cluster"]["metadata"]["name"] == "edge-3"
    assert survey["wecs"]["edge-4"]["view"]["managed_cluster"] is None
    assert len(its.requests) <= 20
    assert its.writes == []


def test_a_preflight_with_a_survey_asks_the_its_nothing_and_says_the_same(
    run: FrontEnd, its: FakeIts, options: Json
) -> None:
    alone = run("wec_preflight", **options)
    survey = surveyed(run, options, "edge-1", "edge-2")
    before = len(its.requests)
    told = run("wec_preflight", survey=of_wec(survey, "edge-1"), **options)
    assert len(its.requests) == before
    assert not alone.get("failed"), alone
    assert told["checks"] == alone["checks"]
    assert told["state"] == alone["state"]


def test_a_join_with_a_survey_still_looks_at_what_it_changes(run: FrontEnd, its: FakeIts, options: Json) -> None:
    survey = surveyed(run, options, "edge-1", "edge-2")
    its.join("edge-1")
    before = len(its.requests)
    result = run("wec_join", check_mode=True, survey=of_wec(survey, "edge-1"), wait=False, **options)
    assert any("managedclusters/edge-1" in path for _method, path in its.requests[before:])
    # The name was taken meanwhile: the survey does not hide it.
    assert result["failed"]
    assert result["problem"]["code"] == "name_taken"


@pytest.mark.parametrize("field", ["hub", "view"])
def test_what_is_no_survey_is_refused(run: FrontEnd, options: Json, field: str) -> None:
    survey = of_wec(surveyed(run, options, "edge-1"), "edge-1")
    result = run("wec_preflight", survey={**survey, field: {}}, **options)
    assert result["failed"]
    assert "survey" in result["msg"]


def test_a_survey_of_another_its_or_wec_is_not_used(run: FrontEnd, its: FakeIts, options: Json) -> None:
    survey = of_wec(surveyed(run, options, "edge-1", "edge-2"), "edge-1")
    other = {**survey, "hub": {**survey["hub"], "server": "https://127.0.0.1:1"}}
    before = len(its.requests)
    assert not run("wec_preflight", survey=other, **options).get("failed")
    assert len(its.requests) > before
    before = len(its.requests)
    run("wec_preflight", survey=survey, **{**options, "name": "edge-2"})
    assert len(its.requests) > before


def test_the_hosts_of_a_play_are_looked_at_on_the_its_that_each_has(its: FakeIts) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"https://127.0.0.1:{closed.getsockname()[1]}"
        hosts: Json = {
            "one": {"its_kubeconfig": its.kubeconfig(), "wec_name": "edge-1"},
            "two": {"its_kubeconfig": its.kubeconfig()},
            "bad": {"its_host": nobody, "its_api_key": "secret-token"},
        }
        play = AsAction(ansible_play_batch=list(hosts), hostvars=hosts, inventory_hostname="one")
        result = play("wec_survey")
    assert {host: one["view"]["name"] for host, one in result["wecs"].items()} == {"one": "edge-1", "two": "two"}
    assert len(result["hubs"]) == 1
    assert [one["hosts"] for one in result["unseen"]] == [["bad"]]
    assert "secret-token" not in str(result)


def test_a_connection_that_the_play_sets_is_everybodys(its: FakeIts) -> None:
    hosts: Json = {"one": {}, "two": {}}
    play = AsAction(ansible_play_batch=list(hosts), hostvars=hosts, inventory_hostname="one")
    result = play("wec_survey", its_kubeconfig=its.kubeconfig())
    assert set(result["wecs"]) == {"one", "two"}
