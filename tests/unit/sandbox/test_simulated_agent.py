# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration import csr as rules
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from fake_ocm import csr
from sandbox.simulated.agent import Identity, signing_request
from sandbox.simulated.conditions import with_condition
from sandbox.simulated.hub import Address, Client

IDENTITY = Identity("edge-1", "7e2b8a60-5d0c-4c0f-9c46-4f3a54b7c5f1", "edge-1", (), None, b"")
KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.filterwarnings("ignore:Attribute's length")
def test_its_request_is_that_of_an_agent() -> None:
    pem = signing_request(IDENTITY, KEY)
    assert rules.examine(csr("edge-1", pem=pem), "edge-1").faults == ()
    # As Go writes it: both organizations in the first part of the name.
    assert [len(list(part)) for part in x509.load_pem_x509_csr(pem).subject.rdns] == [2, 1]


def test_a_wrong_request_is_for_another_cluster() -> None:
    wrong = dataclasses.replace(IDENTITY, asks_for="not-edge-1")
    found = rules.examine(csr("edge-1", pem=signing_request(wrong, KEY)), "edge-1")
    assert any("common name" in fault for fault in found.faults)


@pytest.mark.parametrize("server", ["https://192.0.2.1:6443", "https://hub.example.com", "https://[2001:db8::1]:6443"])
def test_no_address_off_this_machine_is_dialled(server: str) -> None:
    with pytest.raises(OSError, match="no route to host"):
        Client(Address(server, ""))


def test_a_conditions_time_changes_with_its_status() -> None:
    before = with_condition([], "Ready", "True", "Fine", "")
    before[0]["lastTransitionTime"] = "2020-01-01T00:00:00Z"
    assert with_condition(before, "Ready", "True", "Fine", "") == before
    after = with_condition(before, "Ready", "False", "Broken", "")
    assert after[0]["lastTransitionTime"] != before[0]["lastTransitionTime"]
