# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import pathlib
import typing as t

import pytest
import yaml
from ansible_collections.kubestellar.wec.plugins.module_utils._apis import connection
from ansible_collections.kubestellar.wec.plugins.module_utils._apis.connection import ITS, WEC
from ansible_collections.kubestellar.wec.plugins.module_utils._errors import InvalidOption
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.kubeconfig import kubeconfigs

KUBECONFIG = {
    "clusters": [{"name": "c", "cluster": {"server": "https://c:6443"}}],
    "users": [{"name": "u", "user": {"token": "a-long-secret-token"}}],
    "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}],
    "current-context": "one",
}


def read_file(path: str) -> tuple[str, bytes]:
    return path, pathlib.Path(path).read_bytes()


def resolve(family: connection.Family = ITS, environment: t.Mapping[str, str] | None = None, **options: t.Any) -> t.Any:
    return connection.resolve(family, options, environment or {}, read_file)


@pytest.fixture
def kubeconfig(tmp_path: pathlib.Path) -> str:
    path = tmp_path / "its.kubeconfig"
    path.write_text(yaml.safe_dump(KUBECONFIG))
    return str(path)


def test_a_kubeconfig_file_gives_the_connection_and_says_so(kubeconfig: str) -> None:
    found = resolve(its_kubeconfig=kubeconfig)
    assert found.server == "https://c:6443"
    assert found.source == f"its_kubeconfig {kubeconfig}, context one"
    assert found.secrets == ("a-long-secret-token",)


def test_a_kubeconfig_can_be_given_as_data() -> None:
    assert resolve(its_kubeconfig=KUBECONFIG).server == "https://c:6443"


def test_the_environment_counts_where_no_option_is_given(kubeconfig: str) -> None:
    found = resolve(environment={"KUBESTELLAR_ITS_KUBECONFIG": kubeconfig})
    assert "environment variable KUBESTELLAR_ITS_KUBECONFIG" in found.source


def test_an_option_beats_the_environment(kubeconfig: str) -> None:
    environment = {"KUBESTELLAR_ITS_HOST": "https://other:6443", "KUBESTELLAR_ITS_API_KEY": "k"}
    assert resolve(environment=environment, its_kubeconfig=kubeconfig).server == "https://c:6443"


@pytest.mark.parametrize(("family", "option"), [(ITS, "its_kubeconfig"), (WEC, "kubeconfig")])
def test_without_anything_there_is_no_fallback(
    family: connection.Family, option: str, kubeconfig: str, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text(yaml.safe_dump(KUBECONFIG))
    monkeypatch.setenv("HOME", str(tmp_path))
    others = {"KUBECONFIG": kubeconfig, "KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    others["K8S_AUTH_KUBECONFIG" if family is ITS else "KUBESTELLAR_ITS_KUBECONFIG"] = kubeconfig
    with pytest.raises(InvalidOption, match=f"{option}.* nothing says how to reach the {family.side}"):
        resolve(family, others)


def test_host_and_token_need_no_file() -> None:
    found = resolve(its_host="https://its:6443/", its_api_key="another-long-secret")
    assert found.server == "https://its:6443"
    assert kubeconfigs.the_user(found.kubeconfig) == {"token": "another-long-secret"}
    assert found.secrets == ("another-long-secret",)


def test_single_options_change_what_the_kubeconfig_says(kubeconfig: str, tmp_path: pathlib.Path) -> None:
    ca = tmp_path / "ca.crt"
    ca.write_text("the ca")
    found = resolve(
        its_kubeconfig=kubeconfig, its_ca_cert=str(ca), its_proxy="http://proxy:3128", its_impersonate_user="alice"
    )
    cluster = kubeconfigs.the_cluster(found.kubeconfig)
    assert base64.b64decode(cluster["certificate-authority-data"]) == b"the ca"
    assert cluster["proxy-url"] == "http://proxy:3128"
    assert kubeconfigs.the_user(found.kubeconfig)["as"] == "alice"


def test_certificates_are_not_checked_only_if_that_is_said(kubeconfig: str) -> None:
    assert "insecure-skip-tls-verify" not in kubeconfigs.the_cluster(resolve(its_kubeconfig=kubeconfig).kubeconfig)
    loose = resolve(its_kubeconfig=kubeconfig, its_validate_certs=False)
    assert kubeconfigs.the_cluster(loose.kubeconfig)["insecure-skip-tls-verify"] is True


BAD: dict[str, tuple[dict[str, t.Any], str]] = {
    "no such file": (
        {"its_kubeconfig": "/nonexistent/kubeconfig"},
        "its_kubeconfig: '/nonexistent/kubeconfig' cannot be",
    ),
    "no such context": (
        {"its_kubeconfig": KUBECONFIG, "its_context": "two"},
        "its_context: .*no context 'two', only one",
    ),
    "no kubeconfig": ({"its_kubeconfig": {"a": "b"}}, "its_kubeconfig: .*is not a kubeconfig"),
    "both": ({"its_kubeconfig": KUBECONFIG, "its_host": "https://x"}, "its_host: .*cannot go together"),
    "no credentials": ({"its_host": "https://x"}, "its_api_key: nothing says as whom"),
    "no address": ({"its_host": "x:6443", "its_api_key": "k"}, "its_host: 'x:6443' is not the address"),
    "context alone": ({"its_host": "https://x", "its_api_key": "k", "its_context": "c"}, "its_context: .*no meaning"),
    "no CA file": ({"its_kubeconfig": KUBECONFIG, "its_ca_cert": "/nonexistent"}, "its_ca_cert: .*cannot be read"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_options_are_named_with_the_remedy(case: str) -> None:
    options, message = BAD[case]
    with pytest.raises(InvalidOption, match=message) as raised:
        resolve(**options)
    assert raised.value.details["option"].startswith("its_")


def test_a_broken_kubeconfig_is_not_quoted(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "broken"
    path.write_text("users:\n- token: a-long-secret-token: x\n")
    with pytest.raises(InvalidOption, match=r"is not YAML \(line 2\)") as raised:
        resolve(its_kubeconfig=str(path))
    assert "secret" not in str(raised.value)


def test_what_others_may_read_has_no_secret_and_leads_there_from_everywhere() -> None:
    options = {
        "its_kubeconfig": "a.kubeconfig:/b.kubeconfig",
        "its_context": "its1",
        "its_api_key": "secret",
        "its_client_key": "key.pem",
        "its_proxy": "http://me:pass-word@proxy:3128",
        "its_validate_certs": False,
        "wds_context": "other",
    }
    found = connection.shareable(connection.ITS, options, lambda path: f"/at/{path.lstrip('/')}")
    assert found == {
        "its_kubeconfig": "/at/a.kubeconfig:/at/b.kubeconfig",
        "its_context": "its1",
        "its_client_key": "/at/key.pem",
        "its_validate_certs": False,
    }
    assert connection.shareable(connection.ITS, {"its_kubeconfig": {"users": []}}, str) == {}
