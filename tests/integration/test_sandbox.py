# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sandbox keeps its own promises: others rely on its files and commands."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import typing as t

import pytest
import yaml
from fleet import Fleet, start, wait_until
from sandbox import lifecycle, processes
from sandbox.layout import Layout


def test_env_makes_the_commands_work_from_any_folder(fleet: Fleet) -> None:
    for command in (
        ["ansible-playbook", "--version"],
        ["ansible-doc", "kubestellar.wec.wec_join"],
        ["clusteradm", "version"],
        ["clusteradm", "get", "clusters", "--context", "its1"],
        ["sandbox", "status"],
    ):
        run = fleet.command(command)
        assert run.code == 0, run.output


def test_the_files_that_others_rely_on_are_there(fleet: Fleet, wec: str) -> None:
    state = fleet.state
    contexts = [one["name"] for one in yaml.safe_load((state / "fleet.kubeconfig").read_text())["contexts"]]
    assert wec in contexts
    hosts = yaml.safe_load((state / "inventory.yml").read_text())["wecs"]["hosts"]
    assert list(hosts) == contexts
    assert all(host["wec_labels"] and host["wec_properties"] for host in hosts.values())
    for name in ("its1", *contexts):
        assert (state / name / "audit.log").exists()
    for file in ("its1.kubeconfig", "its1-onboarder.kubeconfig", "fleet.kubeconfig"):
        assert (state / file).stat().st_mode & 0o077 == 0, f"others can read {file}"


def test_the_wecs_differ(fleet: Fleet, take: t.Callable[..., list[str]]) -> None:
    kind, k3s, openshift = (fleet.wec(take(1, flavour)[0]) for flavour in ("kind", "k3s", "openshift"))
    assert (k3s.get("/version") or {})["gitVersion"].endswith("+k3s1")
    providers = [cluster.items("/api/v1/nodes")[0]["spec"]["providerID"] for cluster in (kind, k3s, openshift)]
    assert [provider.split(":")[0] for provider in providers] == ["kind", "k3s", "aws"]
    groups = {group["name"] for group in (openshift.get("/apis") or {})["groups"]}
    assert {"route.openshift.io", "config.openshift.io"} <= groups
    assert kind.get("/api/v1/namespaces/kube-public/configmaps/cluster-info")
    assert k3s.get("/api/v1/namespaces/kube-public/configmaps/cluster-info") is None


@pytest.fixture
def small(tmp_path: pathlib.Path) -> Fleet:
    """A sandbox of its own, without a WEC."""
    return start(0, tmp_path / "sandbox")


def test_down_leaves_nothing_running(small: Fleet) -> None:
    assert processes.running(str(small.state))
    lifecycle.down(small.layout)
    assert processes.running(str(small.state)) == []
    assert not small.layout.runtime.exists()


def test_nothing_outlives_a_killed_supervisor(small: Fleet) -> None:
    (supervisor,) = [one for one in processes.running(str(small.state)) if "sandbox.supervisor" in one.command]
    os.kill(supervisor.pid, signal.SIGKILL)
    wait_until(lambda: not processes.running(str(small.state)), 10, "everything is gone")
    lifecycle.down(small.layout)


def test_down_kills_what_was_stopped_and_what_lost_its_parent(small: Fleet) -> None:
    for one in processes.running(str(small.state)):
        if "kube-apiserver" in one.command or "sandbox.supervisor" in one.command:
            os.kill(one.pid, signal.SIGSTOP)
    environment = {**os.environ, processes.MARK: str(small.state)}
    subprocess.Popen(["setsid", "sleep", "600"], env=environment)
    lifecycle.down(small.layout)
    assert processes.running(str(small.state)) == []


def test_a_folder_that_is_no_sandbox_is_not_removed(tmp_path: pathlib.Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep me")
    command = [sys.executable, "-m", "sandbox", "up", "--wecs", "0"]
    environment = {
        **os.environ,
        "WEC_SANDBOX": str(tmp_path),
        "PYTHONPATH": str(pathlib.Path(lifecycle.__file__).parents[1]),
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "holds something else than a sandbox" in done.stderr
    assert precious.read_text() == "keep me"
    assert lifecycle.down(Layout(tmp_path)) == 0
    assert precious.exists()
