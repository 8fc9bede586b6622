# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Properties of WECs for KubeStellar's templates: what they may be called, hold and weigh, and where they come from.

KubeStellar: pkg/transport/generic/generic_transport_controller.go (getPropertiesForDestination): labels, then annotations,
then the data of the ConfigMap in customization-properties, the later ones winning; keys that are no Go identifiers are left out.
"""

from __future__ import annotations

import re
import typing as t

from ..outside import as_written
from .merging import Texts

NAMESPACE = "customization-properties"
LARGEST = 1024 * 1024
"""Bytes of all keys and values of a ConfigMap (Kubernetes: core/v1 MaxSecretSize)."""

_IDENTIFIER = re.compile(r"[^\W\d]\w*")
_KEY_OF_CONFIG_MAP = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_KEYWORDS = frozenset(
    [
        "break",
        "case",
        "chan",
        "const",
        "continue",
        "default",
        "defer",
        "else",
        "fallthrough",
        "for",
        "func",
        "go",
        "goto",
        "if",
        "import",
        "interface",
        "map",
        "package",
        "range",
        "return",
        "select",
        "struct",
        "switch",
        "type",
        "var",
    ]
)
_OWN = "clusterName"
"""KubeStellar's own property, which a user's would override."""


def is_usable(key: str) -> bool:
    """Whether a key can be used in a template: a Go identifier that is no keyword (Go: go/token.IsIdentifier)."""
    return bool(_IDENTIFIER.fullmatch(key)) and key not in _KEYWORDS


def key_fault(key: str) -> str | None:
    """What is wrong with a property's key, or None."""
    if key == _OWN:
        return "is KubeStellar's own: it would be overridden for every template"
    if key in _KEYWORDS:
        return "is a keyword of Go, and cannot be used in a template"
    if not _IDENTIFIER.fullmatch(key):
        return "must be letters, digits and '_', not beginning with a digit: templates cannot use it otherwise"
    if not _KEY_OF_CONFIG_MAP.fullmatch(key):
        return "must be ASCII and at most 253 characters long, as keys of ConfigMaps are"
    return None


def value_fault(value: t.Any) -> str | None:
    """What is wrong with a property's value, or None. Numbers are not guessed: 1.10 would become 1.1, and 010 eight."""
    fault = as_written.text_fault(value)
    if fault:
        return fault
    if "\0" in value:
        return "has a NUL character"
    return None


def size(data: Texts) -> int:
    """Bytes that count for the limit of a ConfigMap."""
    return sum(len(key.encode()) + len(value.encode()) for key, value in data.items())


def size_fault(data: Texts) -> str | None:
    weight = size(data)
    return f"would have {weight} bytes; a ConfigMap holds {LARGEST}" if weight > LARGEST else None


def effective(labels: Texts, annotations: Texts, data: Texts) -> dict[str, str]:
    """What templates see of a WEC, besides ``clusterName``."""
    return {key: value for key, value in {**labels, **annotations, **data}.items() if is_usable(key)}
