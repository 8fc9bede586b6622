# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration import csr as rules
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.name import _ASN1Type
from cryptography.x509.oid import NameOID
from fake_ocm import ALL_CLUSTERS, csr, request, subject
from hypothesis import given
from hypothesis import strategies as st

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
    "a human requester": (lambda made: made["spec"].update(username="alice"), "not a bootstrap identity"),
    "another account": (
        lambda made: made["spec"].update(username="system:serviceaccount:default:agent-registration-bootstrap"),
        "not a bootstrap identity",
    ),
    "an account by name only": (lambda made: made["spec"].update(groups=["system:authenticated"]), "group"),
    "a bootstrap user by name only": (lambda made: made["spec"].update(username="system:bootstrap:x"), "group"),
    "an agent's own renewal": (
        lambda made: made["spec"].update(username="system:open-cluster-management:prod:agent0"),
        "not a bootstrap identity",
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
    forge, message = FORGED[kind]
    made = csr("prod", token_id="t1")
    forge(made)
    examined = rules.examine(made, "prod", token_id="t1")
    assert not examined.is_legitimate
    assert examined.proof is None
    assert message in " ".join(examined.faults)


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
    pem, message = PEMS[kind]
    examined = rules.examine(csr("prod", pem=pem), "prod")
    assert not examined.is_legitimate
    assert message in " ".join(examined.faults)


def test_a_request_signed_with_another_key_is_not_legitimate() -> None:
    pem = request(subject("prod"))
    der = bytearray(x509.load_pem_x509_csr(pem).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    changed = x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM)
    assert "its signature is not valid" in rules.examine(csr("prod", pem=changed), "prod").faults


# -- what is examined is what the hub signs ------------------------------------------------------------------------

GOOD = request(subject("prod"))
EVIL = request(subject("prod", ["system:kube-controller-manager"], []))
HEADERS = GOOD.replace(b"-----\n", b"-----\nProc-Type: 4,ENCRYPTED\n\n", 1)
AMBIGUOUS = {
    "a space before the block, and another block": b" " + GOOD + EVIL,
    "another block after it": GOOD + EVIL,
    "another block before it": EVIL + GOOD,
    "text before it": b"hello\n" + GOOD,
    "text after it": GOOD + b"hello\n",
    "an empty line before it": b"\n" + GOOD,
    "an empty line after it": GOOD + b"\n",
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "line ends of DOS": GOOD.replace(b"\n", b"\r\n"),
    "headers": HEADERS,
    "the old tag": GOOD.replace(b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST"),
    "lines of another length": b"\n".join(
        [GOOD.splitlines()[0], b"".join(GOOD.splitlines()[1:-1]), GOOD.splitlines()[-1]]
    ),
    "spaces at the ends of lines": GOOD.replace(b"\n", b" \n"),
    "a begin line without an end": b"-----BEGIN CERTIFICATE REQUEST-----\n" + GOOD,
    "the same block twice": GOOD + GOOD,
}


@pytest.mark.parametrize("pem", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_a_request_that_two_readers_may_read_differently_is_refused(pem: bytes) -> None:
    examined = rules.examine(csr("prod", pem=pem), "prod")
    assert not examined.is_legitimate
    assert "cannot be read" in " ".join(examined.faults)


def test_the_line_end_after_the_block_may_lack() -> None:
    assert rules.examine(csr("prod", pem=GOOD.rstrip(b"\n")), "prod").is_legitimate


_PIECES = st.sampled_from(
    [GOOD, EVIL, HEADERS, GOOD.rstrip(b"\n"), *(line + b"\n" for line in (GOOD.splitlines()[0], GOOD.splitlines()[-1]))]
)
_NOISE = st.sampled_from(
    [b"", b" ", b"\t", b"\n", b"\r\n", b"-", b"-----", b"\x00", b"\xef\xbb\xbf", b"x", b"\x0c", b"\xc2\xa0"]
)


@given(st.lists(st.tuples(_NOISE, _PIECES, _NOISE), min_size=1, max_size=3), st.booleans())
def test_only_the_one_canonical_block_passes(parts: list[tuple[bytes, bytes, bytes]], as_dos: bool) -> None:
    pem = b"".join(before + piece + after for before, piece, after in parts)
    pem = pem.replace(b"\n", b"\r\n") if as_dos else pem
    examined = rules.examine(csr("prod", pem=pem), "prod")
    assert examined.is_legitimate == (pem in (GOOD, GOOD.rstrip(b"\n")))


def _made_with(key: t.Any, of: x509.Name | None = None) -> bytes:
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    builder = x509.CertificateSigningRequestBuilder().subject_name(of or subject("prod"))
    return builder.sign(key, digest).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("key", "is_taken"),
    [
        (lambda: rsa.generate_private_key(65537, 2048), True),
        (lambda: ec.generate_private_key(ec.SECP384R1()), True),
        (lambda: ec.generate_private_key(ec.SECP521R1()), True),
        (ed25519.Ed25519PrivateKey.generate, True),
        (lambda: rsa.generate_private_key(65537, 1024), False),
        (lambda: ec.generate_private_key(ec.SECP192R1()), False),
        (lambda: ec.generate_private_key(ec.SECP224R1()), False),
        (lambda: ec.generate_private_key(ec.SECP256K1()), False),
        (lambda: dsa.generate_private_key(1024), False),
    ],
    ids=["RSA 2048", "P-384", "P-521", "Ed25519", "RSA 1024", "P-192", "P-224", "secp256k1", "DSA"],
)
def test_a_key_has_to_be_strong(key: t.Callable[[], t.Any], is_taken: bool) -> None:
    assert rules.examine(csr("prod", pem=_made_with(key())), "prod").is_legitimate == is_taken


@pytest.mark.parametrize("seconds", [31536001, 315360000, 0, -1, "600", 3.5, [600], True])
def test_a_request_for_longer_than_a_year_or_for_nonsense_is_refused(seconds: t.Any) -> None:
    made = csr("prod")
    made["spec"]["expirationSeconds"] = seconds
    assert not rules.examine(made, "prod").is_legitimate


def test_a_request_for_a_year_is_as_agents_make_it() -> None:
    made = csr("prod")
    made["spec"]["expirationSeconds"] = 31536000
    assert rules.examine(made, "prod").is_legitimate


@pytest.mark.parametrize("kind", ["UniversalString", "BMPString", "T61String", "IA5String", "VisibleString"])
def test_texts_that_not_every_reader_takes_for_texts_are_refused(kind: str) -> None:
    names = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, one)
        for one in ("system:open-cluster-management:prod", ALL_CLUSTERS)
    ]
    common = "system:open-cluster-management:prod:agent0"
    odd = x509.NameAttribute(NameOID.COMMON_NAME, common, getattr(_ASN1Type, kind), _validate=False)
    made = csr("prod", pem=_made_with(ec.generate_private_key(ec.SECP256R1()), x509.Name([*names, odd])))
    assert not rules.examine(made, "prod").is_legitimate


