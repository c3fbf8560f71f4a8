"""A certificate authority of one home, and one certificate by which its processes know each other."""

import datetime as dt
import ipaddress
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nightshift.stack.ports import HOST

AUTHORITY = "nightshift"
MEMBER = "nightshift-s3"
# They go with the home, and a clock that was set wrong must not keep a stack from starting.
NOT_BEFORE = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
NOT_AFTER = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, repr=False)
class Certificates:
    """PEM texts. The authority's own key is not kept, so nobody can make another member. No ``repr``: a secret."""

    authority: str
    member: str
    member_key: str


def new_certificates() -> Certificates:
    """An authority and its only member, server and client alike, on this machine's loopback."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    member_key = ec.generate_private_key(ec.SECP256R1())
    authority = _builder(AUTHORITY, authority_key.public_key())
    authority = authority.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    member = _builder(MEMBER, member_key.public_key())
    member = member.add_extension(_loopback(), critical=False)
    member = member.add_extension(_both_ways(), critical=False)
    return Certificates(
        authority=_pem(authority.sign(authority_key, SHA256())),
        member=_pem(member.sign(authority_key, SHA256())),
        member_key=member_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    )


def _builder(name: str, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    return (
        x509
        .CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(AUTHORITY))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
    )


def _named(name: str) -> x509.Name:
    common_name = x509.NameAttribute(NameOID.COMMON_NAME, name)
    return x509.Name([common_name])


def _loopback() -> x509.SubjectAlternativeName:
    address = ipaddress.ip_address(HOST)
    return x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(address)])


def _both_ways() -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage([
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    ])


def _pem(certificate: x509.Certificate) -> str:
    text = certificate.public_bytes(Encoding.PEM)
    return text.decode()
