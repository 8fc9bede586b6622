# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a klusterlet is behind, and what has to be done to upgrade it."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ..fleet.plan import Plan, Step
from ..observed.observed_agent import OPERATOR_NAMESPACE, UPGRADED_FROM, Klusterlet, ObservedAgent
from ..status import diagnosis, problems, states, versions
from ..status.problems import Problem
from ..status.states import State
from ..status.versions import Version
from . import klusterlet_images
from .klusterlet_images import OPERATOR, SPECS, Images

Json = dict[str, t.Any]
MARK, PREPARE, DEFINE, UPGRADE_OPERATOR, UPGRADE_AGENTS, UNMARK = (
    "mark",
    "prepare",
    "define",
    "upgrade_operator",
    "upgrade_agents",
    "unmark",
)
"""In this order. clusteradm alone writes everything at once: then the operator before rolls the agents out, and the new one does so
again as soon as it leads."""
ONLY_NAME = "klusterlet"
"""The only Klusterlet that clusteradm upgrades (clusteradm: pkg/config)."""
_RESOURCES = {"type": "Default"}
"""What a Klusterlet without resourceRequirement means. clusteradm takes clusterName, mode and namespace from its own defaults where
it is not set (clusteradm: pkg/cmd/upgrade/klusterlet/exec.go)."""


@dataclasses.dataclass(frozen=True)
class Target:
    """``hub``: the hub's version, None where nothing tells it. ``is_given``: whether somebody asked for just this version.

    ``registry`` is None where images come from where they come from now.
    """

    version: Version
    hub: Version | None = None
    registry: str | None = None
    is_given: bool = False

    @property
    def reason(self) -> str:
        return f"{versions.show(self.version)} was asked for" if self.is_given else f"the hub is {self.shown}"

    @property
    def shown(self) -> str:
        return versions.show(self.version)


@dataclasses.dataclass(frozen=True)
class Decision:
    """``images`` are those that there shall be, ``original`` those to go back to. ``problem``: why nothing may be done."""

    present: Images
    images: Images
    original: Images
    plan: Plan = dataclasses.field(default_factory=Plan)
    problem: Problem | None = None
    is_newer: bool = False
    """Whether it is newer than what was asked for, and stays."""

    @property
    def current(self) -> Version | None:
        return self.present.version


def refusal(state: State, wec: ObservedAgent, name: str) -> Problem | None:
    """Why its klusterlet must not be touched, whatever its version is."""
    klusterlet = wec.the_klusterlet(name)
    hosted = next((one for one in wec.klusterlets or () if one.is_hosted and one.cluster_name == name), None)
    if klusterlet is None and hosted is not None:
        return problems.of("klusterlet_not_upgradable", f"Klusterlet {hosted.name} has the mode {hosted.mode}")
    if state.name not in (states.JOINED, states.JOINED_UNAVAILABLE):
        return diagnosis.of_state(state) or problems.of("not_joined", state.reason)
    if klusterlet is None:
        return problems.of("not_joined", "it has no Klusterlet")
    if klusterlet.name != ONLY_NAME or klusterlet.mode not in klusterlet_images.AGENTS:
        fact = f"the Klusterlet is called {klusterlet.name} and has the mode {klusterlet.mode}"
        return problems.of("klusterlet_not_upgradable", fact)
    return None


def decide(klusterlet: Klusterlet, operator: Json | None, target: Target) -> Decision:
    """``operator`` is the operator's Deployment."""
    present = klusterlet_images.read(klusterlet, operator)
    earlier = _marked(klusterlet)
    wanted = present.of_version(target.version, target.registry)
    original = earlier or present
    decision = Decision(present, wanted, original)
    if OPERATOR not in present.references:
        problem = problems.of("operator_not_running", f"there is no Deployment {OPERATOR_NAMESPACE}/klusterlet")
        return dataclasses.replace(decision, problem=problem)
    if not present.of_agents:
        problem = problems.of("klusterlet_version_unknown", "the Klusterlet names no images")
        return dataclasses.replace(decision, problem=problem)
    if present.version is None and not target.is_given:
        facts = [f"{part} is {image}" for part, image in present.references.items() if not versions.of_image(image)]
        return dataclasses.replace(decision, problem=problems.of("klusterlet_version_unknown", *facts))
    newest = max((found for one in present.references.values() if (found := versions.of_image(one))), default=None)
    if newest is not None and newest > target.version and earlier is None:
        if target.hub is not None and newest > target.hub:
            fact = f"the klusterlet is {versions.show(newest)}, the hub {versions.show(target.hub)}"
            return dataclasses.replace(decision, problem=problems.of("version_skew", fact))
        return dataclasses.replace(decision, is_newer=True)
    return dataclasses.replace(decision, plan=Plan(_steps(klusterlet, present, wanted, original, earlier, target)))


