# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which labels a selector selects (Kubernetes: apimachinery/pkg/apis/meta/v1/helpers.go, LabelSelectorAsSelector)."""

from __future__ import annotations

import typing as t

from .merging import Texts

Json = dict[str, t.Any]


def selects(selector: Json, labels: Texts) -> bool:
    """Whether one label selector matches. An empty one matches everything."""
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_holds(expression, labels) for expression in selector.get("matchExpressions") or [])


def selects_any(selectors: t.Iterable[Json], labels: Texts) -> bool:
    """Whether one of several selectors matches, as a BindingPolicy's clusterSelectors do."""
    return any(selects(one, labels) for one in selectors)


def _holds(expression: Json, labels: Texts) -> bool:
    key, operator, values = expression["key"], expression["operator"], expression.get("values") or []
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    if operator == "Exists":
        return key in labels
    if operator == "DoesNotExist":
        return key not in labels
    # KubeStellar passes over a selector that it cannot read (pkg/binding/bindingpolicy.go, labelsMatchAny).
    return False