def test_printable_strings_are_what_agents_write() -> None:
    kinds = [
        (NameOID.ORGANIZATION_NAME, "system:open-cluster-management:prod"),
        (NameOID.ORGANIZATION_NAME, ALL_CLUSTERS),
    ]
    kinds.append((NameOID.COMMON_NAME, "system:open-cluster-management:prod:agent0"))
    name = x509.Name([x509.NameAttribute(oid, text, _ASN1Type.PrintableString, _validate=False) for oid, text in kinds])
    made = csr("prod", pem=_made_with(ec.generate_private_key(ec.SECP256R1()), name))
    assert rules.examine(made, "prod").is_legitimate


def test_groups_that_no_bootstrap_account_has_are_refused() -> None:
    made = csr("prod")
    made["spec"]["groups"].append("system:masters")
    assert "system:masters" in " ".join(rules.examine(made, "prod").faults)


# -- proof ---------------------------------------------------------------------------------------------------------


def test_where_ids_are_recorded_a_request_without_one_is_foreign() -> None:
    examined = rules.examine(csr("prod"), "prod", token_id="t1", ids_are_recorded=True)
    assert not examined.is_legitimate
    assert "has no id" in " ".join(examined.faults)


@pytest.mark.parametrize("ids", [["JTI=t2"], ["JTI=t1", "JTI=t2"], ["X509SHA256=t1"], ["t1"], ["jti=t1"], "JTI=t1"])
def test_any_other_recorded_id_is_foreign(ids: t.Any) -> None:
    made = csr("prod")
    made["spec"]["extra"] = {"authentication.kubernetes.io/credential-id": ids}
    assert not rules.examine(made, "prod", token_id="t1").is_legitimate


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=5,
    ),
    st.sampled_from(
        ["metadata", "spec", "status", "labels", "groups", "usages", "extra", "request", "username", "signerName"]
    ),
)
def test_a_request_of_any_shape_is_refused_and_raises_nothing(value: t.Any, field: str) -> None:
    made = csr("prod", token_id="t1")
    target = (
        made if field in ("metadata", "spec", "status") else made["metadata"] if field == "labels" else made["spec"]
    )
    target[field] = value
    examined = rules.examine(made, "prod", token_id="t1", ids_are_recorded=True)
    assert not examined.is_legitimate or field == "status"
