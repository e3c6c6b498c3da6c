"""Authorities and certificates for TLS on loopback, valid for an hour."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ADDRESS = "127.0.0.1"


class Authority:
    """One that signs certificates; its own stands in the file `ca`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("test authority")
        own = _builder(self._name, self._name, self._key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.ca = folder / "ca.pem"
        self.ca.write_bytes(self._sign(own))

    def issue(
        self, name: str, *, is_host: bool = True, address: str = ADDRESS
    ) -> tuple[Path, Path]:
        """Files of a certificate and its key: of a host at 127.0.0.1, or of a client.

        Args:
            name: of its subject, and of the files.
            is_host: else it is a client's.
            address: another one of the host.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _builder(_name(name), self._name, key.public_key())
        if is_host:
            names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
            certificate = certificate.add_extension(names, critical=False)
        files = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        files[0].write_bytes(self._sign(certificate))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return files

    def _sign(self, certificate: x509.CertificateBuilder) -> bytes:
        signed = certificate.sign(self._key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
    )
