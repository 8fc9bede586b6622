# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the option kubeconfig_from_host to a connection."""

from __future__ import annotations

import base64
import typing as t

import pytest
import yaml
from ansible_collections.kubestellar.wec.plugins.module_utils._apis import connection
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.connection import ITS, WEC
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import InvalidOption
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.kubeconfig import kubeconfigs
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.kubeconfig.host_kubeconfigs import PLACES
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.outside import limits

Json = dict[str, t.Any]
KEY = base64.b64encode(b"-----BEGIN of a secret").decode()
EXEC = {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never"}
OPTION = "kubeconfig_from_host (wec_kubeconfig_from_host in an inventory)"


def k3s(user: Json | None = None, **cluster: t.Any) -> Json:
    ca = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "default",
                "cluster": {"server": "https://127.0.0.1:6443", "certificate-authority-data": ca, **cluster},
            }
        ],
        "users": [
            {
                "name": "default",
                "user": user or {"client-key-data": KEY, "client-certificate-data": KEY},
            }
        ],
        "contexts": [{"name": "default", "context": {"cluster": "default", "user": "default"}}],
        "current-context": "default",
    }


class Node:
    """A host with files. A file that is None may not be read."""

    def __init__(self, files: t.Mapping[str, Json | bytes | None], address: str | None = "192.0.2.7") -> None:
        self.files, self.address, self.asked = files, address, list[str]()

    def read(self, path: str) -> bytes:
        self.asked.append(path)
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory", path)
        content = self.files[path]
        if content is None:
            raise PermissionError(13, "Permission denied", path)
        return content if isinstance(content, bytes) else yaml.safe_dump(content).encode()


def read_nothing(path: str) -> tuple[str, bytes]:
    raise AssertionError(f"{path} of the controller was to be read")


def resolve(
    node: Node, choice: str = "auto", environment: t.Mapping[str, str] | None = None, **options: t.Any
) -> t.Any:
    return connection.resolve(WEC, {"kubeconfig_from_host": choice, **options}, environment or {}, read_nothing, node)


@pytest.mark.parametrize("distribution", PLACES)
@pytest.mark.parametrize("named", [True, False])
def test_each_distributions_kubeconfig_is_found(distribution: str, named: bool) -> None:
    node = Node({PLACES[distribution]: k3s()})
    found = resolve(node, distribution if named else "auto")
    assert found.server == "https://192.0.2.7:6443"
    assert kubeconfigs.the_cluster(found.kubeconfig)["tls-server-name"] == "127.0.0.1"
    assert f"{PLACES[distribution]} on the host, context default" in found.source
    assert KEY in found.secrets
    assert node.asked == ([PLACES[distribution]] if named else list(PLACES.values()))


def test_where_it_runs_on_the_host_the_address_is_used_as_it_is() -> None:
    found = resolve(Node({PLACES["k3s"]: k3s()}, address=None))
    assert found.server == "https://127.0.0.1:6443"


def test_the_address_can_be_given() -> None:
    assert (
        resolve(Node({PLACES["k3s"]: k3s()}), host="https://nat.example:16443/").server == "https://nat.example:16443"
    )


def test_what_the_environment_says_is_about_another_cluster() -> None:
    environment = {
        "K8S_AUTH_KUBECONFIG": "/other",
        "K8S_AUTH_HOST": "https://other:6443",
        "K8S_AUTH_API_KEY": "of-another",
    }
    found = resolve(Node({PLACES["k3s"]: k3s()}), environment=environment)
    assert found.server == "https://192.0.2.7:6443"
    assert "token" not in kubeconfigs.the_user(found.kubeconfig)


def test_the_its_has_no_such_option() -> None:
    with pytest.raises(InvalidOption, match="nothing says how to reach the ITS"):
        connection.resolve(ITS, {"kubeconfig_from_host": "k3s"}, {}, read_nothing, Node({}))


