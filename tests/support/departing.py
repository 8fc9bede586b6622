# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WECs that leave, and what must be left of them."""

from __future__ import annotations

import re
import typing as t

from fleet import Fleet, wait_until
from watching import Going, Watch

Json = dict[str, t.Any]
AGENT = "open-cluster-management-agent"
OPERATOR = "open-cluster-management"


def config_map(name: str, namespace: str = "default", **metadata: t.Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "data": {"a": "b"},
    }


def path_of(name: str, namespace: str = "default") -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps/{name}"


def registered(fleet: Fleet, *names: str) -> None:
    run = fleet.register(names)
    assert run.code == 0, run.output


def with_work(fleet: Fleet, name: str, **metadata: t.Any) -> None:
    """Registered, and with a work that somebody made by hand and that has arrived."""
    registered(fleet, name)
    fleet.send_work(name, "by-hand", config_map("by-hand", **metadata))
    wait_until(lambda: fleet.wec(name).get(path_of("by-hand")), 120, "the work has arrived")


def of_wec(fleet: Fleet, name: str) -> set[str]:
    """What the ITS has under a WEC's name, whatever it is."""
    own = re.compile(rf"(?<![\w]){re.escape(name)}(?![\w])")
    return {one for one in fleet.its.objects() if own.search(one)}


def assert_gone(fleet: Fleet, name: str, its: bool = True, purged: bool = False) -> None:
    """No trace of a WEC on the ITS, and none of its agent on the WEC."""
    if its:
        assert of_wec(fleet, name) == set()
    left = {one for one in fleet.wec(name).objects() if "open-cluster-management" in one or "klusterlet" in one}
    if purged:
        assert left == set()
    assert not [one for one in left if AGENT in one or one.startswith(("klusterlets", "appliedmanifestworks"))], left


def assert_departs(fleet: Fleet, wec: str, moment: int) -> str:
    """Kill a deregistration after its ``moment``-th write (anywhere) and repeat it.

    Gives the write after which it was killed, or an empty text if the run was over before.
    """
    mark = fleet.mark()
    arguments = ["-e", "deregister_drain=ignore", "-e", "deregister_purge=true"]
    going = Going(fleet, [wec], *arguments, playbook="deregister")
    came = Watch(lambda: True if len(fleet.writes(mark)) >= moment else None)
    while not came.held and not going.is_over:
        came.join(timeout=0.02)
    last = "" if going.is_over else fleet.writes(mark)[moment - 1]
    going.kill()
    came.stop()
    again = fleet.deregister([wec], *arguments)
    assert again.code == 0, f"killed after {last}\n{again.output}"
    assert_gone(fleet, wec, purged=True)
    third = fleet.deregister([wec], *arguments)
    assert third.recap[wec].changed == 0, third.output
    return last
