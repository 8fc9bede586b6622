# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks that only look, run by ansible-playbook itself: what is on the screen, and which host fails."""

from __future__ import annotations

import json
import pathlib
import re
import typing as t

import pytest
import yaml
from fake_api import FakeApi, now
from fake_ocm import MANAGED_CLUSTERS, FakeIts, condition, install_agent
from playing import play

Json = dict[str, t.Any]
LEASE = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/managed-cluster-lease"
STATUS, DIAGNOSE, REGISTER = "kubestellar.wec.status", "kubestellar.wec.diagnose", "kubestellar.wec.register"
NAMES = ["edge-1", "edge-2", "edge-3"]


def inventory(folder: pathlib.Path, its: FakeIts, names: t.Sequence[str] = tuple(NAMES)) -> Json:
    for name in names:
        its.join(name, f"uid-of-{name}")
        its.change(f"{MANAGED_CLUSTERS}/{name}", {"metadata": {"labels": {"region": "us"}}})
    (folder / "its.kubeconfig").write_text(yaml.safe_dump(its.kubeconfig(ca=its.authority.pem)))
    shared = {"its_kubeconfig": str(folder / "its.kubeconfig"), "wec_labels": {"region": "us"}}
    return {"wecs": {"vars": shared, "hosts": {name: {} for name in names}}}


def test_a_fleet_that_is_in_sync(tmp_path: pathlib.Path, its: FakeIts) -> None:
    run = play(tmp_path, STATUS, inventory(tmp_path, its), "-e", "status_fail_on=drift,problems")
    assert run.code == 0, run.output
    assert run.recap == dict.fromkeys(NAMES, (0, 0))
    assert any(re.fullmatch(r"edge-1 +joined +\d+ s +\d+ s +- +- +-", line) for line in run.lines), run.output
    assert "The inventory and the ITS agree." in run.lines
    assert "no hosts matched" not in run.output
    assert len(run.lines) <= 18, run.output
    assert its.writes == []


def test_the_host_that_drifts_is_the_host_that_fails(tmp_path: pathlib.Path, its: FakeIts) -> None:
    own = inventory(tmp_path, its)
    its.change(f"{MANAGED_CLUSTERS}/edge-2", {"metadata": {"labels": {"region": "mars"}}})
    run = play(tmp_path, STATUS, own)
    assert run.code == 0, run.output
    assert "edge-2 labels different: region mars -> us" in run.text
    run = play(tmp_path, STATUS, own, "-e", "status_fail_on=drift")
    assert run.code == 2, run.output
    assert {name: failed for name, (_changed, failed) in run.recap.items()} == {"edge-1": 0, "edge-2": 1, "edge-3": 0}
    assert "fatal: [edge-2]" in run.output
    assert "edge-2 differs from the inventory: labels different: region mars -> us. Configure edge-2" in run.text


def test_of_a_large_fleet_only_those_that_fail_have_a_result(tmp_path: pathlib.Path, its: FakeIts) -> None:
    names = [f"edge-{number}" for number in range(1, 26)]
    own = inventory(tmp_path, its, names)
    its.change(f"{MANAGED_CLUSTERS}/edge-7", {"metadata": {"labels": {"region": "mars"}}})
    run = play(tmp_path, STATUS, own, "-e", "status_fail_on=drift")
    assert run.code == 2
    assert {name: failed for name, (_changed, failed) in run.recap.items()} == {"edge-1": 0, "edge-7": 1}, run.output


@pytest.mark.parametrize("limit", [(), ("--limit", "edge-1")])
def test_a_wec_that_no_inventory_has_fails_the_run_and_no_host_is_blamed(
    tmp_path: pathlib.Path, its: FakeIts, limit: tuple[str, ...]
) -> None:
    own = inventory(tmp_path, its)
    its.join("stray", "uid")
    run = play(tmp_path, STATUS, own, "-e", "status_fail_on=drift", *limit)
    assert run.code == 2, run.output
    assert "This is not about edge-1: stray differs from the inventory: ManagedCluster stray" in run.text
    # Where a host fails, nobody else has to.
    its.change(f"{MANAGED_CLUSTERS}/edge-2", {"metadata": {"labels": {"region": "mars"}}})
    if not limit:
        run = play(tmp_path, STATUS, own, "-e", "status_fail_on=drift")
        assert [name for name, (_changed, failed) in run.recap.items() if failed] == ["edge-2"], run.output


