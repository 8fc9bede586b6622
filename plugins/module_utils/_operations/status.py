# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What state WECs are in, and why."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import typing as t

from .._apis.its import Its
from .._apis.paths import NotANameError
from .._apis.wec import Wec
from .._errors import ApiError, Unreachable, WecError
from .._rules.desired import labels
from .._rules.observed import conditions, readable
from .._rules.observed.binding_policies_view import Policy
from .._rules.observed.observed_agent import AGENT_NAMESPACE, OPERATOR_NAMESPACE, ObservedAgent
from .._rules.observed.observed_managed_cluster import ObservedManagedCluster
from .._rules.outside import screen
from .._rules.outside.unexpected import as_wec_error
from .._rules.status import addon as addon_rules
from .._rules.status import (
    agent_certificate,
    delivered_work,
    diagnosis,
    heartbeat,
    problems,
    states,
    statuses,
    timeline,
    times,
    versions,
)
from .._rules.status.addon import AddonState
from .._rules.status.agent_certificate import Validity
from .._rules.status.delivered_work import Works
from .._rules.status.diagnosis import AgentHealth
from .._rules.status.problems import Problem
from .._rules.status.states import State
from .._rules.status.statuses import Evidence, PolicyState
from .._rules.upgrade import klusterlet_images

Json = dict[str, t.Any]
T = t.TypeVar("T")
_POLICIES_SHOWN = 3
_SAYS_WHY = frozenset(
    {
        "csr_denied",
        "csr_not_issued",
        "csr_not_legitimate",
        "csr_too_many",
        "hub_controllers_not_responding",
        "mailbox_terminating",
        "not_accepted",
    }
)
"""What the ITS shows that explains why an agent has not come to use its token; other things only follow from that."""

_OF_LEASE = frozenset({"heartbeat_late", "lease_expired"})
_OF_WORKS = frozenset({"manifestworks_failing", "addon_controller_down", "statuses_stale"})
"""What the works in its mailbox show of a WEC."""


@dataclasses.dataclass(frozen=True)
class Status:
    """One WEC. ``wec`` is None where its own API was not asked, or did not answer."""

    view: ObservedManagedCluster
    state: State
    problems: tuple[Problem, ...]
    now: datetime.datetime
    wec: ObservedAgent | None = None
    addon: str | None = None
    works: Works | None = None
    """What it runs; None where nobody has looked, or may."""
    policies: tuple[PolicyState, ...] | None = None
    """The BindingPolicies that select it; None where no WDS is named, or the works may not be looked at."""

    @property
    def since(self) -> datetime.datetime | None:
        """Since when it has been in this state, as its conditions tell."""
        view = self.view
        if self.state.name in (states.JOINED, states.JOINED_UNAVAILABLE):
            return view.available.since
        if view.exists and view.managed_cluster is not None:
            metadata = view.managed_cluster["metadata"]
            return times.parse(metadata.get("deletionTimestamp") or metadata.get("creationTimestamp"))
        return None

    @property
    def is_being_upgraded(self) -> bool:
        """Whether an upgrade of its klusterlet was begun, and has not been proved."""
        klusterlet = self.wec.the_klusterlet(self.view.name) if self.wec else None
        return klusterlet is not None and klusterlet.is_being_upgraded

    @property
    def klusterlet_version(self) -> str | None:
        """The oldest among its agents' images, as far as they tell."""
        klusterlet = self.wec.the_klusterlet(self.view.name) if self.wec else None
        version = klusterlet_images.read(klusterlet, None).version if klusterlet else None
        return versions.show(version) if version else None

    @property
    def certificate(self) -> Validity | None:
        """When that of its agent is valid: as the WEC shows it, or else as its ITS does. None where neither does."""
        credential = self.wec.credential if self.wec else None
        if credential is not None and credential.certificate is not None:
            return agent_certificate.of_certificate(credential.certificate)
        found = agent_certificate.of_view(self.view)
        # An agent that works has another one since.
        is_old = found is not None and found.is_told and found.ends <= self.now and self.state.name == states.JOINED
        return None if is_old else found

    @property
    def message(self) -> str:
        """The state and its most telling problem, as a sentence."""
        cause = str(problems.united(self.problems)[0]) if self.problems else f"{self.state.reason}."
        return f"{self.view.name} is {self.state.name}: {cause}"

    @property
    def diagnosis(self) -> str:
        """The same with everything that is wrong."""
        found = problems.united(self.problems)
        asked = " Its API answers." if self.wec is not None and not found else ""
        return f"{self.view.name} is {self.state.name}: {problems.sentence(found) or f'{self.state.reason}.'}{asked}"

    def as_data(self) -> Json:
        return reading(Status._as_data, self)

    def _as_data(self) -> Json:
        view, wec, certificate = self.view, self.wec, self.certificate
        beat = heartbeat.of_view(view, self.now)
        return {
            "name": view.name,
            "state": self.state.name,
            "reason": self.state.reason,
            "evidence": list(self.state.evidence),
            "msg": self.message,
            "since": times.show(self.since),
            "problems": [problem.as_data() for problem in problems.united(self.problems)],
            "accepted": view.hub_accepts_client,
            "joined": view.joined.is_true,
            "available": view.available.is_true,
            "conditions": [one.as_data() for one in conditions.all_of(view.managed_cluster)],
            "lease_age": round(beat.age, 1) if beat else None,
            "lease_duration": beat.duration if beat else None,
            "clock_ahead": round(beat.ahead, 1) if beat and beat.ahead is not None else None,
            "labels": view.labels,
            "timeline": timeline.as_data(timeline.of_view(view)),
            "addon": self.addon,
            "works": self.works.as_data() if self.works else None,
            "binding_policies": None if self.policies is None else [one.as_data() for one in self.policies],
            "cluster_set": view.labels.get(labels.CLUSTER_SET),
            "kubernetes_version": (wec.version if wec else None) or view.kubernetes_version,
            "uid": (wec.uid if wec else None) or view.identity,
            "certificate_expires": times.show(certificate.ends) if certificate else None,
            "klusterlet_version": self.klusterlet_version,
        }


