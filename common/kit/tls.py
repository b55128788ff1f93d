"""TLS between programs of one hub: TLS 1.3, one private authority, both sides known by their certificates.

No side looks at the time in a certificate: a station whose battery clock is years off must still reach its hub, and
what a certificate's end means is judged per request, by the hub, which also says what time it is (decision 0033).
"""

import os
import ssl

from common.kit.certificates import key_pem

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL; Python has no name for it


def server_context(authority_pem: str, seed: bytes, certificate_pem: str) -> ssl.SSLContext:
    """Return the context of a server that asks every client for a certificate and lets those without one in.

    A certificate of another authority ends the handshake; who shows none is judged by what he asks for.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.num_tickets = 0  # no resumption: every connection proves its key
    _trust_only(context, authority_pem)
    show(context, seed, certificate_pem)
    return context


def client_context(authority_pem: str) -> ssl.SSLContext:
    """Return the context of a client that believes servers of this authority, by their name, and no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _trust_only(context, authority_pem)
    return context


def blind_context() -> ssl.SSLContext:
    """Return the context for one question to a server not known yet: who its authority is, by a known fingerprint."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def show(context: ssl.SSLContext, seed: bytes, certificate_pem: str) -> None:
    """Let the handshakes from now on show this certificate; connections that stand keep what they showed.

    OpenSSL reads keys from files alone: this one has no name and lies in memory, so the key is not on a disk twice.
    """
    descriptor = os.memfd_create("linli-key", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key_pem(seed) + certificate_pem.encode())
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")


def _trust_only(context: ssl.SSLContext, authority_pem: str) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_verify_locations(cadata=authority_pem)
    context.verify_flags |= _NO_CHECK_TIME