def test_a_host_whose_its_does_not_answer_fails_alone(tmp_path: pathlib.Path, its: FakeIts) -> None:
    own = inventory(tmp_path, its)
    own["wecs"]["hosts"]["edge-2"] = {"its_kubeconfig": {**its.kubeconfig(), "clusters": []}}
    run = play(tmp_path, STATUS, own)
    assert run.code == 2, run.output
    assert [name for name, (_changed, failed) in run.recap.items() if failed] == ["edge-2"], run.output
    assert any(line.startswith("edge-3 ") for line in run.lines)


def test_bad_options_fail_at_once(tmp_path: pathlib.Path, its: FakeIts) -> None:
    run = play(tmp_path, STATUS, inventory(tmp_path, its), "-e", "status_version_skew=-1")
    assert run.code == 2
    assert "version_skew: -1 must not be negative." in run.text


# -- alive or not --------------------------------------------------------------------------------------------------


def test_register_says_which_are_late(tmp_path: pathlib.Path, its: FakeIts) -> None:
    own = inventory(tmp_path, its)
    quiet = play(tmp_path, REGISTER, own)
    assert quiet.code == 0, quiet.output
    assert len(quiet.lines) <= 20, quiet.output
    assert "WARNING" not in quiet.output
    its.change(LEASE.format("edge-2"), {"spec": {"renewTime": now(-120)}})
    run = play(tmp_path, REGISTER, own)
    assert run.code == 0, run.output
    assert "edge-2 (last heartbeat 2 min ago): the agent is late in renewing its lease." in run.text
    assert "edge-1 (" not in run.text
    shown = play(tmp_path, REGISTER, own, "-v")
    assert "edge-2 is in sync, last heartbeat 2 min ago." in shown.text
    assert re.search(r"edge-3 is in sync, last heartbeat \d+ s ago\.", shown.text)


def asked(folder: pathlib.Path, its: FakeIts, own: Json, name: str) -> FakeApi:
    """A WEC whose own API is asked, and whose agent runs."""
    wec = FakeApi()
    its.change(
        f"{MANAGED_CLUSTERS}/{name}", {"metadata": {"annotations": {"wec.kubestellar.io/kube-system-uid": wec.uid}}}
    )
    install_agent(wec, name, its, its.authority.client(name))
    deployment = "/apis/apps/v1/namespaces/open-cluster-management/deployments/klusterlet"
    wec.put(deployment, {"status": {"conditions": [condition("Available")]}})
    pod = "/api/v1/namespaces/open-cluster-management-agent/pods/agent-1"
    wec.put(pod, {"status": {"conditions": [condition("Ready")]}})
    (folder / f"{name}.kubeconfig").write_text(yaml.safe_dump(wec.kubeconfig()))
    own["wecs"]["hosts"][name] = {"wec_kubeconfig": str(folder / f"{name}.kubeconfig")}
    return wec


