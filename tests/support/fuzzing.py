# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How property tests search: the same examples each time, or, with HYPOTHESIS_PROFILE=fuzz, others and many more each time."""

from __future__ import annotations

import copy
import json
import os
import traceback
import typing as t

from hostile import is_quiet
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

Json = dict[str, t.Any]
SECRET = "-".join(["TELLTALE", "SECRET", "d41d8cd98f00"])
"""Stands in every place of a document that is a secret; put together, so that no line of a trace has it."""
_MILLISECONDS = 10_000
"""For one example, on a machine that does other things, too."""
_LONGEST_RESULT, _LONGEST_TEXT = 8 * 1024 * 1024, 128 * 1024
"""Characters: a few facts of what may be as long as the message of a condition."""
_FEW = 40
_MANY = int(os.environ.get("FUZZ_EXAMPLES", "400"))

# What is right today is right tomorrow; the others search on.
settings.register_profile("repeatable", derandomize=True)
settings.register_profile(
    "short", max_examples=_FEW, derandomize=True, deadline=_MILLISECONDS, suppress_health_check=list(HealthCheck)
)
settings.register_profile(
    "fuzz",
    max_examples=_MANY,
    derandomize=False,
    deadline=_MILLISECONDS,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

_ODD_TEXTS = st.sampled_from(
    [
        "",
        " ",
        "\x00",
        "\x1b[2J",
        "\u202e",
        "\ud800",
        "a\nb",
        "..",
        "../..",
        "a/b",
        "%2e%2e",
        "https://[::1",
        "http://a b",
        "9" * 5000,
        "9999-12-31T23:59:59-12:00",
        "{{ lookup('pipe', 'id') }}",
        "#jinja2:variable_start_string:'['",
        "x" * 100_000,
        "ü€😀",
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.binary(max_size=10)
    | _ODD_TEXTS
    | st.sampled_from([10**400, -1, 2**63, 1e300])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | st.integers(), inner, max_size=3),
    max_leaves=6,
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def places(document: t.Any, at: tuple[t.Any, ...] = ()) -> list[tuple[t.Any, ...]]:
    """Every place in a document, the document itself not among them."""
    found: list[tuple[t.Any, ...]] = []
    steps: t.Iterable[tuple[t.Any, t.Any]] = ()
    if isinstance(document, dict):
        steps = document.items()
    elif isinstance(document, list):
        steps = enumerate(document)
    for step, inner in steps:
        found += [(*at, step), *places(inner, (*at, step))]
    return found


@st.composite
def mutated(draw: st.DrawFn, document: t.Any, values: st.SearchStrategy[t.Any] = VALUES) -> t.Any:
    """The document with one to three places replaced, left out, doubled or put inside each other."""
    changed = copy.deepcopy(document)
    for _time in range(draw(st.integers(1, 3))):
        known = places(changed)
        if not known:
            break
        *folders, last = draw(st.sampled_from(known))
        inside = changed
        for step in folders:
            inside = inside[step]
        how = draw(st.sampled_from(["replace", "replace", "replace", "remove", "wrap", "deepen"]))
        if how == "replace":
            inside[last] = draw(values)
        elif how == "remove":
            del inside[last]
        elif how == "wrap":
            inside[last] = [inside[last], inside[last]]
        else:
            for _level in range(draw(st.sampled_from([2, 50, 300]))):
                inside[last] = {"a": inside[last]}
    return changed


def check_told(error: BaseException) -> None:
    """An error of ours, and nothing in it, nor in what it was caused by, that is a secret."""
    from ansible_collections.kubestellar.wec.plugins.module_utils._errors import WecError

    assert isinstance(error, WecError), repr(error)
    assert SECRET not in "".join(traceback.format_exception(error))
    assert SECRET not in json.dumps([error.message, error.details], default=repr)


def check_result(result: Json, lines: t.Sequence[str] = (), warnings: t.Sequence[str] = ()) -> None:
    """What a task gives and shows is JSON of a sensible size, has no secret in it, and nothing that a screen would take for an order."""
    shown = [*lines, *warnings, *(str(result[key]) for key in ("msg", "exception") if key in result)]
    text = json.dumps(result)
    assert SECRET not in text
    assert len(text) < _LONGEST_RESULT
    for one in shown:
        assert SECRET not in one
        assert is_quiet(one), repr(one)
        assert len(one) < _LONGEST_TEXT, repr(one[:1000])


def check_text(error: BaseException) -> None:
    """An error whose text is passed on, and its cause is not."""
    assert SECRET not in str(error)


def check_names(error: BaseException, name: str) -> None:
    assert name in str(error)
