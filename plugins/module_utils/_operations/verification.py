# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Proof beyond "available": KubeStellar's status add-on works, and a small work arrives and is seen."""

from __future__ import annotations

import dataclasses
import functools
import secrets
import time
import typing as t

from .._apis import paths
from .._apis.its import Its
from .._errors import ApiError, WecError
from .._rules.outside.unexpected import as_wec_error
from .._rules.status import addon, probe, problems, timeline
from .._rules.status.addon import AddonState
from .._rules.status.timeline import Reached
from . import concurrency
from .acceptance import Verdict, cause_on_its, waited_for
from .waiting import Lines

Json = dict[str, t.Any]
_TICK = 1.5
_AT_ONCE = 8
"""WECs that are asked at the same time."""
_LOOKS_UNTIL_STABLE = 2
"""After an outage an add-on shows a false Available=True for half a second."""


@dataclasses.dataclass(frozen=True)
class VerifyOptions:
    """What is wanted. ``addon``: auto, always or never; timeouts are seconds, for the whole batch."""

    addon: str = addon.AUTO
    probe: bool = False
    addon_timeout: float = 180.0
    probe_timeout: float = 60.0
    between_lines: float = 5.0


AskAddon = t.Callable[[str], addon.Runtime]
"""How the add-on's agent is on a WEC, as its own API shows. Raises anything where that cannot be asked."""


def verify(
    its: Its,
    verdicts: t.Mapping[str, Verdict],
    wanted: VerifyOptions,
    progress: t.Callable[[str], None],
    ask_addon: AskAddon | None = None,
) -> None:
    """Check every WEC that is available; one that fails gets its problem in its verdict, and the others go on.

    With ``ask_addon``, a WEC whose add-on has registered is asked itself: the ITS knows a minute later.
    """
    available = [verdict for verdict in verdicts.values() if verdict.done]
    if not available:
        return
    if wanted.addon != addon.NEVER:
        is_offered = its.offers_addon()
        if is_offered or wanted.addon == addon.ALWAYS:
            _Addons(its, available, is_offered, wanted, progress, ask_addon).run()
    if wanted.probe:
        _Probes(its, [verdict for verdict in available if verdict.done], wanted, progress).run()


def warnings(verdicts: t.Mapping[str, Verdict]) -> list[str]:
    """What is wrong with WECs that are registered all the same."""
    return [f"{one.name}: {one.problem}" for one in verdicts.values() if one.done and one.problem is not None]


class _Wait:
    """A shared wait for several WECs, with a line about the progress now and then."""

    what: t.ClassVar[str]

    def __init__(
        self, verdicts: t.Sequence[Verdict], timeout: float, wanted: VerifyOptions, progress: t.Callable[[str], None]
    ) -> None:
        self._open = {verdict.name: verdict for verdict in verdicts}
        self._total = len(verdicts)
        self._timeout, self._between_lines, self._progress = timeout, wanted.between_lines, progress

    def run(self) -> None:
        began, lines = time.monotonic(), Lines(self._between_lines)
        while self._open:
            self.look()
            elapsed = time.monotonic() - began
            if not self._open or elapsed >= self._timeout:
                break
            done, waiting = (
                self._total - len(self._open),
                waited_for(list(self._open.values()), cause_on_its),
            )
            if lines.take((done, waiting)):
                passed = f"{elapsed:.0f} s of {self._timeout:.0f} s"
                self._progress(f"{self.what}: {done} of {self._total} after {passed}{waiting}")
            time.sleep(min(_TICK, self._timeout - elapsed))
        for verdict in self._open.values():
            self.give_up(verdict)

    def look(self) -> None:
        raise NotImplementedError

    def give_up(self, verdict: Verdict) -> None:
        verdict.done, verdict.failed = False, True


