# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hub whose address or CA changes, that is restored from a backup or lost, and a WEC that moves to another one: its workload stays."""

from __future__ import annotations

import base64
import contextlib
import os
import pathlib
import time
import typing as t

import pytest
from day2 import (
    AGENT,
    APPLIED,
    CONFIG_MAP,
    OTHER_MAP,
    delete_hub_pods,
    deployed,
    dials,
    evict_at_once,
    eviction,
    inventory_of,
    killed_after,
    manifests,
    play,
    second_hub,
    secret,
    send,
    short_lease,
    uid,
    uids,
)
from fleet import ITS, MANAGED_CLUSTERS, Fleet, start, wait_until, works_of
from sandbox import lifecycle
from sandbox.layout import ITS2, Layout, hostname, other_hostname

Json = dict[str, t.Any]
Take = t.Callable[..., "list[str]"]
BOOTSTRAP = "bootstrap-hub-kubeconfig"
KEPT = "wec.kubestellar.io/works-kept"
MOVE = {"register_move_from_other_hub": True, "register_works_of_other_hub": "keep"}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Fleet]:
    """A sandbox with two hubs, of which the first may be lost. ``$WEC_TEST_TWO_HUBS`` names the state folder of one that is up."""
    given = os.environ.get("WEC_TEST_TWO_HUBS")
    if given:
        yield Fleet(Layout(given))
        return
    state: pathlib.Path = tmp_path_factory.mktemp("two-hubs") / "sandbox"
    try:
        yield start(1, state, second_hub=True)
    finally:
        lifecycle.down(Layout(state))


@pytest.fixture
def wec(fleet: Fleet) -> t.Iterator[str]:
    """A WEC that is registered and has a workload."""
    (name,) = fleet.take(1)
    run = fleet.register([name])
    assert run.code == 0, run.output
    deployed(fleet, name)
    yield name
    fleet.release([name])


def address(fleet: Fleet, of: t.Callable[[str], str], hub: str = ITS) -> str:
    port = fleet.kubeconfig(hub)["clusters"][0]["cluster"]["server"].rpartition(":")[2]
    return f"https://{of(hub)}:{port}"


# -- the address of the hub --------------------------------------------------------------------------------------


def test_an_address_that_is_gone_is_named_and_replaced_with_two_writes(fleet: Fleet, wec: str) -> None:
    before, certificate, requests = uids(fleet, wec), secret(fleet, wec)["tls.crt"], len(fleet.csrs(wec))
    old, new = address(fleet, hostname), address(fleet, other_hostname)
    with another_address(fleet, wec):
        message = fleet.problems(wec)["hub_address_changed"]
        assert old in message
        assert new in message
        mark = fleet.mark()
        planned = fleet.register([wec], "--check", "--diff", "-v", wec_ask_all=True)
        assert f"hub address {old} -> {new}" in planned.text, planned.output
        assert fleet.writes(mark) == []
        run = fleet.register([wec], wec_ask_all=True)
        assert run.code == 0, run.output
        assert run.seconds < 60, run.output
        assert f"Hub address {old} -> {new}." in run.text
        assert dials(fleet, wec) == new
        writes = [one for one in fleet.writes(mark) if one.startswith(f"{wec} ")]
        assert [one.rpartition("/")[2] for one in writes] == ["bootstrap-hub-kubeconfig", "hub-kubeconfig-secret"]
        assert secret(fleet, wec)["tls.crt"] == certificate, "the agent keeps its certificate"
        assert len(fleet.csrs(wec)) == requests
        wait_until(lambda: len(fleet.wec(wec).items(APPLIED)) == 4, 30, "its works go on at the new address")
        assert uids(fleet, wec) == before
        assert fleet.register([wec], wec_ask_all=True).recap[wec].changed == 0


@pytest.mark.parametrize("moment", [1, pytest.param(2, marks=pytest.mark.long)])
def test_an_address_is_changed_while_both_lead_to_the_hub_also_in_two_runs(fleet: Fleet, wec: str, moment: int) -> None:
    """Killed after the first write, the agent hangs between two addresses."""
    before, new = uids(fleet, wec), address(fleet, other_hostname)
    options = {"register_hub_apiserver": new, "wec_ask_all": True}
    killed_after(fleet, wec, moment, **options)
    run = fleet.register([wec], **options)
    assert run.code == 0, run.output
    assert dials(fleet, wec) == new
    wait_until(lambda: len(fleet.wec(wec).items(APPLIED)) == 4, 60, "its works go on at the new address")
    assert uids(fleet, wec) == before
    assert fleet.register([wec], **options).recap[wec].changed == 0