def _marked(klusterlet: Klusterlet) -> Images | None:
    """The images before an upgrade that was begun and not finished."""
    if not klusterlet.is_being_upgraded:
        return None
    try:
        found = json.loads(klusterlet.raw["metadata"]["annotations"][UPGRADED_FROM])
        references = {part: found[part] for part in (OPERATOR, *SPECS) if isinstance(found.get(part), str)}
    except (ValueError, TypeError, AttributeError):
        # An upgrade is under way, and the images to go back to are not known.
        references = {}
    return Images(references)


def _steps(
    klusterlet: Klusterlet, present: Images, wanted: Images, original: Images, earlier: Images | None, target: Target
) -> list[Step]:
    resumed = "an earlier upgrade was not finished" if earlier is not None else ""
    set_now = {field: present.references.get(field) for field in SPECS}
    # What is not set is not used in this mode; clusteradm sets it all the same.
    agents_are_behind = any(reference != wanted.references[field] for field, reference in present.of_agents.items())
    operator_is_behind = present.references[OPERATOR] != wanted.references[OPERATOR]
    if not (agents_are_behind or operator_is_behind or resumed):
        return []
    what, version = f"Klusterlet {klusterlet.name}", versions.show(present.version) if present.version else "unknown"
    why = resumed or f"it is {version}, and {target.reason}"
    mark, noted = f"annotation {UPGRADED_FROM}", {"version": version}
    steps = []
    if earlier is None:
        steps.append(Step("WEC", "create", mark, "a run that goes on knows what there was before", None, noted, MARK))
    if not (klusterlet.raw.get("spec") or {}).get("resourceRequirement"):
        reason = "without it, clusteradm would change its name and mode"
        resources = "resourceRequirement"
        steps.append(Step("WEC", "update", what, reason, {resources: None}, {resources: dict(_RESOURCES)}, PREPARE))
    define = f"its operator and agents come after them: {why}"
    steps.append(Step("WEC", "update", "definitions and roles of the klusterlet", define, None, None, DEFINE))
    if operator_is_behind:
        operator = f"Deployment {OPERATOR_NAMESPACE}/klusterlet"
        old, new = {"image": present.references[OPERATOR]}, {"image": wanted.references[OPERATOR]}
        steps.append(Step("WEC", "upgrade", operator, why, old, new, UPGRADE_OPERATOR))
    changed = {field: one for field, one in wanted.of_agents.items() if one != set_now[field]}
    if changed:
        before = {field: set_now[field] for field in changed}
        steps.append(Step("WEC", "upgrade", what, why, before, changed, UPGRADE_AGENTS))
    steps.append(Step("WEC", "delete", mark, "the upgrade is proved", None, None, UNMARK))
    return steps


def version_of_definitions(decision: Decision, target: Target) -> Version:
    """With which clusteradm writes the definitions and roles, which are its own whatever the version is: none that changes an image,
    where all have the same."""
    known = {versions.of_image(one) for one in decision.present.references.values()}
    return t.cast(Version, decision.current) if len(known) == 1 and None not in known else target.version


def mark_patch(original: Images | None) -> Json:
    """A merge patch of a Klusterlet that notes its images; None takes the note away."""
    noted = None if original is None else json.dumps(dict(original.references), sort_keys=True)
    return {"metadata": {"annotations": {UPGRADED_FROM: noted}}}


def resources_patch() -> Json:
    """A merge patch of a Klusterlet without resourceRequirement."""
    return {"spec": {"resourceRequirement": dict(_RESOURCES)}}


def desired_spec(before: Json, wanted: Images) -> Json:
    """A Klusterlet's spec as it was, but for its images and what clusteradm needs."""
    return {"resourceRequirement": dict(_RESOURCES), **before, **wanted.of_agents}


def correction(found: Json, desired: Json) -> Json | None:
    """A merge patch that makes a spec the desired one; None if it is."""
    patch = _patch(found, desired)
    return {"spec": patch} if patch else None


def _patch(found: Json, desired: Json) -> Json:
    patch: Json = {key: None for key in found if key not in desired and key not in SPECS}
    for key, value in desired.items():
        own = found.get(key)
        if isinstance(value, dict) and isinstance(own, dict):
            inner = _patch(own, value)
            if inner:
                patch[key] = inner
        elif own != value:
            patch[key] = value
    return patch