def of_fleet(
    its: Its, names: t.Sequence[str] | None, *, with_works: bool = False, policies: t.Sequence[Policy] | None = None
) -> list[Status]:
    """Every named WEC, or every one that the ITS knows, as the ITS shows it. ``with_works``: and what it runs; ``policies``: and
    which of these BindingPolicies select it."""
    return of_views(its, its.views(names), with_works=with_works, policies=policies)


def of_views(
    its: Its,
    views: t.Mapping[str, ObservedManagedCluster],
    *,
    with_works: bool = False,
    policies: t.Sequence[Policy] | None = None,
) -> list[Status]:
    """The same, where the ITS has been looked at already. What cannot be read of one WEC is that one's problem."""
    now = its.now()
    addons = _addons(its, list(views))
    mailboxes = _mailboxes(its, list(views)) if with_works else None

    @functools.cache
    def due(name: str) -> list[Json]:
        return statuses.due((mailboxes or {})[name], now)

    evidence = _evidence(its, views, due) if addons is not None and mailboxes is not None else Evidence()
    why_absent = _why_absent(its, views, addons, now)

    def of_view(view: ObservedManagedCluster) -> Status:
        if view.unreadable:
            return _unreadable(view, now)
        state, addon = states.of_observed_managed_cluster(view, now), None
        if addons is not None:
            addon = addon_rules.examine(addons.get(view.name), True, why_absent(view.name))
        shown = (*diagnosis.from_its(view, now), *_addon_problems(state, addon))
        if mailboxes is None or not view.exists:
            return Status(view, state, shown, now, addon=_addon_word(addon))
        items = mailboxes[view.name]
        runs = delivered_work.read(items, now)
        of_works = [*_work_problems(state, addon, runs), *_status_problems(view, state, addon, items, evidence, due)]
        selecting = None
        if policies is not None:
            is_silent = _is_silent(view, state, addon, runs, evidence)
            selecting = statuses.of_policies(policies, view.labels, items, due(view.name), is_silent, evidence)
        return Status(view, state, (*shown, *of_works), now, addon=_addon_word(addon), works=runs, policies=selecting)

    return [readable.reading(of_view, view) for view in readable.views(views).values()]


