# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The expectations are what Go's golang.org/x/net/http/httpproxy v0.62.0 gave for the same, and client-go's networks in NO_PROXY."""

from __future__ import annotations

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.kubeconfig import proxies
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.kubeconfig.proxies import Proxy

ADDRESS, NAME, SIX = "https://10.9.9.9:6443", "https://API.Edge.example:6443", "https://[fd00::1]:6443"
DIRECT = {
    ADDRESS: [
        *("*", "10.0.0.0/8", "10.9.9.9/8", "10.9.9.9/32", "0.0.0.0/0", "10.9.9.9", "10.9.9.9:6443", "10.9.9.9:"),
        *("[10.9.9.9]:6443", "::ffff:10.9.9.9", "x, 10.0.0.0/8 ", "*,x"),
    ],
    NAME: [
        ".example",
        "example",
        "*.example",
        "edge.example",
        "EDGE.example:6443",
        "*.edge.example",
        ".edge.example:6443",
    ],
    SIX: ["fd00::1", "[fd00::1]:6443", "fd00::/8", "::/0"],
    "https://edge.example": ["edge.example:443", "edge.example"],
    "http://edge.example": ["edge.example:80"],
    "https://127.0.0.2:1": [""],
    "https://[::1]:1": [""],
    "https://localhost:1": [""],
    "https://xn--bcher-kva.example": ["bücher.example"],
}
THROUGH = {
    ADDRESS: ["", "10.9.9.9:443", "10.9.9.9/33", "10.9.9", "10.", ".9", "9", ":6443", "a,,b", "fd00::/8", "localhost"],
    NAME: [
        "edge.example:443",
        "dge.example",
        "*example",
        "**.example",
        "http://edge.example",
        "edge.example/",
        "edge.example.",
    ],
    SIX: ["[fd00::1]", "[fd00::1]:443", "fd00::2", "10.0.0.0/8"],
    "https://edge.example": [".edge.example", "*.edge.example", "edge.example:80"],
}


def pairs(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(server, no_proxy) for server, several in table.items() for no_proxy in several]


@pytest.mark.parametrize(("server", "no_proxy"), pairs(DIRECT))
def test_it_is_reached_directly(server: str, no_proxy: str) -> None:
    environment = {"HTTPS_PROXY": "http://p:1", "HTTP_PROXY": "http://p:1", "NO_PROXY": no_proxy}
    assert proxies.of_environment(server, environment) is None


@pytest.mark.parametrize(("server", "no_proxy"), pairs(THROUGH))
def test_it_is_reached_through_the_proxy(server: str, no_proxy: str) -> None:
    assert proxies.of_environment(server, {"HTTPS_PROXY": "http://p:1", "NO_PROXY": no_proxy})


@pytest.mark.parametrize(
    ("message", "url"),
    [
        ("http://p:3128", "http://p:3128"),
        ("p:3128", "http://p:3128"),
        ("localhost:3128", "http://localhost:3128"),
        ("user:pw@p:3128", "http://user:pw@p:3128"),
        ("socks5://p:1", "socks5://p:1"),
    ],
)
def test_a_proxy_of_the_environment_needs_no_scheme(message: str, url: str) -> None:
    found = proxies.of_environment(ADDRESS, {"https_proxy": message})
    assert found == Proxy(url, "environment variable https_proxy")


def test_capitals_win_and_each_scheme_has_its_own_variable() -> None:
    environment = {"HTTPS_PROXY": "http://a:1", "https_proxy": "http://b:1", "no_proxy": "10.0.0.0/8", "NO_PROXY": "x"}
    found = proxies.of_environment(ADDRESS, environment)
    assert found
    assert (found.url, found.origin) == ("http://a:1", "environment variable HTTPS_PROXY")
    assert proxies.of_environment("http://10.9.9.9:80", environment) is None
    assert proxies.of_environment(ADDRESS, {"ALL_PROXY": "http://a:1", "HTTP_PROXY": "http://a:1"}) is None


def test_what_is_shown_has_no_password() -> None:
    proxy = Proxy("http://user:s%20ecret@p:3128", "its_proxy")
    assert proxy.shown == "http://p:3128"
    assert proxy.user == "user:s ecret"
    assert "ecret" not in repr(proxy)


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:3128", "localhost:3128", "ftp://p:1", "socks4://p:1", "socks5h://p:1", "http://", "http://p:x", "p"],
)
def test_a_proxy_of_a_kubeconfig_is_as_kubectl_has_it(url: str) -> None:
    assert proxies.fault(url)
    assert proxies.fault("http://p:1") is None
    assert proxies.fault("socks5://p") is None
