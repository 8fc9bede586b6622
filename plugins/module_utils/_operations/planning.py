# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run would do to many WECs: a few LISTs of the ITS, whatever their number, and no WEC is asked."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import typing as t

from .._apis.its import Its
from .._apis.wds import Wds
from .._rules.desired.configuration import DesiredState, Observed, decide
from .._rules.fleet.fleet_plan import BLOCKED, CONFIGURE, NOTHING, REGISTER, Forecast
from .._rules.fleet.plan import Step
from .._rules.observed import readable
from .._rules.observed.observed_managed_cluster import ObservedManagedCluster
from .._rules.registration import kept_works
from .._rules.status import addon, heartbeat, problems, states
from .._rules.status.problems import Problem
from .._rules.status.states import State
from .configuring import Configuring, Overrides, Verdict, property_maps
from .delivering import Settling

Json = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Member:
    """What one host of an inventory wants of its WEC. ``violations``: why that is not valid. ``asks_wec``: whether what the
    ITS shows is not enough."""

    host: str
    desired: DesiredState
    wait_addon: str = addon.AUTO
    asks_wec: bool = False
    violations: tuple[str, ...] = ()
    is_invalid: bool = False
    """Whether these are of variables that cannot be used."""
    same_name: tuple[str, ...] = ()
    """Other hosts whose WECs have this name."""

    @property
    def problem(self) -> Problem | None:
        """Why that is not valid, whatever there is."""
        if self.same_name:
            others = ", ".join(self.same_name)
            return problems.of("duplicate_name", f"the name {self.desired.name} is also that of {others}")
        if self.violations:
            return problems.of("invalid_variable" if self.is_invalid else "invalid_desired_state", *self.violations)
        return None


@dataclasses.dataclass(frozen=True)
class FleetPlan:
    """What is to be done for each WEC, and how those that are to be configured are. ``warnings`` are for the user."""

    forecasts: list[Forecast]
    _configuring: Configuring
    _settling: Settling
    _verdicts: dict[str, Verdict]

    @property
    def warnings(self) -> list[str]:
        return self._configuring.warnings

    def configure(self) -> list[Forecast]:
        """Configure those that are to be configured; gives how it ended for each WEC.

        Raises WecError for what concerns the whole ITS.
        """
        wanted = [one.name for one in self.forecasts if one.action == CONFIGURE]
        self._configuring.apply([self._verdicts[name] for name in wanted], self._settling)
        return [self._ended(one) for one in self.forecasts]

    def _ended(self, forecast: Forecast) -> Forecast:
        if forecast.action != CONFIGURE:
            return forecast
        verdict = self._verdicts[forecast.name]
        message = str(verdict.problem) if verdict.problem else forecast.why
        reached = tuple(verdict.timeline)
        return dataclasses.replace(
            forecast,
            steps=tuple(verdict.steps(foreseen=False)),
            is_done=verdict.done > 0,
            problem=verdict.problem,
            why=message,
            reached=reached,
        )


