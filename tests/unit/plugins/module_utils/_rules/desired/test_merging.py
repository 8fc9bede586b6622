# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.desired import labels, merging

_KEYS = st.sampled_from(["a", "b", "c", "team.example/x", "cluster.open-cluster-management.io/clusterset"])
_TEXTS = st.dictionaries(_KEYS, st.sampled_from(["", "1", "2"]))
_FREE = _TEXTS.map(lambda found: {key: value for key, value in found.items() if not labels.is_protected(key)})
_STEPS = st.lists(st.tuples(st.sampled_from(merging.STATES), _FREE, st.sets(_KEYS)), max_size=6)


def model(state: str, current: dict[str, str], wanted: dict[str, str], ours: set[str]) -> dict[str, str]:
    protected = {key: value for key, value in current.items() if labels.is_protected(key)}
    foreign = {key: value for key, value in current.items() if key not in ours}
    return {
        "applied": {**foreign, **protected, **wanted},
        "present": {**current, **wanted},
        "absent": {key: value for key, value in current.items() if key not in wanted},
        "exact": {**protected, **wanted},
    }[state]


@hypothesis.given(start=_TEXTS, steps=_STEPS)
def test_any_sequence_equals_the_model_and_never_touches_a_protected_key(
    start: dict[str, str], steps: list[tuple[str, dict[str, str], set[str]]]
) -> None:
    current, expected = dict(start), dict(start)
    for state, wanted, ours in steps:
        found = merging.changes(state, current, wanted, labels.is_protected, ours)
        assert not any(labels.is_protected(key) for key in found)
        assert all(current.get(key) != value for key, value in found.items()), "only what differs"
        current, expected = merging.merged(current, found), model(state, expected, wanted, ours)
        assert current == expected
        again = merging.changes(state, current, wanted, labels.is_protected, ours)
        assert again == {}, "a second run must change nothing"


def test_what_goes_is_what_is_none() -> None:
    assert merging.removed({"a": None, "b": "1"}) == {"a"}
