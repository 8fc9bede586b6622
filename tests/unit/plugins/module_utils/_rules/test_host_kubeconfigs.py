# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules import host_kubeconfigs, kubeconfigs
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.kubeconfigs import KubeconfigError


def config(server: str = "https://127.0.0.1:6443", user: t.Any = None, **cluster: t.Any) -> dict[str, t.Any]:
    return kubeconfigs.build({"server": server, **cluster}, user or {"token": "t"}, "default")


SEEN = {
    "loopback": ("https://127.0.0.1:6443", None, "192.0.2.7", "https://192.0.2.7:6443", "127.0.0.1"),
    "a name of loopback": (
        "https://localhost:16443",
        None,
        "edge-1.example",
        "https://edge-1.example:16443",
        "localhost",
    ),
    "all addresses": ("https://0.0.0.0:6443", None, "192.0.2.7", "https://192.0.2.7:6443", "0.0.0.0"),
    "loopback of IPv6": ("https://[::1]:6443", None, "192.0.2.7", "https://192.0.2.7:6443", "::1"),
    "an address of IPv6": ("https://127.0.0.1:6443", None, "2001:db8::7", "https://[2001:db8::7]:6443", "127.0.0.1"),
    "no port": ("https://localhost/k8s", None, "192.0.2.7", "https://192.0.2.7/k8s", "localhost"),
    "its real address": ("https://10.0.0.7:6443", None, "192.0.2.7", "https://10.0.0.7:6443", None),
    "here": ("https://127.0.0.1:6443", None, None, "https://127.0.0.1:6443", None),
    "given": ("https://10.0.0.7:6443", "https://edge.example:443", "192.0.2.7", "https://edge.example:443", "10.0.0.7"),
    "given, of loopback": ("https://127.0.0.1:1", "https://e:2", "192.0.2.7", "https://e:2", "127.0.0.1"),
}


@pytest.mark.parametrize("case", SEEN)
def test_an_address_that_leads_the_node_to_itself_is_replaced_and_the_certificates_name_stays(case: str) -> None:
    own, given, address, dialled, name = SEEN[case]
    found = kubeconfigs.the_cluster(host_kubeconfigs.seen_from_elsewhere(config(own), given, address))
    assert found["server"] == dialled
    assert found.get("tls-server-name") == name


def test_a_name_for_the_certificate_that_is_there_is_kept() -> None:
    found = host_kubeconfigs.seen_from_elsewhere(config(**{"tls-server-name": "k3s"}), None, "192.0.2.7")
    assert kubeconfigs.the_cluster(found)["tls-server-name"] == "k3s"


def test_files_become_part_of_it_and_no_path_is_left() -> None:
    given = config(
        user={"client-certificate": "/c", "client-key": "/k", "tokenFile": "/t", "token": "an older one"},
        **{"certificate-authority": "/ca"},
    )
    assert host_kubeconfigs.named_files(given) == ["/ca", "/c", "/k", "/t"]
    contents = {path: path.encode() + b"\n" for path in ("/ca", "/c", "/k", "/t")}
    found = host_kubeconfigs.with_contents(given, contents)
    assert host_kubeconfigs.named_files(found) == []
    assert kubeconfigs.the_user(found)["token"] == "/t"
    for part, field in (("cluster", "certificate-authority"), ("user", "client-certificate"), ("user", "client-key")):
        assert kubeconfigs.decode(found, t.cast("t.Any", part), field) == contents[given_path(given, part, field)]


def given_path(given: dict[str, t.Any], part: str, field: str) -> str:
    details = kubeconfigs.the_cluster(given) if part == "cluster" else kubeconfigs.the_user(given)
    return t.cast(str, details[field])


def test_what_is_in_it_wins_over_a_file_beside_it() -> None:
    inline = base64.b64encode(b"inline").decode()
    given = config(**{"certificate-authority": "/ca", "certificate-authority-data": inline})
    found = host_kubeconfigs.with_contents(given, {"/ca": b"of the file"})
    assert kubeconfigs.decode(found, "cluster", "certificate-authority") == b"inline"
    assert host_kubeconfigs.named_files(found) == []


@pytest.mark.parametrize("way", ["exec", "auth-provider"])
def test_a_credential_that_is_got_by_running_something_is_refused(way: str) -> None:
    with pytest.raises(KubeconfigError, match=way):
        host_kubeconfigs.require_plain(config(user={way: {"command": "rm"}}))
    host_kubeconfigs.require_plain(config())


@pytest.mark.parametrize("choice", ["auto", "k3s", "rke2", "microk8s", "kubeadm", "k0s", "/root/.kube/config"])
def test_what_can_be_named(choice: str) -> None:
    assert host_kubeconfigs.fault(choice) is None
    assert all(path.startswith("/") for path in host_kubeconfigs.paths(choice))


@pytest.mark.parametrize("choice", ["K3S", "minikube", "", "kube/config", "~/.kube/config"])
def test_what_cannot_be_named(choice: str) -> None:
    assert "k3s" in (host_kubeconfigs.fault(choice) or "")


def test_auto_stands_for_all_places() -> None:
    assert host_kubeconfigs.paths("auto") == tuple(host_kubeconfigs.PLACES.values())
    assert host_kubeconfigs.paths("k3s") == ("/etc/rancher/k3s/k3s.yaml",)
