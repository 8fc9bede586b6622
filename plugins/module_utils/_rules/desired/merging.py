# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a desired state changes in a map of texts: labels, annotations, properties."""

from __future__ import annotations

import typing as t

Texts = t.Mapping[str, str]
Changes = dict[str, "str | None"]
"""A merge patch: the new value of a key, or None where it goes."""

APPLIED, PRESENT, ABSENT, EXACT = "applied", "present", "absent", "exact"
STATES = (APPLIED, PRESENT, ABSENT, EXACT)


def changes(
    state: str,
    current: Texts,
    wanted: Texts,
    is_protected: t.Callable[[str], bool] = lambda _key: False,
    ours: t.Collection[str] = (),
) -> Changes:
    """What to change: only keys that differ, and never a protected key that was not named.

    ``applied`` sets, and removes those of ``ours`` that are not wanted, ``present`` sets, ``absent`` removes the named keys,
    ``exact`` sets and removes every other key that is not protected.
    """
    if state == ABSENT:
        return {key: None for key in wanted if key in current}
    result: Changes = {key: value for key, value in wanted.items() if current.get(key) != value}
    if state in (APPLIED, EXACT):
        going = [key for key in current if key not in wanted and not is_protected(key)]
        result.update({key: None for key in going if state == EXACT or key in ours})
    return result


def merged(current: Texts, found: Changes) -> dict[str, str]:
    """The map after the changes."""
    return {key: value for key, value in {**current, **found}.items() if value is not None}


def removed(found: Changes) -> set[str]:
    """The keys that go."""
    return {key for key, value in found.items() if value is None}
