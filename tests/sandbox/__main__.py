# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``sandbox`` command."""

from __future__ import annotations

import argparse
import sys
import typing as t

from . import lifecycle
from .binaries import (
    KUBERNETES_VERSION,
    KUBERNETES_VERSIONS,
    OCM_VERSIONS,
    SETS,
    Binaries,
    BuildError,
    kubernetes_set,
    minor_version,
    needed_sets,
)
from .control import SandboxError, ask
from .flavours import BY_NAME
from .layout import ITS, ITS2, WDS, Layout
from .simulated import faults

Command = t.Callable[[Layout, argparse.Namespace], None]


def _up(layout: Layout, given: argparse.Namespace) -> None:
    if given.simulated_faults and not given.simulated:
        raise SandboxError("--simulated-faults says how simulated WECs fail, and there are none: add --simulated 100")
    lifecycle.up(
        layout, given.wecs, given.ocm, given.kubestellar, given.simulated, given.simulated_faults, given.second_hub
    )
    hub = f"hub {ITS}, {WDS} with KubeStellar" if given.kubestellar else f"hub {ITS}"
    simulated = f" and {given.simulated} simulated ones" if given.simulated else ""
    print(
        f"\nThe sandbox is up: {hub} and {given.wecs} WECs{simulated}, not registered.\n"
        f"  . {layout.env}\n"
        f"  ansible-playbook -i {layout.inventory} kubestellar.wec.register"
    )


def _build(_layout: Layout, given: argparse.Namespace) -> None:
    newer = [SETS[kubernetes_set(_KUBERNETES[given.kubernetes])]] if given.kubernetes else []
    Binaries().build([*needed_sets(given.ocm, given.kubestellar), *newer])


def _down(layout: Layout, _given: argparse.Namespace) -> None:
    killed = lifecycle.down(layout)
    print(f"The sandbox is down: {killed} processes ended." if killed else "No sandbox was up.")


def _status(layout: Layout, _given: argparse.Namespace) -> None:
    print(lifecycle.status(layout))


_KUBERNETES = {minor_version(version): version for version in KUBERNETES_VERSIONS}


def _add(layout: Layout, given: argparse.Namespace) -> None:
    version = _KUBERNETES[given.kubernetes]
    # Here and not in the supervisor: it takes minutes, and whoever waits is to see the progress.
    Binaries().build([SETS[kubernetes_set(version)]])
    print(ask(layout, "add", name=given.name, flavour=given.flavour, kubernetes=version))


def _simulate(layout: Layout, given: argparse.Namespace) -> None:
    print(*ask(layout, "simulate", fault=given.fault, wecs=given.wecs))


