# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.eventing import event_texts
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.outside import limits
from hostile import TEXTS, is_quiet, values
from hypothesis import given, settings
from hypothesis import strategies as st

Json = dict[str, t.Any]
DELIMITERS = ("{{", "{%", "{#", "#jinja2:")


def texts(value: t.Any) -> t.Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from (key, *texts(one))
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(TEXTS, values(), max_size=5))
def test_no_text_of_an_event_is_a_template_nor_are_several_put_together(event: Json) -> None:
    found = event_texts.harmless(event)
    json.dumps(found, allow_nan=False).encode()
    everything = list(texts(found))
    for text in (*everything, "".join(everything), "".join(reversed(everything))):
        assert not any(one in text for one in DELIMITERS)
    assert all(map(is_quiet, everything))
    assert not any(text.lstrip().startswith("#j") for text in everything)
    assert event_texts.harmless(found) == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ lookup('pipe', 'id') }}", "{ { lookup('pipe', 'id') }}"),
        ("{% x %}{# y #}", "{ % x %}{ # y #}"),
        ("#jinja2: a:'b'", "# jinja2: a:'b'"),
        ("  #jinja2:x", "  # jinja2:x"),
        ("#", "# "),
        ("a{", "a{ "),
        ("issue #1 {a}", "issue #1 { a}"),
        ("a\x1b[2J\u202e", "a\ufffd[2J\ufffd"),
        ("two\nlines", "two\nlines"),
        ("edge-1 is not available: False (X).", "edge-1 is not available: False (X)."),
    ],
)
def test_what_becomes_of_a_text(text: str, expected: str) -> None:
    assert event_texts.harmless({"msg": text}) == {"msg": expected}


def test_what_is_endless_ends() -> None:
    deep: t.Any = "x"
    for _level in range(10_000):
        deep = [deep]
    found = event_texts.harmless(
        {"a": "x" * 1_000_000, "b": [0] * 1_000_000, "c": deep, "d": float("nan"), "e": {1, 2}}
    )
    assert len(found["a"]) == limits.TEXT
    assert len(found["b"]) == limits.ITEMS
    assert len(json.dumps(found["c"])) < 1000
    assert found["d"] is None
    assert isinstance(found["e"], str)


def test_what_is_no_text_stays() -> None:
    event = {"type": "left", "initial": True, "wecs": 3, "seconds": 1.5, "host": None, "faults": []}
    assert event_texts.harmless(event) == event
