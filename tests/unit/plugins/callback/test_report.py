# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback: driven by its methods, and by a real ansible-playbook against a hub that is a fake."""

from __future__ import annotations

import json
import os
import pathlib
import socket
import subprocess
import sys
import typing as t
import xml.etree.ElementTree as ET
from unittest import mock

import jsonschema
import pytest
import yaml
from ansible_collections.kubestellar.wec.plugins.callback import report as plugin
from ansible_collections.kubestellar.wec.plugins.plugin_utils import _report_page
from fake_ocm import MANAGED_CLUSTERS, FakeIts
from reporting import accepted, forecast, joined, plan, registration
from reporting import data as message

Json = dict[str, t.Any]
ROOT = pathlib.Path(__file__).parents[4]
SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text())
CANARY = "canary-of-a-secret-that-nobody-may-see"
TOKEN = "token-of-the-user-of-the-fake"


class Run:
    """A run as Ansible tells a callback of it."""

    def __init__(self, **options: t.Any) -> None:
        self.callback = plugin.CallbackModule()
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.callback._display = mock.Mock(
            display=self.lines.append, warning=self.warnings.append, vv=lambda _text: None
        )
        options = {"formats": ["json", "junit", "html"], "title": "Fleet report", **options}
        self.callback.get_option = options.__getitem__
        self.callback.v2_playbook_on_start(mock.Mock(_file_name="/somewhere/register.yml"))

    def result(self, module: str, data: Json, host: str = "edge-1", **task: t.Any) -> mock.Mock:
        in_the_end = task.pop("fields", {})
        fields: Json = {
            "loop": None,
            "loop_with": None,
            "args": {},
            "check_mode": False,
            "run_once": False,
            "resolved_action": module,
            **task,
        }
        found = mock.Mock(result=data, task_fields={**fields, **in_the_end})
        found.task = mock.Mock(_uuid="one", action=module, **fields)
        found.task.get_name.return_value = "a task"
        found.host.get_name.return_value = host
        return found

    def end(self) -> None:
        self.callback.v2_playbook_on_stats(mock.Mock())


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "deep" / "report"


def test_it_writes_three_files_and_names_them(folder: pathlib.Path) -> None:
    run = Run(report_dir=str(folder))
    run.callback.v2_runner_on_ok(run.result("kubestellar.wec.wec_plan", plan(forecast("edge-1"))))
    run.callback.v2_runner_on_ok(run.result("kubestellar.wec.wec_join", joined("edge-1")))
    verdicts = {"edge-1": accepted("edge-1")}
    run.callback.v2_runner_on_ok(run.result("kubestellar.wec.wec_accept", {"verdicts": verdicts}))
    run.end()
    assert run.warnings == []
    assert run.lines == [
        "Report: 1 WEC: 1 changed",
        *(f"  {folder / name}" for name in ("report.json", "junit.xml", "report.html")),
    ]
    jsonschema.validate(json.loads((folder / "report.json").read_text()), SCHEMA)
    assert ET.parse(folder / "junit.xml").getroot().get("tests") == "1"
    assert "edge-1" in (folder / "report.html").read_text()
    assert sorted(path.name for path in folder.iterdir()) == ["junit.xml", "report.html", "report.json"]


def test_a_run_of_something_else_leaves_nothing(folder: pathlib.Path) -> None:
    run = Run(report_dir=str(folder))
    run.callback.v2_runner_on_failed(run.result("ansible.builtin.ping", {"msg": "no"}))
    run.end()
    assert (run.lines, run.warnings, folder.exists()) == ([], [], False)


def test_each_item_of_a_loop_is_a_result_of_its_own(folder: pathlib.Path) -> None:
    run = Run(report_dir=str(folder), formats=["json"])
    sound = {"name": "edge-1", "state": "joined", "msg": "fine", "problems": [], "timeline": []}
    items = [{"wecs": [sound], "its": {"server": "one"}}, {"failed": True, "msg": "the second does not answer"}]
    run.callback.v2_runner_on_failed(
        run.result("kubestellar.wec.wec_status", {"results": items, "msg": "one failed"}, loop="x")
    )
    run.end()
    found = {one["name"]: one for one in json.loads((folder / "report.json").read_text())["wecs"]}
    assert found["edge-1"]["outcome"] == "failed"
    assert found["edge-1"]["msg"] == "the second does not answer"


