# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever stands anywhere in what the ITS shows of a WEC, a WEC with a state comes out of it."""

from __future__ import annotations

import copy
import datetime
import types
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import MissingLibrary
from ansible_collections.kubestellar.wec.plugins.module_utils._operations import hub_state, status
from ansible_collections.kubestellar.wec.plugins.module_utils._operations.hub_state import Selection
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.deregistration import leftovers
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.deregistration.leftovers import Holdings
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.desired.configuration import (
    DesiredState,
    Observed,
    Part,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.eventing import events
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed import readable
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed.observed_managed_cluster import (
    ObservedManagedCluster,
)
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import drift, states
from fake_ocm import condition, csr
from hypothesis import given, settings
from hypothesis import strategies as st

Json = dict[str, t.Any]
NOW = datetime.datetime(2026, 3, 1, tzinfo=datetime.timezone.utc)


def parts() -> Json:
    """Everything that a WEC may have on its ITS, without anything odd."""
    metadata = {
        "name": "edge-1",
        "labels": {"a": "b"},
        "annotations": {"c": "d"},
        "creationTimestamp": "2026-01-01T00:00:00Z",
    }
    kinds = ("HubAcceptedManagedCluster", "ManagedClusterJoined", "ManagedClusterConditionAvailable")
    return {
        "managed_cluster": {
            "metadata": {
                **metadata,
                "uid": "1",
                "resourceVersion": "5",
                "finalizers": ["x"],
                "deletionTimestamp": None,
            },
            "spec": {
                "hubAcceptsClient": True,
                "leaseDurationSeconds": 60,
                "managedClusterClientConfigs": [{"url": "https://x", "caBundle": "eA=="}],
            },
            "status": {
                "conditions": [condition(kind) for kind in kinds],
                "version": {"kubernetes": "v1.34.4"},
                "clusterClaims": [{"name": "a", "value": "b"}],
            },
        },
        "lease": {"metadata": {"name": "managed-cluster-lease"}, "spec": {"renewTime": "2026-02-28T23:59:59.123456Z"}},
        "mailbox": {
            "metadata": {**metadata},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active", "conditions": [condition("NamespaceDeletionContentFailure", "False")]},
        },
        "csr": {**csr("edge-1"), "status": {"certificate": "eA==", "conditions": [condition("Approved")]}},
        "config_map": {"metadata": {"name": "edge-1"}, "data": {"url": "x"}, "binaryData": {"y": "eA=="}},
    }


def places(value: t.Any, at: tuple[t.Any, ...] = ()) -> list[tuple[t.Any, ...]]:
    found = [at] if at else []
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        # Names of objects are seen to where they are read.
        if (*at, key)[1:] not in (("metadata",), ("metadata", "name")) and one != "edge-1":
            found += places(one, (*at, key))
    return found


# A list holds objects; that is seen to where it is read.
PLACES = [place for place in places(parts()) if len(place) > 1]
MOMENTS = ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "0001-01-01T00:00:00Z", "2026-01-01", "Z"]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([*MOMENTS, 2**31 - 1, -1, 1e999, "9" * 5000, "v1." + "9" * 5000 + ".1", "\ud800", "\x1b[2J"])
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside, max_size=3),
    max_leaves=6,
)


def planted(*changes: tuple[tuple[t.Any, ...], t.Any]) -> Json:
    found = parts()
    for place, value in changes:
        at: t.Any = found
        try:
            for key in place[:-1]:
                at = at[key]
            at[place[-1]] = copy.deepcopy(value)
        except (TypeError, KeyError, IndexError, AttributeError):
            # Something else was planted above it.
            continue
    return found


