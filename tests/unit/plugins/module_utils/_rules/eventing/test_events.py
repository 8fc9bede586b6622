# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import copy
import datetime
import itertools
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.eventing import events
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.eventing.events import (
    Event,
    Expected,
    Known,
    Wanted,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_managed_cluster import (
    IDENTITY_ANNOTATION,
    ObservedManagedCluster,
)
from fake_ocm import FakeAuthority
from fake_ocm import csr as csr_of
from hypothesis import given, settings
from hypothesis import strategies as st

Json = dict[str, t.Any]
NOW = datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)
SECOND = datetime.timedelta(seconds=1)
LISTED = Wanted({"edge-1": Expected("host-1", {"zone": "a"})})
OTHERS = Wanted({"edge-2": Expected("edge-2")})


def condition(kind: str, status: str, since: str, message: str = "") -> Json:
    return {"type": kind, "status": status, "reason": kind, "message": message, "lastTransitionTime": since}


def cluster(available: str | None = None, since: str = "2026-01-01T00:00:00Z", uid: str = "u1", **more: t.Any) -> Json:
    """``available``: None before it has joined, "" before anybody has told."""
    found = []
    if available is not None:
        found.append(condition("ManagedClusterJoined", "True", since))
    if available:
        found.append(condition("ManagedClusterConditionAvailable", available, since))
    if "rotated" in more:
        found.append(condition("ClusterCertificateRotated", "True", since, more["rotated"]))
    metadata: Json = {"name": "edge-1", "uid": uid, "labels": more.get("labels", {"zone": "a"})}
    if more.get("deleting"):
        metadata["deletionTimestamp"] = since
    return {"metadata": metadata, "spec": {"hubAcceptsClient": available is not None}, "status": {"conditions": found}}


def view(item: Json | None, *csrs: Json) -> ObservedManagedCluster:
    return ObservedManagedCluster("edge-1", item, csrs)


def csr(name: str = "edge-1-aaaaa", **changes: t.Any) -> Json:
    made = csr_of("edge-1", name)
    made["metadata"]["uid"] = f"uid of {name}"
    made["spec"].update(changes)
    return made


def steps(*views: ObservedManagedCluster, wanted: Wanted = LISTED, first: bool = False) -> list[list[str]]:
    """The kinds of events that follow from what is seen, one view a second; ``first``: the first is seen at the start."""
    found, before, moment = [], None, NOW
    for number, one in enumerate(views):
        after = events.known(before, one, wanted, moment)
        found.append([event.kind for event in events.events(before, after, first and number == 0)])
        before, moment = after, moment + SECOND
    return found


NOTHING: list[str] = []
TRUE, FALSE, UNKNOWN = cluster("True"), cluster("False"), cluster("Unknown")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, None, []),
        (None, cluster(), []),
        (None, TRUE, ["joined"]),
        (cluster(), cluster(""), []),
        (cluster(""), TRUE, ["joined"]),
        (cluster(""), UNKNOWN, ["became_unavailable"]),
        (TRUE, TRUE, []),
        (TRUE, UNKNOWN, ["became_unavailable"]),
        (TRUE, FALSE, ["became_unavailable"]),
        (UNKNOWN, FALSE, []),
        (UNKNOWN, TRUE, ["recovered"]),
        (TRUE, cluster("True", deleting=True), []),
        (TRUE, cluster("Unknown", deleting=True), []),
        (TRUE, None, ["left"]),
        # While nobody looked:
        (TRUE, cluster("True", "2026-01-01T09:00:00Z"), ["became_unavailable", "recovered"]),
        (TRUE, cluster("True", uid="u2"), ["left", "joined"]),
        (TRUE, cluster(uid="u2"), ["left"]),
    ],
)
def test_what_becomes_of_a_wec(before: Json | None, after: Json | None, expected: list[str]) -> None:
    assert steps(view(before), view(after))[1] == expected


@pytest.mark.parametrize(
    ("item", "expected"), [(TRUE, []), (UNKNOWN, ["became_unavailable"]), (cluster(), []), (None, [])]
)
def test_at_the_start_only_what_is_wrong_is_told(item: Json | None, expected: list[str]) -> None:
    assert steps(view(item), first=True) == [expected]


def test_a_request_is_told_once_as_long_as_it_waits() -> None:
    other = csr("edge-1-bbbbb")
    assert steps(view(None, csr()), view(cluster(), csr()), view(cluster(), other, csr()), view(cluster(), other)) == [
        ["csr_pending"],
        [],
        ["csr_pending"],
        [],
    ]