def test_a_failure_that_is_ignored_is_none(folder: pathlib.Path) -> None:
    run = Run(report_dir=str(folder), formats=["json"])
    run.callback.v2_runner_on_ok(run.result("kubestellar.wec.wec_join", joined("edge-1")))
    run.callback.v2_runner_on_failed(run.result("ansible.builtin.uri", {"msg": "no"}), ignore_errors=True)
    run.end()
    assert json.loads((folder / "report.json").read_text())["wecs"][0]["outcome"] == "changed"


def test_a_folder_that_cannot_be_is_a_warning_that_says_why(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("in the way")
    run = Run(report_dir=str(tmp_path / "file" / "report"), formats=["json", "html"])
    run.callback.v2_runner_on_ok(run.result("kubestellar.wec.wec_join", joined("edge-1")))
    run.end()
    assert len(run.warnings) == 2
    assert "report.json could not be written: Not a directory" in run.warnings[0]
    assert "KUBESTELLAR_WEC_REPORT_DIR" in run.warnings[0]


def test_a_format_that_fails_leaves_the_others_and_what_was_there(
    folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.mkdir(parents=True)
    (folder / "junit.xml").write_text("the one before")

    def broken(_data: Json) -> str:
        raise RuntimeError("out of ink")

    monkeypatch.setitem(plugin._WRITERS, "junit", ("junit.xml", broken))
    run = Run(report_dir=str(folder), formats=["junit", "json", "pdf"])
    run.callback.v2_runner_on_ok(run.result("kubestellar.wec.wec_join", joined("edge-1")))
    run.end()
    assert "out of ink" in run.warnings[0]
    assert "'pdf' is not one of json, junit, html" in run.warnings[1]
    assert (folder / "junit.xml").read_text() == "the one before"
    assert (folder / "report.json").exists()


def test_a_result_that_cannot_be_read_is_a_warning_once(folder: pathlib.Path) -> None:
    run = Run(report_dir=str(folder), formats=["json"])
    for _time in range(2):
        run.callback.v2_runner_on_ok(run.result("kubestellar.wec.wec_plan", {"wecs": [{"unlike": "any"}]}))
    run.end()
    assert len(run.warnings) == 1
    assert "'a task' on edge-1" in run.warnings[0]


ODD: dict[str, Json] = {
    "a time of the year one": {
        "timeline": [{"step": "join", "started": "0001-01-01", "ended": "0001-01-01", "clock": "its"}]
    },
    "a step that is unknown": {
        "timeline": [{"step": "x", "started": None, "ended": "2026-03-01T10:22:05Z", "clock": "its"}]
    },
    "a state that is a list": {"state": ["joined"]},
    "labels that are a text": {"labels": "abc"},
    "a number that is none": {"labels": {"a": float("nan")}},
    "a message that is a mapping": {"msg": {"x": "y"}},
    "problems without a shape": {"problem": {"code": ["x"]}},
    "a name that is a number": {"name": 3},
}


@pytest.mark.parametrize("case", ODD)
def test_one_hostile_result_loses_nobody_elses(folder: pathlib.Path, case: str) -> None:
    run = Run(report_dir=str(folder))
    for name in ("edge-1", "edge-2", "edge-3"):
        data = {**joined(name), **(ODD[case] if name == "edge-2" else {})}
        run.callback.v2_runner_on_ok(run.result("kubestellar.wec.wec_join", data, host=name))
    run.end()
    found = {one["name"]: one for one in json.loads((folder / "report.json").read_text())["wecs"]}
    assert found["edge-1"]["outcome"] == found["edge-3"]["outcome"] == "changed"
    assert found["edge-2"]["host"] == "edge-2"
    cases = [case.get("name") for case in ET.parse(folder / "junit.xml").iter("testcase")]
    assert cases == ["edge-1", "edge-2", "edge-3"]
    page = (folder / "report.html").read_text()
    assert all(name in page for name in ("edge-1", "edge-2", "edge-3"))
    if case not in ("a time of the year one", "a number that is none"):
        assert "cannot be shown" in page
        assert len(run.warnings) == 1


def test_files_that_are_symbolic_links_are_replaced_and_not_followed(
    folder: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    folder.mkdir(parents=True)
    mine = tmp_path / "mine"
    mine.write_text("precious")
    mine.chmod(0o600)
    for name in ("report.json", "junit.xml", "report.html"):
        (folder / name).symlink_to(mine)
    run = Run(report_dir=str(folder))
    run.callback.v2_runner_on_ok(run.result("kubestellar.wec.wec_join", joined("edge-1")))
    run.end()
    assert (mine.read_text(), mine.stat().st_mode & 0o777) == ("precious", 0o600)
    assert not any(path.is_symlink() for path in folder.iterdir())


def test_a_folder_that_is_a_symbolic_link_of_somebody_else_is_not_written_into(
    folder: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    folder.parent.mkdir()
    folder.symlink_to(mine)
    run = Run(report_dir=str(folder), formats=["json"])
    run.callback.v2_runner_on_ok(run.result("kubestellar.wec.wec_join", joined("edge-1")))
    lstat = os.lstat

    def of_somebody(path: t.Any, **more: t.Any) -> t.Any:
        found = lstat(path, **more)
        return mock.Mock(wraps=found, st_mode=found.st_mode, st_uid=12345) if path == folder else found

    with monkeypatch.context() as patched:
        patched.setattr(os, "lstat", of_somebody)
        run.end()
    assert "symbolic link that another user has made" in run.warnings[0]
    assert list(mine.iterdir()) == []
    run.end()
    assert (mine / "report.json").exists()


def test_the_page_of_a_thousand_is_under_two_megabytes() -> None:
    assert len(_report_page.html(message(registration(1000, [3], range(50, 80)))).encode()) < 2_000_000


def test_arguments_and_keywords_that_are_templates_are_read_as_they_were_in_the_end(folder: pathlib.Path) -> None:
    run = Run(report_dir=str(folder))
    fields = {"args": {"state": "absent"}, "check_mode": False}
    data = {"name": "edge-1", "changed": True, "state": "absent", "state_before": "joined", "steps": [], "msg": "left"}
    message = run.result(
        "kubestellar.wec.wec_join", data, args={"state": "{{ wanted }}"}, check_mode="{{ dry }}", fields=fields
    )
    run.callback.v2_runner_on_ok(message)
    run.end()
    found = json.loads((folder / "report.json").read_text())
    assert found["run"]["activities"] == ["deregister"]
    assert found["wecs"][0]["outcome"] == "changed"


# -- with ansible-playbook -----------------------------------------------------------------------------------------


def play(
    tmp_path: pathlib.Path, its: FakeIts, playbook: str, *more: str, **settings: str
) -> subprocess.CompletedProcess[str]:
    (tmp_path / "its.kubeconfig").write_text(yaml.safe_dump(its.kubeconfig()))
    hosts = {
        name: {"wec_labels": {"region": "us-east"}, "wec_api_key": CANARY} for name in ("edge-1", "edge-2", "edge-3")
    }
    variables = {"its_kubeconfig": str(tmp_path / "its.kubeconfig")}
    (tmp_path / "fleet.yml").write_text(yaml.safe_dump({"wecs": {"vars": variables, "hosts": hosts}}))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "ANSIBLE_COLLECTIONS_PATH": os.environ["ANSIBLE_COLLECTIONS_PATH"],
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "NO_COLOR": "1",
        **settings,
    }
    command = [
        str(pathlib.Path(sys.executable).parent / "ansible-playbook"),
        "-i",
        str(tmp_path / "fleet.yml"),
        playbook,
        *more,
    ]
    return subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


ENABLED = {"ANSIBLE_CALLBACKS_ENABLED": "kubestellar.wec.report"}


def test_a_run_of_configure_leaves_its_report(tmp_path: pathlib.Path, its: FakeIts) -> None:
    for name in ("edge-1", "edge-2"):
        its.join(name, f"uid-of-{name}")
    its.change(f"{MANAGED_CLUSTERS}/edge-2", {"metadata": {"labels": {"region": "us-east"}}})
    run = play(tmp_path, its, "kubestellar.wec.configure", "-vvv", **ENABLED)
    folder = tmp_path / "wec-report"
    assert f"  {folder / 'report.html'}" in run.stdout.splitlines(), run.stdout + run.stderr
    found = json.loads((folder / "report.json").read_text())
    jsonschema.validate(found, SCHEMA)
    wecs = {one["name"]: one for one in found["wecs"]}
    # The third is not registered.
    assert {name: one["outcome"] for name, one in wecs.items()} == {
        "edge-1": "changed",
        "edge-2": "in_sync",
        "edge-3": "failed",
    }
    assert wecs["edge-1"]["differences"] == [
        {"part": "label", "key": "region", "before": None, "after": "us-east", "done": True}
    ]
    assert wecs["edge-1"]["timeline"][-1]["step"] == "configure"
    assert [one["code"] for one in wecs["edge-3"]["problems"]] == ["not_registered"]
    assert found["run"]["playbooks"] == ["configure.yml"]
    for path in folder.iterdir():
        assert CANARY not in path.read_text()
        assert TOKEN not in path.read_text()


def test_ansible_cfg_says_whether_where_and_what(tmp_path: pathlib.Path, its: FakeIts) -> None:
    its.join("edge-1", "uid-of-edge-1")
    (tmp_path / "ansible.cfg").write_text(
        "[defaults]\ncallbacks_enabled = kubestellar.wec.report\n"
        "[callback_kubestellar_wec_report]\nreport_dir = out\nformats = json, html\ntitle = Edge\n"
    )
    run = play(tmp_path, its, "kubestellar.wec.status")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["report.html", "report.json"], run.stdout
    found = json.loads((tmp_path / "out" / "report.json").read_text())
    jsonschema.validate(found, SCHEMA)
    assert found["title"] == "Edge"
    assert found["run"]["activities"] == ["status"]
    assert {one["name"]: one["state"] for one in found["wecs"]}["edge-2"] == "absent"


def outcome_told(output: str) -> Json:
    """What is left for the jobs that follow."""
    message = output.partition("RUN: ")[2]
    return t.cast(Json, json.JSONDecoder().raw_decode(message)[0]["wec_outcome"])


def test_status_shows_states_and_drift_by_one_look_and_tells_its_outcome(tmp_path: pathlib.Path, its: FakeIts) -> None:
    for name in ("edge-1", "edge-2", "stray"):
        its.join(name, f"uid-of-{name}")
    its.change(f"{MANAGED_CLUSTERS}/edge-2", {"metadata": {"labels": {"region": "us-east"}}})
    its.requests.clear()
    run = play(
        tmp_path,
        its,
        "kubestellar.wec.status",
        "-e",
        "status_fail_on=drift",
        **ENABLED,
        ANSIBLE_SHOW_CUSTOM_STATS="true",
    )
    assert run.returncode != 0
    lines = [line.split()[:2] for line in run.stdout.splitlines()]
    start = lines.index(["WEC", "STATE"])
    assert lines[start + 1 : start + 8] == [
        ["edge-1", "joined"],
        ["edge-2", "joined"],
        ["edge-3", "absent"],
        ["WEC", "DRIFT"],
        ["edge-1", "labels"],
        ["edge-3", "missing_on_its"],
        ["stray", "missing_in_inventory"],
    ]
    assert "failed=1" in run.stdout
    assert outcome_told(run.stdout) == {
        "playbook": "status",
        "finished": True,
        "wecs": 3,
        "states": {"absent": 1, "joined": 2},
        "with_problems": [],
    }
    assert len(its.requests) <= 20
    found = json.loads((tmp_path / "wec-report" / "report.json").read_text())
    jsonschema.validate(found, SCHEMA)
    assert {one["name"]: one["outcome"] for one in found["wecs"]} == {
        "edge-1": "drifted",
        "edge-2": "in_sync",
        "edge-3": "drifted",
        "stray": "drifted",
    }
    # Each failed WEC is told by itself.
    assert found["run"]["problems"] == []


def test_status_tells_what_it_saw_and_fails_of_an_its_that_does_not_answer(
    tmp_path: pathlib.Path, its: FakeIts
) -> None:
    for name in ("edge-1", "edge-2"):
        its.join(name, f"uid-of-{name}")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = {
            "its_kubeconfig": None,
            "its_host": f"https://127.0.0.1:{closed.getsockname()[1]}",
            "its_api_key": CANARY,
        }
        (tmp_path / "host_vars").mkdir()
        (tmp_path / "host_vars" / "edge-3.yml").write_text(yaml.safe_dump(dead))
        run = play(tmp_path, its, "kubestellar.wec.status", **ENABLED, ANSIBLE_SHOW_CUSTOM_STATS="true")
    assert run.returncode != 0
    assert "Not looked at: edge-3: " in run.stdout
    assert run.stdout.count("failed=1") == 1
    message = outcome_told(run.stdout)
    assert (message["finished"], message["wecs"], message["states"]) == (False, 2, {"joined": 2})
    found = json.loads((tmp_path / "wec-report" / "report.json").read_text())
    assert {one["name"]: one["outcome"] for one in found["wecs"]} == {
        "edge-1": "drifted",
        "edge-2": "drifted",
        "edge-3": "failed",
    }
    assert found["run"]["problems"] == []
    assert CANARY not in run.stdout + run.stderr + json.dumps(found)


def test_without_being_enabled_it_writes_nothing(tmp_path: pathlib.Path, its: FakeIts) -> None:
    play(tmp_path, its, "kubestellar.wec.plan")
    assert not (tmp_path / "wec-report").exists()


def test_nothing_of_a_task_with_no_log_gets_in(tmp_path: pathlib.Path, its: FakeIts) -> None:
    its.join("edge-1", "uid-of-edge-1")
    playbook = tmp_path / "own.yml"
    task: Json = {
        "name": "Label it",
        "kubestellar.wec.wec_label": {
            "name": "edge-1",
            "labels": {"region": CANARY},
            "its_kubeconfig": "{{ its_kubeconfig }}",
        },
        "no_log": True,
    }
    fail = {"name": "Fail", "ansible.builtin.fail": {"msg": CANARY}, "no_log": True}
    playbook.write_text(yaml.safe_dump([{"hosts": "edge-1", "gather_facts": False, "tasks": [task, fail]}]))
    run = play(tmp_path, its, str(playbook), "-vvv", **ENABLED)
    assert its.objects[f"{MANAGED_CLUSTERS}/edge-1"]["metadata"]["labels"]["region"] == CANARY, run.stdout
    folder = tmp_path / "wec-report"
    assert len(list(folder.iterdir())) == 3
    for path in folder.iterdir():
        assert CANARY not in path.read_text()


def test_the_exit_code_is_that_of_the_run_when_nothing_can_be_written(tmp_path: pathlib.Path, its: FakeIts) -> None:
    its.join("edge-1", "uid-of-edge-1")
    (tmp_path / "file").write_text("in the way")
    run = play(tmp_path, its, "kubestellar.wec.status", **ENABLED, KUBESTELLAR_WEC_REPORT_DIR="file/report")
    assert run.returncode == 0, run.stdout
    assert "could not be written: Not a directory" in " ".join(run.stderr.split()), run.stderr
