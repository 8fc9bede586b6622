# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of runs as Ansible hands them to a callback, made up for as many WECs as a test wants, and reports of them."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.kubestellar.wec.plugins.module_utils._rules.reporting.report import Report
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.reporting.report_reading import TaskResult
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.status import problems

Json = dict[str, t.Any]
BEGAN = datetime.datetime(2026, 3, 1, 10, 22, 0, tzinfo=datetime.timezone.utc)
SERVER = "https://its1.example:6443"
ITS: Json = {"server": SERVER, "source": "its_kubeconfig its1.kubeconfig"}


def at(seconds: float) -> datetime.datetime:
    return BEGAN + datetime.timedelta(seconds=seconds)


def shown(seconds: float) -> str:
    return at(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def reached(step: str, seconds: float, started: float | None = None) -> Json:
    return {
        "step": step,
        "started": None if started is None else shown(started),
        "ended": shown(seconds),
        "clock": "its",
    }


def task(module: str, data: Json, host: str = "edge-1", ended: float = 60, **more: t.Any) -> TaskResult:
    action = module if "." in module else f"kubestellar.wec.{module}"
    return TaskResult(action, more.pop("task", f"the task {module}"), host, data, at(0), at(ended), **more)


def step(name: str, labels: Json) -> Json:
    return {
        "side": "ITS",
        "verb": "update",
        "object": f"ManagedCluster {name}",
        "reason": "its labels differ from the desired state",
        "before": {"labels": dict.fromkeys(labels)},
        "after": {"labels": labels},
    }


def forecast(name: str, action: str = "register", **more: t.Any) -> Json:
    return {
        "name": name,
        "host": name,
        "its": SERVER,
        "state": "joined" if action == "nothing" else "absent",
        "action": action,
        "reason": "the ITS has no ManagedCluster of this name" if action == "register" else "",
        "steps": [step(name, LABELS)] if action != "nothing" else [],
        "problem": None,
        "changed": False,
        "timeline": [],
        **more,
    }


def plan(*wecs: Json, **more: t.Any) -> Json:
    return {"changed": False, "msg": "a plan", "wecs": list(wecs), "unseen": [], "digest": "4f0c", **more}


def joined(name: str, began: float = 1, ended: float = 4, **more: t.Any) -> Json:
    steps = [{"side": "WEC", "verb": "join", "object": "klusterlet", "reason": "it has no agent"}]
    return {
        "changed": True,
        "name": name,
        "uid": f"uid-of-{name}",
        "kubernetes_version": "v1.34.4",
        "klusterlet_version": "1.2.1",
        "state": "pending_csr",
        "state_before": "absent",
        "reason": "it has no agent",
        "steps": steps,
        "timeline": [reached("join", ended, began)],
        "problem": None,
        "diff": {"before": {"WEC: klusterlet": None}, "after": {"WEC: klusterlet": {"version": "1.2.1"}}},
        "its": {**ITS, "uid": "uid-of-the-its"},
        **more,
    }


def accepted(name: str, began: float = 4, **more: t.Any) -> Json:
    return {
        "name": name,
        "state": "joined",
        "changed": True,
        "failed": False,
        "msg": f"{name} is joined and available.",
        "steps": [
            {
                "side": "ITS",
                "verb": "accept",
                "object": f"ManagedCluster {name}",
                "reason": "it should be a WEC of this ITS",
            }
        ],
        "problem": None,
        "addon": None,
        "probe": None,
        "timeline": [
            reached("announced", began + 2),
            reached("accepted", began + 3),
            reached("approved", began + 3),
            reached("joined", began + 5),
            reached("available", began + 8),
        ],
        **more,
    }


def late(name: str, began: float = 4) -> Json:
    return accepted(
        name,
        state="pending_csr",
        changed=False,
        failed=True,
        steps=[],
        msg=f"{name}: the agent has not contacted the ITS",
        problem=problems.of("agent_not_running", f"pod klusterlet-agent-of-{name}: ImagePullBackOff").as_data(),
        timeline=[reached("announced", began + 2)],
    )


def configured(name: str, moment: float = 14) -> Json:
    """A record of wec_configure."""
    return forecast(
        name,
        "configure",
        state="joined",
        outcome="changed",
        changed=True,
        failed=False,
        msg=f"{name} was changed: +region=us-east.",
        diff=None,
        timeline=[reached("configure", moment + 1, moment)],
    )


def batch(*records: Json) -> Json:
    """The result of a task that was for many WECs."""
    return {"changed": True, "msg": f"{len(records)} WECs", "wecs": list(records)}


LABELS = {"location-group": "edge", "region": "us-east", "zone": "us-east-1"}


def registration(count: int, failing: t.Collection[int] = (), wanted: t.Collection[int] = ()) -> Report:
    """That of so many WECs: some fail, some are as wanted before."""
    report = Report(BEGAN)
    report.note_playbook("register.yml")
    names = [f"edge-{number}" for number in range(1, count + 1)]
    done = {names[number] for number in wanted}
    failed = {names[number] for number in failing}
    report.note(task("wec_plan", plan(*(forecast(name, "nothing" if name in done else "register") for name in names))))
    begins = {name: 2 + 0.11 * number + (number % 7) / 3 for number, name in enumerate(names)}
    open_ones = [name for name in names if name not in done]
    for name in open_ones:
        report.note(task("wec_join", joined(name, begins[name], begins[name] + 3), host=name))
    verdicts = {
        name: late(name, begins[name] + 3) if name in failed else accepted(name, begins[name] + 3 + len(name) % 3)
        for name in open_ones
    }
    end = max(begins.values()) + 20
    accept: Json = {"changed": True, "verdicts": verdicts, "its": ITS, "msg": "some failed"}
    report.note(task("wec_accept", accept, host=names[0], ended=end))
    for name in failed:
        report.note(task("ansible.builtin.debug", {"msg": verdicts[name]["msg"]}, host=name, failed=True, ended=end))
    records = [configured(name, begins[name] + 12) for name in names if name not in failed | done]
    report.note(task("wec_configure", batch(*records), host=names[0], ended=end + 3))
    return report


def data(report: Report, seconds: float = 75) -> Json:
    return report.as_data(at(seconds), "0.1.0", "Fleet report")
