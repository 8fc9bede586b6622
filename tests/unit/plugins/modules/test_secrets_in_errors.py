# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever goes wrong, no secret is in what is shown of it: message, traceback, invocation, lines and warnings."""

from __future__ import annotations

import base64
import json
import pathlib
import tempfile
import time
import typing as t

import pytest
import yaml
from ansible_collections.kubestellar.wec.plugins.module_utils._apis import credential_plugin, kube
from fake_api import FakeApi
from fake_ocm import FakeIts
from front_ends import AsAction, FrontEnd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_server import encoded as _encoded

Json = dict[str, t.Any]
SECRET = "TOPSECRET-TOKEN-OF-THE-ITS"
LINE_ENDS = {
    "a line end": f"{SECRET}\n",
    "a line end of DOS": f"{SECRET}\r\n",
    "blanks around it": f"  {SECRET}\t\n\n",
}
BROKEN = {
    "a line end inside": f"{SECRET}\nmore",
    "a null byte": f"{SECRET}\x00",
    "an escape": f"\x1b{SECRET}",
    "a letter that no header can carry": f"{SECRET}\u20ac",
    "an emoji": f"{SECRET}😀",
}


def encoded(text: str) -> str:
    return _encoded(text.encode())


def shown(run: FrontEnd, result: Json) -> str:
    return json.dumps([result, run.lines, run.warnings], ensure_ascii=False)


def ways(its: FakeIts, token: str, tmp_path: pathlib.Path) -> dict[str, Json]:
    """A token in each place where people put one."""
    file = tmp_path / "token"
    file.write_bytes(token.encode("utf-8", "surrogateescape"))
    in_file = its.kubeconfig()
    in_file["users"][0]["user"] = {"tokenFile": str(file)}
    own = tmp_path / "its.kubeconfig"
    own.write_text(json.dumps(its.kubeconfig(token)))
    return {
        "option": {"its_host": its.url, "its_api_key": token},
        "data": {"its_kubeconfig": its.kubeconfig(token)},
        "text": {"its_kubeconfig": json.dumps(its.kubeconfig(token), indent=1)},
        "file": {"its_kubeconfig": str(own)},
        "tokenFile": {"its_kubeconfig": in_file},
    }


@pytest.mark.parametrize("token", LINE_ENDS.values(), ids=LINE_ENDS)
@pytest.mark.parametrize("way", ["option", "data", "text", "file", "tokenFile"])
def test_blanks_around_a_token_do_not_belong_to_it(
    run: FrontEnd, its: FakeIts, token: str, way: str, tmp_path: pathlib.Path
) -> None:
    its.join("edge-1", "uid")
    result = run("wec_status", name="edge-1", **ways(its, token, tmp_path)[way])
    assert not result.get("failed"), result
    assert SECRET not in shown(run, result)