def reading(read: t.Callable[[Status], T], status: Status) -> T:
    """What ``read`` gives; where it raises anything, what it gives for the status of a WEC that cannot be read.

    Raises MissingLibrary.
    """

    def of_view(view: ObservedManagedCluster) -> T:
        return read(status if view is status.view else _unreadable(view, status.now))

    return readable.reading(of_view, status.view)


def _unreadable(view: ObservedManagedCluster, now: datetime.datetime) -> Status:
    return Status(view, states.of_observed_managed_cluster(view, now), (readable.problem(view),), now)


def _addons(its: Its, names: list[str]) -> dict[str, Json] | None:
    """The status add-ons of these WECs; None where the ITS does not have it."""
    return its.addons(names) if names and its.offers_addon() else None


def _mailboxes(its: Its, names: list[str]) -> dict[str, list[Json]] | None:
    """The works of these WECs. Who may not look at them is told everything else."""
    try:
        return its.works_of(names)
    except ApiError as error:
        if error.status != 403:
            raise
        return None


def _work_problems(state: State, addon: AddonState | None, runs: Works | None) -> list[Problem]:
    """Of a WEC that is not available itself, its works tell nothing new."""
    if runs is None or state.name != states.JOINED:
        return []
    found = runs.problems
    if _controller_is_down(addon, runs):
        fact = f"ManifestWork {addon_rules.WORK} reports no ready pod, and the ManagedClusterAddOn has Available=True"
        found.append(problems.of("addon_controller_down", fact))
    return found


def _controller_is_down(addon: AddonState | None, runs: Works) -> bool:
    """Whether what the ITS says of the add-on is not what the WEC's work agent says."""
    return addon is not None and addon.available and runs.addon_ready == 0


_Due = t.Callable[[str], list[Json]]
"""The works of a WEC of which a status should be there."""


def _evidence(its: Its, views: t.Mapping[str, ObservedManagedCluster], due: _Due) -> Evidence:
    """It is looked at only if there are works of which a status should be there."""

    def reports(view: ObservedManagedCluster) -> bool:
        return not view.unreadable and view.exists and bool(due(view.name))

    names = [view.name for view in views.values() if readable.reading(reports, view)]
    return its.status_evidence(names) if names else Evidence()


def _status_problems(
    view: ObservedManagedCluster,
    state: State,
    addon: AddonState | None,
    items: t.Sequence[Json],
    evidence: Evidence,
    due: _Due,
) -> list[Problem]:
    """Where the add-on is not available, that is the problem."""
    found = None
    if addon is not None and state.name == states.JOINED_UNAVAILABLE:
        found = statuses.of_unavailable(items)
    elif addon is not None and addon.available and state.name == states.JOINED:
        found = statuses.problem(view.name, due(view.name), evidence)
    return [found] if found else []


def _is_silent(
    view: ObservedManagedCluster, state: State, addon: AddonState | None, runs: Works, evidence: Evidence
) -> bool:
    """Whether no status of anything comes from a WEC any more. Without the add-on, none has ever come."""
    if addon is None:
        return False
    if state.name != states.JOINED or not addon.available or _controller_is_down(addon, runs):
        return True
    return evidence.writable is not None and view.name not in evidence.writable


def _why_absent(
    its: Its, views: t.Mapping[str, ObservedManagedCluster], addons: t.Mapping[str, Json] | None, now: datetime.datetime
) -> t.Callable[[str], tuple[str, ...]]:
    """What the ITS shows of why WECs have no add-on. It is looked at only if one that has joined has none."""

    def lacks(view: ObservedManagedCluster) -> bool:
        return readable.reading(
            lambda one: (
                one.name not in (addons or {}) and states.of_observed_managed_cluster(one, now).name == states.JOINED
            ),
            view,
        )

    if addons is None or not any(map(lacks, views.values())):
        return lambda _name: ()
    return its.addon_machinery().facts


def _addon_word(addon: AddonState | None) -> str | None:
    return None if addon is None else "available" if addon.available else "unavailable"