@pytest.mark.parametrize(
    "item",
    [
        {**csr(), "status": {"conditions": [{"type": "Approved", "status": "True"}]}},
        {**csr(), "status": {"conditions": [{"type": "Denied", "status": "True"}]}},
        csr(username="system:open-cluster-management:edge-1:agent0"),
        {**csr(), "metadata": {**csr()["metadata"], "labels": {"open-cluster-management.io/addon-name": "x"}}},
    ],
    ids=["approved", "denied", "a renewal", "of an add-on"],
)
def test_requests_that_wait_for_nobody_are_not_told(item: Json) -> None:
    assert steps(view(TRUE, item), first=True) == [NOTHING]


def test_a_pending_request_is_told_with_what_it_is() -> None:
    good = events.known(None, view(cluster(), csr()), LISTED, NOW)
    (event,) = events.events(None, good)
    assert event.as_data({"server": "s"}, NOW, initial=True) == {
        "type": "csr_pending",
        "name": "edge-1",
        "host": "host-1",
        "expected": True,
        "initial": True,
        "time": "2026-01-02T00:00:00Z",
        "its": {"server": "s"},
        "msg": "The signing request edge-1-aaaaa of edge-1 waits for approval: it is as an agent makes it.",
        "csr": "edge-1-aaaaa",
        "requester": "system:serviceaccount:open-cluster-management:agent-registration-bootstrap",
        "legitimate": True,
        "faults": [],
        "accepted": False,
    }
    forged = events.known(None, view(cluster(), csr(username="eve")), LISTED, NOW)
    (event,) = events.events(None, forged)
    assert not event.facts["legitimate"]
    assert "not a bootstrap identity" in event.message


def noted(item: Json) -> Json:
    """The same with the annotation that says which cluster it is."""
    return {**item, "metadata": {**item["metadata"], "annotations": {IDENTITY_ANNOTATION: "uid-1"}}}


@pytest.mark.parametrize("item", [TRUE, FALSE, UNKNOWN, cluster(""), noted(cluster())], ids=["1", "2", "3", "4", "5"])
def test_a_request_under_a_name_that_is_somebodys_is_told_as_that_and_never_as_pending(item: Json) -> None:
    assert steps(view(item), view(item, csr()), view(item, csr()))[1:] == [["csr_name_in_use"], []]
    assert "csr_name_in_use" in steps(view(item, csr()), first=True)[0]
    after = events.known(None, view(item, csr(username="eve")), LISTED, NOW)
    (event,) = [one for one in events.events(None, after, is_initial=True) if one.kind == "csr_name_in_use"]
    assert set(event.facts) == {"csr", "requester", "legitimate", "faults", "accepted"}
    assert "registered already" in event.message


def test_a_request_of_before_a_wec_has_joined_is_not_told_anew_and_one_of_a_name_that_is_freed_is() -> None:
    assert steps(view(cluster(), csr()), view(TRUE, csr())) == [["csr_pending"], ["joined"]]
    assert steps(view(noted(cluster()), csr()), view(cluster(), csr())) == [["csr_name_in_use"], ["csr_pending"]]
    assert steps(view(FALSE, csr()), view(cluster(uid="u2"), csr()))[1] == ["left", "csr_pending"]


def test_one_that_is_not_on_the_list_is_told_once_and_again_when_it_is_put_there() -> None:
    assert steps(view(None, csr()), view(cluster(), csr()), wanted=OTHERS) == [["unknown_cluster", "csr_pending"], []]
    before = events.known(None, view(cluster(), csr()), OTHERS, NOW)
    after = events.known(before, view(cluster(), csr()), LISTED, NOW)
    (event,) = events.events(before, after)
    assert (event.kind, event.known.expected if event.known else None) == ("csr_pending", True)
    again = events.known(after, view(cluster(), csr()), OTHERS, NOW)
    assert [one.kind for one in events.events(after, again)] == ["unknown_cluster", "csr_pending"]


def test_without_a_list_nothing_is_unknown_and_nothing_drifts() -> None:
    item = cluster("True", labels={"zone": "b"})
    one = events.known(None, view(item), Wanted(), NOW)
    assert one is not None
    assert (one.expected, one.host, one.due) == (None, None, None)
    assert events.events(None, one, is_initial=True) == []


