# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that could make a registration fail, found out without changing anything, and all of it at once."""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from .. import _wording
from .._apis import paths
from .._apis.its import Its
from .._apis.wec import Wec
from .._errors import ApiError, Unreachable, WecError
from .._rules.fleet import rights
from .._rules.fleet.rights import Right
from .._rules.observed.distributions import Distribution
from .._rules.observed.observed_agent import ObservedAgent
from .._rules.outside import screen
from .._rules.registration import agent_plan
from .._rules.registration.join_options import JoinOptions
from .._rules.status import diagnosis, problems, states, times, versions
from .._rules.status.problems import Problem
from .._rules.status.states import State
from . import keeping
from .installing import Installer
from .wec_on_host import WecOnHost

Json = dict[str, t.Any]
_SKEW_IS_FATAL = 300.0
"""Seconds: certificates are made valid five minutes back, and OCM calls five lease durations out of sync."""


@dataclasses.dataclass(frozen=True)
class Check:
    """``passed`` is None where it could not be checked. ``fact`` is what was seen, or what is wrong and what to do."""

    name: str
    passed: bool | None
    fact: str
    problem: Problem | None = None

    def as_data(self) -> Json:
        return {
            "name": self.name,
            "passed": self.passed,
            "fact": self.fact,
            "problem": self.problem.as_data() if self.problem else None,
        }

    def message(self) -> str:
        """A sentence with a full stop, or with the problem's code after it."""
        if self.problem is None or f"[{self.problem.code}]" in self.fact:
            return screen.sentence(self.fact)
        return f"{screen.sentence(self.fact)} [{self.problem.code}]"


@dataclasses.dataclass(frozen=True)
class Report:
    checks: tuple[Check, ...]
    state: State | None
    distribution: Distribution
    uid: str | None
    version: str | None

    @property
    def violations(self) -> list[Check]:
        return [check for check in self.checks if check.passed is False]

    def message(self, name: str, verb: str = "registered") -> str:
        """Why this WEC cannot be registered, or what else it is to be."""
        return f"{name} cannot be {verb}: {' '.join(dict.fromkeys(check.message() for check in self.violations))}"


