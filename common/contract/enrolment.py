"""How a station comes by its certificate: what it asks the hub's TLS port, and what it is given."""

from typing import Annotated

from pydantic import Field

from common.contract.base import Hex, Message

CA_PATH = "/sync/v1/ca"
CERTIFICATE_PATH = "/sync/v1/certificate"

Pem = Annotated[str, Field(min_length=1, max_length=4096)]
Key = Annotated[Hex, Field(min_length=64, max_length=64)]


class CertificateRequest(Message):
    """`POST /sync/v1/certificate`, signed like every request: with an ended certificate, or none, as well."""

    csr: Pem = Field(description="PKCS#10 as PEM, of the station's own key, its id as common name")


class CertificateAnswer(Message):
    """The certificate to show from now on."""

    certificate: Pem
