# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated controller refuses what AWX refuses (README.md says where each rule was seen): a run against it would prove nothing otherwise."""

from __future__ import annotations

import typing as t

import pytest
from awx_kinds import Json
from awx_rights import User
from awx_setup import previous_version
from fake_awx import TOKEN, FakeAwx


class Client:
    """Requests of one user."""

    def __init__(self, awx: FakeAwx, token: str = TOKEN) -> None:
        self._awx, self._token = awx, token

    def __call__(self, verb: str, path: str, **body: t.Any) -> tuple[int, Json]:
        code, answer = self._awx._answer(verb, f"/api/v2/{path}", body, f"Bearer {self._token}")
        return code, answer if isinstance(answer, dict) else {"list": answer}


@pytest.fixture
def filled(awx: FakeAwx) -> FakeAwx:
    awx.restore(previous_version())
    awx.add("organizations", name="Fleet")
    return awx


def path(awx: FakeAwx, kind: str, name: str) -> str:
    return f"{kind}/{awx.get(kind, name)['id']}/"


def test_a_schedule_needs_an_answer_to_each_required_question(filled: FakeAwx) -> None:
    ask, started = Client(filled), filled.get("job_templates", "WEC status")["id"]
    body: Json = {
        "name": "one",
        "unified_job_template": started,
        "rrule": "DTSTART:20260101T050000Z RRULE:FREQ=DAILY;INTERVAL=1",
    }
    assert ask("POST", "schedules/", **body) == (400, {"variables_needed_to_start": ["'wec_hosts' value missing"]})
    assert ask("POST", "schedules/", **body, extra_data={"colour": "red", "wec_hosts": "wecs"})[0] == 400
    assert ask("POST", "schedules/", **body, extra_data={"wec_hosts": "wecs"})[0] == 201


def test_a_project_is_updated_and_the_update_may_fail(awx: FakeAwx) -> None:
    ask, organization = Client(awx), awx.get("organizations", "Default")["id"]
    awx.repository.fault = "fatal: repository not found"
    code, made = ask(
        "POST",
        "projects/",
        name="one",
        organization=organization,
        scm_type="git",
        scm_url="https://git.example.com/a.git",
    )
    assert (code, made["status"], made["scm_revision"]) == (201, "pending", "")
    own = path(awx, "projects", "one")
    update = f"project_updates/{made['summary_fields']['current_update']['id']}/"
    while (shown := ask("GET", update)[1])["finished"] is None:
        assert ask("GET", own)[1]["status"] in ("pending", "running")
    assert (shown["status"], shown["failed"], shown["job_explanation"]) == ("failed", True, "")
    (event,) = ask("GET", f"{update}events/?event=runner_on_failed")[1]["results"]
    assert event["event_data"]["res"]["msg"] == awx.repository.fault
    assert ask("GET", f"{own}playbooks/")[1] == {"list": []}
    # The same again starts nothing, and another address does.
    assert "current_update" not in ask("PATCH", own, scm_url="https://git.example.com/a.git")[1]["summary_fields"]
    assert "current_update" in ask("PATCH", own, scm_url="https://git.example.com/b.git")[1]["summary_fields"]


def test_a_playbook_is_among_those_of_the_last_update(filled: FakeAwx) -> None:
    ask, own = Client(filled), path(filled, "job_templates", "WEC plan")
    assert ask("PATCH", own, playbook="other.yml") == (400, {"playbook": ["Playbook not found for project."]})
    assert ask("PATCH", own, playbook="status.yml")[0] == 200


def test_an_execution_environment_has_a_name_of_its_own_and_keeps_its_organization(filled: FakeAwx) -> None:
    ask, fleet = Client(filled), filled.get("organizations", "Fleet")["id"]
    own = path(filled, "execution_environments", "KubeStellar WECs")
    moved = ask("PATCH", own, organization=fleet)
    assert moved == (400, {"organization": ["Cannot change the organization of an execution environment"]})
    twice = ask("POST", "execution_environments/", name="KubeStellar WECs", organization=fleet, image="one")
    assert twice == (400, {"name": ["Execution environment with this Name already exists."]})


