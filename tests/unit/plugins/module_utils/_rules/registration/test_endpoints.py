# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration import endpoints


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:6443",
        "https://127.1.2.3",
        "https://localhost:6443",
        "https://[::1]:6443",
        "https://0.0.0.0:6443",
        "https://its1.localtest.me:9443",
        "https://ITS1.LocalTest.me.:9443",
    ],
)
def test_an_address_that_leads_back_is_local(url: str) -> None:
    assert endpoints.is_local(url)


@pytest.mark.parametrize("url", ["https://its1.example:6443", "https://192.0.2.1:6443", "https://notlocaltest.me"])
def test_other_addresses_are_not_local(url: str) -> None:
    assert not endpoints.is_local(url)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("its1.example:6443", "not the address"),
        ("ftp://its1.example", "not the address"),
        ("https://", "not the address"),
        ("https://its1.example:99999", "not a number"),
        ("https://its1.example:0", "port 0"),
    ],
)
def test_what_is_no_address_is_told(url: str, message: str) -> None:
    assert message in str(endpoints.fault(url))


def test_addresses_are_compared_without_what_goes_without_saying() -> None:
    assert endpoints.host_and_port("https://ITS1.example.") == endpoints.host_and_port("https://its1.example:443/")
    assert endpoints.host_and_port("https://its1.example") != endpoints.host_and_port("https://its1.example:6443")