def test_files_are_those_of_the_host_beside_its_kubeconfig() -> None:
    given = k3s({"client-certificate": "client.crt", "client-key": "/keys/client.key"})
    node = Node({"/srv/kube/config": given, "/srv/kube/client.crt": b"certificate", "/keys/client.key": b"a key"})
    found = resolve(node, "/srv/kube/config")
    assert kubeconfigs.decode(found.kubeconfig, "user", "client-certificate") == b"certificate"
    assert kubeconfigs.decode(found.kubeconfig, "user", "client-key") == b"a key"
    assert base64.b64encode(b"a key").decode() in found.secrets


REFUSED: dict[str, tuple[Node, Json, str]] = {
    "none": (Node({}), {}, f"{OPTION}: 'auto' the kubeconfig on the host is not there (/etc/rancher/k3s/k3s.yaml, "),
    "two": (
        Node({PLACES["k3s"]: k3s(), PLACES["kubeadm"]: k3s()}),
        {},
        f"{OPTION}: 'auto' the kubeconfig on the host is not the only one: there are /etc/rancher/k3s/k3s.yaml and /etc/kub",
    ),
    "unreadable": (
        Node({PLACES["k3s"]: None}),
        {},
        f"{OPTION}: 'auto' the kubeconfig on the host /etc/rancher/k3s/k3s.yaml cannot be read: Permission denied. "
        "Name the file if it is elsewhere, and use become",
    ),
    "unknown": (Node({}), {"choice": "k8s"}, f"{OPTION}: 'k8s' is neither auto, nor k3s, "),
    "both": (Node({}), {"kubeconfig": "/k"}, f"{OPTION}: 'auto' cannot go together with kubeconfig (wec_kubeconfig"),
    "no YAML": (
        Node({PLACES["k3s"]: b"a: [\nsecret"}),
        {},
        f"{OPTION}: 'auto' the kubeconfig on the host /etc/rancher/k3s/k3",
    ),
    "no kubeconfig": (
        Node({PLACES["k3s"]: b"a: b"}),
        {},
        f"{OPTION}: 'auto' the kubeconfig on the host /etc/rancher/k3s/k3",
    ),
    "context": (
        Node({PLACES["k3s"]: k3s()}),
        {"context": "edge"},
        f"{OPTION}: 'auto' the kubeconfig on the host /etc/ranch",
    ),
    "a program": (
        Node({PLACES["k3s"]: k3s({"exec": {**EXEC, "command": "sh", "args": ["-c", "touch /tmp/pwned"]}})}),
        {},
        f"{OPTION}: 'auto' the kubeconfig on the host /etc/rancher/k3s/k3s.yaml gets its credential by exec",
    ),
    "a file that is not there": (
        Node({PLACES["k3s"]: k3s({"tokenFile": "/root/.ssh/id_rsa"})}),
        {},
        f"{OPTION}: 'auto' the kubeconfig on the host /etc/rancher/k3s/k3s.yaml names /root/.ssh/id_rsa, which cannot be",
    ),
    "no address": (
        Node({PLACES["k3s"]: k3s(server="127.0.0.1")}),
        {},
        f"{OPTION}: '127.0.0.1' is not the address of an API server",
    ),
    "another server": (
        Node({PLACES["k3s"]: k3s(server="https://169.254.169.254/")}),
        {},
        "host (wec_host in an inventory): /etc/rancher/k3s/k3s.yaml on the host names https://169.254.169.254/, which is neither",
    ),
    "half an address": (
        Node({PLACES["k3s"]: k3s(server="https://[::1")}),
        {},
        f"{OPTION}: 'https://[::1' is not the address of an API server",
    ),
    "too long": (
        Node({PLACES["k3s"]: b"#" * (limits.DOCUMENT + 1)}),
        {},
        f"{OPTION}: 'auto' the kubeconfig on the host /etc/rancher/k3s/k3s.yaml cannot be read: it is longer than",
    ),
    "a file that is too long": (
        Node({PLACES["k3s"]: k3s({"tokenFile": "/t"}), "/t": b"#" * (limits.DOCUMENT + 1)}),
        {},
        f"{OPTION}: 'auto' the kubeconfig on the host /etc/rancher/k3s/k3s.yaml names /t, which cannot be read: it is longer",
    ),
    "nested": (
        Node({PLACES["k3s"]: b"[" * 100_000}),
        {},
        f"{OPTION}: 'auto' the kubeconfig on the host /etc/rancher/k3s/k3s.yaml is nested too deeply",
    ),
    "aliases": (
        Node({PLACES["k3s"]: b"a: &a [x, x]\nb: &b [*a, *a]\nclusters: *b\n"}),
        {},
        f"{OPTION}: 'auto' the kubeconfig on the host /etc/rancher/k3s/k3s.yaml has aliases",
    ),
    "no text": (
        Node({PLACES["k3s"]: b"\xff\xfe\x00"}),
        {},
        f"{OPTION}: 'auto' the kubeconfig on the host /etc/rancher/k3s/k3s.yaml is not",
    ),
    "a field": (
        Node({PLACES["k3s"]: k3s({"as": ["admin"]})}),
        {},
        f"{OPTION}: 'auto' the kubeconfig on the host /etc/rancher/k3s/k3s.yaml cannot be used: users[0].user.as must be a string, and is a list",
    ),
    "unverified": (
        Node({PLACES["k3s"]: k3s(**{"insecure-skip-tls-verify": True, "certificate-authority-data": ""})}),
        {},
        "validate_certs (wec_validate_certs in an inventory): /etc/rancher/k3s/k3s.yaml on the host says that",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_told_with_its_remedy(case: str) -> None:
    node, options, sentence = REFUSED[case]
    with pytest.raises(InvalidOption) as caught:
        resolve(node, **options)
    assert caught.value.message.startswith(sentence), caught.value.message
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("address", ["192.0.2.7", None])
def test_who_does_not_want_a_valid_certificate_must_say_so(address: str | None) -> None:
    node = Node({PLACES["k3s"]: k3s(**{"insecure-skip-tls-verify": True, "certificate-authority-data": ""})}, address)
    found = resolve(node, validate_certs=False if address else None)
    assert kubeconfigs.the_cluster(found.kubeconfig)["insecure-skip-tls-verify"]
    strict = resolve(node, validate_certs=True)
    assert "insecure-skip-tls-verify" not in kubeconfigs.the_cluster(strict.kubeconfig)


def test_on_the_host_itself_a_program_may_run() -> None:
    found = resolve(Node({PLACES["k3s"]: k3s({"exec": {**EXEC, "command": "aws"}})}, address=None))
    assert kubeconfigs.the_user(found.kubeconfig)["exec"] == {**EXEC, "command": "aws"}


def test_a_server_elsewhere_is_dialed_by_the_word_of_the_user_alone() -> None:
    node = Node({PLACES["k3s"]: k3s(server="https://10.0.0.7:6443")})
    found = resolve(node, host="https://10.0.0.7:6443")
    assert found.server == "https://10.0.0.7:6443"
    own = resolve(Node({PLACES["k3s"]: k3s(server="https://192.0.2.7:6443")}))
    assert own.server == "https://192.0.2.7:6443"


def test_a_proxy_is_the_users_and_never_the_nodes() -> None:
    node = Node({PLACES["k3s"]: k3s(**{"proxy-url": "http://evil.example:3128"})})
    assert "proxy-url" not in kubeconfigs.the_cluster(resolve(node).kubeconfig)
    own = resolve(node, proxy="http://proxy.example:3128")
    assert kubeconfigs.the_cluster(own.kubeconfig)["proxy-url"] == "http://proxy.example:3128"


def test_words_that_a_node_calls_secrets_do_not_hide_what_the_user_has_given() -> None:
    node = Node({PLACES["k3s"]: k3s({"client-key-data": KEY, "password": "edge-cluster", "username": "u"})})
    assert resolve(node, name="edge-cluster-1").secrets == (KEY,)
    short = Node({PLACES["k3s"]: k3s({"client-key-data": KEY, "password": "edge", "username": "u"})})
    assert resolve(short, name="edge-1").secrets == (KEY,)
