# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The job templates of extensions/awx/controller, as a controller starts them, on real clusters."""

from __future__ import annotations

import pathlib
import stat
import typing as t

from awx_job import RUNNERS, Controller, Job, Launch
from fleet import Fleet

Take = t.Callable[..., "list[str]"]


def test_a_workflow_plans_registers_in_slices_what_was_approved_and_tells(
    fleet: Fleet, take: Take, tmp_path: pathlib.Path
) -> None:
    controller = Controller(fleet, tmp_path)
    one, other = take(2)

    # Only the ITS's credential is there, and nothing is written.
    mark = fleet.mark()
    planned = controller.job("WEC plan", [one, other])
    assert planned.status == "successful", planned.stdout
    assert "2 WECs: 2 to register" in planned.stdout
    assert fleet.writes(mark) == []
    assert set(planned.artifacts["expected_plan"]) == {one, other}
    assert planned.artifacts["wec_outcome"]["planned"] == "2 WECs: 2 to register."
    see_that_it_keeps_secrets(controller, planned)

    # A slice for which something else is to be done by now does nothing.
    handed_on = planned.artifacts
    wrong = {**handed_on, "expected_plan": {**handed_on["expected_plan"], one: "0123456789abcdef"}}
    mark = fleet.mark()
    refused = controller.job("WEC register", [one], **wrong)
    assert refused.status == "failed"
    assert "[plan_changed]" in refused.stdout
    assert fleet.writes(mark) == []

    # The plan for both holds for each of two slices that run at the same time.
    slices = controller.slices("WEC register", [[one], [other]], **handed_on)
    for name, job in zip((one, other), slices, strict=True):
        assert job.status == "successful", job.stdout
        assert fleet.is_available(name)
        labels = (fleet.managed_cluster(name) or {})["metadata"]["labels"]
        assert labels["name"] == name
        outcome = job.artifacts["wec_outcome"]
        assert (outcome["finished"], outcome["wecs"], outcome["failed"]) == (True, 1, 0)
        see_that_it_keeps_secrets(controller, job)

    # What was carried out is not carried out again, and the plan for it is not the plan any more.
    mark = fleet.mark()
    again = controller.job("WEC register", [one, other], expected_plan={})
    assert again.status == "successful", again.stdout
    assert fleet.writes(mark) == []
    status = controller.job("WEC status", [one, other], **again.artifacts)
    assert status.status == "successful", status.stdout
    assert status.artifacts["wec_outcome"]["states"] == {"joined": 2}
    see_that_it_keeps_secrets(controller, status)

    gone = controller.job("WEC deregister", [one], wec_hosts=one)
    assert gone.status == "successful", gone.stdout
    assert fleet.managed_cluster(one) is None
    assert gone.artifacts["wec_outcome"] == {
        "playbook": "deregister",
        "finished": True,
        "check_mode": False,
        "wecs": 1,
        "failed": 0,
        "failed_hosts": [],
    }
    see_that_it_keeps_secrets(controller, gone)


def test_hosts_that_fail_are_in_the_outcome(fleet: Fleet, take: Take, tmp_path: pathlib.Path) -> None:
    """The bundle has no context for one of them: that is not somebody else's cluster."""
    controller = Controller(fleet, tmp_path)
    (good,) = take()
    job = controller.job("WEC register", [good, "no-such-context"])
    assert job.status == "failed"
    assert "no-such-context" in job.stdout
    outcome = job.artifacts["wec_outcome"]
    assert (outcome["finished"], outcome["failed"], outcome["failed_hosts"]) == (True, 1, ["no-such-context"])
    assert fleet.is_available(good)


def test_each_template_is_started_with_what_its_survey_offers(fleet: Fleet, take: Take, tmp_path: pathlib.Path) -> None:
    (name,) = take()
    controller = Controller(fleet, tmp_path)
    jobs = []

    def start(template: str, *, runner: str = RUNNERS[0], **choices: t.Any) -> Job:
        variables = choices.pop("variables", {})
        job = controller.job(template, Launch([name], runner=runner, **choices), **variables)
        assert job.status == "successful", job.stdout
        jobs.append(job)
        return job

    plans = [start("WEC plan", runner=runner) for runner in RUNNERS]
    for planned in plans:
        assert planned.stdout.index("WEC     STATE   TO DO") < planned.stdout.index("1 WEC: 1 to register (plan ")

    # What a job of a workflow gets of those before, and a check as it is chosen at launch.
    handed_on = {"variables": plans[0].artifacts}
    mark = fleet.mark()
    checked = start("WEC register", check=True, diff=True, **handed_on)
    assert f"{name} would be registered" in checked.stdout
    assert fleet.writes(mark) == []
    done = start("WEC register", runner=RUNNERS[1], **handed_on)
    assert done.stdout.index("1 WEC: 1 to register (plan ") < done.stdout.index(f"{name} is joined and available.")
    start("WEC status", variables=done.artifacts)
    # Other tests may have left WECs that are not in this inventory.
    assert f"{name}: " not in start("WEC leftovers").stdout

    # On the inventory of before, all is in sync. The one that the project has by now says otherwise.
    assert "1 WEC: 1 in sync" in start("WEC configure").stdout
    controller.set_variables(name, wec_labels={"location-group": "core"})
    checked = start("WEC configure", check=True, diff=True)
    assert f"{name} would be changed: location-group edge -> core" in checked.text
    assert f"{name} was changed: location-group edge -> core" in start("WEC configure").text

    mark = fleet.mark()
    leaving = {"variables": {"wec_hosts": name}}
    assert f"{name} would be deregistered" in start("WEC deregister", check=True, diff=True, **leaving).stdout
    assert fleet.writes(mark) == []
    assert f"{name} was deregistered." in start("WEC deregister", **leaving).stdout
    assert fleet.managed_cluster(name) is None

    for job in jobs:
        assert "[WARNING]" not in job.stdout, job.stdout
        see_that_it_keeps_secrets(controller, job)


def see_that_it_keeps_secrets(controller: Controller, job: Job) -> None:
    """None is in what a controller stores, and the files that have them are for their owner alone."""
    stored = job.left_behind()
    assert job.events
    assert controller.secrets
    assert not [secret for secret in controller.secrets if secret in stored or secret in job.stdout]
    injected = [path for path in (job.folder / "env").iterdir() if path.name.startswith("tmp")]
    assert injected
    assert {stat.S_IMODE(path.stat().st_mode) for path in injected} == {0o600}