@pytest.mark.long
def test_killed_between_an_address_that_is_gone_and_the_new_one_it_is_repeated(fleet: Fleet, wec: str) -> None:
    """Neither of its two kubeconfigs brings the agent to the hub then.

    The two writes follow each other within milliseconds: the first is made here, instead of by a run that is killed.
    """
    before, certificate = uids(fleet, wec), secret(fleet, wec)["tls.crt"]
    old, new = address(fleet, hostname), address(fleet, other_hostname)
    with another_address(fleet, wec):
        bootstrap = secret(fleet, wec, BOOTSTRAP)["kubeconfig"].replace(old.encode(), new.encode())
        data = {"kubeconfig": base64.b64encode(bootstrap).decode()}
        fleet.wec(wec).request("PATCH", f"{AGENT}/secrets/{BOOTSTRAP}", {"data": data})
        time.sleep(5)
        run = fleet.register([wec], wec_ask_all=True)
        assert run.code == 0, run.output
        assert dials(fleet, wec) == new
        wait_until(lambda: len(fleet.wec(wec).items(APPLIED)) == 4, 60, "its works go on at the new address")
        assert secret(fleet, wec)["tls.crt"] == certificate
        assert uids(fleet, wec) == before
        assert fleet.register([wec], wec_ask_all=True).recap[wec].changed == 0


@contextlib.contextmanager
def another_address(fleet: Fleet, wec: str) -> t.Iterator[None]:
    """The hub publishes another address, and the one that this WEC's agent dials leads nowhere."""
    try:
        fleet.sandbox("publish", name=other_hostname(ITS))
        fleet.sandbox("hide-name", name=hostname(ITS), hidden=True)
        fleet.sandbox("partition", wec=wec, refuse=True)
        time.sleep(8)
        short_lease(fleet, wec)
        fleet.sandbox("heal", wec=wec)
        wait_until(lambda: "hub_address_changed" in fleet.problems(wec), 120, "status names the cause")
        yield
    finally:
        fleet.sandbox("hide-name", name=hostname(ITS), hidden=False)
        fleet.sandbox("publish", name=hostname(ITS))


# -- the CA of the hub -------------------------------------------------------------------------------------------


@pytest.fixture
def wecs(fleet: Fleet) -> t.Iterator[list[str]]:
    """Three WECs that are registered and have a workload."""
    names = fleet.take(3)
    run = fleet.register(names)
    assert run.code == 0, run.output
    for name in names:
        deployed(fleet, name)
    yield names
    fleet.release(names)


def give_another_ca(fleet: Fleet, names: t.Sequence[str], clients: bool) -> None:
    for name in names:
        short_lease(fleet, name, 20)
    fleet.sandbox("replace-ca", clients=clients)
    delete_hub_pods(fleet)
    for name in names:
        wait_until(lambda name=name: "hub_ca_changed" in fleet.problems(name), 150, f"status names the cause of {name}")


@pytest.mark.parametrize("clients", [False, pytest.param(True, marks=pytest.mark.long)])
def test_another_ca_is_named_and_one_run_brings_the_fleet_back(fleet: Fleet, wecs: list[str], clients: bool) -> None:
    """That of what the hub shows, or of whom it lets in as well: the certificates of the agents are void then."""
    before = {name: uids(fleet, name) for name in wecs}
    give_another_ca(fleet, wecs, clients)
    shown = fleet.playbook("diagnose", wecs, wec_ask_all=True)
    for name in wecs:
        assert any(f"[{name}]" in part and "[hub_ca_changed]" in part for part in shown.text.split("fatal: ")), shown
    mark = fleet.mark()
    planned = fleet.register(wecs, "--check", "--diff", "-v", wec_ask_all=True)
    assert planned.text.count("its agent trusts another CA than the ITS has now") >= len(wecs), planned.output
    assert fleet.writes(mark) == []
    run = fleet.register(wecs, wec_ask_all=True)
    assert run.code == 0, run.output
    print(f"{len(wecs)} WECs are back after {run.seconds:.1f} s")
    assert run.seconds < 90, run.output
    for name in wecs:
        assert fleet.is_available(name)
        assert uids(fleet, name) == before[name]
        send(fleet.its, name, "since", *manifests("since")[:1])
        send(fleet.its, name, "later", *manifests("later")[1:])
    for name in wecs:
        path = CONFIG_MAP.replace("settings", "later")
        wait_until(lambda name=name, path=path: uid(fleet, name, path), 60, "the agent hears of works")
    mark = fleet.mark()
    again = fleet.register(wecs, wec_ask_all=True)
    assert {recap.changed for recap in again.recap.values()} == {0}, again.output
    assert fleet.writes(mark) == []