def _fault(command: str, *names: str, **fixed: t.Any) -> Command:
    def run(layout: Layout, given: argparse.Namespace) -> None:
        result = ask(layout, command, **{name: getattr(given, name) for name in names}, **fixed)
        print("done" if result is None else result)

    return run


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sandbox", description="Real Kubernetes and Open Cluster Management control planes as plain processes."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        one.set_defaults(run=run)
        return one

    for name, run, text in (
        ("up", _up, "start a fresh hub and WECs that are not registered"),
        ("build", _build, "build the binaries that 'up' would need, and nothing more"),
    ):
        one = add(name, run, text)
        one.add_argument("--ocm", choices=OCM_VERSIONS, default=OCM_VERSIONS[0], help="version of the hub")
        one.add_argument("--kubestellar", action="store_true", help="with a WDS and KubeStellar's controllers")
        if name == "build":
            one.add_argument("--kubernetes", choices=_KUBERNETES, help="also for 'add' with this version")
        else:
            one.add_argument("--second-hub", action="store_true", help=f"with another hub, {ITS2}, without KubeStellar")
            one.add_argument("--wecs", type=int, default=3, help="how many")
            one.add_argument(
                "--simulated", type=int, default=0, help="how many simulated WECs beside them, in one process"
            )
            one.add_argument(
                "--simulated-faults",
                default="",
                metavar="FAULT=SHARE,...",
                help=f"how many of them fail in which way, such as slow=5%%,dead=3: {', '.join(faults.NAMES)}",
            )
    add("down", _down, "end everything of the sandbox, whatever state it is in")
    add("status", _status, "what runs, where, with which faults")

    one = add("add", _add, "start one more WEC")
    one.add_argument("name", help="edge-...")
    one.add_argument("--flavour", choices=sorted(BY_NAME))
    one.add_argument(
        "--kubernetes",
        choices=_KUBERNETES,
        default=minor_version(KUBERNETES_VERSION),
        help="its version; the binaries of another than %(default)s are built once, which takes minutes",
    )
    one = add("remove", _fault("remove", "name"), "take a WEC away for good")
    one.add_argument("name")

    one = add("partition", _fault("partition", "wec", "refuse"), f"cut a WEC's pods off from {ITS}, in silence")
    one.add_argument("wec")
    one.add_argument("--refuse", action="store_true", help="refuse connections instead")
    one = add("slow", _fault("slow", "wec", "seconds"), f"delay all data between a WEC's pods and {ITS}")
    one.add_argument("wec")
    one.add_argument("seconds", type=float)
    one = add("heal", _fault("heal", "wec"), "undo partition and slow")
    one.add_argument("wec")

    for name, text in (
        ("stop", "kill a cluster's API server"),
        ("start", "start it again"),
        ("stop-controllers", "kill a cluster's kube-controller-manager: nothing is signed or scaled any more"),
        ("start-controllers", "start it again"),
        ("freeze", "let an API server accept connections and never answer"),
        ("thaw", "undo freeze"),
    ):
        add(name, _fault(name, "cluster"), text).add_argument("cluster")

    one = add("break-image", _fault("break-image", "cluster", "repository"), "make an image impossible to pull")
    one.add_argument("cluster")
    one.add_argument("repository", help="the image's last name, such as registration-operator")
    add("mend-images", _fault("mend-images", "cluster"), "undo break-image").add_argument("cluster")

    add(
        "stop-kubestellar",
        _fault("stop-kubestellar"),
        "kill KubeStellar's controllers: labels move no workload any more",
    )
    add("start-kubestellar", _fault("start-kubestellar"), "start them again, and wait until they answer")
    add("addon", _fault("addon"), f"give {ITS} a stand-in of KubeStellar's status add-on")
    add(
        "addon-freeze",
        _fault("addon-freeze"),
        f"let nobody look after add-ons on {ITS}: what it says of them stays as it is",
    )
    add("addon-thaw", _fault("addon-thaw"), "undo addon-freeze")
    for name, state, text in (
        ("addon-agent", "down", "let a WEC's status agent die and not come back"),
        ("addon-rights", "down", f"take the rights of a WEC's status agent on {ITS}"),
    ):
        add(f"{name}-down", _fault(name, "wec", state=state), text).add_argument("wec")
        add(f"{name}-up", _fault(name, "wec", state="up"), f"undo {name}-down").add_argument("wec")
    one = add("addon-lag", _fault("addon-lag", "wec", "seconds"), "let a WEC's status agent report late; 0 undoes it")
    one.add_argument("wec")
    one.add_argument("seconds", type=float)
    add("webhooks-down", _fault("webhooks", state="down"), f"let {ITS} find no pod behind its webhooks")
    add("webhooks-up", _fault("webhooks", state="up"), "undo webhooks-down")
    add("names-down", _fault("names", "wec", known=False), "let a WEC's pods resolve no name").add_argument("wec")
    add("names-up", _fault("names", "wec", known=True), "undo names-down").add_argument("wec")

    for name, hidden, text in (
        ("hide-name", True, "let the pods of WECs not resolve one name of a hub, such as its1.sandbox"),
        ("show-name", False, "undo hide-name"),
    ):
        add(name, _fault("hide-name", "name", hidden=hidden), text).add_argument("name")
    one = add("publish", _fault("publish", "name"), f"let {ITS} publish its address with another name")
    one.add_argument("name", help="its1-new.sandbox or its1.sandbox")
    add("backup", _fault("backup"), f"keep a copy of everything that {ITS} stores")
    add("restore", _fault("restore"), f"let {ITS} be as it was at the last backup")
    add("rebuild", _fault("rebuild"), f"lose {ITS}, and build it anew at its address: empty, with another CA")
    one = add(
        "replace-ca", _fault("replace-ca", "clients"), f"give {ITS} another CA: it shows a certificate of that one"
    )
    one.add_argument(
        "--clients", action="store_true", help="for those who connect as well: certificates of agents are void then"
    )

    one = add("simulate", _simulate, "let simulated WECs fail in some way, or heal them")
    one.add_argument("--fault", choices=[*faults.NAMES, faults.Fault.NONE.value], required=True)
    one.add_argument("--wecs", required=True, help="names with commas, a number, a share such as 5%%, or all")

    one = add("kill-pods", _fault("kill-pods", "cluster", "namespace", "selector"), "kill processes of pods hard")
    one.add_argument("cluster")
    one.add_argument("namespace")
    one.add_argument("selector", help="such as app=klusterlet-agent")
    return parser


def main() -> int:
    given = _parser().parse_args()
    layout = Layout()
    try:
        given.run(layout, given)
    except (SandboxError, BuildError, TimeoutError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("sandbox: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