@pytest.mark.parametrize("token", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("way", ["option", "data", "text", "file", "tokenFile"])
def test_a_token_that_is_none_is_refused_and_not_quoted(
    run: FrontEnd, its: FakeIts, token: str, way: str, tmp_path: pathlib.Path
) -> None:
    result = run("wec_status", name="edge-1", **ways(its, token, tmp_path)[way])
    assert result["failed"]
    assert SECRET not in shown(run, result)
    assert its.requests == []


@pytest.mark.parametrize("token", LINE_ENDS.values(), ids=LINE_ENDS)
def test_a_token_in_the_environment_is_trimmed_too(
    run: FrontEnd, its: FakeIts, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    its.join("edge-1", "uid")
    monkeypatch.setenv("KUBESTELLAR_ITS_HOST", its.url)
    monkeypatch.setenv("KUBESTELLAR_ITS_API_KEY", token)
    result = run("wec_status", name="edge-1")
    assert not result.get("failed"), result
    assert SECRET not in shown(run, result)


class Surprise(Exception):
    """Of a kind that nobody has thought of."""


@pytest.mark.parametrize(
    "kind", [Surprise, ValueError, KeyError, RecursionError, RuntimeError, SystemExit, MemoryError]
)
def test_an_error_that_nobody_has_thought_of_is_a_failure_without_secrets(
    run: FrontEnd, its: FakeIts, kind: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: t.Any, **_more: t.Any) -> t.Any:
        try:
            raise ValueError(f"inner {SECRET}")
        except ValueError as error:
            raise kind(f"Invalid header value b'Bearer {SECRET}\\n'") from error

    monkeypatch.setattr(kube.Kube, "find", fail)
    result = run("wec_status", name="edge-1", its_kubeconfig=its.kubeconfig(SECRET))
    assert result["failed"]
    assert SECRET not in shown(run, result)


@pytest.mark.parametrize("before", [*range(240, 300, 7)])
def test_a_secret_that_is_cut_off_is_not_shown_in_part(
    run: FrontEnd, its: FakeIts, before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: t.Any, **_more: t.Any) -> t.Any:
        raise ValueError(f"{'x' * before} {SECRET}")

    monkeypatch.setattr(kube.Kube, "find", fail)
    result = run("wec_status", name="edge-1", its_kubeconfig=its.kubeconfig(SECRET))
    assert result["failed"]
    assert SECRET[:6] not in shown(run, result)


@pytest.mark.parametrize(
    "wrong",
    [
        {"wait_for": "no-such-state"},
        {"no_such_option": 1},
        {"connect_timeout": "soon"},
        {"its_context": "x"},
    ],
)
@pytest.mark.parametrize("way", ["option", "data", "text"])
def test_options_that_are_not_valid_show_no_secret(
    run: FrontEnd, its: FakeIts, wrong: Json, way: str, tmp_path: pathlib.Path
) -> None:
    options = {"name": "edge-1", **ways(its, SECRET, tmp_path)[way], **wrong}
    result = run("wec_status", all=True, **options)
    assert result["failed"] or way == "option"
    assert SECRET not in shown(run, result)


def test_a_kubeconfig_as_text_is_used_and_is_a_secret_as_a_whole(run: FrontEnd, its: FakeIts) -> None:
    its.join("edge-1", "uid")
    text = yaml.safe_dump(its.kubeconfig(SECRET))
    result = run("wec_status", name="edge-1", its_kubeconfig=text)
    assert not result.get("failed"), result
    assert text not in shown(run, result)
    assert SECRET not in shown(run, result)
    assert result["wecs"][0]["name"] == "edge-1"


def test_a_kubeconfig_as_text_that_is_none_is_not_shown(run: FrontEnd) -> None:
    broken = f"clusters: [\nusers:\n- name: u\n  user:\n    token: {SECRET}\n    client-key-data: 'QUJDREVGRw==\n"
    result = run("wec_status", name="edge-1", its_kubeconfig=broken)
    assert result["failed"]
    assert SECRET not in shown(run, result)
    assert "QUJDREVGRw" not in shown(run, result)


# -- credential plugins ----------------------------------------------------------------------------------------------


def plugin(folder: pathlib.Path, script: str) -> Json:
    program = folder / "plugin"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return {
        "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program), "interactiveMode": "Never"}
    }


def credential(**status: t.Any) -> str:
    return json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status})


def test_what_a_plugin_gives_is_used_and_shown_nowhere(run: FrontEnd, its: FakeIts, tmp_path: pathlib.Path) -> None:
    its.join("edge-1", "uid")
    config = its.kubeconfig()
    config["users"][0]["user"] = plugin(tmp_path, f"echo '{credential(token=SECRET)}'")
    result = run("wec_status", name="edge-1", its_kubeconfig=config)
    assert not result.get("failed"), result
    assert SECRET not in shown(run, result)