@pytest.mark.long
@pytest.mark.parametrize("clients", [False, True])
def test_killed_while_it_gives_another_ca_it_is_repeated(fleet: Fleet, wecs: list[str], clients: bool) -> None:
    before = {name: uids(fleet, name) for name in wecs}
    give_another_ca(fleet, wecs, clients)
    for name, moment in zip(wecs, (2, 4, 5), strict=True):
        last = killed_after(fleet, name, moment, wec_ask_all=True)
        run = fleet.register([name], wec_ask_all=True)
        assert run.code == 0, f"killed after {last}\n{run.output}"
        assert fleet.is_available(name)
        assert uids(fleet, name) == before[name]
        assert fleet.bootstrap_secrets(name) == []
        again = fleet.register([name], wec_ask_all=True)
        assert again.recap[name].changed == 0, again.output


# -- another hub -------------------------------------------------------------------------------------------------


def test_a_wec_is_moved_with_its_workload_and_the_old_hub_is_cleaned(
    fleet: Fleet, wec: str, tmp_path: pathlib.Path
) -> None:
    before, new = uids(fleet, wec), second_hub(fleet)
    inventory = inventory_of(fleet, ITS2, tmp_path)
    evict_at_once(fleet, wec)
    refused = play(fleet, inventory, "register", wec, register_move_from_other_hub=True)
    assert refused.code == 2
    assert "[manifestworks_remain]" in refused.text
    mark = fleet.mark()
    source = {"move_from_its_kubeconfig": str(fleet.layout.kubeconfig(ITS)), "move_from_its_context": ITS}
    planned = play(fleet, inventory, "move", wec, "--check", "-v", **source)
    assert planned.code == 0, planned.output
    assert "Klusterlet klusterlet" in planned.text
    assert fleet.writes(mark) == []
    run = play(fleet, inventory, "move", wec, **source)
    assert run.code == 0, run.output
    assert "has no counterpart on this ITS: w1 (configmaps app/settings" in run.text
    assert dials(fleet, wec) == address(fleet, hostname, ITS2)
    assert {one for one in fleet.its.objects() if wec in one} == set(), "the old hub is clean"
    time.sleep(20)
    assert uids(fleet, wec) == before, "nothing is evicted"
    shown = play(fleet, inventory, "status", wec)
    assert "workload of the hub that the WEC was moved from" in shown.text, shown.output
    assert str(eviction(fleet, wec)).startswith("876600h")

    send(new, wec, "w1", *manifests())
    partly = play(fleet, inventory, "register", wec)
    assert partly.code == 0, partly.output
    assert "w2 (configmaps app/more)" in partly.text
    assert "w1 (" not in partly.text
    send(new, wec, "another-name", *manifests("more"))
    last = play(fleet, inventory, "register", wec)
    assert last.code == 0, last.output
    assert eviction(fleet, wec) == "10s"
    cluster: Json = new.get(f"{MANAGED_CLUSTERS}/{wec}") or {}
    assert KEPT not in cluster["metadata"]["annotations"]
    assert cluster["metadata"]["labels"]["name"] == wec
    wait_until(lambda: len(fleet.wec(wec).items(APPLIED)) == 2, 90, "the old works are gone")
    assert uids(fleet, wec) == before
    again = play(fleet, inventory, "move", wec, **source)
    assert again.code == 0, again.output
    assert again.recap[wec].changed == 0


