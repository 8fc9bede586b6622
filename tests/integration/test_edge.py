# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""WECs on the edge: a kubeconfig that only the node has, and an API that only the node reaches.

The hub is a real one. The WECs are simulated: what is to be seen here is how they are reached.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
import tempfile
import typing as t
import urllib.parse

import pytest
import yaml
from departing import of_wec
from edge_node import CONNECTION_PLUGINS, edge_node, forwarded
from fleet import HOST_PYTHON, ITS, Fleet, Run, start
from sandbox import lifecycle
from sandbox.layout import Layout

Json = dict[str, t.Any]
K3S_PORT = 6443


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Fleet]:
    state = tmp_path_factory.mktemp("edge") / "sandbox"
    try:
        yield start(0, state, simulated=3)
    finally:
        lifecycle.down(Layout(state))


def port_of(url: str) -> int:
    return t.cast(int, urllib.parse.urlsplit(url).port)


def free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.2", 0))
        return t.cast(int, chosen.getsockname()[1])


def k3s_yaml(fleet: Fleet, name: str, folder: pathlib.Path, port: int) -> pathlib.Path:
    """The WEC's kubeconfig as k3s leaves it on its node."""
    config = fleet.kubeconfig("fleet", name)
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    config["contexts"][0]["name"] = config["current-context"] = "default"
    path = folder / "k3s.yaml"
    path.write_text(yaml.safe_dump(config))
    path.chmod(0o600)
    return path


def secrets_of(config: Json) -> list[str]:
    return [value for key, value in config["users"][0]["user"].items() if key in ("client-key-data", "token")]


class Edge:
    """Playbooks on one WEC, as its own inventory has it."""

    def __init__(self, fleet: Fleet, name: str, folder: pathlib.Path, **variables: t.Any) -> None:
        self._fleet, self._name = fleet, name
        self._inventory = folder / "fleet.yml"
        common = {
            "its_kubeconfig": str(fleet.layout.kubeconfig(f"{ITS}-onboarder")),
            "ansible_connection": "edge_node",
            "ansible_python_interpreter": HOST_PYTHON,
            "wec_labels": {"location-group": "edge"},
        }
        self._inventory.write_text(yaml.safe_dump({"wecs": {"hosts": {name: {**common, **variables}}}}))

    def playbook(self, name: str, *arguments: str) -> Run:
        command = ["ansible-playbook", "-i", str(self._inventory), f"kubestellar.wec.{name}", *arguments]
        return self._fleet.command(command, ANSIBLE_CONNECTION_PLUGINS=str(CONNECTION_PLUGINS))


@contextlib.contextmanager
def behind_its_node(
    fleet: Fleet, wec: str, folder: pathlib.Path, **variables: t.Any
) -> t.Iterator[tuple[Edge, pathlib.Path]]:
    """A WEC whose API only its node reaches, and the node's kubeconfig."""
    hub = port_of(fleet.its.url)
    k3s = K3S_PORT if hub != K3S_PORT else K3S_PORT + 1
    file = k3s_yaml(fleet, wec, folder, k3s)
    with (
        tempfile.TemporaryDirectory() as own,
        edge_node(pathlib.Path(own), {k3s: port_of(fleet.wec(wec).url), hub: hub}) as pid,
    ):
        edge = Edge(
            fleet,
            wec,
            folder,
            edge_node_pid=pid,
            wec_run_on="host",
            wec_kubeconfig_from_host=str(file),
            register_hub_apiserver=f"https://127.0.0.1:{hub}",
            **variables,
        )
        yield edge, file


def test_the_kubeconfig_of_the_node_is_used_from_here_at_the_nodes_own_address(
    fleet: Fleet, tmp_path: pathlib.Path
) -> None:
    """The address in it leads nowhere from here, and the certificate is not made for the address that does."""
    wec, port = "edge-1", free_port()
    file = k3s_yaml(fleet, wec, tmp_path, port)
    own = {"wec_kubeconfig_from_host": str(file), "ansible_host": "127.0.0.2"}
    edge = Edge(fleet, wec, tmp_path, **own)
    if os.getuid() == 0:
        # Only its owner may read it, and that is another user than the one that the connection is for.
        become = {"ansible_become": True, "ansible_become_method": "su", "ansible_become_user": "nobody"}
        stranger = Edge(fleet, wec, tmp_path, **own, **become, ansible_become_flags="-s /bin/sh")
    else:
        file.chmod(0)
        stranger = edge
    refused = stranger.playbook("register")
    assert refused.code != 0
    assert f"the kubeconfig on the host {file} cannot be read: Permission denied" in refused.text, refused.output
    assert "use become if only root may read it" in refused.text

    file.chmod(0o600)
    edge = Edge(fleet, wec, tmp_path, **own)
    with forwarded("127.0.0.2", port, port_of(fleet.wec(wec).url)):
        first = edge.playbook("register", "-vvvv")
        assert first.code == 0, first.output
        assert fleet.is_available(wec)
        assert f"https://127.0.0.2:{port}" in first.text
        for secret in secrets_of(fleet.kubeconfig("fleet", wec)):
            assert secret not in first.text.replace("\n", "")
        left = edge.playbook("deregister")
        assert left.code == 0, left.output
        assert fleet.managed_cluster(wec) is None