class Api:
    """An ITS that shows one WEC, and another beside it."""

    def __init__(self, found: Json) -> None:
        self.found, sound = found, parts()
        self.views = {name: view(one, name) for name, one in (("edge-1", found), ("sound", sound))}
        self.kube = types.SimpleNamespace(connection=types.SimpleNamespace(server="https://its"))

    def now(self) -> datetime.datetime:
        return NOW

    def require_hub(self) -> None: ...

    def offers_addon(self) -> bool:
        return False

    def selected_views(self, *_selectors: t.Any) -> dict[str, ObservedManagedCluster]:
        return self.views

    def property_maps(self) -> Json:
        return {"edge-1": self.found["config_map"]}


def view(found: Json, name: str = "edge-1") -> ObservedManagedCluster:
    return ObservedManagedCluster(name, found["managed_cluster"], (found["csr"],), found["lease"], found["mailbox"])


PLANTED = st.lists(st.tuples(st.sampled_from(PLACES), ANYTHING), min_size=1, max_size=3)


@settings(deadline=None, max_examples=400)
@given(PLANTED)
def test_its_state_its_facts_and_its_row_are_there_and_the_others_too(
    changes: list[tuple[tuple[t.Any, ...], t.Any]],
) -> None:
    its: t.Any = Api(planted(*changes))
    found = hub_state.look(its, Selection(), ())
    assert [one.name for one in found] == ["edge-1", "sound"]
    assert found[1].as_facts()["wec_state"] == "joined"
    for one in found:
        assert one.as_facts()["wec_state"] in states.ALL
        assert one.adopted.as_variables()
    statuses = status.of_views(its, its.views)
    assert [one.as_data()["name"] for one in statuses] == ["edge-1", "sound"]
    assert len(status.table(statuses)) == 3


@settings(deadline=None, max_examples=400)
@given(PLANTED)
def test_it_is_compared_and_looked_through(changes: list[tuple[tuple[t.Any, ...], t.Any]]) -> None:
    found = planted(*changes)
    checked = readable.checked(view(found))
    desired = DesiredState("edge-1", Part({"x": "y"}), Part({"x": "y"}), Part({"x": "y"}), "set")

    def compare(one: ObservedManagedCluster) -> list[drift.Drift]:
        if one.unreadable:
            return []
        limits = drift.Limits(30, 2)
        return [
            *drift.of_desired("h", desired, Observed(one, found["config_map"])),
            *drift.of_view("h", one, NOW, limits),
        ]

    readable.reading(compare, checked)
    clusters = {"edge-1": found["managed_cluster"], "stranger": parts()["managed_cluster"]}
    maps = {"edge-1": found["config_map"]}
    held = Holdings(clusters, {"edge-1": found["mailbox"]}, maps, {"edge-1": found["csr"]}, [found["csr"]])
    assert "stranger" in {one.wec for one in leftovers.on_its(held, {"edge-1"}, NOW)}


@settings(deadline=None, max_examples=200)
@given(PLANTED)
def test_events_follow_from_it_or_it_is_a_stand_in(changes: list[tuple[tuple[t.Any, ...], t.Any]]) -> None:
    def look(one: ObservedManagedCluster) -> None:
        if not one.unreadable:
            after = events.known(None, one, events.Wanted({}), NOW)
            for event in events.events(None, after):
                event.as_data({}, NOW, False)

    readable.reading(look, readable.checked(view(planted(*changes))))


def test_what_is_sound_is_itself() -> None:
    sound = view(parts())
    assert readable.checked(sound) is sound
    assert readable.checked(ObservedManagedCluster("edge-1")) == ObservedManagedCluster("edge-1")


def test_a_stand_in_says_why_and_quotes_no_control_characters() -> None:
    def read(one: ObservedManagedCluster) -> str:
        if one.unreadable:
            return one.unreadable
        raise ValueError("\x1b[2J\u202egone\n" + "x" * 10_000)

    message = readable.reading(read, view(parts()))
    assert message.startswith("ValueError: ")
    assert message.isprintable()
    assert len(message) <= 200


def test_a_missing_library_is_everybodys() -> None:
    def read(_view: ObservedManagedCluster) -> None:
        raise MissingLibrary("cryptography", "to read certificates", "")

    with pytest.raises(MissingLibrary):
        readable.reading(read, view(parts()))
