# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.observed import works


def work(**metadata: t.Any) -> dict[str, t.Any]:
    return {"metadata": {"name": "w", **metadata}}


def applied(status: str, observed: int | None, generation: int = 2) -> dict[str, t.Any]:
    other = {"type": "Available", "status": "True", "observedGeneration": generation}
    condition = {"type": "Applied", "status": status, "reason": "Why", "message": "because"}
    if observed is not None:
        condition["observedGeneration"] = t.cast(t.Any, observed)
    return {**work(generation=generation), "status": {"conditions": [other, condition]}}


@pytest.mark.parametrize(
    ("item", "name"),
    [
        (work(labels={"transport.kubestellar.io/originOwnerReferenceBindingKey": "b"}), "b"),
        (work(labels={"other": "b"}), ""),
        (work(labels=None), ""),
        (work(), ""),
    ],
)
def test_the_binding_of_a_work_is_in_a_label(item: dict[str, t.Any], name: str) -> None:
    assert works.binding_of(item) == name


@pytest.mark.parametrize(("annotations", "awaits"), [({}, False), (None, False), ("0", True), ("1", False)])
def test_a_work_of_no_generation_awaits_rewriting(annotations: t.Any, awaits: bool) -> None:
    if isinstance(annotations, str):
        annotations = {"transport.kubestellar.io/originOwnerReferenceBindingGeneration": annotations}
    assert works.awaits_rewriting(work(annotations=annotations)) is awaits


def test_a_work_that_goes() -> None:
    assert works.is_deleting(work(deletionTimestamp="2026-01-01T00:00:00Z"))
    assert not works.is_deleting(work())


@pytest.mark.parametrize(
    ("item", "is_applied"),
    [
        (applied("True", 2), True),
        (applied("True", 1), False),
        (applied("True", None), False),
        (applied("False", 2), False),
        (work(generation=2), False),
        ({**work(generation=2), "status": {"conditions": None}}, False),
    ],
    ids=["as it is now", "as it was before", "of no known generation", "failed", "never", "never, with null"],
)
def test_a_work_is_applied_only_as_it_is_now(item: dict[str, t.Any], is_applied: bool) -> None:
    assert works.is_applied(item) is is_applied


def test_a_work_tells_why_it_is_not_applied() -> None:
    assert works.trouble(applied("False", 2)) == "ManifestWork w: Applied=False Why: because"
    assert works.trouble(work()) == "ManifestWork w: Applied is not set"
