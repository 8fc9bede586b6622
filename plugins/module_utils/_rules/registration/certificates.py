# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""X.509: what certificates and signing requests say. The only place that imports ``cryptography``."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import threading
import traceback
import typing as t
import warnings

from ..._errors import MissingLibrary
from ..status import times

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from cryptography.x509.oid import NameOID

    IMPORT_TRACE = None
except ImportError:
    IMPORT_TRACE = traceback.format_exc()


_SMALLEST_RSA = 2048
"""Bits."""
_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_TEXTS = ("UTF8String", "PrintableString")
_FILTERS = threading.Lock()


class MalformedPem(Exception):
    """The text is no certificate or request; the reason is the exception's text."""


@dataclasses.dataclass(frozen=True)
class Subject:
    """``other``: names of attributes that are neither CN nor O."""

    common_names: tuple[str, ...]
    organizations: tuple[str, ...]
    other: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class CertificateFacts:
    """``serial`` is hexadecimal, as in ``openssl x509 -serial``; ``key`` is the public key, DER."""

    subject: Subject
    not_before: datetime.datetime
    not_after: datetime.datetime
    serial: str = ""
    key: bytes = dataclasses.field(default=b"", repr=False)

    def as_data(self) -> dict[str, str | None]:
        """What tells one certificate from another, and when it is valid."""
        return {
            "serial": self.serial,
            "not_before": times.show(self.not_before),
            "not_after": times.show(self.not_after),
        }


@dataclasses.dataclass(frozen=True)
class RequestFacts:
    """``extensions``: names of requested extensions, such as a SubjectAlternativeName.

    ``key`` is the public key, DER; ``key_fault`` why it is too weak or of a kind that no agent makes. ``odd_texts`` are the types
    of texts in the subject that not every reader takes for a text.
    """

    subject: Subject
    signature_is_valid: bool
    extensions: tuple[str, ...]
    key: bytes = b""
    key_fault: str | None = None
    odd_texts: tuple[str, ...] = ()


def require_library() -> None:
    """Raises MissingLibrary."""
    if IMPORT_TRACE is not None:
        raise MissingLibrary("cryptography", "to read certificates", IMPORT_TRACE)


def read_certificate(pem: bytes) -> CertificateFacts:
    """Facts of the first certificate. Raises MalformedPem, MissingLibrary."""
    certificate = _load(pem)
    # The attributes with _utc exist from cryptography 42 on; the others give the same without a time zone.
    return CertificateFacts(
        _subject(certificate),
        _utc(certificate, "not_valid_before"),
        _utc(certificate, "not_valid_after"),
        f"{certificate.serial_number:X}",
        _key(certificate),
    )


def _key(certificate: t.Any) -> bytes:
    """Its public key; empty where this library does not know the kind."""
    try:
        return t.cast(bytes, certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    except (ValueError, UnsupportedAlgorithm):
        return b""


def is_issued_by(pem: bytes, authorities: bytes) -> bool:
    """Whether one of the authorities in a PEM bundle signed the certificate. Raises MalformedPem, MissingLibrary."""
    certificate = _load(pem)
    return any(_signed(certificate, authority) for authority in load_bundle(authorities))


def load_bundle(pem: bytes) -> list[t.Any]:
    """Every certificate in a PEM bundle. Raises MalformedPem, MissingLibrary."""
    require_library()
    end = b"-----END CERTIFICATE-----"
    return [_load(part + end) for part in pem.split(end)[:-1]]


def same_bundle(one: bytes, other: bytes) -> bool:
    """Whether two PEM bundles hold the same certificates. Raises MalformedPem, MissingLibrary."""
    return set(load_bundle(one)) == set(load_bundle(other))


def read_request(pem: bytes) -> RequestFacts:
    """Facts of a certificate signing request. Raises MalformedPem, MissingLibrary.

    Only what every reader takes for the same request is one: what is written from what was read has to be what was read, byte
    for byte, but for a line end at its end. This library takes the first block that begins anywhere; Go, whose signer makes the
    certificate (Go: encoding/pem Decode; Kubernetes: pkg/controller/certificates/signer), takes the first that begins a line.
    """
    require_library()
    try:
        request = x509.load_pem_x509_csr(pem)
        canonical = request.public_bytes(Encoding.PEM)
        if pem not in (canonical, canonical.rstrip(b"\n")):
            raise MalformedPem("it is not exactly one PEM block as a library writes it")
        key = request.public_key()
        return RequestFacts(
            _subject(request),
            request.is_signature_valid,
            tuple(extension.oid._name for extension in request.extensions),
            key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
            _key_fault(key),
            tuple(_odd_texts(request)),
        )
    except MalformedPem:
        raise
    except Exception as error:  # cryptography raises many kinds for what strangers wrote
        raise MalformedPem(f"{type(error).__name__}: {error}") from error


def _key_fault(key: t.Any) -> str | None:
    """Agents make P-256 keys (OCM: pkg/registration/register/csr; client-go: util/keyutil). RSA and others are read for those that
    were made by hand."""
    if isinstance(key, rsa.RSAPublicKey):
        return None if key.key_size >= _SMALLEST_RSA else f"RSA of {key.key_size} bits, and {_SMALLEST_RSA} are needed"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return None if key.curve.name in _CURVES else f"of the curve {key.curve.name}"
    return None if isinstance(key, ed25519.Ed25519PublicKey) else "neither RSA, nor of a NIST curve, nor Ed25519"


def _odd_texts(request: t.Any) -> t.Iterator[str]:
    """Go reads no name at all from a UniversalString, and a BMPString otherwise than others do (Go: crypto/x509)."""
    with _without_warnings():
        for attribute in request.subject:
            kind = getattr(getattr(attribute, "_type", None), "name", "unknown")
            if kind not in _TEXTS:
                yield kind


def _load(pem: bytes) -> t.Any:
    require_library()
    try:
        return x509.load_pem_x509_certificate(pem.strip())
    except Exception as error:
        raise MalformedPem(f"{type(error).__name__}: {error}") from error


def _utc(certificate: t.Any, attribute: str) -> datetime.datetime:
    aware = getattr(certificate, f"{attribute}_utc", None)
    if aware is not None:
        return t.cast(datetime.datetime, aware)
    return t.cast(datetime.datetime, getattr(certificate, attribute).replace(tzinfo=datetime.timezone.utc))


def _subject(of: t.Any) -> Subject:
    """The subject of a certificate or request."""
    known = (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
    with _without_warnings():
        name = of.subject
    return Subject(
        tuple(str(one.value) for one in name.get_attributes_for_oid(NameOID.COMMON_NAME)),
        tuple(str(one.value) for one in name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)),
        tuple(one.oid._name for one in name if one.oid not in known),
    )


def _signed(certificate: t.Any, authority: t.Any) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, UnsupportedAlgorithm, TypeError, ValueError):
        # The last two are for another name, and for a signature that is not of the kind of the authority's key.
        return False
    return True


@contextlib.contextmanager
def _without_warnings() -> t.Iterator[None]:
    """OCM's common names are longer than the 64 characters that X.509 has room for.

    Python keeps the filters of warnings for all threads together: another that ends in between would bring them back.
    """
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield
