# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Upgrading one WEC's klusterlet: look, decide, have clusteradm write it, and see it run before it counts."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from .._apis.clusteradm import Clusteradm, UpgradeRequest
from .._apis.its import Its
from .._apis.wec import Wec
from .._errors import ApiError, Refused, TimedOut, Unreachable, WecError
from .._rules.fleet import rights
from .._rules.fleet.plan import Plan, Step
from .._rules.observed.observed_agent import OPERATOR_NAMESPACE, Klusterlet
from .._rules.status import diagnosis, problems, states, versions
from .._rules.status.problems import Problem
from .._rules.status.states import State
from .._rules.upgrade import klusterlet_images, rollout, upgrade_plan
from .._rules.upgrade.klusterlet_images import AGENTS, OPERATOR, Images
from .._rules.upgrade.upgrade_plan import Decision, Target
from .preflight import missing_rights
from .waiting import Waiter

Json = dict[str, t.Any]
_PULL_FAILS_AFTER = 5.0
"""Seconds that an image may be refused before that counts: a registry may be busy for a moment."""
LEASE_WITHIN = 180.0
"""Seconds: an agent waits up to 137 s for the leadership of one that was killed, and looks every 26 s (OCM: library-go). Where that one's
pod is gone, its lock is taken away."""
_BACK_WITHIN = 120.0
"""Seconds that the images before have to run again; they are on the node."""


@dataclasses.dataclass
class Upgrade:
    """What was found, planned and done. ``unproved``: what is not rolled out, though nothing is left to write."""

    name: str
    uid: str
    kubernetes_version: str
    state: State
    klusterlet: Klusterlet
    target: Target
    decision: Decision
    unproved: str | None = None
    is_done: bool = False

    @property
    def plan(self) -> Plan:
        return self.decision.plan

    @property
    def current(self) -> str:
        return versions.show(self.decision.current) if self.decision.current else "unknown"

    @property
    def message(self) -> str:
        name, target = self.name, self.target.shown
        if self.plan.changes:
            whence = f"from {self.current} to {target}"
            if self.decision.current == self.target.version:
                whence = f"to {target}"
            return f"{name} {'was' if self.is_done else 'would be'} upgraded {whence}."
        if self.decision.is_newer:
            return f"{name} is not behind: its klusterlet is {self.current}, and {self.target.reason}."
        if self.unproved:
            return f"{name} has the klusterlet {self.current}, which is not rolled out: {self.unproved}."
        return f"{name} is in sync: its klusterlet is {self.current}."


