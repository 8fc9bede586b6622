# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registration on a bad day: killed, doubled, cut off, with a hub that goes away."""

from __future__ import annotations

import base64
import pathlib
import time
import typing as t

import pytest
import yaml
from fleet import ITS, Fleet, wait_until
from leftovers import assert_converges
from watching import Going, Watch

Json = dict[str, t.Any]
Take = t.Callable[..., "list[str]"]


@pytest.mark.parametrize(
    "moment", [pytest.param(1, marks=pytest.mark.long), 4, pytest.param(19, marks=pytest.mark.long)]
)
def test_killed_after_some_write_it_is_simply_repeated(
    fleet: Fleet, wec: str, tmp_path: pathlib.Path, moment: int
) -> None:
    """tests/long has every moment."""
    assert_converges(fleet, wec, moment, tmp_path)


def test_two_runs_at_once_do_not_join_twice(fleet: Fleet, take: Take) -> None:
    names = take(2)
    mark = fleet.mark()
    runs = [Going(fleet, names), Going(fleet, names)]
    done = [run.wait() for run in runs]
    for run in done:
        assert run.code == 0 or "another run" in run.text, run.output
    assert any(run.code == 0 for run in done), done[0].output + done[1].output
    for name in names:
        assert fleet.is_available(name)
        writes = fleet.writes(mark)
        joins = [one for one in writes if one.startswith(f"{name} create") and "/klusterlets" in one]
        assert len(joins) == 1, writes
        assert len(fleet.approvals(mark, name)) == 1, writes
    assert fleet.bootstrap_secrets(*names) == []


def test_in_a_fleet_of_six_four_fail_each_with_its_cause_and_two_are_available(
    fleet: Fleet, take: Take, tmp_path: pathlib.Path
) -> None:
    down, wrong_ca, denied, cut, good, well = take(6)
    ca = tmp_path / "other-ca.pem"
    ca.write_bytes(fleet.wec(good).ca)
    own = tmp_path / "own.yml"
    own.write_text(yaml.safe_dump({"wecs": {"hosts": {wrong_ca: {"register_hub_ca_cert": str(ca)}}}}))
    prepared = fleet.join(denied, wait=False)
    assert not prepared.get("failed"), prepared
    wait_until(lambda: fleet.csrs(denied), 60, "its request")
    fleet.decide(fleet.csrs(denied)[0], "Denied")
    fleet.sandbox("stop", cluster=down)
    mark = fleet.mark()

    def cut_off() -> bool | None:
        """Half-way: its agent is being installed, and has not spoken with the hub."""
        if not any(one.startswith(f"{cut} create") and "/klusterlets" in one for one in fleet.writes(mark)):
            return None
        fleet.sandbox("partition", wec=cut)
        return True

    watch = Watch(cut_off)
    try:
        run = Going(
            fleet, [down, wrong_ca, denied, cut, good, well], "-i", str(own), "-e", "register_wait_timeout=75"
        ).wait()
    finally:
        was_cut = watch.stop()
        fleet.sandbox("heal", wec=cut)
        fleet.sandbox("start", cluster=down)
    assert was_cut
    assert {name for name, recap in run.recap.items() if recap.failed} == {down, wrong_ca, denied, cut}, run.output
    message = _messages(run.output)
    assert "[wec_unreachable]" in message[down]
    assert "[its_not_trusted_by_wec]" in message[wrong_ca]
    assert "hub_ca_cert" in message[wrong_ca]
    assert "[csr_denied]" in message[denied]
    assert "[its_unreachable_from_wec]" in message[cut]
    assert fleet.is_available(good)
    assert fleet.is_available(well)
    assert run.seconds < 75 + 120
    for name in (good, well):
        assert fleet.seconds_to_join(name) < 30
    again = fleet.register([down, cut, good, well])
    assert again.code == 0, again.output


def _messages(output: str) -> dict[str, str]:
    """The last failure that each host was shown."""
    found = {}
    for part in output.split("fatal: [")[1:]:
        name, _bracket, rest = part.partition("]")
        found[name] = " ".join(rest.split("TASK [")[0].split("PLAY RECAP")[0].split())
    return found


def test_a_hub_that_is_away_for_20_seconds_is_ridden_out(fleet: Fleet, take: Take) -> None:
    names = take(2)
    mark = fleet.mark()

    def away() -> bool | None:
        if not any("/klusterlets" in one for one in fleet.writes(mark)):
            return None
        fleet.sandbox("stop", cluster=ITS)
        time.sleep(20)
        fleet.sandbox("start", cluster=ITS)
        return True

    watch = Watch(away)
    run = Going(fleet, names).wait()
    assert watch.stop()
    assert run.code == 0, run.output
    for name in names:
        assert fleet.is_available(name)


