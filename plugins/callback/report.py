# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: report
type: aggregate
short_description: Writes a report of what a run did to WECs
version_added: 1.0.0
author:
  - The kubestellar.wec authors (@kubestellar)
description:
  - Collects what the modules and roles of this collection did in a run of any playbook, and writes it into a folder at its end.
    There is C(report.json) for programs, C(junit.xml) for CI systems and C(report.html) for people.
  - The page is one file that needs no network. It shows the fleet at a glance, the problems with evidence and remedy, when
    each WEC came how far, and the differences of labels and properties.
  - A run in which no module of this collection ran leaves no report. A report that cannot be written is a warning, and does not make
    the run fail.
  - Results of tasks with C(no_log) are not in it, nor are arguments of any task.
requirements:
  - To be enabled, by C(callbacks_enabled) in C(ansible.cfg) or by the environment variable E(ANSIBLE_CALLBACKS_ENABLED).
options:
  report_dir:
    description:
      - The folder to write into. It is made if it is not there; a relative one is in the folder that Ansible was started in.
      - Files of an earlier report in it are replaced.
    type: str
    default: wec-report
    env:
      - name: KUBESTELLAR_WEC_REPORT_DIR
    ini:
      - section: callback_kubestellar_wec_report
        key: report_dir
  formats:
    description: What to write; any of V(json), V(junit) and V(html).
    type: list
    elements: str
    default: [json, junit, html]
    env:
      - name: KUBESTELLAR_WEC_REPORT_FORMATS
    ini:
      - section: callback_kubestellar_wec_report
        key: formats
  title:
    description: The title of the report.
    type: str
    default: Fleet report
    env:
      - name: KUBESTELLAR_WEC_REPORT_TITLE
    ini:
      - section: callback_kubestellar_wec_report
        key: title
