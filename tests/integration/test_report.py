# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a registration of real clusters."""

from __future__ import annotations

import json
import pathlib
import typing as t
import xml.etree.ElementTree as ET

import jsonschema
import yaml
from fleet import Fleet

SCHEMA = json.loads((pathlib.Path(__file__).parents[2] / "docs" / "report.schema.json").read_text())
STEPS = ["announced", "accepted", "approved", "joined", "available"]


def test_a_registration_leaves_a_report_with_the_timeline_of_each_wec(
    fleet: Fleet, take: t.Callable[..., list[str]], tmp_path: pathlib.Path
) -> None:
    names = take(2)
    settings = {
        "ANSIBLE_CALLBACKS_ENABLED": "kubestellar.wec.report",
        "KUBESTELLAR_WEC_REPORT_DIR": str(tmp_path / "report"),
    }
    run = fleet.command(fleet.playbook_command("register", names), **settings)
    assert run.code == 0, run.output
    assert "Report: 2 WECs: 2 changed" in run.output
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    jsonschema.validate(report, SCHEMA, cls=jsonschema.Draft202012Validator)
    wecs = {one["name"]: one for one in report["wecs"]}
    assert sorted(wecs) == sorted(names)
    for one in wecs.values():
        assert (one["outcome"], one["state"], one["state_before"]) == ("changed", "joined", "absent")
        assert one["problems"] == []
        times = {step["step"]: step for step in one["timeline"]}
        assert all(step["in_run"] and step["clock"] == "its" and not step["failed"] for step in one["timeline"])
        assert times["join"]["started"] <= times["join"]["ended"]
        moments = [times[step]["ended"] for step in STEPS]
        assert moments[0] == min(moments)
        assert moments[-1] == max(moments)
        assert times["configure"]["ended"] >= times["available"]["ended"]
        assert {part["part"] for part in one["differences"] if part["done"]} >= {"label"}
    suite = ET.parse(tmp_path / "report" / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "0")
    page = (tmp_path / "report" / "report.html").read_text()
    for name in names:
        assert f"<b>{name}</b>" in page
    secrets = [
        user["user"] for path in fleet.state.glob("*.kubeconfig") for user in yaml.safe_load(path.read_text())["users"]
    ]
    assert secrets
    for path in (tmp_path / "report").iterdir():
        text = path.read_text()
        assert not any(str(value) in text for user in secrets for value in user.values() if len(str(value)) > 20)
