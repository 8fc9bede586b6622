# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting for KubeStellar: until it has let a WEC go, has delivered a property anew, and has followed a change."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from .._apis.its import Its
from .._apis.wds import Wds
from .._errors import ApiError, WecError
from .._rules.observed import readable, works
from .._rules.observed.binding_policies_view import Binding
from .._rules.outside import screen
from .._rules.status import problems
from .._rules.status.problems import Problem
from .waiting import LINE_EVERY, Lines

Json = dict[str, t.Any]
_TICK = 0.5
_NAMED = 5
_NOTICED_WITHIN = 5.0
"""Seconds after a change of labels at which KubeStellar has begun to take works away: it takes 2.3."""


@dataclasses.dataclass(frozen=True)
class Expectation:
    """Bindings that a WEC shall be a destination of, and those that it shall not be any more."""

    joins: frozenset[str] = frozenset()
    leaves: frozenset[str] = frozenset()


class Settling:
    """Waits for one batch; each wait has ``timeout`` seconds and gives a problem for each WEC that is late."""

    def __init__(self, its: Its, wds: Wds | None, timeout: float, progress: t.Callable[[str], None]) -> None:
        self._its, self._wds, self._timeout, self._progress = its, wds, timeout, progress

    def _until(
        self, waiting: dict[str, str], look: t.Callable[[str], str | None], what: str, at_least: float = 0.0
    ) -> dict[str, str]:
        """Look at each until it gives None; returns what the others have last said. What cannot be read of one is what it says."""

        def look_at(name: str) -> str | None:
            try:
                return look(name)
            except ApiError as error:
                # What was written stays written: it is waited for, and told in the end.
                return error.message
            except WecError:
                raise
            except Exception as error:
                return f"what the ITS shows of it cannot be read: {readable.why(error)}"

        began, lines, timeout = time.monotonic(), Lines(LINE_EVERY), max(self._timeout, at_least)
        while True:
            waiting = {name: sentence for name in waiting if (sentence := look_at(name)) is not None}
            elapsed = time.monotonic() - began
            if not waiting or elapsed >= timeout:
                return waiting
            names = sorted(waiting)
            if lines.take((what, *names)):
                shown = f"waiting for {screen.listed(names, _NAMED)} ({elapsed:.0f} s of {timeout:.0f} s)"
                self._progress(f"{what}: {shown}; {names[0]}: {waiting[names[0]]}")
            self._pause()

    def _pause(self) -> None:
        time.sleep(_TICK)

    def _works_of(self, names: t.Sequence[str]) -> t.Callable[[str], list[Json]]:
        """The works of one of these WECs, of which those of all are listed once in each look."""
        found: dict[str, list[Json]] = {}
        read_at = float("-inf")

        def of(name: str) -> list[Json]:
            nonlocal found, read_at
            if time.monotonic() - read_at > _TICK / 2:
                found, read_at = self._its.delivered_works_of(names), time.monotonic()
            return found[name]

        return of

    # -- leaving -------------------------------------------------------------------------------------------------

    def wait_for_withdrawal(self, expected: t.Mapping[str, Expectation]) -> dict[str, Problem]:
        """Until KubeStellar delivers to these WECs no more what their labels do not select any more."""
        if self._wds is None:
            return self._let_go_as_works_show(list(expected))
        late = self._bindings_follow({name: Expectation(leaves=one.leaves) for name, one in expected.items()})
        return {name: problems.of("kubestellar_not_responding", sentence) for name, sentence in late.items()}

    def _let_go_as_works_show(self, names: t.Sequence[str]) -> dict[str, Problem]:
        """Without a look into the WDS: nobody tells which works have to go, only that some are going."""
        end_of_notice = time.monotonic() + _NOTICED_WITHIN
        delivered = self._its.delivered_works_of(names)
        works_now = self._works_of(names)

        def look(name: str) -> str | None:
            going = [work["metadata"]["name"] for work in works_now(name) if works.is_deleting(work)]
            if going:
                return f"ManifestWorks are being deleted: {', '.join(going[:5])}"
            return "KubeStellar may not have noticed yet" if time.monotonic() < end_of_notice else None

        # A WEC without any work has none that could go.
        late = self._until(
            {name: "" for name in names if delivered[name]},
            look,
            "Withdrawal",
            at_least=_NOTICED_WITHIN + 1,
        )
        return {name: problems.of("kubestellar_not_responding", sentence) for name, sentence in late.items()}

    # -- bindings ------------------------------------------------------------------------------------------------

    def follow(
        self, expected: t.Mapping[str, Expectation], known_errors: t.Mapping[str, t.Collection[str]]
    ) -> dict[str, Problem]:
        """Until the Bindings are as the labels select, and the transport has seen them; then their new errors."""
        if self._wds is None or not expected:
            return {}
        late = self._bindings_follow(expected)
        found = {name: problems.of("kubestellar_not_responding", sentence) for name, sentence in late.items()}
        bindings = self._wds.bindings()
        for name, one in expected.items():
            errors = [
                f"Binding {binding}: {error}"
                for binding in sorted(one.joins)
                for error in (bindings[binding].errors if binding in bindings else ())
                if error not in known_errors.get(binding, ())
            ]
            if errors and name not in found:
                found[name] = problems.of("binding_errors", *errors[:5])
        return found

    def _bindings_follow(self, expected: t.Mapping[str, Expectation]) -> dict[str, str]:
        wds = t.cast(Wds, self._wds)
        bindings: dict[str, Binding] = {}
        read_at = 0.0

        def look(name: str) -> str | None:
            nonlocal bindings, read_at
            if time.monotonic() - read_at > _TICK / 2:
                bindings, read_at = wds.bindings(), time.monotonic()
            one = expected[name]
            for binding in sorted(one.leaves):
                if binding in bindings and name in bindings[binding].destinations:
                    return f"Binding {binding} still has {name} as a destination"
            for binding in sorted(one.joins):
                # A policy that selects no object has no Binding, and that is no error.
                if binding in bindings and name not in bindings[binding].destinations:
                    return f"Binding {binding} does not have {name} as a destination"
                if binding in bindings and not bindings[binding].is_observed:
                    return f"KubeStellar's transport controller has not seen the present Binding {binding}"
            return None

        return self._until(dict.fromkeys(expected, ""), look, "Bindings")

    # -- delivery ------------------------------------------------------------------------------------------------

    def deliver(self, names: t.Mapping[str, t.Collection[str] | None]) -> tuple[dict[str, int], dict[str, Problem]]:
        """Have the works of these WECs written anew, and wait until they are applied.

        ``names`` maps each to the Bindings that matter, None for all. Gives the number of works for each, and problems.
        """
        sent: dict[str, set[str]] = {}
        found: dict[str, Problem] = {}
        try:
            delivered = self._its.delivered_works_of(list(names))
        except ApiError as error:
            return {}, dict.fromkeys(names, _not_sent(error))
        for name, bindings in names.items():
            try:
                sent[name] = self._send_again(delivered[name], bindings)
            except ApiError as error:
                # The property is written: what fails here is a problem of this WEC only.
                found[name] = _not_sent(error)
            except WecError:
                raise
            except Exception as error:
                found[name] = problems.of("delivery_late", f"its ManifestWorks cannot be read: {readable.why(error)}")

        works_now = self._works_of(list(sent))

        def look(name: str) -> str | None:
            for work in works_now(name):
                if work["metadata"]["name"] not in sent[name] or works.is_deleting(work):
                    continue
                if works.awaits_rewriting(work):
                    return f"ManifestWork {work['metadata']['name']} has not been written anew"
                if not works.is_applied(work):
                    return works.trouble(work)
            return None

        late = self._until({name: "" for name in sent if sent[name]}, look, "Delivery")
        found.update({name: problems.of("delivery_late", sentence) for name, sentence in late.items()})
        return {name: len(one) for name, one in sent.items()}, found

    def _send_again(self, delivered: t.Sequence[Json], bindings: t.Collection[str] | None) -> set[str]:
        """The names of those works that KubeStellar shall write anew. Raises ApiError."""
        sent = set()
        for work in delivered:
            if works.is_deleting(work) or not (bindings is None or works.binding_of(work) in bindings):
                continue
            try:
                self._its.deliver_again(work)
            except ApiError as error:
                # One that KubeStellar has taken away meanwhile needs nothing.
                if error.status != 404:
                    raise
            else:
                sent.add(work["metadata"]["name"])
        return sent


def _not_sent(error: ApiError) -> Problem:
    return problems.of("forbidden" if error.status == 403 else "delivery_late", error.message)
