# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.kubeconfig import host_kubeconfigs, kubeconfigs
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.kubeconfig.kubeconfigs import KubeconfigError
from hypothesis import given, settings
from hypothesis import strategies as st


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


CA = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
EXEC = {"apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never"}
SECRET = "the-secret-of-the-node"


def k3s(cluster: t.Any = None, user: t.Any = None, **more: t.Any) -> dict[str, t.Any]:
    return {
        "clusters": [
            {"name": "other", "cluster": {"server": "https://192.0.2.9:6443"}},
            {"name": "c", "cluster": {"server": "https://127.0.0.1:6443"} if cluster is None else cluster},
        ],
        "users": [{"name": "u", "user": {"token": SECRET} if user is None else user}],
        "contexts": [{"name": "default", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "default",
        **more,
    }


def read(document: t.Any, is_elsewhere: bool = True) -> dict[str, t.Any]:
    return host_kubeconfigs.read(document, None, "/etc/rancher", is_elsewhere)


def server(value: t.Any) -> dict[str, t.Any]:
    return {"server": value, "certificate-authority-data": CA}


def token(**more: t.Any) -> dict[str, t.Any]:
    return {"token": SECRET, **{key.replace("_", "-"): value for key, value in more.items()}}


AT = "https://127.0.0.1:6443"
WRONG: dict[str, tuple[t.Any, str]] = {
    "exec, a list": (k3s(user={"exec": ["sh"]}), "users[0].user.exec"),
    "exec, an empty list": (k3s(user={"exec": []}), "users[0].user.exec"),
    "exec, a text": (k3s(user={"exec": "sh"}), "users[0].user.exec"),
    "exec, a mapping": (k3s(user={"exec": {"command": "sh"}}), "users[0].user.exec"),
    "auth-provider": (k3s(user={"auth-provider": {"name": "oidc"}}), "users[0].user.auth-provider"),
    "a user that is a list": (k3s(user=["token"]), "users[0].user is not a mapping"),
    "users that are a mapping": (k3s(users={"name": "u"}), "users is not a list"),
    "users that are texts": (k3s(users=["u"]), "users[0] is not a mapping"),
    "a user without a name": (k3s(users=[{"user": token()}]), "users[0].name"),
    "a name that is a number": (k3s(contexts=[{"name": 7, "context": {}}]), "contexts[0].name is not text"),
    "contexts that are a text": (k3s(contexts="default"), "contexts is not a list"),
    "a context that is a list": (k3s(contexts=[{"name": "default", "context": ["c"]}]), "contexts[0].context"),
    "a context of a list": (
        k3s(contexts=[{"name": "default", "context": {"cluster": ["c"], "user": "u"}}]),
        "contexts[0].context.cluster",
    ),
    "a current context that is a list": (k3s(**{"current-context": ["default"]}), "current-context is not text"),
    "clusters that are a number": (k3s(clusters=3), "clusters is not a list"),
    "a cluster that is a text": (k3s(cluster="https://127.0.0.1"), "clusters[1].cluster is not a mapping"),
    "a server that is a list": (k3s(cluster=server([AT])), "clusters[1].cluster.server must be a string"),
    "a server with a line end": (k3s(cluster=server(AT + "\r\nHost: a")), "clusters[1].cluster.server has"),
    "a server with a password": (
        k3s(cluster=server(f"https://u:{SECRET}@127.0.0.1")),
        "clusters[1].cluster.server has",
    ),
    "a CA file that is a list": (
        k3s(cluster={"server": AT, "certificate-authority": [5]}),
        ".certificate-authority must be a string",
    ),
    "a CA that is a list": (
        k3s(cluster={"server": AT, "certificate-authority-data": [1]}),
        "clusters[1].cluster.certificate-authority-data must be a string",
    ),
    "a CA that is not base64": (
        k3s(cluster={"server": AT, "certificate-authority-data": "\u00e4"}),
        "clusters[1].cluster.certificate-authority-data is not base64",
    ),
    "a CA of another length": (
        k3s(cluster={"server": AT, "certificate-authority-data": "abcde"}),
        "clusters[1].cluster.certificate-authority-data is not base64",
    ),
    "a check that is switched off by a text": (
        k3s(cluster={"server": AT, "insecure-skip-tls-verify": "false"}),
        "clusters[1].cluster.insecure-skip-tls-verify is neither true nor false",
    ),
    "a name for the certificate that is a list": (
        k3s(cluster={"server": AT, "tls-server-name": ["a"]}),
        "clusters[1].cluster.tls-server-name must be a string",
    ),
    "as, a list": (k3s(user=token(**{"as": ["admin"]})), "users[0].user.as must be a string"),
    "as, with a line end": (k3s(user=token(**{"as": "a\r\nX: y"})), "users[0].user.as has"),
    "as, in another script": (k3s(user=token(**{"as": "\u4e2d"})), "users[0].user.as has"),
    "groups that are a text": (k3s(user=token(as_groups="system:masters")), "users[0].user.as-groups is not a list"),
    "groups that are numbers": (k3s(user=token(as_groups=[1])), "users[0].user.as-groups[0] is not text"),
    "a token with a line end in it": (k3s(user={"token": f"{SECRET}\r\nX: y"}), "users[0].user.token has"),
    "a token that is true": (
        k3s(user={"token": True}),
        "users[0].user.token must be a string, and is true or false in YAML",
    ),
    "a token in another script": (k3s(user={"token": "\u4e2d" * 9}), "users[0].user.token has"),
    "a token that is endless": (k3s(user={"token": "a" * 70_000}), "users[0].user.token is longer than"),
    "a password that is a list": (
        k3s(user={"username": "u", "password": [SECRET]}),
        "users[0].user.password must be a string",
    ),
    "a key that is a mapping": (k3s(user={"client-key-data": {}}), "users[0].user.client-key-data must be a string"),
    "a file that is a list": (k3s(user={"client-key": ["/k"]}), "users[0].user.client-key must be a string"),
    "a file with a line end": (k3s(user={"tokenFile": "/t\n/etc/shadow"}), "users[0].user.tokenFile has"),
    "a file with a NUL": (k3s(user={"tokenFile": "/t\0"}), "users[0].user.tokenFile has"),
    "nothing": (None, "is not a kubeconfig"),
    "a list": ([k3s()], "is not a kubeconfig"),
    "a text": ("apiVersion: v1", "is not a kubeconfig"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_as_it_must_be_is_named_by_its_path_and_not_quoted(case: str) -> None:
    document, path = WRONG[case]
    with pytest.raises(KubeconfigError) as caught:
        read(document)
    assert path in str(caught.value)
    assert SECRET not in str(caught.value)


def test_only_what_is_known_is_taken() -> None:
    cluster = {
        **server(AT),
        "proxy-url": "http://evil.example:3128",
        "disable-compression": True,
        "extensions": [{"name": "x", "extension": {"a": 1}}],
    }
    user = token(Exec={"command": "sh"}, eXec="sh", impersonate="a", username="", as_groups=["g"], **{"as": "a"})
    found = read(k3s(cluster, user, preferences={"colors": True}))
    assert kubeconfigs.the_cluster(found) == server(AT)
    assert kubeconfigs.the_user(found) == {"token": SECRET, "as": "a", "as-groups": ["g"]}
    assert found["current-context"] == "default"


def test_a_proxy_and_a_program_are_this_machines_own_where_the_file_is() -> None:
    cluster = {**server(AT), "proxy-url": "http://proxy.example:3128"}
    found = read(k3s(cluster, {"exec": {**EXEC, "command": "./aws", "args": ["eks"]}}), is_elsewhere=False)
    assert kubeconfigs.the_cluster(found) == cluster
    assert kubeconfigs.the_user(found)["exec"] == {
        **EXEC,
        "command": "/etc/rancher/./aws",
        "args": ["eks"],
    }


@pytest.mark.parametrize(
    "program",
    [
        [],
        "sh",
        {"command": ["sh"]},
        {"command": "sh", "args": "-c"},
        {"command": "sh", "env": {"A": "b"}},
        {"args": []},
    ],
)
def test_a_program_of_this_machine_has_its_shape_too(program: t.Any) -> None:
    with pytest.raises(KubeconfigError, match="users.0..user.exec"):
        read(k3s(user={"exec": program}), is_elsewhere=False)


def test_a_token_is_without_blanks_around_it_as_client_go_has_it() -> None:
    assert kubeconfigs.the_user(read(k3s(user={"token": f" {SECRET}\n"})))["token"] == SECRET


def test_files_are_beside_it_and_no_home_is_meant() -> None:
    found = read(k3s(user={"client-key": "~/key", "client-certificate": "../c", "tokenFile": "/t"}))
    assert host_kubeconfigs.named_files(found) == ["/etc/rancher/../c", "/etc/rancher/~/key", "/t"]


@pytest.mark.parametrize("content", [b"a\r\nX: y", b"", b" \n", b"\xff" * 9])
def test_a_file_without_a_token_in_it_is_none(content: bytes) -> None:
    with pytest.raises(KubeconfigError, match="tokenFile /t"):
        host_kubeconfigs.with_contents(config(user={"tokenFile": "/t"}), {"/t": content})


LEADS = [
    ("https://127.0.0.1:6443", "192.0.2.7", False),
    ("https://[::1]:6443", "192.0.2.7", False),
    ("https://192.0.2.7:6443", "192.0.2.7", False),
    ("https://EDGE-1.example.:6443", "edge-1.example", False),
    ("https://[2001:DB8:0::7]:6443", "2001:db8::7", False),
    ("https://192.0.2.8:6443", "192.0.2.7", True),
    ("https://169.254.169.254/latest", "192.0.2.7", True),
    ("https://127.0.0.1.evil.example:6443", "192.0.2.7", True),
    ("https://192.0.2.7.evil.example", "192.0.2.7", True),
]


@pytest.mark.parametrize(("url", "address", "elsewhere"), LEADS)
def test_an_address_is_the_hosts_own_or_leads_elsewhere(url: str, address: str, elsewhere: bool) -> None:
    assert host_kubeconfigs.leads_elsewhere(url, address) is elsewhere


def test_what_is_short_or_was_given_by_the_user_is_not_hidden_everywhere() -> None:
    secrets = ["edge", "1", "a-secret", "edge-cluster", SECRET]
    assert host_kubeconfigs.to_hide(secrets, ["edge-cluster-1", "auto"]) == ("a-secret", SECRET)


KEYS = st.sampled_from(
    [
        *("name", "cluster", "user", "context", "server", "token", "exec", "command", "env", "args", "as", "as-groups"),
        *("password", "tokenFile", "client-key-data", "certificate-authority", "insecure-skip-tls-verify"),
        *("auth-provider", "config", "x"),
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.binary(max_size=4)
    | st.sampled_from(["c", "u", "default", AT, "https://[::1", SECRET, "", "\r\n", "\0", "\u202e", "{{ 1 }}"])
)
ODD = st.recursive(
    SCALARS, lambda one: st.lists(one, max_size=3) | st.dictionaries(KEYS, one, max_size=4), max_leaves=8
)
LIKE_ONE = st.builds(
    lambda cluster, user, more, which: {**k3s(cluster, user), **({which: more} if which else {})},
    st.one_of(ODD, st.dictionaries(KEYS, ODD, max_size=3).map(lambda more: {**server(AT), **more})),
    st.one_of(ODD, st.dictionaries(KEYS, ODD, max_size=3)),
    ODD,
    st.sampled_from(["", "", "clusters", "users", "contexts", "current-context"]),
)


@settings(max_examples=400, deadline=None)
@given(ODD | LIKE_ONE, st.booleans())
def test_whatever_a_node_has_there_is_a_kubeconfig_or_our_own_error_without_a_secret(
    document: t.Any, is_elsewhere: bool
) -> None:
    text, found = "", None
    try:
        found = read(document, is_elsewhere)
        found = host_kubeconfigs.with_contents(found, dict.fromkeys(host_kubeconfigs.named_files(found), b"content"))
    except KubeconfigError as error:
        text = str(error)
    # Names of contexts are told, where none was chosen.
    assert SECRET not in text or "context" in text
    if found is not None:
        assert all(isinstance(one, str) for one in kubeconfigs.secrets(found))
        if is_elsewhere:
            assert not {"exec", "auth-provider"} & set(kubeconfigs.the_user(found))
            assert "proxy-url" not in kubeconfigs.the_cluster(found)


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