class Preflight:
    """The checks for one WEC."""

    def __init__(self, its: Its, wec: Wec | WecOnHost, options: JoinOptions) -> None:
        self._its, self._wec, self._options = its, wec, options
        self._installer = Installer(its, options, wec)
        self._checks: list[Check] = []
        self._state: State | None = None
        self._distribution = Distribution("unknown")

    def run(self) -> Report:
        """What cannot be looked at because something else failed before is left out."""
        its_answers = self._its_answers()
        wec_answers = self._wec_answers()
        if its_answers and wec_answers:
            self._membership()
        joined = self._state is not None and self._state.name in (states.JOINED, states.JOINED_UNAVAILABLE)
        if its_answers and not joined:
            self._installation()
            wanted = rights.for_account(rights.ITS_RIGHTS, self._account())
            self._rights("its_rights", "ITS", self._its.rules, wanted)
        if wec_answers and not joined:
            self._rights("wec_rights", "WEC", self._wec.rules, rights.WEC_RIGHTS)
            self._evidence()
        if its_answers and wec_answers:
            self._clocks()
        return Report(
            tuple(self._checks),
            self._state,
            self._distribution,
            self._wec.uid if wec_answers else None,
            self._wec.version if wec_answers else None,
        )

    def _note(self, name: str, passed: bool | None, fact: str, problem: Problem | None = None) -> None:
        self._checks.append(Check(name, passed, fact, problem))

    def _attempt(self, name: str, look: t.Callable[[], str]) -> bool:
        """Note what a look gives, or the error that it ends in."""
        try:
            self._note(name, True, look())
            return True
        except WecError as error:
            self._note(name, False, error.message, error.problem)
            return False

    def _its_answers(self) -> bool:
        def look() -> str:
            self._its.require_hub()
            version = self._its.hub.version
            shown = versions.show(version) if version else "unknown"
            return f"{self._its.kube.connection.server} is a hub, OCM {shown}"

        return self._attempt("its", look)

    def _wec_answers(self) -> bool:
        def look() -> str:
            uid, version = self._wec.uid, self._wec.version
            self._distribution = self._wec.distribution()
            sign = f" ({self._distribution.sign})" if self._distribution.sign else ""
            return f"{self._wec.connection_data()['server']} is Kubernetes {version}, {self._distribution.name}{sign}, UID {uid}"

        return self._attempt("wec", look)

    def _membership(self) -> None:
        def look() -> str:
            view = self._its.surveyed_view(self._options.name)
            wec = self._wec.view(self._options.name, self._its)
            hub = self._its.identity(self._options.hub_apiserver)
            now = self._its.now()
            state = self._state = states.classify(self._options.name, wec, view, hub, now)
            address = self._installer.address_for(state.name)
            ahead = self._wec.clock_offset - self._its.kube.clock_offset
            needs = agent_plan.needs(state, wec, view, hub, self._options, now, address, ahead=ahead)
            if needs.do is None:
                problem = needs.problem or diagnosis.of_state(state)
                problem = problem or problems.of("cluster_identity_unclear", *state.evidence)
                # The reason is what the summary would say again.
                facts = "; ".join(problem.evidence)
                text = f"{state.reason}{': ' if facts else ''}{facts}. {problem.kind.remedy}. [{problem.code}]"
                raise WecError(text, problem)
            cause = agent_plan.lasting_cause(needs, state, wec, view, hub)
            if state.name == states.OTHER_HUB:
                cause = keeping.works_problem(self._wec, self._options)
            if cause is not None:
                raise WecError(str(cause), cause)
            flood = agent_plan.flooded(needs, wec, view, self._options, now)
            if flood is not None:
                raise WecError(str(flood), flood)
            self._skew(wec)
            return f"{state.name}: {state.reason}"

        self._attempt("membership", look)

    def _skew(self, wec: ObservedAgent) -> None:
        klusterlet = wec.the_klusterlet(self._options.name)
        found = diagnosis.version_skew(klusterlet, self._its.hub.version)
        if found is not None:
            self._note("klusterlet_version", False, str(found), found)

    def _account(self) -> str | None:
        try:
            return self._its.bootstrap_account
        except ApiError:
            return None

    def _installation(self) -> None:
        """What would be told to an agent."""

        def clusteradm() -> str:
            found = self._installer.require_clusteradm()
            return f"clusteradm {versions.show(found) if found else 'of unknown version'}"

        def account() -> str:
            return f"tokens are those of {self._installer.require_account()}"

        def endpoint() -> str:
            found = self._installer.endpoint
            return f"agents dial {found.server}{' (published by the ITS)' if found.is_published else ''}"

        self._attempt("bootstrap_account", account)
        endpoint_is_known = self._attempt("agent_endpoint", endpoint)
        ca_is_known = self._attempt("hub_ca", lambda: f"{len(self._installer.ca)} bytes of PEM")
        version_is_known = self._attempt("bundle_version", lambda: f"klusterlet {self._installer.bundle_version}")
        if endpoint_is_known and ca_is_known:
            self._trust()
        if endpoint_is_known and ca_is_known and version_is_known:
            self._attempt("clusteradm", clusteradm)

    def _trust(self) -> None:
        """Whether agents' CA is that of the ITS, where the address or the CA is not that of our own connection."""
        if not (self._options.hub_apiserver or self._options.hub_ca_cert) or self._options.proxy_url:
            return
        option = "hub_ca_cert" if self._options.hub_ca_cert else "hub_apiserver"
        # The agents' own address may lead nowhere from here; clusteradm then takes this machine's, with the same CA.
        server = self._installer.endpoint.dialled_here
        found = self._its.kube.like(server, self._installer.ca)
        try:
            # An answer, whatever it says, comes over a connection that is trusted.
            with found, contextlib.suppress(ApiError):
                found.get(paths.VERSION)
        except Unreachable as error:
            if error.kind != "tls":
                self._note(
                    "agent_trust", None, f"{server} cannot be reached from here, which tells nothing about agents"
                )
                return
            problem = problems.of("its_not_trusted_by_wec", f"the certificate of {server} is not accepted")
            self._note("agent_trust", False, f"{_wording.option(option)}: {problem}", problem)
        else:
            self._note("agent_trust", True, f"the certificate of {server} is accepted")

    def _rights(self, name: str, side: str, rules: t.Callable[[str], Json], wanted: t.Sequence[Right]) -> None:
        try:
            lacking = missing_rights(rules, wanted)
        except (ApiError, Unreachable) as error:
            self._note(name, None, f"could not be asked: {error.message}")
            return
        if lacking is None:
            self._note(name, None, "the API server cannot list what its authorizer grants")
        elif lacking:
            missing = [str(right) for right in lacking]
            problem = problems.of("forbidden", *missing)
            self._note(name, False, str(problem), problem)
        else:
            self._note(name, True, f"the {side} identity has the rights that are needed")

    def _evidence(self) -> None:
        """Rights that only explain trouble; who has none of them may register all the same."""
        try:
            lacking = missing_rights(self._wec.rules, rights.WEC_EVIDENCE_RIGHTS)
        except (ApiError, Unreachable):
            # The check before this one has said that it cannot be asked.
            return
        if lacking:
            wording = "; ".join(map(str, lacking))
            self._note("wec_evidence", None, f"without {wording}, nothing says why a status add-on does not run")

    def _clocks(self) -> None:
        skew = abs(self._its.kube.clock_offset - self._wec.clock_offset)
        if skew >= _SKEW_IS_FATAL:
            problem = problems.of("clock_skew", f"their API servers' clocks are {times.show_seconds(skew)} apart")
            self._note("clocks", False, str(problem), problem)
        else:
            self._note("clocks", True, f"{skew:.0f} s apart")


def missing_rights(rules: t.Callable[[str], Json], wanted: t.Sequence[Right]) -> list[Right] | None:
    """None where the API server does not know (an authorizer that cannot list its rules)."""
    lacking: list[Right] = []
    for namespace in rights.namespaces(wanted):
        status = rules(namespace).get("status") or {}
        own = [right for right in wanted if right.namespace in ("", namespace)]
        found = rights.missing(status.get("resourceRules") or [], own)
        if found and status.get("incomplete"):
            return None
        lacking += [right for right in found if right not in lacking]
    return lacking
