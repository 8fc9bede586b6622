# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m bench``: run scenarios, keep their figures, and write the page that shows them."""

from __future__ import annotations

import argparse
import pathlib
import sys
import typing as t

from sandbox import processes
from sandbox.binaries import BuildError
from sandbox.control import SandboxError
from sandbox.layout import REPOSITORY, Layout

from . import page, results, scenarios
from .figures import Measurement
from .ground import BenchError, Ground
from .scenarios import Bench, Settings

ON_FRESH_WECS = {scenarios.REGISTRATION: Bench.registration, scenarios.LEAVE: Bench.leave}
ON_A_REGISTERED_FLEET = {
    scenarios.NOTHING: Bench.nothing_to_do,
    scenarios.STATUS: Bench.status,
    scenarios.PLAN: Bench.plan,
    scenarios.LABEL: Bench.label,
}
NAMES = {
    name.replace(" ", "-"): name
    for name in (scenarios.REAL, *ON_FRESH_WECS, scenarios.DEAD, scenarios.ALL_OF_THEM, *ON_A_REGISTERED_FLEET)
}


def _parser() -> argparse.ArgumentParser:
    default = Settings()
    parser = argparse.ArgumentParser(prog="bench", description="Measures the collection against what people use today.")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"default: all of {', '.join(NAMES)}")
    parser.add_argument("--wecs", type=int, default=default.wecs, help="simulated WECs of the whole fleet")
    parser.add_argument("--real", type=int, default=default.real, help="real WECs, half a gigabyte each")
    parser.add_argument("--repeat", type=int, default=default.repeat, help="how often what is over soon is measured")
    parser.add_argument("--at-once", type=int, default=default.at_once, help="forks, and threads of the bare client")
    parser.add_argument(
        "--many", type=int, default=default.many, help="WECs that are registered at once, beside the whole fleet"
    )
    parser.add_argument("--state", type=pathlib.Path, help="folder of the sandboxes (default: .sandbox-bench)")
    parser.add_argument("--keep", action="store_true", help="leave the registered fleet up, for the next time")
    parser.add_argument(
        "--results",
        type=pathlib.Path,
        default=results.DEFAULT,
        help="the figures, as JSON; those of other scenarios in it stay",
    )
    parser.add_argument("--only-page", action="store_true", help="measure nothing, only write the page anew")
    return parser


def _chosen(given: t.Sequence[str]) -> list[str]:
    unknown = set(given) - set(NAMES)
    if unknown:
        raise BenchError(f"there is no scenario {', '.join(sorted(unknown))}, only {', '.join(NAMES)}")
    return [NAMES[name] for name in given] or list(NAMES.values())


def _measurements(
    wanted: t.Sequence[str], settings: Settings, state: pathlib.Path, keep: bool
) -> t.Iterator[Measurement]:
    if scenarios.REAL in wanted:
        print(f"{scenarios.REAL}:", flush=True)
        yield from scenarios.on_real_clusters(Layout(state / "real"), settings)
    fresh = [name for name in ON_FRESH_WECS if name in wanted]
    if fresh:
        yield from _on_fresh_wecs(Layout(state / "fresh"), fresh, settings)
    if scenarios.DEAD in wanted:
        print(f"{scenarios.DEAD}:", flush=True)
        yield from scenarios.with_dead_ones(Layout(state / "sound"), Layout(state / "harmed"), settings)
    on_fleet = [name for name in ON_A_REGISTERED_FLEET if name in wanted]
    if on_fleet or scenarios.ALL_OF_THEM in wanted:
        yield from _on_a_registered_fleet(Layout(state / "fleet"), wanted, settings, keep)


def _on_fresh_wecs(layout: Layout, names: t.Sequence[str], settings: Settings) -> t.Iterator[Measurement]:
    ground = Ground.up(layout, 0, Bench.fresh_wecs(settings, names))
    try:
        bench = Bench(ground, settings)
        for name in names:
            print(f"{name}:", flush=True)
            yield from ON_FRESH_WECS[name](bench)
    finally:
        ground.down()


def _on_a_registered_fleet(
    layout: Layout, wanted: t.Sequence[str], settings: Settings, keep: bool
) -> t.Iterator[Measurement]:
    is_up = bool(processes.running(str(layout.state)))
    if is_up and scenarios.ALL_OF_THEM not in wanted:
        ground = Ground(layout)
        if len(ground.names()) != settings.wecs:
            raise BenchError(
                f"the fleet that is up has {len(ground.names())} WECs: take it down "
                f"(WEC_SANDBOX={layout.state} make sandbox-down), or use --wecs {len(ground.names())}"
            )
    else:
        ground = Ground.up(layout, 0, settings.wecs)
    try:
        bench = Bench(ground, settings)
        if not is_up or scenarios.ALL_OF_THEM in wanted:
            print(f"{scenarios.ALL_OF_THEM}:", flush=True)
            yield from bench.registration_of_all()
        for name, run in ON_A_REGISTERED_FLEET.items():
            if name in wanted:
                print(f"{name}:", flush=True)
                yield from run(bench)
    finally:
        if not keep:
            ground.down()


def main() -> int:
    given = _parser().parse_args()
    settings = Settings(given.wecs, given.real, given.repeat, given.at_once, given.many)
    state = (given.state or REPOSITORY / ".sandbox-bench").absolute()
    try:
        if not given.only_page:
            kept = results.Results(given.results, settings)
            for measurement in _measurements(_chosen(given.scenarios), settings, state, given.keep):
                # After each, so that what was measured is not lost when something fails.
                kept.add(measurement)
        page.write(results.read(given.results))
    except (BenchError, SandboxError, BuildError, TimeoutError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