def test_keys_of_a_plugin_are_in_no_file(
    run: FrontEnd, its: FakeIts, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    its.join("edge-1", "uid")
    config = its.kubeconfig()
    key = f"-----BEGIN EC PRIVATE KEY-----\n{SECRET}\n-----END EC PRIVATE KEY-----\n"
    given = credential(clientCertificateData="-----BEGIN CERTIFICATE-----\nx\n", clientKeyData=key)
    answer = tmp_path / "answer.json"
    answer.write_text(given)
    config["users"][0]["user"] = plugin(tmp_path, f"cat {answer}")
    result = run("wec_status", name="edge-1", its_kubeconfig=config)
    assert SECRET not in shown(run, result)
    left = [path for path in folder.rglob("*") if path.is_file() and SECRET in path.read_text(errors="replace")]
    assert left == []


def test_what_says_how_the_its_is_reached_is_not_for_a_wecs_plugin(
    its: FakeIts, wec: FakeApi, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    its.join("edge-1", "uid")
    for name in ("KUBESTELLAR_ITS_API_KEY", "KUBESTELLAR_WDS_API_KEY", "KUBESTELLAR_ITS_KUBECONFIG"):
        monkeypatch.setenv(name, f"{SECRET}-{name}")
    seen = tmp_path / "environment"
    config = wec.kubeconfig()
    config["users"][0]["user"] = plugin(tmp_path, f"env > {seen}; echo '{credential(token='of-the-wec')}'")
    AsAction()("wec_status", name="edge-1", its_kubeconfig=its.kubeconfig(), kubeconfig=config)
    assert "KUBERNETES_EXEC_INFO" in seen.read_text()
    assert SECRET not in seen.read_text()


BAD_PLUGINS = {
    "it fails": f"echo {SECRET} >&2; echo login first >&2; exit 3",
    "it says nothing": "true",
    "it says something else": f"echo '{SECRET}'",
    "it says JSON of another kind": "echo '[1]'",
    "a status that is a list": "echo '"
    + json.dumps({"apiVersion": "x", "kind": "ExecCredential", "status": [1]})
    + "'",
    "it writes without end": "yes 2>/dev/null",
    "it complains without end": "yes >&2",
    "deep JSON": "head -c 200000 /dev/zero | tr '\\0' '['",
}


@pytest.mark.parametrize("script", BAD_PLUGINS.values(), ids=BAD_PLUGINS)
def test_a_plugin_that_gives_nothing_is_named(run: FrontEnd, its: FakeIts, tmp_path: pathlib.Path, script: str) -> None:
    config = its.kubeconfig()
    config["users"][0]["user"] = plugin(tmp_path, script)
    result = run("wec_status", name="edge-1", its_kubeconfig=config)
    assert result["failed"]
    assert str(tmp_path / "plugin") in result["msg"]
    assert SECRET not in result["msg"]


def test_a_plugin_ends_with_the_task_that_has_run_out_of_time(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OutOfTime(BaseException):
        """As Ansible's own is: nothing catches it."""

    def fail(*_arguments: t.Any) -> t.Any:
        raise OutOfTime

    monkeypatch.setattr(credential_plugin, "_outputs", fail)
    began = time.monotonic()
    with pytest.raises(OutOfTime):
        credential_plugin.run(plugin(tmp_path, "exec sleep 20")["exec"], {}, {})
    assert time.monotonic() - began < 10


def test_a_plugin_that_waits_for_somebody_ends(
    run: FrontEnd, its: FakeIts, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ansible_collections.kubestellar.wec.plugins.module_utils._rules.outside import limits

    monkeypatch.setattr(limits, "PLUGIN_SECONDS", 0.5)
    config = its.kubeconfig()
    config["users"][0]["user"] = plugin(tmp_path, "exec sleep 100")
    result = run("wec_status", name="edge-1", its_kubeconfig=config)
    assert result["failed"]
    assert "did not answer within" in result["msg"]


def test_what_a_plugin_leaves_running_ends_with_it(run: FrontEnd, its: FakeIts, tmp_path: pathlib.Path) -> None:
    its.join("edge-1", "uid")
    config = its.kubeconfig()
    child = tmp_path / "child"
    config["users"][0]["user"] = plugin(tmp_path, f"sleep 300 & echo $! > {child}; echo '{credential(token=SECRET)}'")
    began = time.monotonic()
    result = run("wec_status", name="edge-1", its_kubeconfig=config)
    assert not result.get("failed"), result
    assert time.monotonic() - began < 30
    state = pathlib.Path(f"/proc/{child.read_text().strip()}/stat")
    assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize("change", [{}, {"clusters": None}, {"users": None, "the-token-is": SECRET}])
def test_a_kubeconfig_of_one_line_is_no_path(run: FrontEnd, its: FakeIts, change: Json) -> None:
    text = json.dumps({**its.kubeconfig(SECRET), **change})
    its.join("edge-1", "uid")
    result = run("wec_status", name="edge-1", its_kubeconfig=text, its_context="fake")
    assert bool(result.get("failed")) == bool(change)
    assert SECRET not in shown(run, result)


def test_a_kubeconfig_as_it_is_in_a_secret_is_not_quoted(run: FrontEnd, its: FakeIts) -> None:
    text = encoded(json.dumps(its.kubeconfig(SECRET)))
    result = run("wec_status", name="edge-1", its_kubeconfig=text)
    assert result["failed"]
    assert text[:100] not in shown(run, result)


@pytest.mark.parametrize("write", [json.dumps, yaml.safe_dump, lambda one: encoded(json.dumps(one))])
@pytest.mark.parametrize("key", ["value", "stringData"])
def test_a_whole_secret_in_place_of_a_kubeconfig_is_not_quoted(
    run: FrontEnd, its: FakeIts, write: t.Callable[[Json], str], key: str
) -> None:
    text = write(its.kubeconfig(SECRET))
    result = run("wec_status", name="edge-1", its_kubeconfig={"kind": "Secret", "data": {key: text}})
    assert result["failed"]
    assert SECRET not in shown(run, result)
    assert text[:100] not in shown(run, result)


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("wec_status", {"its_apikey": SECRET}),
        ("wec_join", {"wecs": [{"name": "edge-1", "apikey": SECRET}]}),
    ],
)
def test_the_value_of_an_option_that_does_not_exist_is_not_shown(run: FrontEnd, module: str, options: Json) -> None:
    result = run(module, **options)
    assert "Unsupported parameters" in result["msg"]
    assert SECRET not in shown(run, result)


def test_options_of_another_shape_are_not_quoted_with_their_secrets(run: FrontEnd) -> None:
    result = run("wec_join", wecs=[[{"name": "edge-1", "api_key": SECRET}]])
    assert result["failed"]
    assert SECRET not in shown(run, result)


@pytest.mark.parametrize("given", [{"a": {"b": SECRET}}, [[SECRET]], {"api_key": [SECRET]}])
def test_what_is_in_the_place_of_a_token_is_a_secret(run: FrontEnd, given: t.Any) -> None:
    result = run("wec_accept", its_host="https://127.0.0.1:1", its_api_key=given, wecs="{{")
    assert result["failed"]
    assert SECRET not in shown(run, result)


def test_what_is_wrong_with_an_option_is_shown_as_characters_that_can_be_seen(run: FrontEnd) -> None:
    assert "\x1b" not in run("wec_status", all=True, its_validate_certs="\x1b[2J")["msg"]


# -- without TLS -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "user",
    [
        {"token": SECRET},
        {"username": "me", "password": SECRET},
        {"exec": {"command": "x", "apiVersion": "client.authentication.k8s.io/v1beta1"}},
    ],
)
@pytest.mark.parametrize(
    "server", ["http://192.0.2.7:6443", "http://its.example.com", "http://localhost.example.com:80"]
)
def test_no_credential_goes_over_a_network_in_clear(run: FrontEnd, its: FakeIts, server: str, user: Json) -> None:
    config = its.kubeconfig()
    config["clusters"][0]["cluster"]["server"] = server
    config["users"][0]["user"] = user
    result = run("wec_status", name="edge-1", its_kubeconfig=config)
    assert result["failed"]
    assert "without TLS" in result["msg"]
    assert SECRET not in shown(run, result)


# -- other people's kubeconfigs --------------------------------------------------------------------------------------

CA = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
ODD_KUBECONFIGS: dict[str, t.Callable[[Json, Json], t.Any]] = {
    "verification off by a text": lambda cluster, _user: cluster.update({"insecure-skip-tls-verify": "false"}),
    "a CA beside verification off": lambda cluster, _user: cluster.update(
        {"server": "https://127.0.0.1:1", "insecure-skip-tls-verify": True, "certificate-authority-data": CA}
    ),
    "what kubectl has left out": lambda _cluster, user: user.update({"client-certificate-data": "DATA+OMITTED"}),
    "a key that kubectl has left out": lambda _cluster, user: user.update({"client-key-data": "REDACTED"}),
    "no base64": lambda cluster, _user: cluster.update({"certificate-authority-data": "%%%"}),
    "a certificate without a key": lambda _cluster, user: user.update({"client-certificate-data": CA}),
    "a server that is a list": lambda cluster, _user: cluster.update(server=["x"]),
    "a server with half an address": lambda cluster, _user: cluster.update(server="https://[::1:6443"),
    "a user that is a list": lambda _cluster, user: user.update({"exec": ["x"]}),
    "a plugin that is a text": lambda _cluster, user: user.update({"exec": "x"}),
    "a plugin with odd variables": lambda _cluster, user: user.update(
        {"exec": {"command": "x", "apiVersion": "y", "env": [{"name": 1}]}}
    ),
    "a token that is a mapping": lambda _cluster, user: user.update(token={"a": SECRET}),
    "a proxy of an unknown kind": lambda cluster, _user: cluster.update({"proxy-url": "gopher://x"}),
    "a proxy that is a list": lambda cluster, _user: cluster.update({"proxy-url": [1]}),
    "a SOCKS proxy": lambda cluster, _user: cluster.update({"proxy-url": "socks5://127.0.0.1:1"}),
    "impersonation with a line end": lambda _cluster, user: user.update({"as": "a\nb"}),
    "groups that are a text": lambda _cluster, user: user.update({"as-groups": "x"}),
    "a token file that is not there": lambda _cluster, user: user.update(tokenFile="/nonexistent/token"),
}


@pytest.mark.parametrize("change", ODD_KUBECONFIGS.values(), ids=ODD_KUBECONFIGS)
def test_an_odd_kubeconfig_is_refused_by_option_and_without_secrets(
    run: FrontEnd, its: FakeIts, change: t.Callable[[Json, Json], t.Any]
) -> None:
    config = its.kubeconfig(SECRET)
    change(config["clusters"][0]["cluster"], config["users"][0]["user"])
    result = run("wec_status", name="edge-1", its_kubeconfig=config)
    assert result["failed"]
    assert "its_kubeconfig" in result["msg"]
    assert SECRET not in shown(run, result)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(SECRET),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "config", "command", "x"]), inner)
    ),
    max_leaves=5,
)
_FIELDS = st.sampled_from(
    [
        *(
            ("clusters", "cluster", field)
            for field in ("server", "certificate-authority-data", "proxy-url", "tls-server-name")
        ),
        *(
            ("users", "user", field)
            for field in ("token", "exec", "auth-provider", "username", "as", "as-groups", "tokenFile")
        ),
        *((part, None, None) for part in ("clusters", "users", "contexts")),
        *((part, "name", None) for part in ("clusters", "users", "contexts")),
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(_FIELDS, _VALUES)
def test_whatever_stands_in_a_kubeconfig_it_is_a_failure_without_secrets(
    its: FakeIts, place: tuple[str, str | None, str | None], value: t.Any
) -> None:
    config = its.kubeconfig(SECRET)
    part, key, field = place
    if key is None:
        config[part] = value
    elif field is None:
        config[part][0][key] = value
    else:
        config[part][0][key][field] = value
    run = AsAction()
    result = run("wec_status", name="edge-1", its_kubeconfig=config, connect_timeout=0.2, read_timeout=0.2)
    rest = {key: value for key, value in result.items() if key not in ("wecs", "invocation")}
    assert "Traceback" not in str(result.get("msg"))
    assert SECRET not in json.dumps(rest)
