# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labels, annotations and properties of WECs: look, judge what it does to the workload, and write in the safe order.

Properties that are new come first, because labels start the delivery; properties that go come last, when KubeStellar has
let the WEC go.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import datetime
import functools
import typing as t

from .._apis.its import Its
from .._apis.wds import Wds
from .._errors import ApiError, WecError
from .._rules.desired import configuration, field_ownership, impact, merging, properties
from .._rules.desired.configuration import Configuration, DesiredState, Observed, applied_set, decide
from .._rules.desired.field_ownership import ANNOTATIONS, DATA, LABELS
from .._rules.desired.impact import STARTS, STOPS, Delivery, Impact, Traits
from .._rules.fleet.plan import Plan, Step
from .._rules.observed import readable
from .._rules.observed.observed_managed_cluster import ObservedManagedCluster
from .._rules.outside.unexpected import as_wec_error
from .._rules.status import problems, timeline
from .._rules.status.problems import Problem
from .._rules.status.timeline import Reached
from . import concurrency
from .delivering import Expectation, Settling

Json = dict[str, t.Any]
_ATTEMPTS = 3
_CONFLICT = "Apply failed with"
"""Kubernetes: apimachinery/pkg/util/managedfields/internal/conflict.go."""
_AT_ONCE = 16
"""Writes at the same time. With 8, a hub on two cores has to wait for the next; more bring nothing."""
DELIVERED, WAITS, NOTHING = "delivered", "waits for the next change of the Binding", "nothing to deliver"


@dataclasses.dataclass(frozen=True)
class Overrides:
    """What a user has allowed, and wants. ``deliver``: have changed properties delivered at once. ``force_conflicts``: take
    keys over from other field managers."""

    withdrawal: bool = False
    removal: bool = False
    without_acceptance: bool = False
    deliver: bool = True
    force_conflicts: bool = False


@dataclasses.dataclass
class Verdict:
    """How it is for one WEC."""

    desired: DesiredState
    observed: Observed
    configuration: Configuration
    plan: Plan = dataclasses.field(default_factory=Plan)
    impacts: list[Impact] = dataclasses.field(default_factory=list)
    problem: Problem | None = None
    delivery: str = ""
    done: int = 0
    """How many steps were carried out."""
    started: datetime.datetime | None = None
    ended: datetime.datetime | None = None

    def __post_init__(self) -> None:
        self.cluster: Json = self.observed.view.managed_cluster or {}
        """The ManagedCluster as it was read or written last, and the same for the ConfigMap of its properties."""
        self.config_map = self.observed.config_map

    @property
    def name(self) -> str:
        return self.desired.name

    def applied_metadata(self, changes: t.Mapping[str, merging.Changes]) -> Json:
        """The labels and annotations that the inventory applies so that these changes come about."""
        maps = (("labels", self.desired.labels, LABELS), ("annotations", self.desired.annotations, ANNOTATIONS))
        return {
            field: applied_set(
                part,
                field_ownership.ownership(self.cluster, path),
                self.cluster["metadata"].get(field) or {},
                changes.get(field, {}),
            )
            for field, part, path in maps
        }

    def applied_data(self, changes: merging.Changes) -> dict[str, str]:
        """The same for its properties."""
        owned, data = field_ownership.ownership(self.config_map, DATA), (self.config_map or {}).get("data") or {}
        return applied_set(self.desired.properties, owned, data, changes)

    @property
    def timeline(self) -> list[Reached]:
        return [] if self.ended is None else [Reached(timeline.CONFIGURE, self.ended, self.started)]

    def message(self, foreseen: bool) -> str:
        if self.problem is not None:
            return f"{self.name}: {self.problem}"
        if not self.plan.changes:
            return f"{self.name} is in sync."
        what = self.plan.changed_fields or str(self.plan)
        sentence = " ".join(f"{one}." for one in self.impacts)
        return f"{self.name} {'would be' if foreseen else 'was'} changed: {what}. {sentence}".rstrip()

    @property
    def _present(self) -> Traits:
        """What it has afterwards, or would have. With a problem, that is what is there."""
        if self.problem is None:
            return self.configuration.after
        if self.observed.view.unreadable:
            return Traits()
        metadata = self.cluster.get("metadata") or {}
        data = (self.config_map or {}).get("data") or {}
        return Traits(dict(metadata.get("labels") or {}), dict(metadata.get("annotations") or {}), dict(data))

    def steps(self, foreseen: bool) -> list[Step]:
        """Of one that has failed, those that were carried out."""
        return self.plan.steps if foreseen or self.problem is None else self.plan.steps[: self.done]

    def as_data(self, foreseen: bool) -> Json:
        after = self._present
        usable = properties.is_usable
        return {
            "name": self.name,
            "changed": self.done > 0 if not foreseen else self.plan.changes and self.problem is None,
            "failed": self.problem is not None,
            "msg": self.message(foreseen),
            "labels": dict(after.labels),
            "annotations": dict(after.annotations),
            "properties": {key: value for key, value in after.data.items() if key not in self.observed.binary_keys},
            "usable_as_properties": sorted(key for key in {**after.labels, **after.annotations} if usable(key)),
            "unusable_as_properties": sorted(key for key in after.labels if not usable(key)),
            "steps": Plan(self.steps(foreseen)).as_data(),
            "impacts": [one.as_data() for one in self.impacts],
            "delivery": self.delivery or NOTHING,
            "problem": self.problem.as_data() if self.problem else None,
            "timeline": timeline.as_data(self.timeline),
        }


