# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source as ansible-rulebook runs it: by its path, with a queue and arguments."""

from __future__ import annotations

import asyncio
import os
import pathlib
import traceback
import typing as t

import pytest
import yaml
from ansible_collections.kubestellar.wec.plugins.module_utils._apis import reflector
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import WecError
from ansible_collections.kubestellar.wec.plugins.module_utils._modules import fleet_source
from event_source import MODULE, Heard, heard_of, unavailable
from fake_api import Fault
from fake_ocm import CSRS, MANAGED_CLUSTERS, FakeIts

Json = dict[str, t.Any]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector, "_SLOWEST_RETRY", 0.1)


def test_what_is_wrong_at_the_start_and_what_happens_then_are_told(its: FakeIts) -> None:
    its.join("edge-1")
    its.join("edge-2")
    unavailable(its, "edge-2")
    its.announce("edge-3")

    async def script(heard: Heard) -> None:
        first = [await heard.next() for _number in range(3)]
        assert [(one["type"], one["name"]) for one in first] == [
            ("its_reachable", None),
            ("became_unavailable", "edge-2"),
            ("csr_pending", "edge-3"),
        ]
        assert all(one["initial"] and one["expected"] is None for one in first)
        assert first[0]["its"]["server"] == its.url
        unavailable(its, "edge-1")
        its.make_available("edge-2")
        assert await heard.kinds(2) == [("became_unavailable", "edge-1"), ("recovered", "edge-2")]
        its.change(f"{MANAGED_CLUSTERS}/edge-3", {"spec": {"hubAcceptsClient": True}})
        its.make_available("edge-3")
        its.remove(f"{MANAGED_CLUSTERS}/edge-2")
        assert await heard.kinds(2) == [("joined", "edge-3"), ("left", "edge-2")]

    heard_of(its, script)


def test_nothing_old_is_told_if_that_is_not_wanted(its: FakeIts) -> None:
    its.join("edge-1")
    unavailable(its, "edge-1")

    async def script(heard: Heard) -> None:
        assert await heard.kinds(1) == [("its_reachable", None)]
        its.make_available("edge-1")
        assert await heard.kinds(1) == [("recovered", "edge-1")]

    heard_of(its, script, initial=False)


def test_an_its_that_goes_away_and_forgets_is_followed_on_with_each_change_told_once(its: FakeIts) -> None:
    its.join("edge-1")
    its.join("edge-2")

    async def script(heard: Heard) -> None:
        assert await heard.kinds(1) == [("its_reachable", None)]
        its.close()
        unavailable(its, "edge-1")
        assert await heard.kinds(1) == [("its_unreachable", None)]
        its.announce("edge-3")
        its.forget()
        its.start()
        assert set(await heard.kinds(3)) == {
            ("its_reachable", None),
            ("became_unavailable", "edge-1"),
            ("csr_pending", "edge-3"),
        }
        unavailable(its, "edge-2")
        assert await heard.kinds(1) == [("became_unavailable", "edge-2")]

    heard_of(its, script, unreachable_after=0.2)


def test_who_shall_be_there_is_read_from_an_inventory_again_and_again(its: FakeIts, tmp_path: pathlib.Path) -> None:
    """Its connection to the ITS counts as well, if nothing else names one."""
    inventory = tmp_path / "fleet.yml"

    def write(**hosts: Json) -> None:
        own = {name.replace("_", "-"): variables for name, variables in hosts.items()}
        partial = tmp_path / "fleet.partial"
        partial.write_text(yaml.safe_dump({"wecs": {"vars": {"its_kubeconfig": its.kubeconfig()}, "hosts": own}}))
        os.replace(partial, inventory)

    write(host_1={"wec_name": "edge-1", "wec_labels": {"who": "{{ inventory_hostname }}"}})
    its.announce("edge-1")
    its.announce("edge-2")

    async def script(heard: Heard) -> None:
        message = [await heard.next() for _number in range(4)]
        assert [(one["type"], one["name"], one["host"], one["expected"]) for one in message] == [
            ("its_reachable", None, None, None),
            ("csr_pending", "edge-1", "host-1", True),
            ("unknown_cluster", "edge-2", None, False),
            ("csr_pending", "edge-2", None, False),
        ]
        write(edge_2={})
        message = [await heard.next() for _number in range(3)]
        assert [(one["type"], one["name"], one["expected"]) for one in message] == [
            ("unknown_cluster", "edge-1", False),
            ("csr_pending", "edge-1", False),
            ("csr_pending", "edge-2", True),
        ]

    heard_of(its, script, its_kubeconfig=None, inventory=str(inventory))


