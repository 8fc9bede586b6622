# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/performance.md and its picture, made of the figures."""

from __future__ import annotations

import pathlib
import typing as t

from sandbox.layout import REPOSITORY

from . import scenarios
from .contenders import ALL, BARE, COLLECTION, KUBERNETES_CORE, SHELL
from .figures import AGENTS, CLUSTERADM, OURS, Measurement, Spread, typical
from .results import Kept

PAGE = REPOSITORY / "docs" / "performance.md"
PICTURE = REPOSITORY / "docs" / "performance-growth.svg"
_TEMPLATE = pathlib.Path(__file__).parent / "page.md"
_CURVES = (
    (scenarios.REGISTRATION, COLLECTION, "register, from nothing", "o-"),
    (scenarios.LABEL, COLLECTION, "register, a label changes on each", "s-"),
    (scenarios.LABEL, BARE, "bare client, the same change", "s--"),
    (scenarios.NOTHING, COLLECTION, "register, nothing to do", "^-"),
    (scenarios.STATUS, COLLECTION, "status", "v-"),
)


def write(kept: Kept) -> None:
    """The page and its picture, of whatever has been measured."""
    draw(kept, PICTURE)
    PAGE.write_text(render(kept, _TEMPLATE.read_text(encoding="utf-8")), encoding="utf-8")


def render(kept: Kept, template: str) -> str:
    """Put tables in the places that the template has for them: a line ``@NAME`` each."""
    parts = {
        "@machine": _machine(kept),
        "@registration": table(_runs(kept, scenarios.REGISTRATION, scenarios.ALL_OF_THEM)),
        "@leave": table(_runs(kept, scenarios.LEAVE)),
        "@real": table(_runs(kept, scenarios.REAL)),
        "@fleet": table(_runs(kept, scenarios.NOTHING, scenarios.STATUS, scenarios.PLAN, scenarios.LABEL)),
        "@ratios": "\n".join(f"- {line}" for line in ratios(kept)),
        "@dead": dead_table(kept.of(scenarios.DEAD)),
    }
    return "\n".join(parts.get(line, line) for line in template.splitlines()) + "\n"


def _machine(kept: Kept) -> str:
    machine = kept.machine
    load = machine.get("load", 0)
    # More than the contenders, the hub and the fleet are.
    disturbed = (
        f" Others used the machine as well (load {load}): seconds of wall time are too many, and only CPU and requests hold."
        if load > 4 * machine["cores"]
        else ""
    )
    return (
        f"Measured on {machine['day']} on {machine['cores']} cores with {machine['memory_gib']} GiB "
        f"({machine['system']}, Python {machine['python']}), {kept.at_once} WECs at a time (forks, threads).{disturbed}"
    )


def _runs(kept: Kept, *names: str) -> list[Measurement]:
    """The typical run of each contender at each size."""
    found = []
    for scenario in names:
        for contender in ALL:
            sizes = sorted({one.wecs for one in kept.of(scenario, contender)})
            found += [typical(kept.of(scenario, contender, size)) for size in sizes]
    return found