class _Addons(_Wait):
    what = "Status add-on"

    def __init__(
        self,
        its: Its,
        verdicts: t.Sequence[Verdict],
        is_offered: bool,
        wanted: VerifyOptions,
        progress: t.Callable[[str], None],
        ask_addon: AskAddon | None,
    ) -> None:
        super().__init__(verdicts, wanted.addon_timeout, wanted, progress)
        self._its, self._is_offered, self._ask_addon = its, is_offered, ask_addon
        self._is_required = wanted.addon == addon.ALWAYS
        self._cannot_be_asked: set[str] = set()
        self._times_seen: dict[str, int] = {}
        self._trouble: dict[str, tuple[str, ...]] = {}

    def look(self) -> None:
        addons = self._its.addons(list(self._open))
        states: dict[str, AddonState] = {}
        for name in list(self._open):
            try:
                states[name] = addon.examine(addons.get(name), self._is_offered)
            except Exception as error:
                self._open[name].problem = as_wec_error(error, name).problem
                self.give_up(self._open.pop(name))
        running = self._running([name for name, state in states.items() if state.waits_for_its_poll])
        for name, state in states.items():
            verdict = self._open[name]
            verdict.waiting_for, verdict.problem = state.waiting_for, state.problem
            self._times_seen[name] = self._times_seen.get(name, 0) + 1 if state.available or name in running else 0
            if self._times_seen[name] >= _LOOKS_UNTIL_STABLE:
                verdict.addon, verdict.problem = "available", None
                verdict.proved.append(Reached(timeline.ADDON, self._its.now()))
                del self._open[name]

    @functools.cached_property
    def _machinery(self) -> addon.Machinery:
        return self._its.addon_machinery()

    def give_up(self, verdict: Verdict) -> None:
        """Statuses do not come back from it, and workload goes there: only who asks for the add-on has it fail."""
        verdict.addon = "unavailable"
        trouble = self._trouble.get(verdict.name)
        if verdict.problem is not None and verdict.problem.code == addon.UNAVAILABLE and trouble:
            verdict.problem = dataclasses.replace(verdict.problem, evidence=(*verdict.problem.evidence, *trouble))
        if verdict.problem is not None and verdict.problem.code == addon.ABSENT and self._is_offered:
            facts = self._machinery.facts(verdict.name)
            verdict.problem = dataclasses.replace(verdict.problem, evidence=(*verdict.problem.evidence, *facts))
        if self._is_required or verdict.problem is None or verdict.problem.code not in addon.CODES:
            super().give_up(verdict)

    def _running(self, names: t.Sequence[str]) -> set[str]:
        """Those of them whose own API shows that the add-on's agent runs."""
        ask_addon = self._ask_addon
        if ask_addon is None:
            return set()

        def ask(name: str) -> bool:
            try:
                found = ask_addon(name)
            except Exception:
                # It may not be asked, or does not answer: what the ITS shows is waited for.
                self._cannot_be_asked.add(name)
                return False
            self._trouble[name] = found.trouble
            return found.is_running

        asked = [name for name in names if name not in self._cannot_be_asked]
        found = concurrency.each(ask, asked, _AT_ONCE)
        return {name for name, is_running in zip(asked, found, strict=True) if is_running}


class _Probes(_Wait):
    what = "Probe"

    def __init__(
        self, its: Its, verdicts: t.Sequence[Verdict], wanted: VerifyOptions, progress: t.Callable[[str], None]
    ) -> None:
        super().__init__(verdicts, wanted.probe_timeout, wanted, progress)
        self._its = its
        self._nonce = secrets.token_hex(8)
        self._sent: set[str] = set()
        self._going: set[str] = set()

    def look(self) -> None:
        for name, verdict in list(self._open.items()):
            path = paths.below(paths.manifest_works(name), probe.NAME)
            try:
                self._step(name, path)
            except ApiError as error:
                if not error.is_transient and error.status != 409:
                    verdict.problem = problems.of("forbidden", error.message)
                    self.give_up(self._open.pop(name))
            except WecError:
                raise
            except Exception as error:
                verdict.problem = as_wec_error(error, name).problem
                _Wait.give_up(self, self._open.pop(name))

    def _step(self, name: str, path: str) -> None:
        found = self._its.kube.find(path)
        if name not in self._sent:
            if found is not None:
                # Left by a run that was killed, or another run's: it must be gone before ours can prove anything.
                self._its.kube.delete(path)
                return
            self._its.kube.create(paths.manifest_works(name), probe.work(self._nonce))
            self._sent.add(name)
        elif name in self._going:
            if found is None:
                verdict = self._open.pop(name)
                verdict.probe = "seen"
                verdict.proved.append(Reached(timeline.PROBE, self._its.now()))
        elif probe.seen(found) == self._nonce:
            self._its.kube.delete(path)
            self._going.add(name)

    def give_up(self, verdict: Verdict) -> None:
        super().give_up(verdict)
        verdict.waiting_for = "its probe has not arrived"
        path = paths.below(paths.manifest_works(verdict.name), probe.NAME)
        try:
            found = self._its.kube.find(path)
            verdict.problem = verdict.problem if verdict.problem else problems.of("probe_failed", probe.reports(found))
            if found is not None:
                self._its.kube.delete(path)
        except ApiError as error:
            # It concerns this WEC alone, whose mailbox may be closed to us.
            verdict.problem = verdict.problem or problems.of("forbidden", error.message)