class Upgrading:
    """The klusterlet of one WEC of one ITS."""

    def __init__(self, its: Its, wec: Wec, name: str, hub_apiserver: str | None = None) -> None:
        self._its, self._wec, self._name, self._hub_apiserver = its, wec, name, hub_apiserver

    # -- observe and decide --------------------------------------------------------------------------------------

    def observe(self, target: Target) -> Upgrade:
        """Raises Refused for what must not be touched, WecError for what cannot be looked at."""
        view, wec = self._its.surveyed_view(self._name), self._wec.view(self._name, self._its)
        state = states.classify(self._name, wec, view, self._its.identity(self._hub_apiserver), self._its.now())
        self._refuse(upgrade_plan.refusal(state, wec, self._name))
        klusterlet = t.cast(Klusterlet, wec.the_klusterlet(self._name))
        operator = self._operator()
        decision = upgrade_plan.decide(klusterlet, operator, target)
        self._refuse(decision.problem)
        found = Upgrade(self._name, wec.uid, self._wec.version, state, klusterlet, target, decision)
        if not decision.plan.changes and not decision.is_newer:
            found.unproved = self._stale(found, operator)
        return found

    def _refuse(self, problem: Problem | None) -> None:
        if problem is not None:
            raise Refused(f"{self._name}: {problem}", problem.evidence, problem)

    def check(self, found: Upgrade, clusteradm: Clusteradm) -> None:
        """Whatever could make it fail is found out before anything is changed. Raises WecError."""
        clusteradm.upgrade_facts().require(self._request(found).flags())
        try:
            lacking = missing_rights(self._wec.rules, rights.UPGRADE_RIGHTS)
        except (ApiError, Unreachable):
            # Then the first write tells.
            return
        if lacking:
            problem = problems.of("forbidden", *map(str, lacking))
            raise WecError(f"{self._name} cannot be upgraded: {problem}", problem)

    @staticmethod
    def _request(found: Upgrade) -> UpgradeRequest:
        version = upgrade_plan.version_of_definitions(found.decision, found.target)
        return UpgradeRequest(version, found.decision.present.registry or "")

    # -- act -----------------------------------------------------------------------------------------------------

    def run(self, found: Upgrade, clusteradm: Clusteradm, seconds: float, waiter: Waiter, *, rollback: bool) -> None:
        """``seconds``: for clusteradm. With ``rollback``, what fails is written back.

        Raises WecError, with the steps that were done in its details.
        """
        done: list[Step] = []
        try:
            for step in found.plan.steps:
                if step.do == upgrade_plan.UPGRADE_AGENTS:
                    self._await_operator(found, waiter)
                if step.do == upgrade_plan.UNMARK:
                    self._prove(found, waiter)
                self._write(step, found, clusteradm, seconds)
                done.append(step)
            if not found.plan.changes and found.unproved:
                self._prove(found, waiter)
                found.unproved = None
        except WecError as error:
            error.details["steps"] = [step.as_data() for step in done]
            if rollback and done:
                self._roll_back(found, error, waiter)
            raise
        found.is_done = bool(done)

    def _write(self, step: Step, found: Upgrade, clusteradm: Clusteradm, seconds: float) -> None:
        name, image = found.klusterlet.name, found.decision.images.references[OPERATOR]
        if step.do == upgrade_plan.MARK:
            self._wec.patch_klusterlet(name, upgrade_plan.mark_patch(found.decision.original))
        elif step.do == upgrade_plan.PREPARE:
            self._wec.patch_klusterlet(name, upgrade_plan.resources_patch())
        elif step.do == upgrade_plan.DEFINE:
            clusteradm.upgrade(self._wec.kube.connection.kubeconfig, self._request(found), seconds)
            self._set_klusterlet(found, self._after_definitions(found))
            operator = self._operator()
            if klusterlet_images.image_of(operator) not in (found.decision.present.references[OPERATOR], image):
                self._set_operator(image)
        elif step.do == upgrade_plan.UPGRADE_OPERATOR:
            self._set_operator(image)
        elif step.do == upgrade_plan.UPGRADE_AGENTS:
            self._set_klusterlet(found, found.decision.images)
        elif step.do == upgrade_plan.UNMARK:
            self._wec.patch_klusterlet(name, upgrade_plan.mark_patch(None))

    @staticmethod
    def _after_definitions(found: Upgrade) -> Images:
        """What clusteradm has just written as the images of the agents, in this WEC's own words."""
        is_target = upgrade_plan.version_of_definitions(found.decision, found.target) == found.target.version
        return found.decision.images if is_target else found.decision.present

    def _set_klusterlet(self, found: Upgrade, images: Images) -> None:
        """As it was, but for these images. clusteradm writes what its chart has, of one that may have been made some other way."""
        desired = upgrade_plan.desired_spec(found.klusterlet.raw.get("spec") or {}, images)
        patch = upgrade_plan.correction(self._klusterlet(found).get("spec") or {}, desired)
        if patch is not None:
            self._wec.patch_klusterlet(found.klusterlet.name, patch)

    def _set_operator(self, image: str) -> None:
        operator = self._operator()
        if operator is not None and klusterlet_images.image_of(operator) != image:
            self._wec.patch_operator(klusterlet_images.with_image(operator, image))

    def _roll_back(self, found: Upgrade, error: WecError, waiter: Waiter) -> None:
        """Write the images before back, and say in ``error`` what became of that."""
        original, name = found.decision.original, found.klusterlet.name
        try:
            if OPERATOR not in original.references:
                raise WecError("what it was before is not known")
            spec = {field: original.references.get(field) for field in klusterlet_images.SPECS}
            self._wec.patch_klusterlet(name, {"spec": spec})
            self._set_operator(original.references[OPERATOR])
            back = dataclasses.replace(waiter, timeout=min(waiter.timeout, _BACK_WITHIN))
            back.until(lambda: self._missing(found, original), lambda sentence: problems.of("upgrade_stuck", sentence))
            self._wec.patch_klusterlet(name, upgrade_plan.mark_patch(None))
        except WecError as failure:
            error.details["rolled_back"] = False
            error.message += f" It could not be rolled back: {failure.message.removeprefix(f'{self._name}: ')}"
            return
        version = versions.show(original.version) if original.version else "the images before"
        error.details["rolled_back"] = True
        error.message += f" It was rolled back to {version}, which runs."

    # -- prove ---------------------------------------------------------------------------------------------------

    def _prove(self, found: Upgrade, waiter: Waiter) -> None:
        """The operator first, then the agents, then their lease. Raises WecError."""
        images, namespace, pulls = found.decision.images, found.klusterlet.namespace, _Pulls(self._name)

        def look() -> str | None:
            sentence = self._missing(found, images)
            if sentence:
                pulls.look(self._wec.pods(namespace), images.of_agents.values())
            return sentence

        self._await_operator(found, waiter)
        waiter.until(look, lambda sentence: self._stuck(sentence, namespace))
        self._await_lease(found, waiter)

    def _await_operator(self, found: Upgrade, waiter: Waiter) -> None:
        """Until it works. Until then, the one before it may still do so."""
        image, pulls = found.decision.images.references[OPERATOR], _Pulls(self._name)

        def look() -> str | None:
            sentence = rollout.missing("klusterlet", self._operator(), image)
            pods = self._wec.pods(OPERATOR_NAMESPACE)
            if sentence:
                pulls.look(pods, [image])
            elif rollout.leads_since(pods, self._wec.locks(OPERATOR_NAMESPACE), image) is None:
                self._wec.free_locks(OPERATOR_NAMESPACE)
                return "the new operator waits to lead"
            return sentence

        waiter.until(look, lambda sentence: self._stuck(sentence, OPERATOR_NAMESPACE))

    def _await_lease(self, found: Upgrade, waiter: Waiter) -> None:
        namespace = found.klusterlet.namespace
        # The first of them registers, and renews the lease.
        image = found.decision.images.references[next(iter(AGENTS[found.klusterlet.mode].values()))]

        def look() -> str | None:
            since = rollout.leads_since(self._wec.pods(namespace), self._wec.locks(namespace), image)
            if since is None:
                self._wec.free_locks(namespace)
                return "the new agent waits to lead"
            return None if rollout.is_renewed(self._its.lease(self._name), since) else "its lease is not renewed yet"

        limit = dataclasses.replace(waiter, timeout=LEASE_WITHIN)
        limit.until(look, lambda sentence: problems.of("upgraded_agent_not_responding", sentence))

    def _stale(self, found: Upgrade, operator: Json | None) -> str | None:
        """What of a klusterlet that is up to date runs in another version all the same."""
        images, name = found.decision.images.references, found.klusterlet.name
        if rollout.is_stale(operator, images[OPERATOR]):
            return rollout.missing("klusterlet", operator, images[OPERATOR])
        for end, field in AGENTS[found.klusterlet.mode].items():
            deployment = self._wec.deployment(found.klusterlet.namespace, f"{name}-{end}")
            if rollout.is_stale(deployment, images[field]):
                return rollout.missing(f"{name}-{end}", deployment, images[field])
        return None

    def _missing(self, found: Upgrade, images: Images) -> str | None:
        """What is not yet as it shall be on the WEC."""
        klusterlet = self._klusterlet(found)
        spec = klusterlet.get("spec") or {}
        kept = {"clusterName": found.klusterlet.cluster_name, **images.of_agents}
        other = [f"{field} {spec.get(field)}" for field, value in kept.items() if spec.get(field) != value]
        if other:
            return f"Klusterlet {found.klusterlet.name} has {', '.join(other)}"
        sentence = rollout.missing("klusterlet", self._operator(), images.references[OPERATOR])
        sentence = sentence or rollout.unsettled(klusterlet)
        for end, field in AGENTS[found.klusterlet.mode].items():
            if sentence is None:
                agent = f"{found.klusterlet.name}-{end}"
                deployment = self._wec.deployment(found.klusterlet.namespace, agent)
                sentence = rollout.missing(agent, deployment, images.references[field])
        return sentence

    def _stuck(self, sentence: str, namespace: str) -> Problem:
        trouble: list[str] = []
        try:
            trouble = diagnosis.pods_trouble(self._wec.pods(namespace))
        except WecError as error:
            trouble = [error.message]
        return problems.of("upgrade_stuck", sentence, *trouble)

    def _klusterlet(self, found: Upgrade) -> Json:
        """Raises WecError where it is gone."""
        klusterlet = self._wec.klusterlet(found.klusterlet.name)
        if klusterlet is None:
            problem = problems.of("not_joined", f"Klusterlet {found.klusterlet.name} is gone")
            raise WecError(f"{self._name}: {problem}", problem)
        return klusterlet

    def _operator(self) -> Json | None:
        return self._wec.deployment(OPERATOR_NAMESPACE, "klusterlet")


class _Pulls:
    """Ends a wait for images that are not to be had."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._since: float | None = None

    def look(self, pods: t.Sequence[Json], images: t.Iterable[str]) -> None:
        """Raises TimedOut, once that has lasted."""
        trouble = [sentence for image in dict.fromkeys(images) for sentence in rollout.pull_trouble(pods, image)]
        if not trouble:
            self._since = None
            return
        self._since = self._since if self._since is not None else time.monotonic()
        if time.monotonic() - self._since >= _PULL_FAILS_AFTER:
            problem = problems.of("upgrade_image_missing", *trouble)
            raise TimedOut(f"{self._name}: {problem}", problem)
