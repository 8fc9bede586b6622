# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Implementation of wec_agent: the WEC's half of joining and leaving, for where only the WEC's own machine reaches its API."""

from __future__ import annotations

import typing as t

from .. import _wording
from .._apis.clusteradm import Clusteradm, JoinRequest
from .._apis.wec import NoJudge, Wec
from .._errors import ApiError, ClusteradmError, InvalidOption, InvalidOptions
from .._operations.agent import AgentOnWec, Endpoint, Installation
from .._operations.agent_removal import AgentRemoval
from .._operations.waiting import Waiter
from .._rules.deregistration import leaving
from .._rules.fleet import rights
from .._rules.observed import wec_data
from .._rules.observed.observed_agent import AGENT_NAMESPACE, ObservedAgent
from .._rules.registration import agent_plan, join_options
from .._rules.registration.join_options import JoinOptions
from .._rules.status import times
from . import leaving_options, options
from .task import Task, check_names, wec_of

Json = dict[str, t.Any]
_READDRESS = (agent_plan.READDRESS_BOOTSTRAP, agent_plan.READDRESS_HUB)
_STEPS = (
    agent_plan.JOIN,
    agent_plan.REFRESH,
    agent_plan.DELETE_HUB_CREDENTIAL,
    agent_plan.RENEW,
    agent_plan.RESTART,
    *_READDRESS,
)
_INTRODUCED_BY = frozenset({agent_plan.JOIN, agent_plan.REFRESH})
_GIVEN_TO_AGENT = ("hub_apiserver", "hub_ca", "hub_token", "bundle_version")

SPEC: dict[str, t.Any] = {
    "argument_spec": {
        "name": {"type": "str", "required": True},
        "steps": {
            "type": "list",
            "elements": "str",
            "choices": [*_STEPS, *leaving.AGENT_OPERATIONS],
            "default": [],
        },
        "with_leaving": {"type": "bool", "default": False},
        "orphans": {"type": "list", "elements": "str", "default": []},
        "workload": leaving_options.SPEC["workload"],
        "purge": leaving_options.SPEC["purge"],
        "with_rights": {"type": "bool", "default": False},
        "with_clusteradm": {"type": "bool", "default": False},
        **join_options.SPEC_ON_HOST,
        **options.wec(),
        **options.common(),
        "wait_timeout": {"type": "int", "default": 300},
    },
    "supports_check_mode": True,
}


def run(task: Task) -> Json:
    given = task.params
    check_names(task, {_wording.of_wec("name"): given["name"]})
    InvalidOptions.raise_for(list(_faults(given)))
    with wec_of(task) as wec:
        view = wec.view(given["name"], NoJudge())
        if not given["steps"]:
            return {"changed": False, "name": given["name"], **_look(task, wec, view)}
        result = {"changed": True, "name": given["name"], "steps": given["steps"], "wec": wec.connection_data()}
        removing = [step for step in given["steps"] if step in leaving.AGENT_OPERATIONS]
        if not task.check_mode and removing:
            result.update(_remove(task, wec, removing))
        elif not task.check_mode:
            _carry_out(given, wec, view)
        return result


def _remove(task: Task, wec: Wec, steps: t.Sequence[str]) -> Json:
    """The WEC's half of leaving; as it is now, and not as it was when it was planned."""
    given = task.params
    side = wec.departing(given["name"], NoJudge())
    choices = leaving.LeaveOptions(purge=given["purge"], workload=given["workload"])
    waiter = Waiter(given["name"], given["wait_timeout"], task.progress)
    removal = AgentRemoval(given["name"], wec, side, frozenset(given["orphans"]), choices, waiter)
    for step in steps:
        removal.do(step)
    removal.await_all()
    return {"released_finalizers": removal.released, "remarks": removal.warnings}


def _faults(given: t.Mapping[str, t.Any]) -> t.Iterator[InvalidOption]:
    if any(step in _STEPS for step in given["steps"]) and any(step not in _STEPS for step in given["steps"]):
        shown = ", ".join(given["steps"])
        yield InvalidOption("steps", shown, "cannot be of joining and of leaving at once", "Use a task for each")
    yield from join_options.faults({**given, "proxy_ca_cert": given["proxy_ca"]})
    if _INTRODUCED_BY & set(given["steps"]):
        for option in _GIVEN_TO_AGENT:
            if not given[option]:
                yield InvalidOption(option, None, "is needed to introduce an agent to its hub", "Set it")
    elif set(_READDRESS) & set(given["steps"]) and not given["hub_apiserver"]:
        yield InvalidOption("hub_apiserver", None, "is needed to tell an agent its hub's address", "Set it")


def _look(task: Task, wec: Wec, view: ObservedAgent) -> Json:
    given = task.params
    own = view.the_klusterlet(given["name"])
    found: Json = {
        "view": wec_data.view_data(view),
        "introduction": wec.introduction(own.namespace if own else AGENT_NAMESPACE),
        "works": [work["metadata"]["name"] for work in wec.works()],
        "clusteradm": None,
    }
    if given["with_leaving"]:
        found["leaving"] = wec_data.side_data(wec.departing(given["name"], NoJudge()))
    if given["with_clusteradm"] or (view.credential is None and not given["with_leaving"]):
        found["clusteradm"] = _clusteradm(given["clusteradm_binary"])
    if given["with_rights"]:
        found["rules"] = {one: _rules(wec, one) for one in rights.namespaces(rights.LOOKED_AT_ON_WEC)}
        distribution = wec.distribution()
        found["distribution"] = {"name": distribution.name, "sign": distribution.sign}
    return {**found, "now": times.show(wec.kube.now()), "wec": wec.connection_data()}


def _clusteradm(binary: str) -> Json:
    """What clusteradm reports of itself here; a failure is reported to the caller that needs it."""
    try:
        return Clusteradm(binary).facts().as_data()
    except ClusteradmError as error:
        return {"error": error.message}


def _rules(wec: Wec, namespace: str) -> Json:
    try:
        return {"status": wec.rules(namespace).get("status") or {}}
    except ApiError:
        # Then nobody knows what is granted.
        return {"status": {"incomplete": True}}


def _carry_out(given: t.Mapping[str, t.Any], wec: Wec, view: ObservedAgent) -> None:
    clusteradm = Clusteradm(given["clusteradm_binary"]) if agent_plan.JOIN in given["steps"] else None
    agent = AgentOnWec(wec, view, _installation(given, view), clusteradm)
    for step in given["steps"]:
        agent.carry_out(step, given["hub_token"])


def _installation(given: t.Mapping[str, t.Any], view: ObservedAgent) -> Installation:
    chosen = JoinOptions.read(given, lambda option: _content(given[join_options.name_on_host(option)]))
    server = str(given["hub_apiserver"] or "").rstrip("/")
    ca = chosen.hub_ca_cert or b""
    request = JoinRequest(given["name"], server, ca, "", chosen.bundle_version or "", options=chosen)
    endpoint = Endpoint(server, server, is_published=False)
    return Installation(given["name"], view.uid, endpoint=endpoint, ca=ca, request=request, options=chosen)


def _content(text: str | None) -> bytes | None:
    return text.encode() if text else None
