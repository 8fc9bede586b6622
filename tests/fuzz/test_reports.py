# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as a callback gets them, odd ones among sound ones: the three files are written, the sound ones are in them."""

from __future__ import annotations

import json
import pathlib
import typing as t
import xml.etree.ElementTree as ET
from unittest import mock

import jsonschema
import pytest
from ansible_collections.kubestellar.wec.plugins.callback import report as plugin
from fuzzing import VALUES, Json, mutated
from hostile import TEXTS, is_quiet
from hypothesis import given
from hypothesis import strategies as st
from reporting import accepted, batch, configured, forecast, joined, late, plan

SCHEMA = jsonschema.Draft202012Validator(
    json.loads((pathlib.Path(__file__).parents[2] / "docs" / "report.schema.json").read_text())
)
RESULTS: list[tuple[str, Json]] = [
    ("wec_plan", plan(forecast("edge-2"))),
    ("wec_configure", batch(configured("edge-2"))),
    ("wec_join", joined("edge-2")),
    ("wec_accept", {"verdicts": {"edge-2": accepted("edge-2")}, "changed": True}),
    ("wec_join", batch({**late("edge-2"), "host": "edge-2", "its": "https://its.example"})),
    ("wec_status", {"wecs": [{"name": "edge-2", "state": "joined", "labels": {"a": "b"}, "problems": []}]}),
    ("wec_status", {"drift": [{"kind": "labels", "name": "edge-2", "host": "edge-2", "msg": "x"}], "wecs": []}),
    ("wec_leftovers", {"leftovers": [{"kind": "Namespace", "name": "edge-2", "side": "ITS", "code": "x"}]}),
    ("ansible.builtin.debug", {"msg": "x"}),
]
HOW = st.sampled_from(["ok", "failed", "unreachable", "items"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("report")


def message(module: str, data: t.Any, host: str) -> t.Any:
    action = module if "." in module else f"kubestellar.wec.{module}"
    found = mock.Mock(result=data, task_fields={"args": {}, "check_mode": False})
    found.task = mock.Mock(
        _uuid=host, action=action, resolved_action=action, loop=None, loop_with=None, args={}, check_mode=False
    )
    found.task.run_once = False
    found.task.get_name.return_value = "a task"
    found.host.get_name.return_value = host
    return found


@given(st.data(), st.lists(st.sampled_from(RESULTS), min_size=1, max_size=3))
def test_they_are_read_as_far_as_they_can_be(
    folder: pathlib.Path, data: st.DataObject, chosen: list[tuple[str, Json]]
) -> None:
    callback, lines = plugin.CallbackModule(), list[str]()
    callback._display = mock.Mock(display=lines.append, warning=lines.append, vv=lambda _text: None)
    options = {"formats": ["json", "junit", "html"], "title": "Fleet report", "report_dir": str(folder)}
    callback.get_option = options.__getitem__
    callback.v2_playbook_on_start(mock.Mock(_file_name="/a/register.yml"))
    callback.v2_runner_on_ok(message("wec_plan", plan(forecast("edge-1")), "edge-1"))
    for module, sound in chosen:
        odd, how = data.draw(mutated(sound, VALUES | TEXTS)), data.draw(HOW)
        result = message(module, {"results": [odd, sound]} if how == "items" else odd, "edge-2")
        result.task.loop = ["a", "b"] if how == "items" else None
        if how == "failed":
            callback.v2_runner_on_failed(result)
        elif how == "unreachable":
            callback.v2_runner_on_unreachable(result)
        else:
            callback.v2_runner_on_ok(result)
    callback.v2_runner_on_ok(message("wec_join", joined("edge-1"), "edge-1"))
    for name in ("report.json", "junit.xml", "report.html"):
        (folder / name).unlink(missing_ok=True)
    callback.v2_playbook_on_stats(mock.Mock())
    written = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    SCHEMA.validate(written)
    assert "edge-1" in [one["name"] for one in written["wecs"]]
    ET.fromstring((folder / "junit.xml").read_bytes())
    assert b"edge-1" in (folder / "report.html").read_bytes()
    assert all(map(is_quiet, lines))
    assert max(map(len, lines)) < 64 * 1024
