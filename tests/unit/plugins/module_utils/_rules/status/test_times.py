# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import times
from hypothesis import example, given, settings
from hypothesis import strategies as st

UTC = datetime.timezone.utc


def test_both_forms_of_kubernetes_times_are_read() -> None:
    assert times.parse("2026-11-23T21:11:01Z") == datetime.datetime(2026, 11, 23, 21, 11, 1, tzinfo=UTC)
    assert times.parse("2026-11-23T21:11:01.500000Z") == datetime.datetime(2026, 11, 23, 21, 11, 1, 500000, tzinfo=UTC)


@pytest.mark.parametrize("text", [None, "", "yesterday"])
def test_nonsense_is_no_time(text: str | None) -> None:
    assert times.parse(text) is None


@pytest.mark.parametrize(
    ("seconds", "message"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (200000, "2 d"), (86400, "24 h")],
)
def test_lengths_are_told_as_people_do(seconds: float, message: str) -> None:
    assert times.show_seconds(seconds) == message


@pytest.mark.parametrize(
    "text", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "2026-01-01T00:00:00+99:00", "Z", "x" * 200_000]
)
def test_what_cannot_be_shown_in_utc_is_no_time(text: str) -> None:
    assert times.parse(text) is None


@pytest.mark.parametrize("value", [0, 1.5, True, [], {}, ["2026-11-23T21:11:01Z"], b"2026-11-23T21:11:01Z"])
def test_what_is_no_text_is_no_time(value: t.Any) -> None:
    assert times.parse(value) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-23T23:11:01+02:00", "2026-11-23T21:11:01Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59Z"),
        ("2026-11-23", "2026-11-23T00:00:00Z"),
    ],
)
def test_times_are_shown_in_utc_with_a_year_of_four_digits(text: str, shown: str) -> None:
    assert times.show(times.parse(text)) == shown
    assert times.show(times.parse(shown)) == shown


OFFSETS = st.integers(-1439, 1439).map(lambda minutes: datetime.timezone(datetime.timedelta(minutes=minutes)))


@settings(deadline=None)
@given(st.datetimes(timezones=st.none() | OFFSETS) | st.none(), st.datetimes(timezones=st.none() | OFFSETS))
@example(datetime.datetime.max.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=-12))), datetime.datetime.min)
def test_no_moment_is_too_far_away_to_be_shown_or_counted(
    moment: datetime.datetime | None, now: datetime.datetime
) -> None:
    shown = times.show(moment)
    assert shown is None or times.show(times.parse(shown)) == shown
    age = times.age(moment, now)
    assert age is None or age >= 0


@settings(deadline=None)
@given(st.text() | st.from_regex(r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)?\Z"))
def test_whatever_is_written_it_is_a_time_in_utc_or_none(text: str) -> None:
    moment = times.parse(text)
    assert moment is None or (moment.utcoffset() == datetime.timedelta(0) and times.show(moment) is not None)
