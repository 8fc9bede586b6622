# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.desired import selection

LABELS = {"env": "prod", "gpu": ""}


def expression(key: str, operator: str, *values: str) -> dict[str, t.Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "holds"),
    [
        ({}, True),
        ({"matchLabels": {"env": "prod"}}, True),
        ({"matchLabels": {"env": "prod", "gpu": "x"}}, False),
        (expression("env", "In", "prod", "dev"), True),
        (expression("env", "In", "dev"), False),
        (expression("none", "In", "dev"), False),
        (expression("env", "NotIn", "dev"), True),
        (expression("env", "NotIn", "prod"), False),
        (expression("none", "NotIn", "prod"), True),
        (expression("gpu", "Exists"), True),
        (expression("none", "Exists"), False),
        (expression("none", "DoesNotExist"), True),
        (expression("gpu", "DoesNotExist"), False),
        (expression("gpu", "Sideways"), False),
        ({"matchLabels": {"env": "prod"}, **expression("gpu", "DoesNotExist")}, False),
    ],
)
def test_a_selector_selects_as_kubernetes_has_it(selector: dict[str, t.Any], holds: bool) -> None:
    assert selection.selects(selector, LABELS) is holds


def test_one_of_several_is_enough_and_none_selects_nothing() -> None:
    assert selection.selects_any([{"matchLabels": {"env": "dev"}}, {}], LABELS)
    assert not selection.selects_any([], LABELS)
