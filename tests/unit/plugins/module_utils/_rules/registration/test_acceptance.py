# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import datetime
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_managed_cluster import (
    IDENTITY_ANNOTATION,
    ObservedManagedCluster,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration.acceptance import (
    Decision,
    Member,
    decide,
    foreseen,
    silent_controllers,
)
from fake_api import now
from fake_ocm import condition, csr

NOW = datetime.datetime.now(datetime.timezone.utc)
EDGE = Member("edge-1", uid="the-cluster")
ISSUED = {"conditions": [condition("Approved")], "certificate": "Y2VydA=="}


def view(accepted: bool = False, **more: t.Any) -> ObservedManagedCluster:
    annotations = {IDENTITY_ANNOTATION: "the-cluster"} if more.pop("noted", False) else {}
    cluster = {
        "metadata": {"name": "edge-1", "annotations": annotations, **more.pop("metadata", {})},
        "spec": {"hubAcceptsClient": accepted},
        "status": {"conditions": more.pop("conditions", [])},
    }
    return ObservedManagedCluster("edge-1", cluster, **more)


def alive(**more: t.Any) -> ObservedManagedCluster:
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


def test_of_one_agents_requests_the_newest_is_approved() -> None:
    decision = decide(EDGE, view(csrs=(csr("edge-1", "newest"), csr("edge-1", "older"))), NOW)
    assert decision.approval is not None
    assert decision.approval.csr["metadata"]["name"] == "newest"


def test_a_request_is_not_approved_before_the_managed_cluster_is_there() -> None:
    decision = decide(EDGE, ObservedManagedCluster("edge-1", csrs=(csr("edge-1"),)), NOW)
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
    assert [step.verb for step in foreseen(EDGE, ObservedManagedCluster("edge-1"))] == ["accept", "approve", "update"]
    assert foreseen(EDGE, alive(noted=True, csrs=(csr("edge-1"),))) == []


# -- proof, and names that are somebody's ----------------------------------------------------------------------------

OWN = Member("edge-1", uid="the-cluster", token_id="own")
FOREIGN = {
    "a request without an id": csr("edge-1", "foreign"),
    "a request with another id": csr("edge-1", "foreign", token_id="other"),
}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("is_newest", [True, False])
def test_the_request_that_is_proved_is_approved_wherever_it_stands(foreign: dict[str, t.Any], is_newest: bool) -> None:
    own = csr("edge-1", "own", token_id="own")
    csrs = (foreign, own) if is_newest else (own, foreign)
    decision = decide(OWN, view(csrs=csrs, token_ids_are_recorded=True), NOW)
    assert decision.approval is not None
    assert (decision.approval.csr["metadata"]["name"], decision.approval.proof) == ("own", "token")
    assert [one.name for one in decision.rejected] == ["foreign"]


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_request_alone_is_not_approved_and_is_named(foreign: dict[str, t.Any]) -> None:
    decision = decide(OWN, view(csrs=(foreign,), token_ids_are_recorded=True), NOW)
    assert decision.steps(view()) == []
    assert [one.name for one in decision.rejected] == ["foreign"]
    assert decision.problem is not None
    assert decision.problem.code == "csr_not_legitimate"


@pytest.mark.parametrize("status", [{}, {"conditions": [condition("Denied")]}])
def test_foreign_requests_are_removed_on_request_only(status: dict[str, t.Any]) -> None:
    foreign = {**csr("edge-1", "foreign"), "status": status}
    shown = view(csrs=(foreign, csr("edge-1", "own", token_id="own")), token_ids_are_recorded=True)
    assert decide(OWN, shown, NOW).remove == ()
    allowed = Member("edge-1", uid="the-cluster", token_id="own", remove_foreign_csrs=True)
    decision = decide(allowed, shown, NOW)
    assert next((step.verb, step.object) for step in decision.steps(shown)) == (
        "delete",
        "CertificateSigningRequest foreign",
    )
    assert decision.approval is not None


def test_what_somebody_has_approved_is_not_removed() -> None:
    allowed = Member("edge-1", token_id="own", remove_foreign_csrs=True)
    shown = view(csrs=({**csr("edge-1", "foreign"), "status": ISSUED},), token_ids_are_recorded=True)
    assert decide(allowed, shown, NOW).remove == ()


def test_of_several_makers_none_is_approved_without_proof() -> None:
    shown = view(csrs=(csr("edge-1", "b", token_id="x"), csr("edge-1", "a", token_id="y")), token_ids_are_recorded=True)
    decision = decide(EDGE, shown, NOW)
    assert decision.approval is None
    assert not decision.accept
    assert decision.problem is not None
    assert decision.problem.code == "csr_multiple_requesters"


def test_the_second_request_of_one_token_is_the_agents_own() -> None:
    shown = view(csrs=(csr("edge-1", "b", token_id="x"), csr("edge-1", "a", token_id="x")), token_ids_are_recorded=True)
    decision = decide(EDGE, shown, NOW)
    assert decision.approval is not None
    assert decision.approval.csr["metadata"]["name"] == "b"


JOINED = [condition("ManagedClusterJoined"), condition("ManagedClusterConditionAvailable", "Unknown")]
IN_USE = {
    "it has joined": {"conditions": JOINED},
    "it carries an identity": {"noted": True},
    "both": {"conditions": JOINED, "noted": True},
}
STRANGER = csr("edge-1", "stranger", token_id="of-another-wec")


@pytest.mark.parametrize("shown", IN_USE.values(), ids=IN_USE)
@pytest.mark.parametrize("made", [STRANGER, csr("edge-1", "stranger")], ids=["with an id", "without an id"])
def test_a_name_that_is_somebodys_is_not_given_away(shown: dict[str, t.Any], made: dict[str, t.Any]) -> None:
    # What wec_accept and the rulebook onboard know: the name.
    decision = decide(Member("edge-1"), view(True, csrs=(made,), token_ids_are_recorded=True, **shown), NOW)
    assert decision.approval is None
    assert not decision.accept
    assert decision.problem is not None
    assert decision.problem.code == "csr_name_in_use"


@pytest.mark.parametrize("shown", IN_USE.values(), ids=IN_USE)
def test_it_gets_a_new_certificate_by_its_own_token_or_by_the_users_word(shown: dict[str, t.Any]) -> None:
    made = view(True, csrs=(STRANGER,), token_ids_are_recorded=True, **shown)
    by_token = decide(Member("edge-1", token_id="of-another-wec"), made, NOW)
    by_word = decide(Member("edge-1", replace_lost_cluster=True), made, NOW)
    assert by_token.approval is not None
    assert by_word.approval is not None


def test_on_an_its_without_ids_the_cluster_that_has_the_name_gets_a_new_certificate() -> None:
    made = view(True, csrs=(csr("edge-1"),), conditions=JOINED, noted=True)
    assert decide(EDGE, made, NOW).approval is not None
    assert decide(Member("edge-1", uid="another"), made, NOW).approval is None


def test_a_wec_that_is_away_is_waited_for_whatever_others_ask_for() -> None:
    forged = csr("edge-1")
    forged["spec"]["username"] = "mallory"
    decision = decide(EDGE, view(True, csrs=(forged,) * 12, conditions=JOINED, noted=True), NOW)
    assert not decision.final
    assert decision.problem is not None
    assert decision.problem.code != "csr_too_many"


def test_a_name_that_is_flooded_is_told_with_the_names() -> None:
    others = tuple(csr("edge-2", f"flood-{number}") for number in range(12))
    decision = decide(EDGE, view(csrs=others), NOW)
    assert decision.problem is not None
    assert decision.problem.code == "csr_too_many"
    assert all(f"flood-{number}" in str(decision.problem) for number in range(12))


def test_a_flood_does_not_matter_once_the_agents_own_request_is_there() -> None:
    others = tuple(csr("edge-2", f"flood-{number}") for number in range(12))
    shown = view(csrs=(*others, csr("edge-1", "own", token_id="own")), token_ids_are_recorded=True)
    assert decide(OWN, shown, NOW).approval is not None


def before(seconds: float) -> str:
    return (NOW - datetime.timedelta(seconds=seconds)).isoformat()


def accepted_at(seconds: float, fields: str = "f:hubAcceptsClient") -> t.Any:
    """Metadata of a ManagedCluster that was made long ago, with when somebody accepted it."""
    entry = {"manager": "kubestellar.wec", "time": before(seconds), "fieldsV1": {"f:spec": {fields: {}}}}
    return {"creationTimestamp": before(5000), "managedFields": [entry]}


def test_controllers_that_do_not_notice_that_a_wec_is_accepted_are_named() -> None:
    silent = view(True, metadata=accepted_at(30), csrs=({**csr("edge-1"), "status": ISSUED},))
    decision = decide(EDGE, silent, NOW)
    assert decision.problem is not None
    assert decision.problem.code == "hub_controllers_not_responding"
    assert "30 s ago" in str(decision.problem)
    assert not decision.final, "they may only be slow"
    assert silent_controllers(silent, NOW) is not None


@pytest.mark.parametrize(
    "shown",
    [
        view(True, metadata=accepted_at(5)),
        view(False, metadata=accepted_at(30)),
        view(True, metadata=accepted_at(30), conditions=[condition("HubAcceptedManagedCluster")]),
        view(True, metadata=accepted_at(30), conditions=[condition("HubAcceptedManagedCluster", "False")]),
        ObservedManagedCluster("edge-1"),
    ],
)
def test_controllers_that_have_had_no_time_or_have_spoken_are_not_silent(shown: ObservedManagedCluster) -> None:
    assert silent_controllers(shown, NOW) is None


def test_a_restarted_agent_is_alive_only_when_it_renews_its_lease_afterwards() -> None:
    shown = dataclasses.replace(alive(), lease={"spec": {"renewTime": before(10)}})
    restarted = dataclasses.replace(EDGE, renewed_after=NOW - datetime.timedelta(seconds=5))
    decision = decide(restarted, shown, NOW)
    assert not decision.done
    assert decision.problem is not None
    assert decision.problem.code == "heartbeat_late"
    later = dataclasses.replace(EDGE, renewed_after=NOW - datetime.timedelta(seconds=20))
    assert decide(later, shown, NOW).done
    assert "renewed_after" not in later.as_data()
