# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is odd about one ManagedCluster or signing request, at the start or later, does not end the event source."""

from __future__ import annotations

import asyncio
import logging
import pathlib
import typing as t

import pytest
import yaml
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import WecError
from event_source import MODULE, Heard, heard_of, unavailable
from fake_ocm import CSRS, MANAGED_CLUSTERS, FakeIts, csr
from odd_clusters import INVALID, ODD, OTHERS, VALID, fleet

Json = dict[str, t.Any]
CASES = {**VALID, **INVALID}


async def until(heard: Heard, kind: str, name: str) -> list[Json]:
    """All events up to this one."""
    found = []
    while not found or (found[-1]["type"], found[-1]["name"]) != (kind, name):
        found.append(await heard.next())
    return found


@pytest.mark.parametrize("case", CASES)
def test_the_others_are_told_of(its: FakeIts, case: str, caplog: pytest.LogCaptureFixture) -> None:
    """It is odd at the start, and shows something else later."""
    fleet(its, CASES[case])

    async def script(heard: Heard) -> None:
        await heard.next()
        its.put(f"{MANAGED_CLUSTERS}/{ODD}", its.objects[f"{MANAGED_CLUSTERS}/{ODD}"])
        unavailable(its, OTHERS[0])
        await until(heard, "became_unavailable", OTHERS[0])

    with caplog.at_level(logging.WARNING):
        heard_of(its, script, drift_delay=0, expected=[ODD, *OTHERS])
    message = [record.getMessage() for record in caplog.records if ODD in record.getMessage()]
    if case in INVALID and "lease" not in case and "renewal" not in case and "mailbox" not in case:
        # Once, and not at each change.
        assert len(message) == 1
        assert "managed_cluster_unreadable" in message[0]


@pytest.mark.parametrize("case", INVALID)
def test_one_that_becomes_odd_and_sound_again_is_told_of_with_what_changed(its: FakeIts, case: str) -> None:
    fleet(its, lambda _its: None)
    sound = its.objects[f"{MANAGED_CLUSTERS}/{ODD}"]["status"]["conditions"]

    async def script(heard: Heard) -> None:
        await heard.next()
        INVALID[case](its)
        its.put(f"{MANAGED_CLUSTERS}/{ODD}", its.objects[f"{MANAGED_CLUSTERS}/{ODD}"])
        unavailable(its, OTHERS[0])
        await until(heard, "became_unavailable", OTHERS[0])
        its.objects.pop(f"{CSRS}/x", None)
        item = its.objects[f"{MANAGED_CLUSTERS}/{ODD}"]
        away = [{**sound[-1], "status": "Unknown"}]
        parts = {"spec": {"hubAcceptsClient": True}, "status": {"conditions": [*sound[:-1], *away]}}
        metadata = {key: item["metadata"][key] for key in ("name", "uid")}
        its.put(f"{MANAGED_CLUSTERS}/{ODD}", {"metadata": metadata, **parts})
        if case != "a request without a shape":
            await until(heard, "became_unavailable", ODD)

    heard_of(its, script)


def test_a_request_with_a_label_that_is_none_is_nobodys(its: FakeIts) -> None:
    its.join("edge-1")
    item = csr("edge-1", "x")
    item["metadata"]["labels"] = {"open-cluster-management.io/cluster-name": "../x\x1b"}
    its.put(f"{CSRS}/x", item)

    async def script(heard: Heard) -> None:
        assert await heard.kinds(1) == [("its_reachable", None)]
        unavailable(its, "edge-1")
        assert await heard.kinds(1) == [("became_unavailable", "edge-1")]

    heard_of(its, script)


def test_an_event_that_cannot_be_put_keeps_none_of_the_others(its: FakeIts, caplog: pytest.LogCaptureFixture) -> None:
    its.join("edge-1")
    its.join("edge-2")

    class Choosy(Heard):
        async def put(self, event: Json) -> None:
            if event["name"] == "edge-1":
                raise TypeError("not this one")
            await super().put(event)

    async def script(heard: Heard) -> None:
        assert await heard.kinds(1) == [("its_reachable", None)]
        unavailable(its, "edge-1")
        unavailable(its, "edge-2")
        assert await heard.kinds(1) == [("became_unavailable", "edge-2")]

    heard_of(its, script, made=Choosy)
    assert "became_unavailable of edge-1 could not be sent: TypeError: not this one" in caplog.text


def test_a_host_of_the_inventory_whose_variable_is_wrong_is_warned_of(
    its: FakeIts, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    inventory = tmp_path / "fleet.yml"
    hosts: Json = {
        "edge-1": {},
        "a": {"wec_name": 34},
        "b": {"wec_labels": "{{ not_defined }}"},
        "c": {"wec_labels": ["x"]},
        "d": {"its_context": "{{ not_defined }}"},
    }
    inventory.write_text(yaml.safe_dump({"wecs": {"vars": {"its_kubeconfig": its.kubeconfig()}, "hosts": hosts}}))
    its.announce("edge-1")

    async def script(heard: Heard) -> None:
        message = [await heard.next() for _number in range(2)]
        assert [(one["type"], one["expected"]) for one in message] == [("its_reachable", None), ("csr_pending", True)]

    heard_of(its, script, its_kubeconfig=None, inventory=str(inventory))
    for text in (
        "a: wec_name: 34 must be a string",
        "b: wec_labels cannot be evaluated",
        "c: wec_labels must be a dictionary",
        "d: its_context cannot be evaluated",
    ):
        assert caplog.text.count(text) == 1, text


def test_limits_that_no_moment_can_be_moved_by_are_refused(its: FakeIts) -> None:
    for option, value in (("certificate_days", 1e300), ("drift_delay", float("nan"))):
        with pytest.raises(WecError, match=option):
            asyncio.run(MODULE["main"](Heard(), {"its_kubeconfig": its.kubeconfig(), option: value}))