def test_labels_that_differ_are_told_after_the_delay(its: FakeIts) -> None:
    its.join("edge-1")

    async def script(heard: Heard) -> None:
        assert await heard.kinds(1) == [("its_reachable", None)]
        event = await heard.next()
        assert (event["type"], event["drift"]) == ("label_drift", {"zone": {"expected": "a", "actual": None}})

    heard_of(its, script, expected={"edge-1": {"zone": "a"}}, drift_delay=0.5)


async def _ends(args: Json) -> None:
    await asyncio.wait_for(MODULE["main"](Heard(), args), 60)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({}, "its_kubeconfig: nothing says how to reach the ITS"),
        ({"its_kubeconfig": "/nonexistent"}, "its_kubeconfig: '/nonexistent' cannot be read"),
        ({"wrong": 1}, "wrong"),
        ({"its_host": "http://x", "its_api_key": "k", "watch_timeout": 0}, "watch_timeout: 0 must be more than 0"),
        ({"its_host": "http://x", "its_api_key": "k", "drift_delay": -1}, "drift_delay: -1.0 must not be less than 0"),
        ({"its_host": "http://x", "its_api_key": "k", "expected": "edge-1"}, "neither a list nor a dictionary"),
        ({"its_host": "http://x", "its_api_key": "k", "expected": ["Edge"]}, "is not a valid name for a WEC"),
        ({"its_host": "http://x", "its_api_key": "k", "expected": {"edge-1": {"a": 1}}}, "must be a string"),
        ({"its_host": "https://x", "its_api_key": "k", "inventory": "/nonexistent.yml"}, "is not a file or folder"),
        ({"inventory": "a", "expected": ["b"]}, "mutually exclusive"),
    ],
)
def test_options_that_cannot_be_used_end_it(args: Json, message: str) -> None:
    with pytest.raises(WecError) as raised:
        asyncio.run(_ends(args))
    assert message in str(raised.value)


def test_a_cluster_that_is_no_its_ends_it(its: FakeIts) -> None:
    its.is_hub = False
    with pytest.raises(WecError, match="is not an ITS"):
        asyncio.run(_ends({"its_kubeconfig": its.kubeconfig()}))


def test_a_right_that_is_missing_at_the_start_ends_it(its: FakeIts) -> None:
    def refuse(method: str, path: str, *_more: t.Any) -> None:
        if (method, path) == ("WATCH", CSRS):
            raise Fault(403, "cannot watch resource certificatesigningrequests", "Forbidden")

    its.before.append(refuse)
    with pytest.raises(WecError, match="cannot watch"):
        asyncio.run(_ends({"its_kubeconfig": its.kubeconfig()}))


def test_the_documentation_has_exactly_the_options() -> None:
    documented = yaml.safe_load(MODULE["DOCUMENTATION"])["options"]
    spec = fleet_source.SPEC["argument_spec"]
    assert set(documented) == set(spec)
    for name, option in documented.items():
        assert option["type"] == spec[name]["type"], name
        assert option.get("default") == spec[name].get("default"), name
        assert option.get("aliases", []) == spec[name].get("aliases", []), name


def test_examples_name_the_source_with_options_that_exist() -> None:
    for rulebook in yaml.safe_load(MODULE["EXAMPLES"]):
        for source in rulebook["sources"]:
            assert set(source["kubestellar.wec.fleet"]) <= set(fleet_source.SPEC["argument_spec"])


@pytest.mark.parametrize("token", ["TOPSECRET-TOKEN\nmore", "TOPSECRET-TOKEN\x00"])
def test_no_secret_is_in_what_ends_it(its: FakeIts, token: str) -> None:
    for args in (
        {"its_host": its.url, "its_api_key": token},
        {"its_kubeconfig": its.kubeconfig(token)},
        {"its_kubeconfig": f"clusters: [\ntoken: {token}\n"},
    ):
        with pytest.raises(WecError) as raised:
            asyncio.run(_ends(args))
        assert "TOPSECRET" not in "".join(traceback.format_exception(raised.value))


def test_an_error_that_nobody_has_thought_of_ends_it_without_secrets(
    its: FakeIts, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "-".join(["TOPSECRET", "TOKEN"])

    def fail(*_arguments: t.Any, **_more: t.Any) -> t.Any:
        raise RuntimeError(f"it said {token}")

    monkeypatch.setattr(fleet_source, "fleet_watch", fail)
    with pytest.raises(WecError, match=r"it said \*\*\*") as raised:
        asyncio.run(_ends({"its_host": its.url, "its_api_key": token}))
    assert token not in "".join(traceback.format_exception(raised.value))