def test_a_wec_whose_api_only_its_node_reaches_is_joined_from_there_without_the_its_credential(
    fleet: Fleet, tmp_path: pathlib.Path
) -> None:
    wec = "edge-2"
    sent = tmp_path / "sent"
    with behind_its_node(fleet, wec, tmp_path, edge_node_sent=str(sent)) as (edge, _kubeconfig):
        mark = fleet.mark()
        checked = edge.playbook("register", "--check", "--diff")
        assert checked.code == 0, checked.output
        assert checked.recap[wec].changed > 0
        assert '+ "WEC: Klusterlet klusterlet": {' in checked.text.replace("+ +", "+"), checked.output
        assert fleet.writes(mark) == []

        first = edge.playbook("register", "-vvvv")
        assert first.code == 0, first.output
        assert fleet.is_available(wec)
        assert fleet.bootstrap_secrets(wec) == []

        mark = fleet.mark()
        second = edge.playbook("register", "-e", "wec_ask_all=true")
        assert second.code == 0, second.output
        assert second.recap[wec].changed == 0
        assert fleet.writes(mark) == []

    everything = sent.read_text(errors="replace")
    # What is looked for would be seen: the token that the agent introduced itself with is there.
    assert "hub_token" in everything
    assert "eyJ" in everything
    own = [*secrets_of(fleet.kubeconfig(f"{ITS}-onboarder")), str(fleet.layout.kubeconfig(f"{ITS}-onboarder"))]
    assert own[:-1]
    for secret in [*own, "its_kubeconfig", "KUBESTELLAR_ITS"]:
        assert secret not in everything
    for secret in [*secrets_of(fleet.kubeconfig("fleet", wec)), "eyJ"]:
        assert secret not in first.text


def namespaces(fleet: Fleet, wec: str) -> set[str]:
    return {one["metadata"]["name"] for one in fleet.wec(wec).items("/api/v1/namespaces")}


def test_a_wec_that_only_its_node_reaches_leaves_by_one_command(fleet: Fleet, tmp_path: pathlib.Path) -> None:
    wec, sent = "edge-3", tmp_path / "sent"
    with behind_its_node(fleet, wec, tmp_path, edge_node_sent=str(sent)) as (edge, _kubeconfig):
        before = namespaces(fleet, wec)
        first = edge.playbook("register")
        assert first.code == 0, first.output

        mark = fleet.mark()
        checked = edge.playbook("deregister", "--check", "--diff")
        assert checked.code == 0, checked.output
        assert checked.recap[wec].changed > 0
        assert fleet.writes(mark) == []

        sent.write_text("")
        left = edge.playbook("deregister", "-vvvv")
        assert left.code == 0, left.output
        assert left.recap[wec].changed == 1
        assert fleet.managed_cluster(wec) is None
        assert of_wec(fleet, wec) == set()
        assert namespaces(fleet, wec) == before

        again = edge.playbook("deregister")
        assert again.code == 0, again.output
        assert again.recap[wec].changed == 0

    everything = sent.read_text(errors="replace")
    assert "delete_klusterlet" in everything
    own = secrets_of(fleet.kubeconfig(f"{ITS}-onboarder"))
    assert own
    for secret in [*own, "its_kubeconfig", "KUBESTELLAR_ITS", "hub_token"]:
        assert secret not in everything
    for secret in secrets_of(fleet.kubeconfig("fleet", wec)):
        assert secret not in left.text


def test_a_node_that_does_not_answer_leaves_its_wec_as_it_is(fleet: Fleet, tmp_path: pathlib.Path) -> None:
    wec = "edge-2"
    with behind_its_node(fleet, wec, tmp_path) as (edge, _kubeconfig):
        assert edge.playbook("register").code == 0
    # Its node is gone with the block.
    mark = fleet.mark()
    refused = edge.playbook("deregister")
    assert refused.code != 0
    assert fleet.writes(mark) == []
    assert fleet.managed_cluster(wec) is not None
