# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_agent import (
    Klusterlet,
    klusterlet,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration import kept_works

Json = dict[str, t.Any]
OLD, NEW = "https://old.example:6443", "https://new.example:6443"


def agent(grace: str | None = None, noted: str | None = None, observed: int = 1) -> Klusterlet:
    annotations = {} if noted is None else {kept_works.GRACE_ANNOTATION: noted}
    work = {} if grace is None else {"workConfiguration": {"appliedManifestWorkEvictionGracePeriod": grace}}
    return klusterlet(
        {
            "metadata": {"name": "klusterlet", "uid": "agent-1", "generation": 1, "annotations": annotations},
            "spec": {"clusterName": "edge-1", **work},
            "status": {"observedGeneration": observed},
        }
    )


def applied(server: str, work: str, *names: str, agent_id: str = "agent-1") -> Json:
    resources = [
        {"group": "", "version": "v1", "resource": "configmaps", "namespace": "app", "name": one} for one in names
    ]
    return {
        "metadata": {"name": f"{kept_works.hub_hash(server)}-{work}"},
        "spec": {"hubHash": kept_works.hub_hash(server), "manifestWorkName": work, "agentID": agent_id},
        "status": {"appliedResources": resources},
    }


def work(name: str, status: str = "True", generation: int = 1) -> Json:
    condition = {"type": "Applied", "status": status, "observedGeneration": 1}
    return {"metadata": {"name": name, "generation": generation}, "status": {"conditions": [condition]}}


def compare(found: t.Sequence[Json], works: t.Sequence[Json], server: str = NEW) -> kept_works.Comparison:
    return kept_works.compare(found, works, server, "agent-1")


def test_a_hash_is_that_of_the_address_as_the_agent_writes_it() -> None:
    """Seen on a WEC with OCM 1.2.1."""
    wanted = "ac9c734228f680ee62f4eefb32d99c550cd0bd4a72c8f9f30bdd56a7b1e93ce5"
    assert kept_works.hub_hash("https://its1.sandbox:38587") == wanted


def test_objects_count_and_not_the_names_of_works() -> None:
    both = [applied(OLD, "w1", "a", "b"), applied(NEW, "renamed", "a"), applied(NEW, "other", "b", "c")]
    assert compare(both, [work("renamed"), work("other")]).is_complete
    found = compare(both[:2], [work("renamed")])
    assert found.missing == {"w1": ("configmaps app/b",)}
    assert "w1 (configmaps app/b)" in found.message


def test_at_the_same_address_only_what_the_hub_has_a_work_for_counts() -> None:
    """A hub that was built anew: its works go on with the AppliedManifestWorks of the one before."""
    there = [applied(NEW, "w1", "a"), applied(NEW, "w2", "b")]
    assert compare(there, [work("w1")]).missing == {"w2": ("configmaps app/b",)}
    assert compare(there, [work("w1"), work("w2")]).is_complete


@pytest.mark.parametrize("fault", [{"status": "False"}, {"generation": 2}])
def test_a_work_that_the_agent_has_not_applied_as_it_is_does_not_count(fault: Json) -> None:
    found = compare([applied(OLD, "w1", "a"), applied(NEW, "w1", "a")], [work("w1", **fault)])
    assert found.pending == ("w1",)
    assert not found.is_complete


def test_what_the_agent_would_not_evict_does_not_count() -> None:
    assert compare([applied(OLD, "theirs", "a", agent_id="another"), applied(OLD, "empty")], []).is_complete


@pytest.mark.parametrize("before", [None, "90m", "876600h0m0s"])
def test_the_grace_becomes_what_it_was(before: str | None) -> None:
    off = kept_works.switching_off(agent(before))
    noted = off["metadata"]["annotations"][kept_works.GRACE_ANNOTATION]
    assert off["spec"]["workConfiguration"]["appliedManifestWorkEvictionGracePeriod"] == kept_works.GRACE_OFF
    changed = agent(kept_works.GRACE_OFF, noted)
    assert kept_works.are_kept(changed)
    assert kept_works.is_off(changed)
    on = kept_works.switching_on(changed)
    assert on["spec"]["workConfiguration"]["appliedManifestWorkEvictionGracePeriod"] == before
    assert on["metadata"]["annotations"] == {kept_works.GRACE_ANNOTATION: None}


def test_a_second_run_does_not_forget_what_the_grace_was() -> None:
    again = kept_works.switching_off(agent(kept_works.GRACE_OFF, "90m"))
    assert again["metadata"]["annotations"] == {kept_works.GRACE_ANNOTATION: "90m"}


def pod(name: str, *arguments: str, app: str = "klusterlet-agent") -> Json:
    return {
        "metadata": {"name": name, "labels": {"app": app}},
        "spec": {"containers": [{"args": ["--spoke-cluster-name=edge-1", *arguments]}]},
    }


def test_the_move_waits_until_no_agent_runs_that_would_evict() -> None:
    endless = "--appliedmanifestwork-eviction-grace-period=876600h0m0s"
    new, old = pod("new", endless), pod("old", "--appliedmanifestwork-eviction-grace-period=1h0m0s")
    assert "operator" in str(kept_works.waits_for(agent(observed=0), [new]))
    assert "old" in str(kept_works.waits_for(agent(), [new, old]))
    assert "bare" in str(kept_works.waits_for(agent(), [pod("bare")]))
    assert kept_works.waits_for(agent(), [new, pod("r", app="klusterlet-registration-agent")]) is None
    stranger = {"metadata": {"name": "theirs"}, "spec": {"containers": [{"args": ["serve"]}, {}]}}
    assert kept_works.waits_for(agent(), [stranger]) is None
    assert kept_works.waits_for(agent(), []) is None