def sentence(
    before: Known | None, item: Json, after_seconds: float, wanted: Wanted = LISTED
) -> tuple[Known, list[Event]]:
    after = events.known(before, view(item), wanted, NOW + SECOND * after_seconds)
    assert after is not None
    return after, events.events(before, after)


def test_labels_that_differ_are_told_once_after_a_while() -> None:
    drifted = cluster("True", labels={"zone": "b", "of": "nobody"})
    one, found = sentence(sentence(None, TRUE, 0)[0], drifted, 1)
    assert found == []
    assert one.due == NOW + SECOND * 61
    two, found = sentence(one, drifted, 61)
    (event,) = found
    assert event.facts == {
        "drift": {"zone": {"expected": "a", "actual": "b"}},
        "since": "2026-01-02T00:00:01Z",
    }
    assert two.due is None
    three, found = sentence(two, drifted, 99)
    assert found == []
    four, found = sentence(three, TRUE, 100)
    assert (found, four.drift) == ([], {})
    assert sentence(sentence(four, drifted, 101)[0], drifted, 200)[1][0].kind == "label_drift"


def test_labels_that_are_put_right_in_time_and_those_of_a_wec_that_has_not_joined_are_not_told() -> None:
    drifted = cluster("True", labels={})
    one, _found = sentence(None, drifted, 0)
    _two, found = sentence(one, TRUE, 59)
    assert found == []
    before, _found = sentence(None, cluster(labels={}), 0)
    assert sentence(before, cluster(labels={}), 999)[1] == []


def test_a_certificate_that_expires_soon_is_told_once(authority: FakeAuthority) -> None:
    wanted = Wanted(expiring=datetime.timedelta(days=30))
    issued = csr()
    issued["status"] = {
        "conditions": [{"type": "Approved", "status": "True"}],
        "certificate": base64.b64encode(authority.client("edge-1", 100)).decode(),
    }
    one = events.known(None, view(TRUE, issued), wanted, NOW)
    assert one is not None
    assert one.expires is not None
    begins = one.expires - wanted.expiring
    assert one.due == begins
    # The ITS forgets a request after an hour.
    later = events.known(one, view(TRUE), wanted, begins)
    (event,) = events.events(one, later)
    assert event.kind == "certificate_expiring"
    assert event.facts["days"] == 30
    assert event.message == "The certificate of edge-1 expires in 30 d."
    still = events.known(later, view(TRUE), wanted, begins + SECOND)
    assert events.events(later, still) == []
    renewed = cluster("True", rotated="client certificate rotated starting from X to 2036-01-01 00:00:00 +0000 UTC")
    last = events.known(still, view(renewed), wanted, begins + SECOND * 2)
    assert events.events(still, last) == []
    assert last is not None
    assert last.expires == datetime.datetime(2036, 1, 1, tzinfo=datetime.timezone.utc)


def test_a_certificate_that_cannot_be_read_is_none() -> None:
    broken = {**csr(), "status": {"certificate": "bm9uZQ=="}}
    one = events.known(None, view(TRUE, broken), LISTED, NOW)
    assert one is not None
    assert one.expires is None


def test_what_has_been_so_for_long_is_not_told_later() -> None:
    drifted = cluster("True", labels={})
    one = events.known(None, view(drifted), LISTED, NOW, is_settled=True)
    assert one is not None
    assert one.due is None
    two = events.known(one, view(drifted), LISTED, NOW + SECOND * 999)
    assert events.events(one, two) == []


ITEMS = [None, cluster(), cluster(""), TRUE, UNKNOWN, FALSE, cluster("True", uid="u2"), cluster("True", deleting=True)]


@given(st.lists(st.sampled_from(ITEMS), max_size=12), st.lists(st.booleans(), min_size=12, max_size=12))
@settings(deadline=None)
def test_seen_twice_is_told_once_and_unavailable_and_recovered_alternate(
    items: list[Json | None], twice: list[bool]
) -> None:
    def kinds(views: t.Iterable[Json | None]) -> list[str]:
        return [kind for step in steps(*(view(copy.deepcopy(one)) for one in views)) for kind in step]

    doubled = [one for item, again in zip(items, twice, strict=False) for one in [item] * (1 + again)]
    found = kinds(items)
    assert kinds(doubled) == found
    relevant = [kind for kind in found if kind in ("became_unavailable", "recovered", "left")]
    for kind, following in itertools.pairwise(relevant):
        assert (kind, following) not in {("recovered", "recovered"), ("left", "recovered")}
    for index, kind in enumerate(relevant):
        assert kind != "recovered" or relevant[index - 1] == "became_unavailable"
