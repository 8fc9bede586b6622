# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a result says of one WEC, the report has the others, names that one, and is as its schema wants it."""

from __future__ import annotations

import json
import pathlib
import typing as t
import xml.etree.ElementTree as ET

import jsonschema
import pytest
import reporting
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.reporting import report_junit
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.reporting.report import Report, written
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import problems
from ansible_collections.kubestellar.wec.plugins.plugin_utils import _report_page
from hypothesis import given, settings
from hypothesis import strategies as st
from reporting import BEGAN, ITS, SERVER, accepted, batch, configured, forecast, joined, late, plan, reached, task

Json = dict[str, t.Any]
SCHEMA = jsonschema.Draft202012Validator(
    json.loads((pathlib.Path(__file__).parents[6] / "docs" / "report.schema.json").read_text())
)
MOMENTS = ["0001-01-01", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00", "soon"]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([*MOMENTS, "9" * 5000, "edge-2", "\ud800", "\x1b[2J", "<script>", 10**400])
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside, max_size=3),
    max_leaves=6,
)


def status(name: str) -> Json:
    return {
        "name": name,
        "state": "joined_unavailable",
        "reason": "x",
        "since": "2026-01-01T00:00:00Z",
        "msg": "x",
        "labels": {"a": "b"},
        "problems": [problems.of("lease_expired", "seen").as_data()],
        "timeline": [reached("join", 4, 1), reached("joined", 8)],
        "kubernetes_version": "v1.34.4",
    }


def drift(name: str) -> Json:
    return {"kind": "labels", "name": name, "host": name, "msg": "x", "before": {}, "after": {}, "its": SERVER}


def leftover(name: str) -> Json:
    return {"kind": "Namespace", "name": name, "side": "ITS", "wec": name, "code": "x", "reason": "y", "remedy": "z"}


def failed(name: str) -> Json:
    return {"hosts": [name], "msg": "its ITS does not answer", "problem": problems.of("its_unreachable", "x").as_data()}


NAMES = ("edge-1", "edge-2", "edge-3")


def by_name(make: t.Callable[[str], Json]) -> Json:
    return {name: make(name) for name in NAMES}


ROWS: dict[str, tuple[str, t.Callable[[], Json], tuple[t.Any, ...]]] = {
    "plan": ("wec_plan", lambda: plan(*map(forecast, NAMES)), ("wecs", 1)),
    "configuration": ("wec_configure", lambda: batch(*map(configured, NAMES)), ("wecs", 1)),
    "unseen": (
        "wec_plan",
        lambda: plan(forecast("edge-1"), unseen=[failed("edge-2"), failed("edge-3")]),
        ("unseen", 0),
    ),
    "registration": (
        "wec_join",
        lambda: batch(*({**joined(name), "host": name, "failed": False, "its": ITS["server"]} for name in NAMES)),
        ("wecs", 1),
    ),
    "acceptance": ("wec_accept", lambda: {"verdicts": by_name(accepted), "its": ITS}, ("verdicts", "edge-2")),
    "late": ("wec_accept", lambda: {"verdicts": by_name(late), "its": ITS}, ("verdicts", "edge-2")),
    "labels": ("wec_label", lambda: {"verdicts": by_name(accepted), "its": ITS}, ("verdicts", "edge-2")),
    "states": ("wec_status", lambda: {"wecs": list(map(status, NAMES)), "its": ITS}, ("wecs", 1)),
    "drift": ("wec_status", lambda: {"drift": list(map(drift, NAMES)), "wecs": []}, ("drift", 1)),
    "leftovers": ("wec_leftovers", lambda: {"leftovers": list(map(leftover, NAMES)), "its": ITS}, ("leftovers", 1)),
}
"""The module, a result of it, and where in that the row of edge-2 is."""