def plan(
    its: Its,
    wds: Wds | None,
    members: t.Sequence[Member],
    allowed: Overrides,
    settling: Settling,
    *,
    to_configure_only: bool = False,
) -> FleetPlan:
    """``to_configure_only``: nothing will be registered, so that a WEC that is not is in the way.

    Raises WecError for what concerns the whole ITS.
    """
    sound = [one for one in members if one.problem is None]
    found_views = readable.views(its.views([one.desired.name for one in sound]))
    now, server = its.now(), its.kube.connection.server

    def seen(view: ObservedManagedCluster) -> tuple[ObservedManagedCluster, State]:
        return view, states.of_observed_managed_cluster(view, now)

    known = {name: readable.reading(seen, view) for name, view in found_views.items()}
    views = {name: view for name, (view, _state) in known.items()}
    beats = {name: readable.reading(functools.partial(_heartbeat, now), view) for name, view in views.items()}
    why = dict.fromkeys(known, "") if to_configure_only else _why_register(its, sound, known)
    configuring = Configuring(its, wds, allowed)
    to_compare = [one.desired for one in sound if not why[one.desired.name]]
    verdicts = {verdict.name: verdict for verdict in configuring.plan(to_compare, views)}
    # One that is only away has properties already, or some of them.
    maps = property_maps(
        its, [one.desired for one in sound if why[one.desired.name] and one.desired.properties is not None]
    )
    found = []
    for one in members:
        name = one.desired.name
        problem = one.problem
        if problem is not None:
            found.append(Forecast(name, one.host, server, states.UNKNOWN, BLOCKED, str(problem), (), problem))
            continue
        state = known[name][1].name
        words, warnings = beats[name]
        if why[name]:
            steps, conflicts = _foreseen(one.desired, Observed(views[name], maps.get(name)))
            message = ". ".join([why[name], *(conflicts if not allowed.force_conflicts else ())])
            found.append(
                Forecast(name, one.host, server, state, REGISTER, message, steps, heartbeat=words, warnings=warnings)
            )
            continue
        verdict = verdicts[name]
        if verdict.observed.view.unreadable:
            state = states.UNKNOWN
        message = str(verdict.problem) if verdict.problem else " ".join(f"{impact}." for impact in verdict.impacts)
        action = BLOCKED if verdict.problem else CONFIGURE if verdict.plan.changes else NOTHING
        found.append(
            Forecast(
                name,
                one.host,
                server,
                state,
                action,
                message,
                tuple(verdict.plan.steps),
                verdict.problem,
                heartbeat=words,
                warnings=warnings,
            )
        )
    return FleetPlan(found, configuring, settling, verdicts)


def _why_register(
    its: Its, members: t.Sequence[Member], known: t.Mapping[str, tuple[ObservedManagedCluster, State]]
) -> dict[str, str]:
    """Why the role register has something to do for a WEC, or to find out; an empty text if it has not, or must not."""
    secrets = its.bootstrap_secrets()
    found = {}
    for one in members:
        name = one.desired.name
        view, state = known[name]
        if view.unreadable:
            found[name] = ""
        elif state.name != states.JOINED:
            found[name] = state.reason
        elif name in secrets:
            found[name] = "its bootstrap token is not revoked"
        elif kept_works.KEPT_ANNOTATION in view.annotations:
            found[name] = "workload of the hub that it was moved from is to be compared"
        elif view.identity is None:
            found[name] = "the ITS does not know which cluster has this name"
        else:
            found[name] = "the WEC itself is to be contacted" if one.asks_wec else ""
    others = [one for one in members if not found[one.desired.name] and not known[one.desired.name][0].unreadable]
    found.update(_lacking_addon(its, others))
    return found


def _lacking_addon(its: Its, members: t.Sequence[Member]) -> dict[str, str]:
    """WECs whose status add-on is to be waited for."""
    asked = [one for one in members if one.wait_addon != addon.NEVER]
    if not asked:
        return {}
    is_offered = its.offers_addon()
    asked = [one for one in asked if is_offered or one.wait_addon == addon.ALWAYS]
    found = its.addons([one.desired.name for one in asked]) if asked else {}
    examined = {one.desired.name: addon.examine(found.get(one.desired.name), is_offered) for one in asked}
    return {name: state.waiting_for for name, state in examined.items() if not state.available}


def _heartbeat(now: datetime.datetime, view: ObservedManagedCluster) -> tuple[str, tuple[Problem, ...]]:
    """When the agent was heard of last, and what is wrong with that."""
    beat = None if view.unreadable else heartbeat.of_view(view, now)
    return (beat.words, tuple(heartbeat.trouble(view, now))) if beat else ("", ())


def _foreseen(desired: DesiredState, observed: Observed) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """What configuring will do, as far as that can be foreseen, and the keys that will be in its way."""

    def foresee(view: ObservedManagedCluster) -> tuple[tuple[Step, ...], tuple[str, ...]]:
        if view.unreadable:
            return (), ()
        found = decide(desired, dataclasses.replace(observed, view=view))
        return tuple(found.steps(observed.config_map is not None)), tuple(map(str, found.conflicts))

    return readable.reading(foresee, observed.view)