def _addon_problems(state: State, addon: AddonState | None) -> list[Problem]:
    """An add-on of a WEC that is not available itself is a consequence, and no cause."""
    return [addon.problem] if state.name == states.JOINED and addon is not None and addon.problem else []


def of_one(its: Its, wec: Wec, view: ObservedManagedCluster, hub_apiserver: str | None = None) -> Status:
    """One WEC from both sides. ``view``: what the ITS shows of it. A WEC that does not answer is a problem, and no error."""
    view, now = readable.checked(view), its.now()
    name = view.name
    if view.unreadable:
        return _unreadable(view, now)
    agent: AgentHealth | None = None
    try:
        observed_agent = wec.view(name, its)
        state = states.classify(name, observed_agent, view, its.identity(hub_apiserver), now)
        found = []
        if state.name != states.JOINED or heartbeat.trouble(view, now):
            agent = health(wec, observed_agent, name)
            found = diagnosis.from_wec(name, observed_agent, agent, its.identity(hub_apiserver), now)
        else:
            moved = diagnosis.address_changed(name, observed_agent, its.identity(hub_apiserver))
            found = [moved] if moved else []
        skew = diagnosis.version_skew(observed_agent.the_klusterlet(name), its.hub.version)
    except (Unreachable, ApiError) as error:
        problem = error.problem or problems.of(
            "wec_unreachable" if isinstance(error, Unreachable) else "forbidden", error.message
        )
        return Status(
            view, states.of_observed_managed_cluster(view, now), (problem, *diagnosis.from_its(view, now)), now
        )
    except NotANameError as error:
        odd = problems.of("unexpected_answer", error.message)
        return Status(view, states.of_observed_managed_cluster(view, now), (odd, *diagnosis.from_its(view, now)), now)
    except WecError:
        raise
    except Exception as error:
        odd = t.cast(Problem, as_wec_error(error, name).problem)
        return Status(view, states.of_observed_managed_cluster(view, now), (odd, *diagnosis.from_its(view, now)), now)
    by_state = diagnosis.of_state(state)
    found += [skew] if skew else []
    if by_state is not None and not any(problem.code == "klusterlet_half_removed" for problem in found):
        if state.name == states.TOKEN_EXPIRED:
            # A run that fails ends its token: what kept the agent from using it in time is the cause then.
            found += [one for one in diagnosis.from_its(view, now) if one.code in _SAYS_WHY]
            found.append(by_state)
        else:
            found.insert(0, by_state)
    if by_state is not None:
        return Status(view, state, tuple(found), now, observed_agent)
    token_id = observed_agent.bootstrap.token.id if observed_agent.bootstrap else None
    shown_by_its = [] if state.name == states.ABSENT else diagnosis.from_its(view, now, token_id)
    if agent is not None:
        fact = diagnosis.from_here(agent)
        shown_by_its = [
            dataclasses.replace(one, evidence=(*one.evidence, fact)) if one.code in _OF_LEASE else one
            for one in shown_by_its
        ]
    if any(one.code == "hub_controllers_not_responding" for one in shown_by_its):
        # That the agent has no rights on the hub follows from that.
        found = [one for one in found if one.code != "not_accepted"]
        found = [*(one for one in shown_by_its if one.code == "hub_controllers_not_responding"), *found]
    known = {problem.code for problem in found}
    addons = _addons(its, [name]) if view.exists else None
    why_absent = _why_absent(its, {name: view}, addons, now)
    addon = None if addons is None else addon_rules.examine(addons.get(name), True, why_absent(name))
    both = [*found, *(problem for problem in shown_by_its if problem.code not in known)]
    both += _addon_on_wec(wec, state, addon)
    return Status(view, state, tuple(both), now, observed_agent, _addon_word(addon))


def with_works_of(asked: Status, shown: Status) -> Status:
    """What the WEC has been asked, with what its ITS has shown of its works."""
    codes = _OF_WORKS if asked.state.name == shown.state.name else set()
    of_works = tuple(one for one in shown.problems if one.code in codes)
    return dataclasses.replace(asked, works=shown.works, policies=shown.policies, problems=(*asked.problems, *of_works))