def test_diagnose_names_what_is_wrong_from_both_sides(tmp_path: pathlib.Path, its: FakeIts) -> None:
    """edge-1 is well, edge-2 cut off from the ITS, and edge-3 stopped."""
    own = inventory(tmp_path, its)
    wecs = [asked(tmp_path, its, own, name) for name in NAMES]
    wecs[2].close()
    for name in ("edge-2", "edge-3"):
        its.change(LEASE.format(name), {"spec": {"renewTime": now(-100)}})
    run = play(tmp_path, DIAGNOSE, own)
    assert run.code == 2, run.output
    assert {name: failed for name, (_changed, failed) in run.recap.items()} == {"edge-1": 0, "edge-2": 1, "edge-3": 1}
    conditions = {
        match[1]: match[0] for match in re.findall(r"(\[ERROR\]: Task failed: Action failed: (edge-\d).*)", run.output)
    }
    cut, stopped = conditions["edge-2"], conditions["edge-3"]
    assert "the agent is late in renewing its lease: its lease lasts 60 s and was renewed 10" in cut
    assert "its API answers, and 1 of 1 pods of its agent are ready" in cut
    assert "the WEC's API cannot be reached from here: " in stopped
    assert "the connection was refused" in stopped
    assert "its lease lasts 60 s" in stopped
    for text in conditions.values():
        sentences = [one for one in re.split(r"(?<=\.) ", text) if one.startswith(("Check", "Run"))]
        assert len(sentences) == len(set(sentences)), text
        assert not re.search(r"\([^)]*\(", text), text
    told_only = play(tmp_path, DIAGNOSE, own, "-e", "diagnose_fail=false")
    assert told_only.code == 0, told_only.output
    assert any(line.startswith("edge-2 is joined: the agent is late") for line in told_only.lines), told_only.output
    assert its.writes == []
    for wec in wecs[:2]:
        assert wec.writes == []
        wec.close()


def test_a_wec_whose_connection_cannot_be_used_fails_alone(tmp_path: pathlib.Path, its: FakeIts) -> None:
    own = inventory(tmp_path, its)
    wecs = [asked(tmp_path, its, own, name) for name in NAMES]
    own["wecs"]["hosts"]["edge-1"]["wec_context"] = "nope"
    own["wecs"]["hosts"]["edge-2"]["wec_context"] = 34
    wecs[2].requests.clear()
    own["wecs"]["hosts"]["edge-3"]["wec_run_on"] = "host"
    run = play(tmp_path, DIAGNOSE, own, "-e", "diagnose_fail=false")
    assert run.code == 2, run.output
    assert {name: failed for name, (_changed, failed) in run.recap.items()} == {"edge-1": 1, "edge-2": 1, "edge-3": 0}
    assert "has no context 'nope'" in run.text
    assert "edge-2: wec_context: 34 must be a string" in run.text
    # Only its own host reaches it.
    assert wecs[2].requests == []
    for wec in wecs:
        wec.close()


@pytest.mark.parametrize("once", [False, True])
def test_a_task_of_ones_own_is_for_each_host_or_for_all(tmp_path: pathlib.Path, its: FakeIts, once: bool) -> None:
    own = inventory(tmp_path, its)
    its.change(f"{MANAGED_CLUSTERS}/edge-2", {"metadata": {"labels": {"region": "mars"}}})
    its.join("stray", "uid")
    look = {"kubestellar.wec.wec_status": {"fail_on": ["drift"]}, "register": "found", "run_once": once}
    show = {"ansible.builtin.debug": {"msg": "{{ found.wecs | map(attribute='name') | join(' ') }}"}}
    run = play(tmp_path, [{"hosts": "wecs", "gather_facts": False, "tasks": [look, show]}], own)
    failed = {name: failed for name, (_changed, failed) in run.recap.items()}
    assert run.code == 2, run.output
    if once:
        # As with any task that runs once; the playbook status gives each host its own result.
        assert failed == {"edge-1": 1}, run.output
        assert "2 drifts: 1 missing_in_inventory, 1 labels." in run.text
    else:
        assert failed == {"edge-1": 0, "edge-2": 1, "edge-3": 0}, run.output
        assert "stray" not in run.output


# -- nobody is meant -----------------------------------------------------------------------------------------------

FLEET = ["status", "diagnose", "plan", "register", "configure", "accept", "deregister", "upgrade", "rotate"]


@pytest.mark.parametrize("playbook", FLEET)
@pytest.mark.parametrize("arguments", [("-e", "wec_hosts=nobody"), ("-e", "wec_hosts=nobody", "--limit", "edge-1"), ()])
def test_a_pattern_that_matches_nothing_is_an_error(
    tmp_path: pathlib.Path, its: FakeIts, playbook: str, arguments: tuple[str, ...]
) -> None:
    own = inventory(tmp_path, its)
    if not arguments:
        own = {"others": own["wecs"]}
    run = play(tmp_path, f"kubestellar.wec.{playbook}", own, *arguments)
    assert run.code == 2, run.output
    pattern = "nobody" if arguments else "wecs"
    assert f"wec_hosts: '{pattern}' matches no host of the inventory. Put the clusters into the group wecs" in run.text
    assert its.writes == []
    its.requests.clear()


