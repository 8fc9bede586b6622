# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking an agent, and what came with it, off its cluster: the WEC's half of leaving."""

from __future__ import annotations

import dataclasses
import typing as t

from .._apis.wec import Wec
from .._errors import ApiError, Refused
from .._rules.deregistration import leaving
from .._rules.deregistration.leaving import LeaveOptions, Part, WecSide, finalizers, name_of
from .._rules.fleet.plan import Step
from .._rules.observed import works
from .._rules.observed.observed_agent import OPERATOR_NAMESPACE, Klusterlet
from .._rules.status import problems
from .._rules.status.problems import Problem
from .waiting import Waiter

Json = dict[str, t.Any]
_CUT_ATTEMPTS = 5


class AgentRemoval:
    """Steps of one plan. ``orphans`` are the names of AppliedManifestWorks that no agent takes away.

    ``released`` are the finalizers that were taken away, ``warnings`` what a user should know.
    """

    def __init__(
        self, name: str, wec: Wec, side: WecSide, orphans: t.Collection[str], choices: LeaveOptions, waiter: Waiter
    ) -> None:
        self._name, self._wec, self._side, self._orphan_names = name, wec, side, orphans
        self._choices, self._until = choices, waiter.until
        self.released: list[Json] = []
        self.warnings: list[str] = []
        self._awaited: list[t.Callable[[], None]] = []

    def carry_out(self, steps: t.Sequence[Step]) -> t.Iterator[Step]:
        """Gives each when it is done. Raises WecError."""
        for step in steps:
            self.do(step.do)
            yield step

    def do(self, operation: str) -> None:
        """Raises WecError."""
        if operation.startswith(leaving.PURGE):
            self._purge(next(part for part in leaving.OPERATOR_PARTS if operation == f"{leaving.PURGE} {part}"))
            return
        operations: dict[str, t.Callable[[], None]] = {
            leaving.DELETE_KLUSTERLET: self._delete_klusterlet,
            leaving.RUN_OPERATOR_CLEANUP: self._stand_in_for_operator,
            leaving.DELETE_AGENT_NAMESPACES: self._delete_agent_namespaces,
            leaving.ORPHAN_WORKLOAD: self._cut,
            leaving.DELETE_APPLIED: self._delete_applied,
        }
        operations[operation]()

    def await_all(self) -> None:
        """What goes by itself and is in nobody's way was not waited for yet. Raises TimedOut."""
        for wait in self._awaited:
            wait()
        self._awaited = []

    # -- workload ------------------------------------------------------------------------------------------------

    def await_applied(self, but_of: t.Callable[[], t.Collection[str]]) -> None:
        """Until nothing is left that the agent takes away, but of the works with these names."""

        def look() -> str | None:
            there = but_of()
            left = leaving.awaited_applied(self._name, self._side, self._wec.works(), self._orphan_names, there)
            return f"the WEC still has the AppliedManifestWorks {leaving.named(left)}" if left else None

        self._until(look, lambda sentence: problems.of("agent_not_responding", sentence, self.why_applied()))

    def why_applied(self) -> str:
        """What holds the workload of works that are being deleted, as far as it may be read."""
        held = []
        try:
            for applied in filter(works.is_deleting, self._wec.works()):
                for path, item in self._wec.workload_of(applied):
                    if finalizers(item):
                        held.append(f"{path} has the finalizers {', '.join(finalizers(item))}")
        except ApiError as error:
            if error.status != 403:
                raise
        return "; ".join(held[:5])

    # -- the agent -----------------------------------------------------------------------------------------------

    def _delete_klusterlet(self) -> None:
        own = self._side.klusterlet(self._name)
        if own is None:
            return
        # Without it, the workload would stay.
        self.await_applied(lambda: ())
        self._wec.delete_klusterlet(own.name, own.uid)
        if self._side.has_operator:
            self._await_klusterlet_gone(own)

    def _await_klusterlet_gone(self, own: Klusterlet) -> None:
        def look() -> str | None:
            found = self._wec.klusterlet(own.name)
            if found is None or found["metadata"].get("uid") != own.uid:
                return None
            return f"Klusterlet {own.name} has the finalizers {', '.join(finalizers(found)) or 'none'}"

        def blame(sentence: str) -> Problem:
            is_gone = self._wec.deployment(OPERATOR_NAMESPACE, "klusterlet") is None
            return problems.of("klusterlet_half_removed" if is_gone else "deletion_stuck", sentence)

        self._until(look, blame)
        others = [one for one in self._side.view.klusterlets or () if one.uid != own.uid]
        if not others:
            self._await_namespaces((own.namespace, leaving.ADDON_NAMESPACE))

    def _stand_in_for_operator(self) -> None:
        """What the operator would do (OCM: pkg/operator/operators/klusterlet, its cleanup), in its order."""
        own = self._side.klusterlet(self._name)
        if own is None:
            return
        if all(one.uid == own.uid for one in self._side.view.klusterlets or ()):
            for namespace in (own.namespace, leaving.ADDON_NAMESPACE):
                self._wec.delete_namespace(namespace)
        self._wec.delete_made_by_operator(own.name)
        found = self._wec.klusterlet(own.name)
        if found is not None:
            self._note_released("Klusterlet", own.name, self._wec.release_klusterlet(found))
        self._await_klusterlet_gone(own)

    def _note_released(self, kind: str, name: str, taken: t.Iterable[str]) -> None:
        self.released += leaving.released(kind, name, taken)

    def _await_namespaces(self, names: t.Iterable[str]) -> None:
        def look() -> str | None:
            left = [one for one in names if self._wec.has_namespace(one)]
            return f"the WEC still has the namespaces {', '.join(left)}" if left else None

        self._until(look, lambda sentence: problems.of("deletion_stuck", sentence))

    def _delete_agent_namespaces(self) -> None:
        for namespace in self._side.namespaces:
            self._wec.delete_namespace(namespace)
        self._await_namespaces(self._side.namespaces)

    # -- works that nobody looks after ---------------------------------------------------------------------------

    def _orphans(self) -> list[Json]:
        return [item for item in self._wec.works() if name_of(item) in self._orphan_names]

    def _cut(self) -> None:
        """The agent is gone by now: it would put the references back."""
        for applied in leaving.without_addons(self._orphans()):
            for attempt in range(_CUT_ATTEMPTS):
                try:
                    for path, item in self._wec.workload_of(applied):
                        owners = leaving.without_owner(item)
                        if owners is not None:
                            self._wec.set_owners(path, item, owners)
                    break
                except ApiError as error:
                    if error.status not in (404, 409) or attempt + 1 == _CUT_ATTEMPTS:
                        raise

    def _delete_applied(self) -> None:
        items = self._orphans()
        going = items if self._choices.workload == leaving.REMOVE else list(filter(works.has_applied_addon, items))
        workload = {path: item["metadata"]["uid"] for one in going for path, item in self._wec.workload_of(one)}
        for applied in items:
            self._wec.delete_applied(applied)

        def look() -> str | None:
            left = self._orphans()
            for one in left:
                # Their agent is gone, and nobody else will.
                self._note_released("AppliedManifestWork", name_of(one), self._wec.release_applied(one))
            if left:
                facts = [f"{name_of(one)} ({', '.join(finalizers(one)) or 'no finalizers'})" for one in left[:5]]
                return f"the WEC still has the AppliedManifestWorks {', '.join(facts)}"
            there = [path for path, uid in workload.items() if self._is_there(path, uid)]
            return f"workload is on the WEC still: {', '.join(there[:5])}" if there else None

        self._until(look, lambda sentence: problems.of("deletion_stuck", sentence))

    def _is_there(self, path: str, uid: str) -> bool:
        found = self._wec.kube.find(path)
        return found is not None and found["metadata"]["uid"] == uid

    # -- the installation ----------------------------------------------------------------------------------------

    def _purge(self, part: Part) -> None:
        """Looked at again before each: another hub may have come, or an agent may have left something."""
        view = dataclasses.replace(self._side.view, klusterlets=self._wec.klusterlets())
        fresh = dataclasses.replace(
            self._side,
            view=view,
            parts=(part,),
            cluster_managers=self._wec.cluster_managers(),
            residents=self._wec.residents() if part == leaving.OPERATOR_HOME else (),
            claims=self._wec.claims() if part == leaving.CLAIMS else (),
        )
        problem = leaving.purge_problem(self._name, fresh, self._wec.works())
        is_asked_for = self._choices.purge is True
        held = leaving.content_problem(fresh)
        if is_asked_for:
            problem = problem or held
        if problem is not None and is_asked_for:
            raise Refused(f"{self._name}: {problem}", problem.evidence, problem)
        if problem is not None:
            self.warnings.append(f"{self._name}: {part} stays on the WEC: {problem}")
            return
        if held is not None:
            self.warnings.append(leaving.content_warning(self._name, part, fresh))
            if part != leaving.OPERATOR_HOME:
                return
        try:
            if held is not None:
                self._wec.delete_operator()
                return
            self._wec.delete_part(part)
        except ApiError as error:
            if error.status != 403 or is_asked_for:
                raise
            self.warnings.append(f"{self._name}: {part} stays on the WEC: {error.message}")
            return

        def look() -> str | None:
            return f"{part} still exists" if self._wec.has_part(part) else None

        self._awaited.append(lambda: self._until(look, lambda sentence: problems.of("deletion_stuck", sentence)))