def table(runs: t.Sequence[Measurement]) -> str:
    """Markdown. Requests are those to the hub, for each WEC."""
    if not runs:
        return "Not measured."
    with_times = any(one.finished for one in runs)
    header = ["what", "who", "WECs", "wall s", "CPU s", "stolen %", "memory MiB", "own requests per WEC"]
    header += ["clusteradm's", "agents'", "announced to available s", "start to available s"] if with_times else []
    rows = [_row(one, with_times) for one in runs]
    lines = [header, ["---", "---", *(["---:"] * (len(header) - 2))], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(one: Measurement, with_times: bool) -> list[str]:
    own = one.memory if one.own_memory is None else one.own_memory
    memory = f"{one.memory:.0f}" + (f" ({own:.0f})" if one.memory - own >= 1 else "")
    stolen = "" if one.stolen is None else str(one.stolen)
    row = [
        one.scenario,
        one.contender,
        str(one.wecs),
        f"{one.wall:.1f}",
        f"{one.cpu:.1f}",
        stolen,
        memory,
        _requests(one),
    ]
    if with_times:
        row += [_number(one.per_wec(CLUSTERADM)), _number(one.per_wec(AGENTS)), _spread(one.announced)]
        row.append(_spread(one.finished))
    return row


def _requests(one: Measurement) -> str:
    """For each WEC, or for all of them where it is a few in all."""
    by_verb = sorted(one.requests.get(OURS, {}).items(), key=lambda item: -item[1])
    if one.own_requests < one.wecs:
        return f"{one.own_requests} in all ({', '.join(f'{verb} {count}' for verb, count in by_verb)})"
    message = [f"{verb} {_number(count / one.wecs)}" for verb, count in by_verb if count >= one.wecs / 20]
    return f"{_number(one.per_wec(OURS))} ({', '.join(message)})"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _spread(spread: Spread | None) -> str:
    return f"{spread.p50:.0f} / {spread.p95:.0f} / {spread.longest:.0f}" if spread else ""


def ratios(kept: Kept) -> t.Iterator[str]:
    """What the figures say of the collection, one sentence each."""

    def run(scenario: str, contender: str, wecs: int | None = None) -> Measurement | None:
        found = kept.of(scenario, contender, wecs)
        largest = max((one.wecs for one in found), default=0)
        return typical([one for one in found if one.wecs == largest]) if found else None

    bare = run(scenarios.REGISTRATION, BARE)
    ours = run(scenarios.REGISTRATION, COLLECTION, bare.wecs if bare else None)
    if ours and bare:
        yield (
            f"Registration of {ours.wecs} WECs takes {ours.wall / bare.wall:.2f} times as long as the least that anybody can "
            f"do, {60 * ours.wecs / ours.wall:.0f} WECs a minute, with {_number(ours.per_wec(OURS))} requests for each."
        )
    for other in (SHELL, KUBERNETES_CORE):
        slow = run(scenarios.REGISTRATION, other)
        if ours and slow:
            times = slow.wall / slow.wecs / (ours.wall / ours.wecs)
            yield f"Registration is {times:.1f} times as fast, for each WEC, as with the {_named(other)}."
    bare = run(scenarios.LEAVE, BARE)
    ours = run(scenarios.LEAVE, COLLECTION, bare.wecs if bare else None)
    if ours and bare:
        yield (
            f"Deregistering {ours.wecs} WECs takes {ours.wall / bare.wall:.2f} times as long as with the bare client, with "
            f"{_number(ours.per_wec(OURS))} requests for each."
        )
    bare = run(scenarios.LABEL, BARE)
    ours = run(scenarios.LABEL, COLLECTION, bare.wecs if bare else None)
    if ours and bare:
        yield (
            f"A changed label on {ours.wecs} WECs takes {ours.wall / bare.wall:.2f} times as long as with the bare client."
        )
    for other in (SHELL, KUBERNETES_CORE):
        slow = run(scenarios.LABEL, other)
        same = run(scenarios.LABEL, COLLECTION, slow.wecs) if slow else None
        least = run(scenarios.LABEL, BARE, slow.wecs) if slow else None
        if slow and same:
            limit = f", where the bare client is {slow.wall / least.wall:.1f} times as fast" if least else ""
            yield (
                f"A changed label on {slow.wecs} WECs takes {same.wall:.1f} s; with the {_named(other)}, {slow.wall:.0f} s: "
                f"{slow.wall / same.wall:.1f} times as long{limit}."
            )
        if slow and ours and same and same.wecs != ours.wecs:
            times = slow.wall / slow.wecs / (ours.wall / ours.wecs)
            yield f"For each of {ours.wecs} WECs, the {_named(other)} takes {times:.0f} times as long."
    for scenario in (scenarios.NOTHING, scenarios.STATUS, scenarios.PLAN):
        found = run(scenario, COLLECTION)
        if found:
            yield f"{_SAID[scenario]} {found.wecs} WECs: {found.wall:.1f} s, {found.own_requests} requests in all."
    yield from _of_dead_ones(kept.of(scenarios.DEAD))


def _of_dead_ones(runs: t.Sequence[Measurement]) -> t.Iterator[str]:
    size = max((one.wecs for one in runs), default=0)
    spreads = {one.note: one.finished for one in runs if one.wecs == size}
    sound = spreads.pop(scenarios.NONE_DEAD, None)
    for note, harmed in spreads.items():
        if sound and harmed:
            yield (
                f"With {note} among {size} WECs, 95 % of the others are available after {harmed.p95 / sound.p95:.2f} times the time "
                "that the same take without."
            )


_SAID = {
    scenarios.NOTHING: "`register` where nothing is to be done for any of",
    scenarios.STATUS: "`status` of",
    scenarios.PLAN: "`plan` of a change on each of",
}


def _named(contender: str) -> str:
    return f"{contender} role" if contender == KUBERNETES_CORE else contender


def dead_table(runs: t.Sequence[Measurement]) -> str:
    """Fleets without and with dead ones."""
    if not runs:
        return "Not measured."
    lines = [
        "| WECs | of them | wall s | the others, start to available: p50 / p95 / longest s |",
        "| ---: | --- | ---: | --- |",
    ]
    lines += [f"| {one.wecs} | {one.note} | {one.wall:.0f} | {_spread(one.finished)} |" for one in runs]
    return "\n".join(lines)


def draw(kept: Kept, path: pathlib.Path) -> None:
    """The growth curve, as SVG."""
    # A second to import, and only this needs it.
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams["svg.hashsalt"] = "kubestellar.wec"
    matplotlib.rcParams["svg.fonttype"] = "none"
    figure = Figure(figsize=(8, 5))
    axes = figure.subplots()
    for scenario, contender, label, style in _CURVES:
        names = (scenario, scenarios.ALL_OF_THEM) if scenario == scenarios.REGISTRATION else (scenario,)
        runs = sorted((one for one in _runs(kept, *names) if one.contender == contender), key=lambda one: one.wecs)
        if runs:
            axes.plot([one.wecs for one in runs], [one.wall for one in runs], style, label=label)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(scenarios.SIZES, [str(size) for size in scenarios.SIZES])
    axes.set_xticks([], minor=True)
    axes.set_yticks([1, 3, 10, 30, 100, 300], ["1", "3", "10", "30", "100", "300"])
    axes.set_xlabel("WECs")
    axes.set_ylabel("seconds")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