@pytest.mark.parametrize(
    "moment", [pytest.param(2, marks=pytest.mark.long), 8, pytest.param(14, marks=pytest.mark.long)]
)
def test_a_move_that_is_killed_is_ended_by_the_next_run(
    fleet: Fleet, wec: str, tmp_path: pathlib.Path, moment: int
) -> None:
    before, inventory = uids(fleet, wec), inventory_of(fleet, ITS2, tmp_path)
    evict_at_once(fleet, wec)
    source = {"move_from_its_kubeconfig": str(fleet.layout.kubeconfig(ITS)), "move_from_its_context": ITS}
    killed_after(fleet, wec, moment, "-i", str(inventory), playbook="move", **source)
    time.sleep(15)
    assert uids(fleet, wec) == before
    run = play(fleet, inventory, "move", wec, **source)
    assert run.code == 0, run.output
    send(second_hub(fleet), wec, "all", *manifests(), *manifests("more")[1:])
    last = play(fleet, inventory, "register", wec)
    assert last.code == 0, last.output
    assert eviction(fleet, wec) == "10s"
    wait_until(lambda: len(fleet.wec(wec).items(APPLIED)) == 1, 90, "the old works are gone")
    assert uids(fleet, wec) == before
    assert {one for one in fleet.its.objects() if wec in one} == set()


# -- a hub that was restored -------------------------------------------------------------------------------------


def test_after_a_restore_silent_controllers_are_named_and_agents_restarted(fleet: Fleet, wec: str) -> None:
    (later,) = fleet.take(1)
    fleet.sandbox("backup")
    assert fleet.register([later]).code == 0
    send(fleet.its, wec, "since", *manifests("since"))
    fleet.its.request("DELETE", f"{works_of(wec)}/w2")
    wait_until(lambda: uid(fleet, wec, OTHER_MAP) is None, 60, "a work is withdrawn after the backup")
    kept = uid(fleet, wec)
    fleet.sandbox("restore")
    silent = fleet.register([later], register_wait_timeout=20)
    assert silent.code == 2, silent.output
    assert "[hub_controllers_not_responding]" in silent.text
    delete_hub_pods(fleet)

    def has_mailbox() -> bool:
        return fleet.its.get(f"/api/v1/namespaces/{later}") is not None

    wait_until(has_mailbox, 200, "the hub's controllers work again")
    run = fleet.register([later, wec], register_restart_agents=True)
    assert run.code == 0, run.output
    assert fleet.is_available(later)
    wait_until(lambda: uid(fleet, wec, OTHER_MAP) is not None, 60, "the agent hears the hub again")
    assert uid(fleet, wec, CONFIG_MAP) == kept
    fleet.release([later])


# -- a hub that is lost ------------------------------------------------------------------------------------------


def test_a_hub_that_is_built_anew_gets_its_fleet_back_with_the_workload(fleet: Fleet, wec: str) -> None:
    """The last ones: for the WECs of the other tests, this hub is another one from now on."""
    before = uids(fleet, wec)
    fleet.sandbox("rebuild")
    refused = fleet.register([wec])
    assert refused.code == 2
    assert "[hub_rebuilt]" in refused.text
    assert "register_works_of_other_hub" in refused.text
    run = fleet.register([wec], **MOVE)
    assert run.code == 0, run.output
    cluster: Json = fleet.managed_cluster(wec) or {}
    assert cluster["metadata"]["labels"]["name"] == wec
    assert fleet.its.get(f"/api/v1/namespaces/customization-properties/configmaps/{wec}")
    assert str(eviction(fleet, wec)).startswith("876600h")
    assert uids(fleet, wec) == before
    send(fleet.its, wec, "w1", *manifests())
    send(fleet.its, wec, "w2", *manifests("more"))
    last = fleet.register([wec])
    assert last.code == 0, last.output
    assert eviction(fleet, wec) is None
    assert uids(fleet, wec) == before
    assert fleet.register([wec]).recap[wec].changed == 0


@pytest.mark.long
def test_killed_while_a_hub_that_is_built_anew_gets_its_fleet_back_it_is_repeated(
    fleet: Fleet, wecs: list[str]
) -> None:
    before = {name: uids(fleet, name) for name in wecs}
    fleet.sandbox("rebuild")
    for name, moment in zip(wecs, (1, 4, 8), strict=True):
        last = killed_after(fleet, name, moment, **MOVE)
        run = fleet.register([name], **MOVE)
        assert run.code == 0, f"killed after {last}\n{run.output}"
        assert str(eviction(fleet, name)).startswith("876600h"), last
        assert uids(fleet, name) == before[name]
        send(fleet.its, name, "w1", *manifests())
        send(fleet.its, name, "w2", *manifests("more"))
        ended = fleet.register([name])
        assert ended.code == 0, ended.output
        assert eviction(fleet, name) is None
        assert uids(fleet, name) == before[name]
        assert fleet.bootstrap_secrets(name) == []
        again = fleet.register([name])
        assert again.recap[name].changed == 0, again.output