def places(value: t.Any, at: tuple[t.Any, ...]) -> list[tuple[t.Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [at]
    for key, one in inside:
        found += places(one, (*at, key))
    return found


def at(value: t.Any, place: tuple[t.Any, ...]) -> t.Any:
    for key in place:
        value = value[key]
    return value


def planted(made: Json, place: tuple[t.Any, ...], value: t.Any) -> Json:
    # No row shares anything with another.
    found = json.loads(json.dumps(made))
    at(found, place[:-1])[place[-1]] = value
    return found


PLACES = [(kind, place) for kind, (_module, make, row) in ROWS.items() for place in places(at(make(), row), row)]


def whole(report: Report) -> Json:
    """All three files are made, and what is in them is what the schema says."""
    data = reporting.data(report)
    SCHEMA.validate(data)
    text = written(data, lambda one: json.dumps(one, allow_nan=False))
    SCHEMA.validate(json.loads(text))
    root = ET.fromstring(written(data, report_junit.xml))
    page = written(data, _report_page.html)
    for one in data["wecs"]:
        if one["name"] in NAMES:
            assert one["name"] in page
    assert len(root.findall("testsuite/testcase")) == len(data["wecs"]) + bool(data["run"]["problems"])
    return data


@settings(deadline=None, max_examples=120)
@given(st.sampled_from(PLACES), ANYTHING)
def test_anything_in_one_row_leaves_the_others(where: tuple[str, tuple[t.Any, ...]], value: t.Any) -> None:
    kind, place = where
    module, make, _row = ROWS[kind]
    report = Report(BEGAN)
    report.note(task(module, planted(make(), place, value)))
    data = whole(report)
    found = {one["name"]: one for one in data["wecs"]}
    sound = Report(BEGAN)
    sound.note(task(module, make()))
    before = {one["name"]: one for one in reporting.data(sound)["wecs"]}
    for name in set(before) - {"edge-2"}:
        # It may have said that it was another, and is found with that one then.
        if value != name and not (isinstance(value, (dict, list)) and name in str(value)):
            assert found[name] == before[name]


MODULES = [*sorted({module for module, _make, _row in ROWS.values()}), "wec_join", "wec_preflight", "wec_validate"]
KEYS = [
    "wecs",
    "verdicts",
    "unseen",
    "problems",
    "problem",
    "drift",
    "leftovers",
    "its",
    "name",
    "checks",
    "violations",
]
KEYS += ["steps", "timeline", "diff", "msg", "changed", "evidence", "state", "not_configured", "released_finalizers"]


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(MODULES),
    st.dictionaries(st.sampled_from(KEYS), ANYTHING, max_size=5),
    st.booleans(),
    st.booleans(),
)
def test_any_result_at_all_leaves_a_report(module: str, result: Json, is_failed: bool, for_all: bool) -> None:
    report = Report(BEGAN)
    report.note(task("wec_status", {"wecs": [status("edge-1")], "its": ITS}))
    report.note(task(module, result, host="edge-2", failed=is_failed, for_all=for_all))
    report.note(task("some.other.module", result, host="edge-3", failed=is_failed, for_all=for_all))
    assert "edge-1" in {one["name"] for one in whole(report)["wecs"]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timeline", [{"step": "joined", "started": "0001-01-01", "ended": "0001-01-01", "clock": "its"}]),
        ("timeline", [{"step": "of nobody", "started": None, "ended": "2026-03-01T10:22:05Z", "clock": "its"}]),
        ("timeline", [{"step": "joined", "started": None, "ended": 7, "clock": "its"}]),
        ("timeline", "x"),
        ("state", ["joined"]),
        ("labels", "abc"),
        ("msg", {"x": "y"}),
        ("problem", {"code": 5}),
        ("problem", "x"),
        ("steps", [{"side": 1}]),
        ("steps", 7),
        ("uid", {}),
        ("its", 4),
    ],
    ids=str,
)
def test_a_row_that_cannot_be_shown_is_named_and_counts_as_failed(field: str, value: t.Any) -> None:
    report = Report(BEGAN)
    verdicts = {name: {**accepted(name), "host": name, "failed": False} for name in NAMES}
    verdicts["edge-2"][field] = value
    report.note(task("wec_join", batch(*verdicts.values())))
    data = whole(report)
    found = {one["name"]: one for one in data["wecs"]}
    assert {found[name]["outcome"] for name in ("edge-1", "edge-3")} == {"changed"}
    if "0001" not in str(value):
        assert found["edge-2"]["outcome"] == "failed"
        assert [one["code"] for one in found["edge-2"]["problems"]] == ["unexpected_answer"]
        assert "cannot be shown" in found["edge-2"]["msg"]


@pytest.mark.parametrize("name", [3, None, ["x"], {}])
def test_a_row_without_a_name_is_the_runs_problem_or_its_hosts(name: t.Any) -> None:
    report = Report(BEGAN)
    rows = [status("edge-1"), {**status("edge-2"), "name": name}, status("edge-3")]
    message = report.note(task("wec_status", {"wecs": rows, "its": ITS}))
    data = whole(report)
    assert {one["name"] for one in data["wecs"]} == {"edge-1", "edge-3"}
    assert [one["code"] for one in data["run"]["problems"]] == ["unexpected_answer"]
    assert len(message) == 1


def test_the_times_of_one_do_not_stretch_the_run_of_the_others() -> None:
    report = Report(BEGAN)
    far = [
        {"step": step, "started": moment, "ended": moment, "clock": "its"}
        for step, moment in (("join", "0001-01-01T00:00:00Z"), ("joined", "9999-12-31T23:59:59Z"))
    ]
    verdicts = {"edge-1": accepted("edge-1"), "edge-2": {**accepted("edge-2"), "timeline": far}}
    report.note(task("wec_accept", {"verdicts": verdicts, "its": ITS}))
    found = {one["name"]: one for one in whole(report)["wecs"]}
    assert [step["in_run"] for step in found["edge-2"]["timeline"]] == [False, False]
    assert all(step["in_run"] for step in found["edge-1"]["timeline"])


def test_a_row_that_one_format_cannot_write_is_told_in_it_and_is_whole_in_the_others() -> None:
    data = reporting.data(reporting.registration(3))

    def writer(given: Json) -> str:
        for one in given["wecs"]:
            if one["name"] == "edge-2" and one["outcome"] != "failed":
                raise LookupError("out of ink")
        return json.dumps(given)

    found = {one["name"]: one for one in json.loads(written(data, writer))["wecs"]}
    assert set(found) == set(NAMES)
    assert "LookupError: out of ink" in found["edge-2"]["msg"]
    assert found["edge-1"]["outcome"] == found["edge-3"]["outcome"] == "changed"

    def fail(_given: t.Any) -> str:
        raise LookupError("no ink")

    with pytest.raises(LookupError, match="no ink"):
        written(data, fail)
