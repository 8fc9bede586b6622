# Copyright (c) The kubestellar.wec authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and certificates of one cluster: its CA, what its API server serves, and client identities."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import pathlib
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# EC keys: a thousand of them cost less than one second.
_CURVE = ec.SECP256R1()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


def _subject(common_name: str, organizations: t.Sequence[str] = ()) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, one) for one in organizations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Authority:
    """A certificate authority whose files live in ``folder``: ca.crt, ca.key and what it issued."""

    def __init__(self, folder: pathlib.Path, common_name: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(_CURVE)
        self._name = _subject(common_name)
        certificate = (
            self._builder(self._name, self._key, days=3650)
            .add_extension(x509.BasicConstraints(True, None), critical=True)
            .add_extension(x509.KeyUsage(True, False, False, False, False, True, True, False, False), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self._write("ca", certificate, self._key)

    def issue(
        self,
        file: str,
        common_name: str,
        organizations: t.Sequence[str] = (),
        names: t.Sequence[str] = (),
        days: int = 365,
    ) -> None:
        """Write FILE.crt and FILE.key, good for server and client authentication."""
        self._write(file, *self._sign(common_name, organizations, names, days))

    def make(self, common_name: str, organizations: t.Sequence[str] = ()) -> tuple[bytes, bytes]:
        """A certificate and its key as PEM, for one who needs no files."""
        certificate, key = self._sign(common_name, organizations, (), 365)
        return certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key)

    def _sign(
        self, common_name: str, organizations: t.Sequence[str], names: t.Sequence[str], days: int
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(_CURVE)
        builder = self._builder(_subject(common_name, organizations), key, days).add_extension(
            x509.BasicConstraints(False, None), critical=True
        )
        if names:
            alternatives = x509.SubjectAlternativeName([_alternative_name(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        return builder.sign(self._key, hashes.SHA256()), key

    def signing_pair(self, file: str) -> None:
        """Write FILE.key and FILE.pub: what service account tokens are signed and verified with."""
        key = ec.generate_private_key(_CURVE)
        (self.folder / f"{file}.key").write_bytes(_key_pem(key))
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (self.folder / f"{file}.pub").write_bytes(public)

    def inline(self, file: str) -> str:
        return base64.b64encode((self.folder / file).read_bytes()).decode()

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: int) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + datetime.timedelta(days=days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )

    def _write(self, file: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        (self.folder / f"{file}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        secret = self.folder / f"{file}.key"
        secret.touch(mode=0o600)
        secret.write_bytes(_key_pem(key))
