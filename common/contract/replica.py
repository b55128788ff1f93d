"""Rows the hub owns and every station holds a replica of: one model per replica table.

No full name, phone number or address ever stands here (DESIGN section 6).
"""

from typing import Literal

from pydantic import Field

from common.contract.base import Hex, Id, Label, Message, Ms
from common.contract.words import Size, TemperatureClass


class StationRow(Message):
    """Table `station`, one row: what the screens say about the site. Key: station_id."""

    station_id: Id
    name_zh: str = Field(min_length=1, max_length=60)
    name_en: str = Field(min_length=1, max_length=60)
    help_phone: str = Field(min_length=3, max_length=30)
    timezone: str = "Asia/Shanghai"
    revocation_epoch: Ms = Field(
        default=0, description="technicians' certificates with a lower one open nothing"
    )


class KeeperRow(Message):
    """Table `keeper`: who may use the tablet page. Key: keeper_id."""

    keeper_id: Id
    display_name: str = Field(min_length=1, max_length=40)
    pin_verifier: str = Field(description="Argon2id PHC string of the personal PIN")
    active: bool


class ParcelRow(Message):
    """Table `parcel`: announced to this station, whether it lies here yet or not. Key: parcel_id."""

    parcel_id: Id
    label: str = Field(
        description="what the barcode on the parcel says", min_length=4, max_length=40
    )
    order_tail: str = Field(
        description="last four characters of the order number", min_length=4, max_length=4
    )
    person_masked: str = Field(description="for example 张*明", max_length=40)
    phone_tail: str = Field(
        description="last four digits, narrows the keeper's list only", pattern=r"^\d{4}$|^$"
    )
    temperature_class: TemperatureClass
    size: Size
    items: int = Field(ge=1, le=10_000, description="pieces in the parcel")
    expected_on: str = Field(description="local date YYYY-MM-DD", pattern=r"^\d{4}-\d{2}-\d{2}$")
    state: Literal["announced", "cancelled"]


class GrantRow(Message):
    """Table `grant`: the right to open for all parcels of one order, or a child of it over one. Key: grant_id."""

    grant_id: Id
    verifier: Hex = Field(description="16-byte Argon2id tag of the code (common.kit.codes)")
    parcel_ids: tuple[Id, ...] = Field(min_length=1)
    valid_for_s: int = Field(gt=0, le=10 * 366 * 86_400, description="life after the first put-in")
    not_after_ms: Ms = Field(description="absolute end whatever happens")
    state: Literal["issued", "revoked"]
    parent_id: Id | None = Field(
        default=None, description="the grant it was given away from: it never outlives that one"
    )


class GrantKeyRow(Message):
    """Table `grant_key`: a key that signs QR grants, vouched for by the hub's command key. Key: kid."""

    kid: str = Field(pattern=r"^[1-9]\d{0,4}$")
    public_key: Hex = Field(description="32-byte Ed25519 public key")
    signature: Hex = Field(description="by the hub's command key over common.contract.qr")


class CompartmentRow(Message):
    """Table `compartment`: what the operator says about a compartment. Key: label."""

    label: Label
    out_of_service: bool
    reason: str = Field(max_length=200)


class OpenDoorArgs(Message):
    """Arguments of the command `open_door`."""

    compartment: Label
    reason: str = Field(min_length=3, max_length=200)


class CommandRow(Message):
    """Table `command`: an op that asks for an act and expires. Key: command_id."""

    command_id: Id
    kind: Literal["open_door"]
    args: OpenDoorArgs
    issued_by: str = Field(max_length=80)
    issued_at_ms: Ms
    expires_at_ms: Ms
    nonce: Hex
    signature: Hex = Field(
        description="Ed25519 by the hub's command key over common.contract.signing"
    )


REPLICA_TABLES: dict[str, type[Message]] = {
    "station": StationRow,
    "keeper": KeeperRow,
    "parcel": ParcelRow,
    "grant": GrantRow,
    "compartment": CompartmentRow,
    "grant_key": GrantKeyRow,
    "command": CommandRow,
}
"""Table name → row model; the key of a row is its first field."""


def first_field(table: str) -> str:
    """Return the name of the key field of `table`."""
    return next(iter(REPLICA_TABLES[table].model_fields))


def row_key(table: str, row: Message) -> str:
    """Return the primary key of `row`: the value of its first field."""
    return str(getattr(row, first_field(table)))