def _addon_on_wec(wec: Wec, state: State, addon: AddonState | None) -> list[Problem]:
    """Its trouble with what the WEC shows of it. That the ITS calls it available proves nothing: a controller that is down has
    not looked since."""
    found = _addon_problems(state, addon)
    if not found and (addon is None or state.name != states.JOINED):
        return []
    if not found:
        try:
            deployment = wec.deployment(addon_rules.NAMESPACE, addon_rules.DEPLOYMENT)
        except ApiError as error:
            if error.status != 403:
                raise
            return []
        if addon_rules.is_running(deployment):
            return []
        what = "is not ready" if deployment else "is not there"
        fact = f"Deployment {addon_rules.DEPLOYMENT} on the WEC {what}, and the ITS shows the add-on as available"
        found = [problems.of(addon_rules.UNAVAILABLE, fact)]
    trouble = wec.addon_trouble()
    if trouble is None:
        trouble = ("its pods may not be listed there",)
    return [dataclasses.replace(one, evidence=(*one.evidence, *trouble)) for one in found]


def health(wec: Wec, view: ObservedAgent, name: str) -> AgentHealth:
    """What runs of the agent on the WEC."""
    klusterlet = view.the_klusterlet(name)
    namespace = klusterlet.namespace if klusterlet else AGENT_NAMESPACE
    return AgentHealth(
        wec.deployment(OPERATOR_NAMESPACE, "klusterlet"),
        tuple(wec.pods(OPERATOR_NAMESPACE)),
        tuple(wec.pods(namespace)),
    )


def table(found: t.Iterable[Status], certificate_days: float = 30.0) -> list[str]:
    """The fleet as lines of text. The versions of the klusterlets are known where WECs were asked, and BindingPolicies where a WDS
    was looked at. Ends of certificates are shown where one is within so many days, or WECs were asked."""
    in_order = sorted(found, key=lambda one: one.view.name)
    asked = any(one.wec is not None for one in in_order)
    with_certificates = asked or any(reading(lambda own: _ends_soon(own, certificate_days), one) for one in in_order)
    with_policies = any(one.policies is not None for one in in_order)
    rows: list[tuple[str, ...]] = [
        (
            *("WEC", "STATE", "SINCE", "HEARTBEAT", "KUBERNETES"),
            *(["KLUSTERLET"] if asked else []),
            *(["CERTIFICATE"] if with_certificates else []),
            "WORKS",
            *(["POLICIES"] if with_policies else []),
            "PROBLEM",
        )
    ]
    rows += [reading(lambda own: _row(own, asked, with_policies, with_certificates), one) for one in in_order]
    return screen.table(rows)


def _ends_soon(one: Status, days: float) -> bool:
    found = None if one.view.unreadable else one.certificate
    return found is not None and found.ends - one.now < datetime.timedelta(days=days)


def _end_shown(one: Status) -> str:
    """The day on which it ends, in UTC."""
    found = None if one.view.unreadable else one.certificate
    return (times.show(found.ends) or "-").partition("T")[0] if found else "-"


def _policies_shown(one: Status) -> str:
    names = [policy.shown for policy in one.policies or ()]
    more = [f"+{len(names) - _POLICIES_SHOWN}"] if names[_POLICIES_SHOWN:] else []
    return ", ".join([*names[:_POLICIES_SHOWN], *more])


def _row(one: Status, asked: bool, with_policies: bool, with_certificates: bool) -> tuple[str, ...]:
    age, beat = times.age(one.since, one.now), heartbeat.of_view(one.view, one.now)
    return (
        one.view.name,
        one.state.name,
        times.show_seconds(age) if age is not None else "-",
        times.show_seconds(beat.age) if beat else "-",
        (one.wec.version if one.wec else None) or one.view.kubernetes_version or "-",
        *([one.klusterlet_version or "-"] if asked else []),
        *([_end_shown(one)] if with_certificates else []),
        one.works.shown if one.works else "-",
        *([_policies_shown(one) or "-"] if with_policies else []),
        one.problems[0].kind.summary if one.problems else "-",
    )
