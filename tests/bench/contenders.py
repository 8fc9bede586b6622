# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is measured: the collection, what people use today, and the least that anybody can do."""

from __future__ import annotations

import json
import pathlib
import sys
import typing as t

from .ground import OCM, Ground, Job

HERE = pathlib.Path(__file__).parent
COLLECTION, SHELL, KUBERNETES_CORE, BARE = "kubestellar.wec", "shell script", "kubernetes.core", "bare client"
ALL = (COLLECTION, SHELL, KUBERNETES_CORE, BARE)
Jobs = t.Callable[..., Job]


class Contenders:
    """Jobs on one ground. ``at_once`` is for how many WECs each works at a time; a shell script takes one after the other."""

    def __init__(self, ground: Ground, at_once: int) -> None:
        self._ground, self._at_once = ground, at_once

    # -- registration --------------------------------------------------------------------------------------------

    def registers(self, scenario: str, contender: str, wecs: t.Sequence[str], **variables: t.Any) -> Job:
        """From nothing to available, and (but for the bare client) labelled and with properties."""
        ground = self._ground
        if contender == COLLECTION:
            return self._playbook(scenario, contender, "kubestellar.wec.register", wecs, variables, registers=True)
        if contender == SHELL:
            script = [HERE / "shell" / "register.sh", ground.its, ground.fleet, OCM, *wecs]
            return Job(scenario, contender, wecs, script, registers=True)
        if contender == KUBERNETES_CORE:
            playbook = str(HERE / "kubernetes_core" / "register.yml")
            own = {"bench_its": str(ground.its), "bench_version": OCM}
            return self._playbook(scenario, contender, playbook, wecs, own, registers=True)
        bare = ["register", ground.its, ground.fleet, "--bundle-version", OCM, *wecs]
        return Job(scenario, contender, wecs, [*self._bare, *bare], registers=True)

    # -- a fleet that is registered ------------------------------------------------------------------------------

    def labels(self, scenario: str, contender: str, wecs: t.Sequence[str], value: str) -> Job:
        """One label gets this value on each WEC."""
        ground = self._ground
        if contender == COLLECTION:
            return self._playbook(scenario, contender, "kubestellar.wec.register", wecs, {}, labels={"round": value})
        if contender == SHELL:
            script = [HERE / "shell" / "label.sh", ground.its, f"round={value}", *wecs]
            return Job(scenario, contender, wecs, script)
        if contender == KUBERNETES_CORE:
            playbook, own = str(HERE / "kubernetes_core" / "label.yml"), {"bench_its": str(ground.its)}
            return self._playbook(scenario, contender, playbook, wecs, own, labels={"round": value})
        return Job(scenario, contender, wecs, [*self._bare, "label", ground.its, f"round={value}", *wecs])

    def looks(self, scenario: str, contender: str, wecs: t.Sequence[str]) -> Job:
        """The state of each WEC."""
        ground = self._ground
        if contender == COLLECTION:
            return self._playbook(scenario, contender, "kubestellar.wec.status", wecs, {})
        if contender == SHELL:
            return Job(scenario, contender, wecs, [HERE / "shell" / "status.sh", ground.its, *wecs])
        playbook, own = str(HERE / "kubernetes_core" / "status.yml"), {"bench_its": str(ground.its)}
        return self._playbook(scenario, contender, playbook, wecs, own)

    def runs(self, scenario: str, playbook: str, wecs: t.Sequence[str], labels: t.Mapping[str, str]) -> Job:
        """A playbook of the collection."""
        return self._playbook(scenario, COLLECTION, f"kubestellar.wec.{playbook}", wecs, {}, labels=labels)

    # -- leaving -------------------------------------------------------------------------------------------------

    def leaves(self, scenario: str, contender: str, wecs: t.Sequence[str]) -> Job:
        """From registered, labelled and with properties to gone from both sides, the operator and its definitions too."""
        ground = self._ground
        if contender == COLLECTION:
            return self._playbook(scenario, contender, "kubestellar.wec.deregister", wecs, {})
        if contender == SHELL:
            return Job(scenario, contender, wecs, [HERE / "shell" / "leave.sh", ground.its, ground.fleet, *wecs])
        return Job(scenario, contender, wecs, [*self._bare, "leave", ground.its, ground.fleet, *wecs])

    # -- how -----------------------------------------------------------------------------------------------------

    @property
    def _bare(self) -> list[str]:
        return [sys.executable, str(HERE / "bare.py"), "--at-once", str(self._at_once)]

    def _playbook(
        self,
        scenario: str,
        contender: str,
        playbook: str,
        wecs: t.Sequence[str],
        variables: t.Mapping[str, t.Any],
        labels: t.Mapping[str, str] | None = None,
        registers: bool = False,
    ) -> Job:
        inventory = self._ground.inventory(wecs, **(labels or {}))
        command = ["ansible-playbook", "-i", str(inventory), "-f", str(self._at_once), playbook]
        command += ["-e", json.dumps(variables)] if variables else []
        return Job(scenario, contender, wecs, command, registers=registers)