class Configuring:
    """One batch of WECs. ``warnings`` are for the user."""

    def __init__(self, its: Its, wds: Wds | None, allowed: Overrides) -> None:
        self._its, self._wds, self._allowed = its, wds, allowed
        self._deliveries: list[Delivery] = []
        self.warnings: list[str] = []

    # -- observe and decide --------------------------------------------------------------------------------------

    def plan(
        self,
        desired_states: t.Sequence[DesiredState],
        views: t.Mapping[str, ObservedManagedCluster] | None = None,
        maps: t.Mapping[str, Json] | None = None,
    ) -> list[Verdict]:
        """What has to change for each WEC, and what that does; what cannot or must not be is a problem of its own.

        ``views``: what the ITS shows of them, if that has been looked at, and checked, already; so are ``maps``, with their
        properties.
        """
        if views is None:
            views = readable.views(self._its.views([desired.name for desired in desired_states]))
        if maps is None:
            maps = property_maps(self._its, desired_states)

        def of_view(desired: DesiredState, view: ObservedManagedCluster) -> Verdict:
            return self._plan_one(desired, Observed(view, None if view.unreadable else maps.get(desired.name)))

        verdicts = [
            readable.reading(functools.partial(of_view, desired), views[desired.name]) for desired in desired_states
        ]
        self._refuse_missing_sets([one for one in verdicts if one.problem is None and one.desired.cluster_set])
        self._judge([verdict for verdict in verdicts if verdict.problem is None and verdict.configuration.changes])
        for verdict in verdicts:
            if verdict.problem is None:
                steps = verdict.configuration.steps(verdict.observed.config_map is not None)
                verdict.plan = Plan(steps)
        return verdicts

    def _plan_one(self, desired: DesiredState, observed: Observed) -> Verdict:
        problem = self._unfit(observed.view)
        if problem is not None:
            return Verdict(desired, observed, Configuration(desired.name), problem=problem)
        found = decide(desired, observed)
        heavy = properties.size_fault({**observed.data, **found.added_properties}) if found.added_properties else None
        if heavy:
            problem = problems.of("properties_too_large", f"it {heavy}")
        elif found.conflicts and not self._allowed.force_conflicts:
            problem = problems.of("field_conflict", "; ".join(map(str, found.conflicts)))
        return Verdict(desired, observed, found, problem=problem)

    def _unfit(self, view: ObservedManagedCluster) -> Problem | None:
        """A labelled WEC without a mailbox keeps KubeStellar from delivering to the others."""
        if view.unreadable:
            return readable.problem(view)
        if not view.exists:
            return problems.of("not_registered", f"the ITS has no ManagedCluster {view.name}")
        if self._allowed.without_acceptance:
            return None
        if view.is_deleting:
            return problems.of("deleting", f"ManagedCluster {view.name} is being deleted")
        if not view.hub_accepts_client:
            return problems.of("not_accepted", "a labelled WEC without a mailbox starves the others")
        if view.mailbox_is_terminating:
            return problems.of("mailbox_terminating", "a labelled WEC without a mailbox starves the others")
        if view.mailbox is None:
            return problems.of("mailbox_missing", "a labelled WEC without a mailbox starves the others")
        return None

    def _refuse_missing_sets(self, verdicts: t.Sequence[Verdict]) -> None:
        """A label that names no set takes the WEC out of the one that it was in, and nobody says so. One request for each set."""
        for name in sorted({str(verdict.desired.cluster_set) for verdict in verdicts}):
            found = self._its.cluster_set_fault(name)
            if isinstance(found, ApiError):
                self.warnings.append(
                    f"Whether there is a ManagedClusterSet {name} may not be looked at: {found.server_message}. If there is none, its WECs "
                    "are in no set."
                )
            elif found is not None:
                _blame(verdicts, {one.name: found for one in verdicts if one.desired.cluster_set == name})

    def _judge(self, verdicts: t.Sequence[Verdict]) -> None:
        if not verdicts:
            return
        if self._wds is None:
            self._judge_without_wds(verdicts)
            return
        changes = {one.name: (one.configuration.before, one.configuration.after) for one in verdicts}
        self._deliveries = self._wds.deliveries(changes)
        for verdict in verdicts:
            with _its_own(verdict):
                before, after = changes[verdict.name]
                verdict.impacts = impact.of_change(verdict.name, before, after, self._deliveries)
                verdict.problem = impact.refusal(verdict.impacts, self._allowed.withdrawal, self._allowed.removal)
                if verdict.problem is None:
                    self.warnings += [str(one) + "." for one in verdict.impacts if one.effect == impact.LACKS]

    def _judge_without_wds(self, verdicts: t.Sequence[Verdict]) -> None:
        selected_anew = []
        for verdict in verdicts:
            found, delivered = verdict.configuration, []
            vanishing = impact.vanishing(found.before, found.after)
            if vanishing and not found.removed_properties:
                with _its_own(verdict):
                    delivered = self._its.delivered_works(verdict.name)
                if verdict.problem is not None:
                    continue
            if vanishing and (found.removed_properties or delivered):
                fact = f"{', '.join(vanishing)} of {verdict.name}"
                if not self._allowed.removal:
                    verdict.problem = problems.of("property_possibly_required", fact)
                    continue
                self.warnings.append(
                    f"{fact} goes, and no WDS was given to look into: if a template needs it, KubeStellar withdraws the "
                    "workload from all WECs of its Binding."
                )
            if any(value is not None for value in found.labels.values()):
                selected_anew.append(verdict)
        if selected_anew:
            self._warn_of_lacking(selected_anew)

    def _warn_of_lacking(self, verdicts: t.Sequence[Verdict]) -> None:
        """What the other WECs have, a template may need; nobody tells for sure without the WDS."""
        try:
            maps = self._its.property_maps()
        except ApiError as error:
            if error.status != 403:
                raise
            return
        # What cannot be read of one of them tells nothing of the others.
        data = {name: item.get("data") for name, item in maps.items()}
        keys = {
            name: {key for key in one if properties.is_usable(key)}
            for name, one in data.items()
            if isinstance(one, dict)
        }
        # Kubernetes puts a ConfigMap of its own into every namespace.
        keys = {name: own for name, own in keys.items() if own}
        counts = collections.Counter(key for own in keys.values() for key in own)
        for verdict in verdicts:
            own = keys.get(verdict.name, set())
            others = len(keys) - (verdict.name in keys)
            usual = {key for key, count in counts.items() if others and count - (key in own) == others}
            lacking = sorted(usual - set(verdict.configuration.after.properties))
            if lacking:
                self.warnings.append(
                    f"{verdict.name} lacks {', '.join(lacking)}, which every other WEC with properties has: if a template "
                    "needs it, KubeStellar withdraws the workload from all WECs of its Binding. Give the WEC the property, or "
                    "set wds_kubeconfig, so that the templates on the WDS are looked at."
                )

    # -- act -----------------------------------------------------------------------------------------------------

    def apply(self, verdicts: t.Sequence[Verdict], settling: Settling) -> None:
        """Carry out the plans, each WEC on its own; a failure is a problem in its verdict."""
        open_ones = [verdict for verdict in verdicts if verdict.problem is None and verdict.plan.changes]
        expected = {verdict.name: self._expectation(verdict) for verdict in open_ones}
        known_errors = {one.policy.name: one.binding.errors for one in self._deliveries if one.binding}
        self._attempt_all(open_ones, configuration.SET_PROPERTIES, configuration.SET_LABELS)
        self._part(open_ones, expected, settling)
        self._attempt_all(open_ones, configuration.PART, configuration.REMOVE_PROPERTIES)
        self._deliver(open_ones, settling)
        followed = {
            one.name: expected[one.name]
            for one in open_ones
            if one.problem is None and (expected[one.name].joins or expected[one.name].leaves)
        }
        _blame(open_ones, settling.follow(followed, known_errors))

    def _expectation(self, verdict: Verdict) -> Expectation:
        joins = {one.policy for one in verdict.impacts if one.effect == STARTS}
        leaves = {one.policy for one in verdict.impacts if one.effect == STOPS}
        leaves |= impact.still_delivered(verdict.name, verdict.configuration.after, self._deliveries)
        return Expectation(frozenset(joins), frozenset(leaves))

    def _part(self, verdicts: t.Sequence[Verdict], expected: t.Mapping[str, Expectation], settling: Settling) -> None:
        """Nothing that a template may need goes before KubeStellar has let the WEC go."""
        going = [
            one
            for one in verdicts
            if one.problem is None and self._must_be_let_go(one.configuration, expected[one.name])
        ]
        if going:
            _blame(verdicts, settling.wait_for_withdrawal({one.name: expected[one.name] for one in going}))

    def _must_be_let_go(self, found: Configuration, expectation: Expectation) -> bool:
        if found.keeps or found.parts:
            return True
        # Any change of labels may end a delivery, and so may one of an earlier run that KubeStellar has not followed yet.
        return bool(found.removed_properties and (expectation.leaves or (found.labels and self._wds is None)))

    def _attempt_all(self, verdicts: t.Sequence[Verdict], *operations: str) -> None:
        """Several WECs at once: the hub takes longer for a write (its webhooks) than we do."""
        concurrency.each(lambda verdict: self._attempt(verdict, *operations), verdicts, _AT_ONCE)

    def _attempt(self, verdict: Verdict, *operations: str) -> None:
        """Carry out those steps of a plan that are of these operations."""
        for step in verdict.plan.steps:
            if verdict.problem is not None or step.do not in operations:
                continue
            verdict.started = verdict.started or self._its.now()
            with _its_own(verdict):
                verdict.problem = self._carry_out(verdict, step.do)
            if verdict.problem is None:
                verdict.done += 1
                verdict.ended = self._its.now()

    def _carry_out(self, verdict: Verdict, operation: str) -> Problem | None:
        found = verdict.configuration
        if operation == configuration.SET_PROPERTIES:
            return self._write_properties(verdict, dict(found.added_properties))
        if operation == configuration.REMOVE_PROPERTIES:
            return self._write_properties(verdict, dict.fromkeys(found.removed_properties))
        if operation == configuration.PART:
            return self._write_metadata(verdict, {"annotations": found.parting_annotations})
        annotations = {**found.annotations, **found.leaving_annotations}
        return self._write_metadata(verdict, {"labels": found.labels, "annotations": annotations})

    def _write_metadata(self, verdict: Verdict, changes: t.Mapping[str, merging.Changes]) -> Problem | None:
        desired = verdict.desired
        parts = {"annotations": desired.annotations, "labels": desired.labels}
        if any(part is not None and part.is_applied for part in parts.values()):
            # What stands in for labels is applied with them; what the task itself says is nobody's inventory.
            applied = {
                field: changes.get(field, {}) for field, part in parts.items() if part is None or part.is_applied
            }
            if any(applied.values()):
                self._apply_metadata(verdict, applied)
            left = _undone(verdict.cluster, changes)
            # An apply leaves what others own, too.
            undone = {field: one for field, one in left.items() if field not in applied or merging.removed(one)}
        else:
            undone = {field: dict(one) for field, one in changes.items() if one}
        if undone:
            verdict.cluster = self._its.patch_metadata(verdict.name, undone, desired.manager)
        lost = [f"{field[:-1]} {key}" for field, one in _undone(verdict.cluster, changes).items() for key in one]
        return problems.of("labels_not_effective", f"the ITS did not keep {', '.join(sorted(lost))}") if lost else None

    def _apply_metadata(self, verdict: Verdict, changes: t.Mapping[str, merging.Changes]) -> None:
        wanted = verdict.applied_metadata(changes)

        def apply(force: bool) -> None:
            verdict.cluster = self._its.apply_metadata(verdict.cluster, wanted, force=force)

        def foreign() -> set[str]:
            verdict.cluster = self._its.managed_cluster(verdict.name) or verdict.cluster
            metadata = verdict.cluster["metadata"]
            return {
                key
                for field, path in (("labels", LABELS), ("annotations", ANNOTATIONS))
                for key in _foreign(verdict.cluster, path, metadata.get(field) or {}, wanted[field])
            }

        self._force_unowned(verdict, apply, foreign)

    def _force_unowned(
        self, verdict: Verdict, apply: t.Callable[[bool], None], foreign: t.Callable[[], set[str]]
    ) -> None:
        """Apply; by force only if all that is in the way has no owner that matters. Raises ApiError.

        To the API server, what nobody owns is another's (Kubernetes: field manager before-first-apply). ``foreign`` looks again
        at what others own.
        """
        try:
            apply(self._allowed.force_conflicts)
        except ApiError as error:
            if error.status != 409 or _CONFLICT not in error.server_message:
                raise
            if not verdict.configuration.unowned or foreign() - verdict.configuration.unowned:
                raise
            apply(True)

    def _write_properties(self, verdict: Verdict, changes: merging.Changes) -> Problem | None:
        """Only keys of the inventory, or of the task, whatever others have written meanwhile."""
        name, desired = verdict.name, verdict.desired
        if desired.properties is not None and desired.properties.is_applied:
            self._apply_properties(verdict, changes)
            after = verdict.config_map or {}
            changes = {key: None for key in merging.removed(changes) if key in (after.get("data") or {})}
            if not changes:
                return None
        for attempt in range(_ATTEMPTS):
            try:
                if verdict.config_map is None:
                    verdict.config_map = self._its.create_property_map(
                        name, merging.merged({}, changes), desired.manager
                    )
                else:
                    verdict.config_map = self._its.patch_property_map(name, changes, desired.manager)
                return None
            except ApiError as error:
                if error.status == 404 and not merging.merged({}, changes):
                    # Somebody else has deleted it: there is nothing to remove from.
                    return None
                if error.status not in (404, 409) or attempt == _ATTEMPTS - 1:
                    raise
                verdict.config_map = self._its.property_maps([name]).get(name)
        return None

    def _apply_properties(self, verdict: Verdict, changes: merging.Changes) -> None:
        wanted = verdict.applied_data(changes)

        def apply(force: bool) -> None:
            verdict.config_map = self._its.apply_property_map(verdict.name, verdict.config_map, wanted, force=force)

        def foreign() -> set[str]:
            verdict.config_map = self._its.property_maps([verdict.name]).get(verdict.name)
            return _foreign(verdict.config_map, DATA, (verdict.config_map or {}).get("data") or {}, wanted)

        self._force_unowned(verdict, apply, foreign)

    def _deliver(self, verdicts: t.Sequence[Verdict], settling: Settling) -> None:
        """KubeStellar does not deliver a changed value by itself."""
        wanted: dict[str, set[str] | None] = {}
        for verdict in verdicts:
            differing = impact.differing(verdict.configuration.before, verdict.configuration.after)
            if verdict.problem is not None or not differing:
                continue
            if not self._allowed.deliver:
                verdict.delivery = WAITS
                continue
            wanted[verdict.name] = self._needing(differing)
        if not wanted:
            return
        counts, late = settling.deliver(wanted)
        _blame(verdicts, late)
        for verdict in verdicts:
            if verdict.name in late:
                verdict.delivery = WAITS
            elif verdict.name in counts:
                verdict.delivery = DELIVERED if counts[verdict.name] else NOTHING

    def _needing(self, keys: t.Collection[str]) -> set[str] | None:
        """The Bindings whose templates use one of these properties; None where nobody can tell."""
        if self._wds is None:
            return None
        return {one.policy.name for one in self._deliveries if any(key in one.needs for key in keys)}


