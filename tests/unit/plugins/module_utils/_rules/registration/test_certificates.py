# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import concurrent.futures
import datetime
import sys
import typing as t
import warnings

import pytest
from ansible_collections.kubestellar.wec.plugins.module_utils._rules.registration import certificates
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID
from fake_ocm import request, subject

NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "its-ca")])
RSA = rsa.generate_private_key(65537, 2048)
PSS = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
WAYS: dict[str, tuple[t.Any, t.Any, t.Any]] = {
    "RSA": (RSA, hashes.SHA256(), None),
    "RSA-PSS": (RSA, hashes.SHA256(), PSS),
    "RSA-PSS with SHA-512": (RSA, hashes.SHA512(), padding.PSS(padding.MGF1(hashes.SHA512()), 64)),
    "ECDSA": (ec.generate_private_key(ec.SECP384R1()), hashes.SHA384(), None),
    "Ed25519": (ed25519.Ed25519PrivateKey.generate(), None, None),
}


def signed(way: str, of: x509.Name = NAME, issuer: x509.Name = NAME) -> bytes:
    """A certificate that an authority of this kind has signed; without ``of``, its own."""
    key, digest, kind = WAYS[way]
    own = key if of is NAME else ec.generate_private_key(ec.SECP256R1())
    today = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(of)
        .issuer_name(issuer)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today)
        .not_valid_after(today + datetime.timedelta(days=1))
    )
    options = {"rsa_padding": kind} if kind else {}
    return builder.sign(key, digest, **options).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize("way", WAYS)
def test_what_an_authority_has_signed_is_its_own(way: str) -> None:
    authority, client = signed(way), signed(way, subject("edge-1"))
    others = [signed(other) for other in WAYS if WAYS[other][0] is not WAYS[way][0]]
    assert certificates.is_issued_by(client, authority)
    assert certificates.is_issued_by(client, b"".join([*others, authority]))
    # They have its name, and another key, of the same kind or not.
    assert not certificates.is_issued_by(client, b"".join(others))
    assert not certificates.is_issued_by(signed(way, subject("edge-1"), issuer=subject("its-ca")), authority)


def test_a_request_that_is_signed_with_rsa_pss_is_read() -> None:
    signed = x509.CertificateSigningRequestBuilder().subject_name(subject("edge-1"))
    pem = signed.sign(RSA, hashes.SHA256(), rsa_padding=PSS).public_bytes(serialization.Encoding.PEM)
    found = certificates.read_request(pem)
    assert found.signature_is_valid
    assert found.key_fault is None


def test_threads_that_read_long_names_at_the_same_time_warn_of_none() -> None:
    # Python keeps the filters of warnings for all threads together.
    pem = request(subject("edge-1", ["x" * 80]))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with warnings.catch_warnings(record=True) as message, concurrent.futures.ThreadPoolExecutor(8) as executor:
            warnings.simplefilter("always")
            list(executor.map(lambda _number: certificates.read_request(pem), range(4000)))
            assert message == []
    finally:
        sys.setswitchinterval(interval)
