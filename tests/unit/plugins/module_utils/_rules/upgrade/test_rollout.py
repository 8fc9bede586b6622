# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.upgrade import rollout

Json = dict[str, t.Any]
IMAGE = "quay.io/open-cluster-management/registration-operator:v1.2.1"


def deployment(image: str = IMAGE, generation: int = 3, observed: int = 3, **status: int) -> Json:
    counts = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, **status}
    return {
        "metadata": {"name": "klusterlet", "generation": generation},
        "spec": {"template": {"spec": {"containers": [{"name": "a", "image": image}]}}},
        "status": {"observedGeneration": observed, **counts},
    }


def test_a_deployment_that_is_rolled_out_lacks_nothing() -> None:
    assert rollout.missing("klusterlet", deployment(), IMAGE) is None
    assert rollout.missing("klusterlet", deployment(replicas=3, updatedReplicas=3, availableReplicas=3), IMAGE) is None


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (None, "is not there"),
        (deployment("quay.io/a:v1.0.0"), "has the image quay.io/a:v1.0.0"),
        (deployment(generation=4), "is not looked at yet"),
        (deployment(updatedReplicas=0), "0 of 1 pods are updated"),
        (deployment(availableReplicas=0), "0 are available"),
        # The pod before goes on beside the new one: OCM's own conditions say that all is well.
        (deployment(replicas=2, updatedReplicas=1, availableReplicas=1, unavailableReplicas=1), "1 of 2 pods"),
        (deployment(unavailableReplicas=1), "1 of 1 pods"),
        # The work agent, as long as there is no kubeconfig for the hub.
        (deployment(replicas=0, updatedReplicas=0, availableReplicas=0), "0 of 0 pods"),
        ({**deployment(), "status": {}}, "is not looked at yet"),
    ],
)
def test_what_a_deployment_lacks_is_told(found: Json | None, why: str) -> None:
    assert why in (rollout.missing("klusterlet", found, IMAGE) or "")


@pytest.mark.parametrize(
    ("found", "is_stale"),
    [
        (deployment(), False),
        # A node is down: that has nothing to do with the version.
        (deployment(replicas=3, updatedReplicas=3, availableReplicas=2, unavailableReplicas=1), False),
        (deployment(replicas=2, updatedReplicas=1, unavailableReplicas=1), True),
        (deployment("quay.io/a:v1.0.0"), True),
        (None, True),
    ],
)
def test_pods_of_another_image_that_go_on_are_stale(found: Json | None, is_stale: bool) -> None:
    assert rollout.is_stale(found, IMAGE) is is_stale


def _klusterlet(observed: int, *conditions: Json) -> Json:
    status = {"observedGeneration": observed, "conditions": list(conditions)}
    return {"metadata": {"name": "klusterlet", "generation": 4}, "status": status}


def test_conditions_count_at_the_new_generation_and_that_of_the_hub_does_not() -> None:
    old_hub = {"type": "HubConnectionDegraded", "status": "False", "observedGeneration": 1}
    available = {"type": "Available", "status": "True", "observedGeneration": 4}
    assert rollout.unsettled(_klusterlet(4, old_hub, available)) is None
    assert rollout.unsettled(_klusterlet(3, available)) is not None
    assert rollout.unsettled(_klusterlet(4, {**available, "observedGeneration": 3})) is not None
    failed = {"type": "Applied", "status": "False", "reason": "KlusterletApplyFailed", "message": "no right"}
    assert "KlusterletApplyFailed: no right" in (rollout.unsettled(_klusterlet(4, failed)) or "")


def pod(
    name: str, image: str = IMAGE, reason: str = "", ready_at: str = "2026-03-01T10:00:00Z", **metadata: str
) -> Json:
    waiting = (
        {"state": {"waiting": {"reason": reason, "message": "not found"}}} if reason else {"state": {"running": {}}}
    )
    ready = {"type": "Ready", "status": "False" if reason else "True", "lastTransitionTime": ready_at}
    return {
        "metadata": {"name": name, **metadata},
        "spec": {"containers": [{"name": "a", "image": image}]},
        "status": {"phase": "Running", "conditions": [ready], "containerStatuses": [{"name": "a", **waiting}]},
    }


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff", "InvalidImageName"])
def test_an_image_that_cannot_be_pulled_is_told_in_the_kubelets_words(reason: str) -> None:
    assert rollout.pull_trouble([pod("a", reason=reason)], IMAGE) == [f"pod a: {reason} not found"]


def test_another_pods_trouble_and_another_trouble_are_not_the_images() -> None:
    assert (
        rollout.pull_trouble([pod("a", "other:v1", "ErrImagePull"), pod("b", reason="CrashLoopBackOff")], IMAGE) == []
    )


def lock(holder: str, acquired: str = "2026-03-01T10:00:30.000000Z", name: str = "klusterlet-agent-lock") -> Json:
    return {"metadata": {"name": name}, "spec": {"holderIdentity": holder, "acquireTime": acquired}}


def moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)


def test_a_pod_leads_since_it_has_the_lock() -> None:
    pods = [pod("old-1", "old:v1"), pod("new-1")]
    assert rollout.leads_since(pods, [lock("new-1_8f2a")], IMAGE) == moment("2026-03-01T10:00:30+00:00")
    for holder in ("old-1_8f2a", "", "gone-1_8f2a"):
        assert rollout.leads_since(pods, [lock(holder)], IMAGE) is None


def test_without_leader_election_it_works_since_it_is_ready() -> None:
    assert rollout.leads_since([pod("new-1")], [], IMAGE) == moment("2026-03-01T10:00:00+00:00")
    assert rollout.leads_since([pod("new-1")], [lock("somebody", name="theirs")], IMAGE) is not None
    assert rollout.leads_since([pod("new-1", deletionTimestamp="2026-03-01T10:00:00Z")], [], IMAGE) is None


@pytest.mark.parametrize(
    ("renewed", "is_renewed"),
    [("2026-03-01T10:00:30.000001Z", True), ("2026-03-01T10:00:30.000000Z", False), (None, False), ("soon", False)],
)
def test_a_lease_proves_it_that_was_renewed_afterwards(renewed: str | None, is_renewed: bool) -> None:
    since = moment("2026-03-01T10:00:30+00:00")
    assert rollout.is_renewed({"spec": {"renewTime": renewed}}, since) is is_renewed
    assert not rollout.is_renewed({"spec": {"renewTime": renewed}}, None)
    assert not rollout.is_renewed(None, since)
