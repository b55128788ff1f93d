"""What the model hub draws and derives: ids, parcels of an order, codes and their rows, keys, signed commands."""

from collections import Counter
from datetime import timedelta, timezone

from cloud.orders.packing import Goods, Packed
from common.contract.qr import key_message
from common.contract.replica import CommandRow, GrantKeyRow, GrantRow, OpenDoorArgs, ParcelRow
from common.contract.signing import command_message
from common.kit.chance import Chance
from common.kit.clock import Clock, from_ms, to_ms
from common.kit.codes import Cost, code_verifier, confusable, new_code
from common.kit.identity import public_key, sign
from common.kit.ids import new_id
from linli.world.level1.model import feed
from linli.world.level1.model.books import Books, Grant, Order, Parcel
from linli.world.level1.opening import Opening

NOT_AFTER_MS = 14 * 24 * 3_600_000
COMMAND_MS = 60_000
_CHEAP = Cost(rounds=1, memory_kib=8)
_QUARTER_MS = 91 * 86_400_000
_TOWN = timezone(timedelta(hours=8))


class Drawing:
    """Draws in one life of the hub."""

    def __init__(self, opening: Opening, clock: Clock, chance: Chance) -> None:
        """Draw with the secrets of `opening`."""
        self._opening, self._clock, self._chance = opening, clock, chance

    def now_ms(self) -> int:
        """Return the hub's time."""
        return to_ms(self._clock.wall())

    def new_id(self) -> str:
        """Return a fresh id."""
        return new_id(self._clock, self._chance)

    def digits(self, count: int) -> str:
        """Return so many decimal digits."""
        return f"{self._chance.secure.randbelow(10**count):0{count}d}"

    def units(self, lines: tuple[tuple[str, int], ...]) -> Counter[str]:
        """Return what the pieces take of each stock item."""
        units: Counter[str] = Counter()
        for sku, qty in lines:
            product = self._opening.products[sku]
            units[product.item] += qty * product.units
        return units

    def goods(self, order: Order) -> list[Goods]:
        """Return what has to be packed."""
        found = []
        for sku, qty in order.lines:
            product = self._opening.products[sku]
            kind = product.temperature_class
            found.append(Goods(sku, qty, product.price_fen, kind, product.size))
        return found

    def parcel(self, books: Books, order: Order, packed: Packed) -> Parcel:
        """Return a parcel with its row as announced."""
        person = self._opening.people[order.person_id]
        label = f"LL{self.digits(10)}"
        while any(one.label == label for one in books.parcels.values()):
            label = f"LL{self.digits(10)}"
        row = ParcelRow(
            parcel_id=self.new_id(),
            label=label,
            order_tail=order.number[-4:],
            person_masked=person.name_masked,
            phone_tail=person.phone_tail,
            temperature_class=packed.temperature_class,
            size=packed.size,
            items=packed.items,
            expected_on=from_ms(self.now_ms()).astimezone(_TOWN).date().isoformat(),
            state="announced",
        )
        body = row.model_dump_json()
        return Parcel(row.parcel_id, label, order.order_id, body, packed.lines)

    def grant(
        self, books: Books, order: Order, parcel_ids: tuple[str, ...], valid_for_s: int
    ) -> Grant:
        """Draw a code that no live one can be mistaken for."""
        station = self._opening.station
        taken = [one.digits for one in books.grants.values() if one.digits is not None]
        digits = new_code(self._chance)
        while any(confusable(digits, other) for other in taken):
            digits = new_code(self._chance)
        tag = code_verifier(
            pepper=station.pepper, salt=station.code_salt, station_id=station.station_id,
            code=digits, cost=_CHEAP,
        )  # fmt: skip
        return Grant(
            self.new_id(), order.order_id, digits, tag.hex(), parcel_ids, valid_for_s,
            self.now_ms() + NOT_AFTER_MS,
        )  # fmt: skip

    def pin_keys(self, books: Books) -> None:
        """Give the station the keys of this quarter and the next."""
        kid = self.now_ms() // _QUARTER_MS
        for number in (kid, kid + 1):
            if number not in self._opening.keys:
                self._opening.keys[number] = self._key_row(number)
            feed.put(books, "grant_key", self._opening.keys[number])
        feed.delete(books, "grant_key", str(kid - 2))

    def command(self, label: str, reason: str, by: str) -> CommandRow:
        """Return a signed command that lives for a minute."""
        row = CommandRow(
            command_id=self.new_id(),
            kind="open_door",
            args=OpenDoorArgs(compartment=label, reason=reason),
            issued_by=by,
            issued_at_ms=self.now_ms(),
            expires_at_ms=self.now_ms() + COMMAND_MS,
            nonce=self._chance.secure.token_bytes(16).hex(),
            signature="",
        )
        message = command_message(row, station_id=self._opening.station.station_id)
        signature = sign(self._opening.secrets.command_key, message).hex()
        return row.model_copy(update={"signature": signature})

    def _key_row(self, kid: int) -> GrantKeyRow:
        secrets = self._opening.secrets
        public = public_key(secrets.derive(f"grant-key|{kid}"))
        message = key_message(self._opening.station.station_id, kid, public)
        signature = sign(secrets.command_key, message)
        return GrantKeyRow(kid=str(kid), public_key=public.hex(), signature=signature.hex())


def grant_row(grant: Grant, *, revoked: bool) -> GrantRow:
    """Return what the station is told of a grant."""
    return GrantRow(
        grant_id=grant.grant_id,
        verifier=grant.verifier,
        parcel_ids=grant.parcel_ids,
        valid_for_s=grant.valid_for_s,
        not_after_ms=grant.not_after_ms,
        state="revoked" if revoked else "issued",
    )
