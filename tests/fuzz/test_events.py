# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of a fleet as they come, odd ones among sound ones: the others are told of, and no text of an event is a template."""

from __future__ import annotations

import datetime
import json
import typing as t

from ansible_collections.kubestellar.wec.plugins.module_utils._apis import paths
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.reflector import Changed, Listed
from ansible_collections.kubestellar.wec.plugins.module_utils._operations.watching import FleetWatch, Settings
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.eventing import event_texts
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.eventing.events import Expected, Wanted
from fake_ocm import condition, csr
from fuzzing import JSON_VALUES, Json, mutated
from hostile import TEXTS, is_quiet
from hypothesis import given
from hypothesis import strategies as st

_AVAILABLE = "ManagedClusterConditionAvailable"


def cluster(name: str, version: str = "1", available: str = "True") -> Json:
    kinds = [condition("HubAcceptedManagedCluster"), condition("ManagedClusterJoined")]
    return {
        "metadata": {
            "name": name,
            "uid": f"u-{name}",
            "resourceVersion": version,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"region": "us"},
            "annotations": {"note": "a"},
        },
        "spec": {"hubAcceptsClient": True},
        "status": {
            "conditions": [*kinds, {**condition(_AVAILABLE, available), "message": "its agent told so"}],
            "version": {"kubernetes": "v1.34.4"},
        },
    }


ASKING: Json = csr("edge-2", "of-edge-2", token_id="t")
VALUES = JSON_VALUES | TEXTS


@st.composite
def change(draw: st.DrawFn) -> Changed:
    name = draw(st.sampled_from(["edge-2", "edge-3"]))
    if draw(st.booleans()):
        path, key, item = paths.CSRS, "of-edge-2", draw(mutated(ASKING, VALUES))
    else:
        status = draw(st.sampled_from(["True", "False", "Unknown"]))
        path, key, item = paths.MANAGED_CLUSTERS, name, draw(mutated(cluster(name, "2", status), VALUES))
    # What an API server lists has a name.
    metadata = item["metadata"] if isinstance(item.get("metadata"), dict) else {}
    item["metadata"] = {**metadata, "name": key}
    return Changed(path, key, None if draw(st.integers(0, 5)) == 0 else item)


def texts(value: t.Any) -> t.Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, str):
        yield value


@given(st.lists(change(), max_size=4), st.lists(change(), min_size=1, max_size=6))
def test_the_others_are_told_of(first: list[Changed], then: list[Changed]) -> None:
    message: list[Json] = []
    warned: list[str] = []
    expected = {name: Expected(name, {"region": "eu"}) for name in ("edge-1", "edge-2")}
    watch = FleetWatch(
        lambda: None,  # type: ignore[arg-type, return-value]
        Wanted,
        lambda event: message.append(json.loads(json.dumps(event_texts.harmless(event), allow_nan=False))),
        Settings(),
        warned.append,
    )
    watch._wanted = Wanted(wecs=expected, drift_delay=datetime.timedelta(0))
    items: dict[str, dict[str, Json]] = {paths.MANAGED_CLUSTERS: {"edge-1": cluster("edge-1")}, paths.CSRS: {}}
    for one in first:
        if one.item is not None:
            items[one.path][one.name] = one.item
    for path, found in items.items():
        watch._take(Listed(path, found))
    for one in then:
        watch._take(one)
        watch._note_time()
    watch._take(Changed(paths.MANAGED_CLUSTERS, "edge-1", cluster("edge-1", "9", "Unknown")))
    assert ("became_unavailable", "edge-1") in [(one["type"], one["name"]) for one in message]
    for text in (text for one in message for text in texts(one)):
        assert "{{" not in text
        assert "{%" not in text
        assert "{#" not in text
        assert not text.lstrip().startswith("#jinja2:")
        assert is_quiet(text)
