# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules import csr as rules
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from fake_ocm import ALL_CLUSTERS, csr, request, subject

GROUP = "system:open-cluster-management:prod"
Forge = t.Callable[[dict[str, t.Any]], t.Any]


def test_an_agents_own_request_is_legitimate_by_identity() -> None:
    examined = rules.examine(csr("prod"), "prod")
    assert examined.is_legitimate
    assert examined.proof == rules.IDENTITY


def test_a_request_made_with_the_wecs_own_token_is_proved_by_it() -> None:
    assert rules.examine(csr("prod", token_id="t1"), "prod", token_id="t1").proof == rules.TOKEN


def test_without_a_recorded_token_identity_is_the_proof() -> None:
    assert rules.examine(csr("prod"), "prod", token_id="t1").proof == rules.IDENTITY


def test_a_bootstrap_token_of_the_hub_may_ask_too() -> None:
    made = csr("prod")
    made["spec"].update(username="system:bootstrap:ocmhub", groups=["system:bootstrappers:managedcluster"])
    assert rules.examine(made, "prod").is_legitimate


def _label(made: dict[str, t.Any], key: str, value: str) -> None:
    made["metadata"]["labels"][key] = value


FORGED: dict[str, tuple[t.Any, str]] = {
    "another WEC's label": (lambda made: _label(made, "open-cluster-management.io/cluster-name", "prod-2"), "label"),
    "no label": (lambda made: made["metadata"]["labels"].clear(), "label"),
    "an add-on's label": (lambda made: _label(made, "open-cluster-management.io/addon-name", "x"), "add-on"),
    "another signer": (lambda made: made["spec"].update(signerName="kubernetes.io/kubelet-serving"), "signer"),
    "an extra usage": (lambda made: made["spec"]["usages"].append("server auth"), "server auth"),
    "no client usage": (lambda made: made["spec"].update(usages=["digital signature"]), "client authentication"),
    "a human requester": (lambda made: made["spec"].update(username="alice"), "no bootstrap identity"),
    "another account": (
        lambda made: made["spec"].update(username="system:serviceaccount:default:agent-registration-bootstrap"),
        "no bootstrap identity",
    ),
    "an account by name only": (lambda made: made["spec"].update(groups=["system:authenticated"]), "group"),
    "a bootstrap user by name only": (lambda made: made["spec"].update(username="system:bootstrap:x"), "group"),
    "an agent's own renewal": (
        lambda made: made["spec"].update(username="system:open-cluster-management:prod:agent0"),
        "no bootstrap identity",
    ),
    "another valid bootstrap token": (
        lambda made: made["spec"]["extra"].update({"authentication.kubernetes.io/credential-id": ["JTI=other"]}),
        "another token",
    ),
    "no base64": (lambda made: made["spec"].update(request="%%%"), "not base64"),
    "a huge request": (lambda made: made["spec"].update(request="A" * 100000), "too large"),
    "no request": (lambda made: made["spec"].update(request=""), "cannot be read"),
}


@pytest.mark.parametrize("kind", FORGED)
def test_a_forged_request_is_not_legitimate_and_says_why(kind: str) -> None:
    forge, told = FORGED[kind]
    made = csr("prod", token_id="t1")
    forge(made)
    examined = rules.examine(made, "prod", token_id="t1")
    assert not examined.is_legitimate
    assert examined.proof is None
    assert told in " ".join(examined.faults)


PEMS: dict[str, tuple[bytes, str]] = {
    "another WEC's common name": (request(subject("prod", ["system:open-cluster-management:prod-2:a"])), "common name"),
    "a longer name with the same beginning": (request(subject("prod-2")), "common name"),
    "a common name without an agent": (
        request(subject("prod", ["system:open-cluster-management:prod"])),
        "common name",
    ),
    "a common name with a further part": (request(subject("prod", [f"{GROUP}:a:b"])), "common name"),
    "an empty agent": (request(subject("prod", [f"{GROUP}:"])), "common name"),
    "no common name": (request(subject("prod", [])), "0 common names"),
    "two common names": (request(subject("prod", [f"{GROUP}:a", f"{GROUP}:b"])), "2 common names"),
    "a non-ASCII common name": (request(subject("prod", [f"{GROUP}:\u0430gent"])), "common name"),
    "a line break in the common name": (request(subject("prod", [f"{GROUP}:a\n"])), "common name"),
    "an extra organization": (request(subject("prod", None, [GROUP, ALL_CLUSTERS, "system:masters"])), "organizations"),
    "another WEC's organization": (request(subject("prod", None, [f"{GROUP}-2", ALL_CLUSTERS])), "organizations"),
    "an organization too few": (request(subject("prod", None, [GROUP])), "organizations"),
    "an organization twice": (request(subject("prod", None, [GROUP, GROUP, ALL_CLUSTERS])), "organizations"),
    "no organization": (request(subject("prod", None, [])), "organizations"),
    "another subject attribute": (
        request(x509.Name([*subject("prod"), x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, "x")])),
        "organizationalUnitName",
    ),
    "a name as an extension": (
        request(subject("prod"), [x509.SubjectAlternativeName([x509.DNSName("kubernetes.default.svc")])]),
        "extensions",
    ),
    "malformed PEM": (
        b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
        "cannot be read",
    ),
    "a certificate instead": (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"),
    "text": (b"not a request", "cannot be read"),
}


@pytest.mark.parametrize("kind", PEMS)
def test_everything_in_the_certificate_must_belong_to_the_wec(kind: str) -> None:
    pem, told = PEMS[kind]
    examined = rules.examine(csr("prod", pem=pem), "prod")
    assert not examined.is_legitimate
    assert told in " ".join(examined.faults)


def test_a_request_signed_with_another_key_is_not_legitimate() -> None:
    pem = request(subject("prod"))
    der = bytearray(x509.load_pem_x509_csr(pem).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    changed = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM)
    assert "its signature is not valid" in rules.examine(csr("prod", pem=changed), "prod").faults
