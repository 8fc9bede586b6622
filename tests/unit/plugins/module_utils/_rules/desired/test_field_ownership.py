# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.desired.field_ownership import (
    ANNOTATIONS,
    DATA,
    INVENTORY,
    LABELS,
    TASK,
    Owner,
    ownership,
    taken_over,
)

Json = dict[str, t.Any]
TIME = "2026-11-27T10:00:00Z"


def entry(manager: str, operation: str, fields: Json, **more: t.Any) -> Json:
    return {"manager": manager, "operation": operation, "time": TIME, "fieldsV1": fields, **more}


def labels(*keys: str) -> Json:
    return {"f:metadata": {"f:labels": {".": {}, **{f"f:{key}": {} for key in keys}}}}


def item(*entries: Json) -> Json:
    return {"metadata": {"name": "edge-1", "managedFields": list(entries)}}


def test_each_key_has_its_owners() -> None:
    found = ownership(
        item(
            entry(INVENTORY, "Update", labels("region", "tier")),
            entry(INVENTORY, "Apply", labels("team.example/zone")),
            entry("kubectl-label", "Update", labels("tier")),
        ),
        LABELS,
    )
    assert found.ours == {"region", "team.example/zone"}
    assert found.others("tier") == (Owner("kubectl-label", "Update", TIME),)
    assert str(found.others("tier")[0]) == f"kubectl-label ({TIME})"
    assert found.others("region") == found.others("nobody") == ()
    assert found.applied("team.example/zone")
    assert not found.applied("region")


def test_what_a_task_has_set_is_not_the_inventorys() -> None:
    assert ownership(item(entry(TASK, "Update", labels("wave"))), LABELS).ours == frozenset()


def test_labels_annotations_and_data_are_told_apart() -> None:
    fields = {"f:metadata": {"f:annotations": {"f:a": {}}}, "f:data": {"f:d": {}}}
    one = item(entry(INVENTORY, "Update", fields))
    assert [ownership(one, path).ours for path in (LABELS, ANNOTATIONS, DATA)] == [frozenset(), {"a"}, {"d"}]


@pytest.mark.parametrize(
    "odd", [None, {}, {"metadata": {}}, {"metadata": {"managedFields": None}}, item({}), item(entry("x", "Update", {}))]
)
def test_without_a_record_nobody_owns_anything(odd: Json | None) -> None:
    assert ownership(odd, LABELS).owners == {}


def test_what_was_written_by_updates_is_taken_over_and_all_else_is_left() -> None:
    uid = "wec.kubestellar.io/kube-system-uid"
    own = {
        "f:metadata": {"f:labels": {".": {}, "f:tier": {}}, "f:annotations": {"f:note": {}, f"f:{uid}": {}}},
        "f:spec": {"f:hubAcceptsClient": {}},
    }
    status = entry(INVENTORY, "Update", {"f:metadata": {"f:labels": {"f:x": {}}}}, subresource="status")
    other = entry("kubectl-label", "Update", labels("region"))
    before = item(entry(INVENTORY, "Update", own, apiVersion="v1", fieldsType="FieldsV1"), status, other)
    seen = copy.deepcopy(before)
    after = taken_over(before, lambda key: key == uid)
    assert before == seen, "the observed object is not changed"
    assert after == [
        entry(
            INVENTORY,
            "Update",
            {"f:metadata": {"f:annotations": {f"f:{uid}": {}}}, "f:spec": {"f:hubAcceptsClient": {}}},
            apiVersion="v1",
            fieldsType="FieldsV1",
        ),
        status,
        other,
        entry(
            INVENTORY,
            "Apply",
            {"f:metadata": {"f:labels": {"f:tier": {}}, "f:annotations": {"f:note": {}}}},
            apiVersion="v1",
            fieldsType="FieldsV1",
        ),
    ]
    assert taken_over(item(*after), lambda key: key == uid) is None, "once is enough"


def test_it_joins_what_was_applied_before() -> None:
    after = taken_over(item(entry(INVENTORY, "Apply", labels("a")), entry(INVENTORY, "Update", labels("b"))))
    assert after == [entry(INVENTORY, "Apply", labels("a", "b"))]