def test_check_mode_writes_nothing_in_any_state(fleet: Fleet, take: Take) -> None:
    name, other = take(2)

    def checked(wec: str, context: str, expected: str, **options: t.Any) -> None:
        mark = fleet.mark()
        joined = fleet.join(wec, context=context, check_mode=True, **options)
        accepted = fleet.module("wec_accept", wec, check_mode=True)
        fleet.module("wec_join", wec, preflight_only=True, context=context)
        fleet.module("wec_status", wec, context=context)
        assert fleet.writes(mark) == [], (expected, joined, accepted)
        seen = joined.get("state") or (joined.get("problem") or {}).get("code") or joined["msg"]
        assert seen == expected, joined

    checked(name, name, "absent")
    fleet.sandbox("partition", wec=name)
    fleet.join(name, wait=False)
    checked(name, name, "pending_csr")
    fleet.its.request("DELETE", f"/api/v1/namespaces/open-cluster-management/secrets/wec-bootstrap-{name}")
    checked(name, name, "token_expired")
    fleet.sandbox("heal", wec=name)
    fleet.join(name, wait=False)
    wait_until(lambda: fleet.csrs(name), 90, "its request")
    checked(name, name, "pending_approval")
    joined = fleet.join(name)
    assert not joined.get("failed"), joined
    checked(name, name, "joined")
    checked("another-name", name, "other_name")
    checked(name, other, "name_taken")
    checked(name, other, "name_taken", replace_lost_cluster=True)
    path = f"/apis/cluster.open-cluster-management.io/v1/managedclusters/{name}"
    fleet.its.request("PATCH", path, {"spec": {"leaseDurationSeconds": 1}})
    fleet.sandbox("partition", wec=name)
    wait_until(lambda: fleet.condition(name, "ManagedClusterConditionAvailable") == "Unknown", 90, "it is Unknown")
    checked(name, name, "joined_unavailable")
    checked(name, other, "replaced")
    checked(name, other, "replaced", replace_lost_cluster=True)
    cluster: Json = fleet.managed_cluster(name) or {}
    finalizers = cluster["metadata"]["finalizers"]
    fleet.its.request("PATCH", path, {"metadata": {"finalizers": [*finalizers, "example.com/stuck"]}})
    fleet.its.request("DELETE", path)
    checked(name, name, "deleting")
    cluster = fleet.managed_cluster(name) or {}
    left = [one for one in cluster["metadata"]["finalizers"] if one in finalizers]
    fleet.its.request("PATCH", path, {"metadata": {"finalizers": left}})
    wait_until(lambda: fleet.managed_cluster(name) is None, 60, "it is gone")
    checked(name, name, "orphaned")
    fleet.sandbox("heal", wec=name)


def test_a_request_made_with_another_valid_token_is_not_approved(fleet: Fleet, wec: str) -> None:
    """Everything in it is as this WEC's agent would have it, even the requester: only the token is somebody else's."""
    stolen = fleet.bootstrap_token()
    fleet.sandbox("partition", wec=wec)
    installed = fleet.join(wec, wait=False)
    assert not installed.get("failed"), installed
    fleet.pre_create(wec)
    fleet.forge(wec, f"{wec}-forged", token=stolen)
    waited = fleet.join(wec, wait_timeout=10)
    assert waited["failed"]
    assert waited["rejected_csrs"][0]["name"] == f"{wec}-forged"
    assert "another token" in str(waited["rejected_csrs"])
    fleet.sandbox("heal", wec=wec)
    joined = fleet.join(wec)
    assert not joined.get("failed"), joined
    assert list(joined["proofs"].values()) == ["token"]
    (forged,) = [one for one in fleet.csrs(wec) if one["metadata"]["name"] == f"{wec}-forged"]
    assert not forged.get("status", {}).get("conditions")


def test_the_clusters_ca_is_checked_before_anything_is_changed(fleet: Fleet, wec: str, tmp_path: pathlib.Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(fleet.wec(wec).ca)
    right = tmp_path / "right.pem"
    right.write_bytes(base64.b64decode(fleet.kubeconfig(ITS)["clusters"][0]["cluster"]["certificate-authority-data"]))
    mark = fleet.mark()
    refused = fleet.module("wec_join", wec, preflight_only=True, hub_apiserver=fleet.its.url, hub_ca_cert=str(ca))
    assert refused["failed"]
    assert "hub_ca_cert" in refused["msg"]
    assert "[its_not_trusted_by_wec]" in refused["msg"]
    assert not fleet.module(
        "wec_join", wec, preflight_only=True, hub_apiserver=fleet.its.url, hub_ca_cert=str(right)
    ).get("failed")
    assert fleet.writes(mark) == []
