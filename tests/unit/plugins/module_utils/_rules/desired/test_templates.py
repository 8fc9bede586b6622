# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.desired import templates


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{.clusterURL}}", {"clusterURL"}),
        ("a {{ .a }} b {{- .b -}} c", {"a", "b"}),
        ('{{ printf "%s.x" .a }}', {"a"}),
        ("{{ if .a }}{{ .b }}{{ else }}{{ .c }}{{ end }}", {"a", "b", "c"}),
        ("{{ $.a }}", {"a"}),
        ("{{ ( .a ) | len }}", {"a"}),
        ("{{(.a)}}", {"a"}),
        ("{{ .a|printf `%s .raw` }}", {"a"}),
        ('{{ index . "k" }}', set()),
        ("{{/* .comment */}}", set()),
        ('{{ ".text }} " }}{{ .a }}', {"a"}),
        ("{{ '.' }}{{ .b }}", {"b"}),
        ("{{ 1.5 }}", set()),
        ("no {{ action", set()),
        ("{{ . }}", set()),
        ("{{ .größe }}", {"größe"}),
    ],
)
def test_fields(text: str, found: set[str]) -> None:
    assert templates.fields(text) == found


def item(expand: str | None, **more: t.Any) -> dict[str, t.Any]:
    annotations = {} if expand is None else {templates.EXPAND: expand}
    return {"metadata": {"name": "x", "annotations": annotations}, **more}


def test_every_text_of_an_object_counts_but_its_keys() -> None:
    found = templates.needed(
        item("true", data={"{{ .key }}": "{{ .a }}"}, spec=[{"x": ["{{ .b }} {{ .clusterName }}"]}, 1])
    )
    assert found == {"a", "b"}


@pytest.mark.parametrize("expand", [None, "false", "True", "1"])
def test_an_object_that_does_not_ask_for_it_is_not_expanded(expand: str | None) -> None:
    assert templates.needed(item(expand, data={"x": "{{ .a }}"})) == set()
