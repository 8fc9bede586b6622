# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting and removing a whole sandbox."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import typing as t

from . import machine, processes
from .binaries import Binaries, needed_sets
from .control import SandboxError, ask
from .layout import ITS, REPOSITORY, Layout

_OURS = ".wec-sandbox"
"""A file that marks a state folder as ours: nothing else is ever removed."""


def up(
    layout: Layout,
    wecs: int,
    ocm_version: str,
    kubestellar: bool = False,
    simulated: int = 0,
    simulated_faults: str = "",
    second_hub: bool = False,
) -> None:
    """Bring up a fresh sandbox, replacing one that is there. Raises SandboxError, BuildError."""
    machine.check(str(layout.state), wecs, kubestellar, second_hub)
    Binaries().build(needed_sets(ocm_version, kubestellar))
    _check_removable(layout)
    if processes.running(str(layout.state)):
        print("Replacing the sandbox that is up.", flush=True)
    down(layout)
    shutil.rmtree(layout.state, ignore_errors=True)
    layout.state.mkdir(parents=True)
    (layout.state / _OURS).touch()
    shutil.rmtree(layout.runtime, ignore_errors=True)
    layout.runtime.mkdir(mode=0o700)
    try:
        arguments = ["--wecs", str(wecs), "--ocm", ocm_version]
        arguments += ["--simulated", str(simulated), "--simulated-faults", simulated_faults]
        switches = {"--kubestellar": kubestellar, "--second-hub": second_hub}
        _start(layout, [*arguments, *(switch for switch, is_on in switches.items() if is_on)])
    except BaseException:
        down(layout)
        raise


def _start(layout: Layout, shape: t.Sequence[str]) -> None:
    reading, writing = os.pipe()
    environment = {**os.environ, processes.MARK: str(layout.state), "PYTHONPATH": str(REPOSITORY / "tests")}
    environment["KUBECACHEDIR"] = str(layout.state / "kube-cache")
    arguments = ["--state", str(layout.state), "--report", str(writing), *shape]
    with open(layout.supervisor_log, "ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "sandbox.supervisor", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            cwd="/",
            start_new_session=True,
            pass_fds=[writing],
        )
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as report:
        for line in report:
            if line.strip() == "READY":
                return
            if line.startswith("FAILED"):
                raise SandboxError(f"{line.removeprefix('FAILED').strip()} (more in {layout.supervisor_log})")
            print(line, end="", flush=True)
    raise SandboxError(f"the sandbox did not come up: see {layout.supervisor_log}")


def down(layout: Layout) -> int:
    """Kill everything of this sandbox, whatever state it is in; returns how many processes there were.

    The logs stay until the next ``up``; what takes space or is of no use without the processes goes.
    """
    if os.path.exists(layout.control):
        with contextlib.suppress(SandboxError):
            ask(layout, "down", timeout=2)
    killed = processes.kill_all(str(layout.state))
    shutil.rmtree(layout.runtime, ignore_errors=True)
    if (layout.state / _OURS).exists():
        for waste in [*layout.state.glob("etcd*/"), layout.state / "images", *layout.state.glob("*/pods")]:
            shutil.rmtree(waste, ignore_errors=True)
    return killed


def _check_removable(layout: Layout) -> None:
    if layout.state.exists() and any(layout.state.iterdir()) and not (layout.state / _OURS).exists():
        raise SandboxError(f"{layout.state} holds something else than a sandbox: move it away, or set WEC_SANDBOX")


def status(layout: Layout) -> str:
    """What runs, where, and with how much memory; also without a supervisor."""
    running = processes.running(str(layout.state))
    if not running:
        return f"No sandbox is up in {layout.state}."
    lines: list[str] = []
    try:
        lines += _cluster_lines(ask(layout, "status", timeout=10))
    except SandboxError as error:
        lines.append(f"The supervisor does not answer ({error}); 'make sandbox-down' clears what is left.")
    lines += ["", f"{'processes':<32}{'count':>6}{'memory':>12}"]
    by_program: dict[str, list[int]] = {}
    for one in running:
        by_program.setdefault(_program(one.command), []).append(one.memory)
    for program, sizes in sorted(by_program.items()):
        lines.append(f"{program:<32}{len(sizes):>6}{sum(sizes) / 2**20:>8.0f} MiB")
    total = sum(sum(sizes) for sizes in by_program.values())
    lines.append(f"{'all':<32}{len(running):>6}{total / 2**20:>8.0f} MiB")
    return "\n".join(lines)


def _cluster_lines(message: dict[str, t.Any]) -> t.Iterator[str]:
    yield f"Sandbox with OCM {message['ocm']}{' and KubeStellar' if message['kubestellar'] else ''}"
    yield f"{'cluster':<12}{'API server':<28}{'state':<10}{'looks like':<12}{'version':<22}faults"
    for name, one in message["clusters"].items():
        yield (
            f"{name:<12}{one['url']:<28}{one['state']:<10}{one['flavour']:<12}{one['version']:<22}"
            f"{', '.join(_faults(one))}".rstrip()
        )
    if message["kubestellar"]:
        yield ""
        yield f"{'controller':<40}{'state':<12}{'restarts':<10}log"
    for name, one in message["kubestellar"].items():
        yield f"{name:<40}{one['state']:<12}{one['restarts']:<10}{one['log']}"
    simulated = message["simulated"]
    if simulated:
        names = simulated["names"]
        yield ""
        yield f"{len(names)} simulated WECs, {names[0]} to {names[-1]}: {simulated['registered']} have a certificate"
        for fault, failing in simulated["faults"].items():
            shown = ", ".join(failing[:10]) + (f" and {len(failing) - 10} more" if len(failing) > 10 else "")
            yield f"  {fault}: {shown}"


def _faults(one: dict[str, t.Any]) -> t.Iterator[str]:
    """The faults of one cluster; one without pods, the WDS, has none of these."""
    if one.get("its_link") not in (None, "open"):
        yield f"partitioned from {ITS} ({one['its_link']})"
    if one.get("delay"):
        yield f"{one['delay']} s slower to {ITS}"
    yield from (f"cannot pull {repository}" for repository in one.get("broken_images", []))
    if one.get("webhooks") == "down":
        yield "webhooks down"
    if not one.get("names", True):
        yield "names do not resolve"
    if one.get("hidden_names"):
        yield f"does not resolve {', '.join(one['hidden_names'])}"
    if one.get("addon"):
        yield f"add-ons {one['addon']}"
    if one.get("status_lag"):
        yield f"statuses {one['status_lag']} s late"


def _program(command: str) -> str:
    words = command.split()
    if any("container.py" in word for word in words):
        return "pod relays"
    if "sandbox.supervisor" in words:
        return "supervisor"
    if "sandbox.simulated" in words:
        return "simulated fleet"
    return words[0].rsplit("/", 1)[-1]