"""

import datetime
import errno
import json
import os
import pathlib
import tempfile
import typing as t

from ansible import context
from ansible.plugins.callback import CallbackBase

from ..module_utils._rules.outside import screen
from ..module_utils._rules.reporting import report, report_junit
from ..module_utils._rules.reporting.report_reading import TaskResult
from ..plugin_utils import _report_page
from ..plugin_utils._version import collection_version

Json = dict[str, t.Any]
_WRITERS: dict[str, tuple[str, t.Callable[[Json], str]]] = {
    "json": ("report.json", lambda data: json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n"),
    "junit": ("junit.xml", report_junit.xml),
    "html": ("report.html", _report_page.html),
}


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "kubestellar.wec.report"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments: t.Any, **options: t.Any) -> None:
        super().__init__(*arguments, **options)
        check_mode = bool((context.CLIARGS or {}).get("check"))
        self._report = report.Report(_now(), check_mode)
        self._began: dict[tuple[str, str], datetime.datetime] = {}
        self._unread: set[str] = set()

    # -- collecting ----------------------------------------------------------------------------------------------

    def v2_playbook_on_start(self, playbook: t.Any) -> None:
        self._report.note_playbook(os.path.basename(playbook._file_name))

    def v2_runner_on_start(self, host: t.Any, task: t.Any) -> None:
        self._began[host.get_name(), task._uuid] = _now()

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._note(result)

    def v2_runner_on_failed(self, result: t.Any, ignore_errors: bool = False) -> None:
        self._note(result, failed=not ignore_errors)

    def v2_runner_on_unreachable(self, result: t.Any) -> None:
        self._note(result, unreachable=True)

    def v2_runner_on_skipped(self, result: t.Any) -> None:
        self._began.pop((result.host.get_name(), result.task._uuid), None)

    def _note(self, result: t.Any, failed: bool = False, unreachable: bool = False) -> None:
        task, host = result.task, result.host.get_name()
        ended = _now()
        started = self._began.pop((host, task._uuid), ended)
        data = result.result
        # What the task was in the end: in the play, its arguments and keywords are templates still.
        fields = result.task_fields or {}
        items = data.get("results") if task.loop is not None or task.loop_with else None
        # Without what each item said, the task as a whole counts.
        parts = items if isinstance(items, list) and items else [data]
        for part in parts:
            if not isinstance(part, dict) or part.get("skipped"):
                continue
            state = _arguments(part, fields).get("state")
            part_failed = failed and (part is data or bool(part.get("failed")))
            one = TaskResult(
                action=str(task.resolved_action or task.action),
                task=task.get_name(),
                host=host,
                data=part,
                started=started,
                ended=ended,
                failed=part_failed,
                unreachable=unreachable or bool(part.get("unreachable")),
                check_mode=bool(fields.get("check_mode", False)),
                state=str(state) if isinstance(state, str) else None,
                for_all=bool(task.run_once),
            )
            if one.module or one.failed or one.unreachable:
                self._take(one)

    def _take(self, one: TaskResult) -> None:
        try:
            unshown = self._report.note(one)
        except Exception as error:
            unshown = [f"{type(error).__name__}: {error}"]
        # Once for each task: a fleet would fill the screen with it.
        if unshown and one.task not in self._unread:
            self._unread.add(one.task)
            more = f" (and {len(unshown) - 1} more)" if len(unshown) > 1 else ""
            self._warn(
                f"kubestellar.wec.report: the result of the task '{one.task}' on {one.host} cannot be read in "
                f"full: {unshown[0][:500]}{more}."
            )

    def _warn(self, text: str) -> None:
        self._display.warning(screen.shown(text))

    # -- writing -------------------------------------------------------------------------------------------------

    def v2_playbook_on_stats(self, stats: t.Any) -> None:
        """At the end of each playbook: the report then tells of all of them so far."""
        if not self._report.is_of_wecs:
            self._display.vv("kubestellar.wec.report: no module of kubestellar.wec ran, so there is no report.")
            return
        title = self.get_option("title")
        data = self._report.as_data(_now(), collection_version(), title)
        self._display.display(screen.line(f"Report: {report.summary(data)}"))
        folder = pathlib.Path(self.get_option("report_dir")).expanduser().absolute()
        for name in dict.fromkeys(self.get_option("formats")):
            if name not in _WRITERS:
                self._warn(
                    f"kubestellar.wec.report: formats: '{name}' is not one of {', '.join(_WRITERS)}, and was not written. "
                    "Correct the option formats (KUBESTELLAR_WEC_REPORT_FORMATS)."
                )
                continue
            file, writer = _WRITERS[name]
            self._write(folder / file, writer, data)

    def _write(self, path: pathlib.Path, writer: t.Callable[[Json], str], data: Json) -> None:
        try:
            _replace(path, report.written(data, writer))
        except OSError as error:
            self._warn(
                f"kubestellar.wec.report: {path} could not be written: {error.strerror or error}. The run itself is not touched "
                "by that. Set report_dir (KUBESTELLAR_WEC_REPORT_DIR) to a folder that can be written to."
            )
        except Exception as error:
            self._warn(
                f"kubestellar.wec.report: {path} could not be made ({type(error).__name__}: {error}). The run itself is not "
                "touched by that, and the other formats are written."
            )
        else:
            self._display.display(f"  {path}")


def _replace(path: pathlib.Path, text: str) -> None:
    """Whole or not at all: somebody may be looking at the one from before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.parent.is_symlink() and os.lstat(path.parent).st_uid not in (0, os.geteuid()):
        # In a folder that everybody may write to, it may lead to one of ours.
        raise OSError(errno.EPERM, "its folder is a symbolic link that another user has made")
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        mask = os.umask(0)
        os.umask(mask)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8", "backslashreplace"))
            # By its descriptor: the owner of the folder may have put something else under its name by now.
            os.fchmod(file.fileno(), 0o666 & ~mask)
        # In place of a symbolic link, and not of what it leads to.
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _arguments(result: dict[str, t.Any], fields: dict[str, t.Any]) -> dict[str, t.Any]:
    """A task's arguments as they were in the end; with a loop, those of this item."""
    invocation = result.get("invocation")
    of_item = invocation.get("module_args") if isinstance(invocation, dict) else None
    found = of_item if isinstance(of_item, dict) else fields.get("args")
    return found if isinstance(found, dict) else {}
