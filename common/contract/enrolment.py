"""How a station comes by its certificate: what it asks the hub's TLS port, and what it is given."""

from typing import Annotated

from pydantic import Field

from common.contract.base import Hex, Message

CA_PATH = "/sync/v1/ca"
CERTIFICATE_PATH = "/sync/v1/certificate"
ENROL_PATH = "/sync/v1/enrol"

Pem = Annotated[str, Field(min_length=1, max_length=4096)]
Key = Annotated[Hex, Field(min_length=64, max_length=64)]
Salt = Annotated[Hex, Field(min_length=32, max_length=32)]
Secret = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]


class CertificateRequest(Message):
    """`POST /sync/v1/certificate`, signed like every request: with an ended certificate, or none, as well."""

    csr: Pem = Field(description="PKCS#10 as PEM, of the station's own key, its id as common name")


class CertificateAnswer(Message):
    """The certificate to show from now on."""

    certificate: Pem


class Enrol(Message):
    """`POST /sync/v1/enrol`: a device that is paired with nobody redeems an invitation; unsigned."""

    secret: Secret = Field(description="the middle part of what `linli hub invite` printed")
    csr: Pem


class Enrolled(CertificateAnswer):
    """What the device keeps, as a pairing file would bring it."""

    pepper: Key
    code_salt: Salt
    hub_command_key: Key