def property_maps(its: Its, desired_states: t.Sequence[DesiredState]) -> dict[str, Json]:
    """The ConfigMaps with the properties of these WECs. Who only labels can do without the right to read them: then less is
    known of what a template would find. Raises WecError."""
    try:
        return its.property_maps([desired.name for desired in desired_states]) if desired_states else {}
    except ApiError as error:
        if error.status != 403 or any(desired.needs_properties for desired in desired_states):
            raise
        return {}


@contextlib.contextmanager
def _its_own(verdict: Verdict) -> t.Iterator[None]:
    """What is raised in it becomes this WEC's problem. An ITS that does not answer any more is everybody's."""
    try:
        yield
    except ApiError as error:
        verdict.problem = _of_error(error)
    except WecError:
        raise
    except Exception as error:
        verdict.problem = as_wec_error(error, verdict.name).problem


def _foreign(
    item: Json | None, path: tuple[str, ...], current: t.Mapping[str, str], wanted: t.Mapping[str, str]
) -> set[str]:
    """Keys that others own, and that an apply would change."""
    owned = field_ownership.ownership(item, path)
    return {key for key, value in wanted.items() if current.get(key) != value and owned.others(key)}


def _undone(cluster: Json, changes: t.Mapping[str, merging.Changes]) -> dict[str, merging.Changes]:
    """What of the changes is not in this ManagedCluster."""
    found = {}
    for field, wanted in changes.items():
        current = cluster["metadata"].get(field) or {}
        undone = {key: value for key, value in wanted.items() if current.get(key) != value}
        if undone:
            found[field] = undone
    return found


def _of_error(error: ApiError) -> Problem:
    if error.status == 409 and _CONFLICT in error.server_message:
        return problems.of("field_conflict", error.server_message)
    if error.is_webhook_down:
        return problems.of("webhook_down", error.message)
    return problems.of("forbidden" if error.status == 403 else "write_refused", error.message)


def _blame(verdicts: t.Iterable[Verdict], found: t.Mapping[str, Problem]) -> None:
    """Note what is found for a WEC as its problem."""
    for verdict in verdicts:
        verdict.problem = found.get(verdict.name, verdict.problem)