def test_a_credential_type_in_use_keeps_its_inputs_and_stays(filled: FakeAwx) -> None:
    ask, own = Client(filled), path(filled, "credential_types", "KubeStellar WDS")
    inputs = dict(filled.get("credential_types", "KubeStellar WDS")["inputs"])
    changed = {**inputs, "fields": [{**inputs["fields"][0], "help_text": "Another"}, *inputs["fields"][1:]]}
    assert ask("PATCH", own, inputs=changed)[0] == 403
    assert ask("PATCH", own, inputs=inputs, injectors={})[0] == 200
    assert ask("DELETE", own) == (403, {"detail": "Credential types that are in use cannot be deleted"})
    assert ask("DELETE", path(filled, "credentials", "KubeStellar WDS"))[0] == 204
    assert ask("PATCH", own, inputs=changed)[0] == 200
    assert ask("DELETE", own)[0] == 204


@pytest.mark.parametrize(
    ("kind", "name"),
    [("job_templates", "WEC plan"), ("inventories", "KubeStellar WECs"), ("projects", "KubeStellar WECs")],
)
def test_what_a_running_job_uses_stays(filled: FakeAwx, kind: str, name: str) -> None:
    ask, job = Client(filled), filled.start("job_templates", "WEC plan")
    code, answer = ask("DELETE", path(filled, kind, name))
    assert (code, answer["error"]) == (409, "Resource is being used by running jobs.")
    assert answer["active_jobs"] == [{"type": "job", "id": job["id"]}]
    filled.jobs.end(job)
    assert ask("DELETE", path(filled, kind, name))[0] in (202, 204)


def test_users_see_and_change_what_is_of_their_organizations(filled: FakeAwx) -> None:
    ask = Client(filled, filled.administrator("Fleet")["CONTROLLER_OAUTH_TOKEN"])
    fleet = filled.get("organizations", "Fleet")["id"]
    assert ask("GET", "me/")[1]["results"][0]["is_superuser"] is False
    assert [one["name"] for one in ask("GET", "organizations/")[1]["results"]] == ["Fleet"]
    for kind in ("execution_environments", "credentials", "job_templates", "schedules", "inventory_sources"):
        assert ask("GET", f"{kind}/")[1]["count"] == 0, kind
    assert ask("GET", path(filled, "projects", "KubeStellar WECs"))[0] == 404
    assert ask("GET", "credential_types/")[1]["count"] == 3
    assert ask("PATCH", path(filled, "credential_types", "KubeStellar WDS"), injectors={})[0] == 403
    assert ask("POST", "credential_types/", name="one", kind="cloud")[0] == 403
    assert ask("POST", "inventories/", name="one", organization=fleet)[0] == 201
    assert ask("POST", "inventories/", name="one", organization=filled.get("organizations", "Default")["id"])[0] == 403


def test_a_token_to_read_changes_nothing(filled: FakeAwx) -> None:
    filled.users["read"] = User("reader", may_write=False)
    ask = Client(filled, "read")
    assert ask("GET", "credential_types/")[1]["count"] == 3
    assert ask("DELETE", path(filled, "schedules", "WECs from the ITS every hour"))[0] == 403
    assert Client(filled, "expired")("GET", "me/")[0] == 401


def test_organizations_have_objects_of_the_same_names(filled: FakeAwx) -> None:
    ask = Client(filled)
    for organization in ("Default", "Fleet"):
        body = {"name": "KubeStellar ITS", "organization": filled.get("organizations", organization)["id"]}
        assert ask("POST", "inventories/", **body)[0] == (400 if organization == "Default" else 201)
    assert ask("GET", "inventories/?name=KubeStellar+ITS")[1]["count"] == 2


def test_inputs_of_a_credential_are_replaced_as_a_whole(filled: FakeAwx) -> None:
    ask, own = Client(filled), path(filled, "credentials", "KubeStellar ITS")
    stored = filled.get("credentials", "KubeStellar ITS")
    kubeconfig = stored["inputs"]["kubeconfig"]
    assert ask("GET", own)[1]["inputs"] == {"kubeconfig": "$encrypted$", "context": "its1"}
    ask("PATCH", own, inputs={"kubeconfig": "$encrypted$", "context": "other"})
    assert stored["inputs"] == {"kubeconfig": kubeconfig, "context": "other"}
    ask("PATCH", own, inputs={"context": ""})
    assert stored["inputs"] == {"context": ""}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("name__in=WEC+plan,WEC+status", 2),
        ("or__id=0&or__name=WEC+plan", 1),
        ("organization=0", 0),
        ("name=wec+plan", 0),
        ("name__in=", None),
        ("colour=red", None),
    ],
)
def test_a_list_is_filtered(filled: FakeAwx, query: str, count: int | None) -> None:
    code, answer = Client(filled)("GET", f"job_templates/?{query}")
    assert (code, answer.get("count")) == ((400, None) if count is None else (200, count))
