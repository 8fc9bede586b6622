# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible.module_utils.common.parameters import remove_values
from ansible_collections.kubestellar.wec.plugins.plugin_utils import _in_process
from hypothesis import given, settings
from hypothesis import strategies as st

# Few characters, among them those that JSON escapes, so that what is secret comes up in other values often.
TEXTS = st.text('abTrue1.-"\\\\\n\u00e4\U0001f600', max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=500, deadline=None)
@given(
    VALUES.filter(lambda value: value is not None and not isinstance(value, bool)),
    st.sets(TEXTS.filter(bool), max_size=2),
)
def test_secrets_are_taken_out_as_ansible_does_it(value: t.Any, secrets: set[str]) -> None:
    assert repr(_in_process._scrubbed(value, secrets)) == repr(remove_values(value, secrets))


@pytest.mark.parametrize(
    ("value", "scrubbed"),
    [
        ({"a": ["it is my-secret", b"a my-secret", None]}, {"a": ["it is ********", b"a ********", None]}),
        (
            {"a": [datetime.date(2026, 3, 1), "my-secret"]},
            {"a": [datetime.date(2026, 3, 1), "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"]},
        ),
        ({"a": ("b", 1, True)}, {"a": ["b", 1, True]}),
        (float("inf"), float("inf")),
    ],
)
def test_any_type_is_looked_through(value: t.Any, scrubbed: t.Any) -> None:
    assert _in_process._scrubbed(value, {"my-secret"}) == scrubbed