def test_a_limit_to_nobody_is_ansibles_own_error(tmp_path: pathlib.Path, its: FakeIts) -> None:
    run = play(tmp_path, STATUS, inventory(tmp_path, its), "--limit", "nobody")
    assert run.code == 1
    assert "leaves us with no hosts to target" in run.text


@pytest.mark.parametrize("playbook", FLEET)
def test_a_limit_that_leaves_no_host_of_the_pattern_is_an_error(
    tmp_path: pathlib.Path, its: FakeIts, playbook: str
) -> None:
    own = {**inventory(tmp_path, its), "others": {"hosts": {"other": {}}}}
    run = play(tmp_path, f"kubestellar.wec.{playbook}", own, "--limit", "other")
    assert run.code == 2, run.output
    assert "wec_hosts: 'wecs' has no host that --limit other leaves. Name hosts of it in --limit" in run.text
    assert its.writes == []


@pytest.mark.parametrize("limit", ["edge-1", "edge-1,other", "!edge-2:!edge-3", "@left.txt"])
def test_a_limit_that_leaves_a_host_is_kept(tmp_path: pathlib.Path, its: FakeIts, limit: str) -> None:
    own = {**inventory(tmp_path, its), "others": {"hosts": {"other": {}}}}
    (tmp_path / "left.txt").write_text("edge-1\nother\n")
    run = play(tmp_path, STATUS, own, "--limit", limit)
    assert run.code == 0, run.output
    assert run.recap == {"edge-1": (0, 0)}, run.output


def test_a_limit_from_a_file_that_leaves_no_host_of_the_pattern_is_an_error(
    tmp_path: pathlib.Path, its: FakeIts
) -> None:
    own = {**inventory(tmp_path, its), "others": {"hosts": {"other": {}}}}
    (tmp_path / "left.txt").write_text("other\n")
    run = play(tmp_path, STATUS, own, "--limit", "@left.txt")
    assert run.code == 2, run.output
    assert "wec_hosts: 'wecs' has no host that --limit @left.txt leaves." in run.text


@pytest.mark.parametrize("playbook", ["status", "register", "configure", "plan"])
def test_hosts_may_be_a_list(tmp_path: pathlib.Path, its: FakeIts, playbook: str) -> None:
    own = inventory(tmp_path, its)
    hosts = json.dumps({"wec_hosts": ["edge-1", "edge-2"]})
    run = play(tmp_path, f"kubestellar.wec.{playbook}", own, "-e", hosts, "--check")
    assert run.code == 0, run.output
    assert set(run.recap) == ({"edge-1"} if playbook == "plan" else {"edge-1", "edge-2"}), run.output


def test_no_hosts_at_all_are_an_error(tmp_path: pathlib.Path, its: FakeIts) -> None:
    run = play(tmp_path, STATUS, inventory(tmp_path, its), "-e", json.dumps({"wec_hosts": []}))
    assert run.code == 2, run.output
    assert "wec_hosts: '' matches no host of the inventory." in run.text


@pytest.mark.parametrize("playbook", ["status", "register", "configure"])
def test_the_cluster_of_this_machine_may_be_meant_without_an_entry_in_the_inventory(
    tmp_path: pathlib.Path, its: FakeIts, playbook: str
) -> None:
    own = inventory(tmp_path, its, ["localhost"])
    kubeconfig = own["wecs"]["vars"]["its_kubeconfig"]
    own = {"others": {"hosts": {"other": {}}}}
    its_is = ("-e", f"its_kubeconfig={kubeconfig}")
    run = play(tmp_path, f"kubestellar.wec.{playbook}", own, "-e", "wec_hosts=localhost", *its_is)
    assert run.code == 0, run.output
    assert run.recap == {"localhost": (0, 0)}, run.output
