# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.acceptance import (
    Decision,
    Member,
    decide,
    foreseen,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.its_view import IDENTITY_ANNOTATION, ItsView
from fake_api import now
from fake_ocm import condition, csr

NOW = datetime.datetime.now(datetime.timezone.utc)
EDGE = Member("edge-1", uid="the-cluster")
ISSUED = {"conditions": [condition("Approved")], "certificate": "Y2VydA=="}


def view(accepted: bool = False, **more: t.Any) -> ItsView:
    annotations = {IDENTITY_ANNOTATION: "the-cluster"} if more.pop("noted", False) else {}
    cluster = {
        "metadata": {"name": "edge-1", "annotations": annotations, **more.pop("metadata", {})},
        "spec": {"hubAcceptsClient": accepted},
        "status": {"conditions": more.pop("conditions", [])},
    }
    return ItsView("edge-1", cluster, **more)


def alive(**more: t.Any) -> ItsView:
    conditions = [condition("ManagedClusterJoined"), condition("ManagedClusterConditionAvailable")]
    return view(True, conditions=conditions, lease={"spec": {"renewTime": now()}}, **more)


def test_a_legitimate_request_is_approved_and_the_wec_accepted() -> None:
    decision = decide(EDGE, view(csrs=(csr("edge-1"),)), NOW)
    assert decision.accept
    assert decision.approval is not None
    assert decision.identity == "the-cluster"
    assert [step.verb for step in decision.steps(view())] == ["accept", "approve", "update"]


def test_nothing_is_accepted_without_a_request_or_a_certificate() -> None:
    assert decide(EDGE, view(), NOW).steps(view()) == []


def test_a_wec_that_holds_a_certificate_needs_no_request() -> None:
    decision = decide(Member("edge-1", holds_certificate=True), view(), NOW)
    assert decision.accept
    assert decision.approval is None


def test_a_forged_request_opens_nothing() -> None:
    forged = csr("edge-1")
    forged["spec"]["username"] = "mallory"
    decision = decide(EDGE, view(csrs=(forged,)), NOW)
    assert decision.steps(view()) == []
    assert decision.problem is not None
    assert decision.problem.code == "csr_not_legitimate"
    assert "mallory" in str(decision.problem)


def test_a_forged_request_does_not_keep_the_true_one_from_approval() -> None:
    forged = csr("edge-1", "edge-1-evil")
    forged["spec"]["signerName"] = "example.com/evil"
    decision = decide(EDGE, view(csrs=(forged, csr("edge-1", "edge-1-true"))), NOW)
    assert decision.approval is not None
    assert decision.approval.csr["metadata"]["name"] == "edge-1-true"
    assert [one.name for one in decision.rejected] == ["edge-1-evil"]


def test_the_newest_legitimate_request_is_approved_and_the_stale_ones_are_not() -> None:
    decision = decide(EDGE, view(csrs=(csr("edge-1", "newest"), csr("edge-1", "older"))), NOW)
    assert decision.approval is not None
    assert decision.approval.csr["metadata"]["name"] == "newest"


def test_a_request_is_not_approved_before_the_managed_cluster_is_there() -> None:
    decision = decide(EDGE, ItsView("edge-1", csrs=(csr("edge-1"),)), NOW)
    assert decision.approval is None
    assert not decision.accept


def test_a_denied_request_is_final() -> None:
    denied = {**csr("edge-1"), "status": {"conditions": [{**condition("Denied"), "message": "not ours"}]}}
    decision = decide(EDGE, view(csrs=(denied,)), NOW)
    assert decision.final
    assert decision.problem is not None
    assert decision.problem.code == "csr_denied"
    assert "not ours" in str(decision.problem)


@pytest.mark.parametrize("seconds", [5, 500])
def test_an_approved_request_without_certificate_is_waited_for_and_blamed(seconds: int) -> None:
    old = csr("edge-1")
    old["metadata"]["creationTimestamp"] = now(-seconds)
    old["status"] = {"conditions": [condition("Approved")]}
    decision = decide(EDGE, view(True, csrs=(old,)), NOW)
    assert not decision.done
    assert decision.problem is not None
    assert decision.problem.code == "csr_not_issued"


def test_an_issued_certificate_still_needs_acceptance() -> None:
    assert decide(EDGE, view(csrs=({**csr("edge-1"), "status": ISSUED},)), NOW).accept


def test_an_available_wec_is_done_and_nothing_is_written() -> None:
    decision = decide(EDGE, alive(noted=True), NOW)
    assert decision == Decision(done=True)


def test_the_identity_of_an_available_wec_is_noted_once() -> None:
    decision = decide(EDGE, alive(), NOW)
    assert decision.done
    assert [step.verb for step in decision.steps(alive())] == ["update"]


def test_nothing_is_approved_while_the_old_mailbox_goes() -> None:
    going = {"metadata": {"deletionTimestamp": now()}}
    decision = decide(EDGE, view(csrs=(csr("edge-1"),), mailbox=going), NOW)
    assert decision.steps(view()) == []
    assert decision.problem is not None
    assert decision.problem.code == "mailbox_terminating"


def test_what_will_follow_is_foreseen_from_nothing() -> None:
    assert [step.verb for step in foreseen(EDGE, ItsView("edge-1"))] == ["accept", "approve", "update"]
    assert foreseen(EDGE, alive(noted=True, csrs=(csr("edge-1"),))) == []
