"""What must hold among orders, parcels, stock and ledger at any moment (reference domain D18-1..5, 7)."""

from collections import Counter

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from cloud.catalog.models import product, stock
from cloud.money.models import Account, journal, leg
from cloud.orders.machine import CancelState, OrderState, ParcelState, state_of_parcels
from cloud.orders.models import custody, order, order_line, parcel, parcel_line


def violations(connection: Connection) -> list[str]:
    """Return one sentence per broken rule; empty when all is well."""
    return [
        *_money(connection),
        *_states(connection),
        *_pieces(connection),
        *_stock(connection),
        *_custody(connection),
    ]


def _money(connection: Connection) -> list[str]:
    """The order's cached amounts are what the ledger says."""
    booked: dict[str, Counter[str]] = {}
    rows = connection.execute(
        sa.select(journal.c.subject_id, leg.c.account, sa.func.sum(leg.c.amount_fen))
        .join(leg, leg.c.journal_id == journal.c.journal_id)
        .group_by(journal.c.subject_id, leg.c.account)
    )
    for subject_id, account, fen in rows:
        booked.setdefault(subject_id, Counter())[account] = int(fen)
    found = []
    rows_ = connection.execute(sa.select(order).order_by(order.c.order_id))
    for row in rows_:
        ledger = booked.get(row.order_id, Counter())
        held = row.paid_fen - row.refunded_fen
        for account, expected in (
            (Account.PSP_CLEARING, held),
            (Account.SALES, -row.revenue_fen),
            (Account.ORDER_LIABILITY, row.revenue_fen - held),
            (Account.REFUND_PAYABLE, 0),
        ):
            if ledger[account.value] != expected:
                found.append(
                    f"orders: order {row.order_id}: {account} is {ledger[account.value]} fen, "
                    f"its counters say {expected}"
                )
        over = (OrderState.COLLECTED.value, OrderState.CANCELLED.value)
        if row.state in over and held != row.revenue_fen:
            found.append(f"orders: order {row.order_id} is {row.state} and still owes {held} fen")
    return found


def _states(connection: Connection) -> list[str]:
    """A locked order's state is what its parcels say; no cancel without its op."""
    of_order: dict[str, list[ParcelState]] = {}
    for order_id, state in connection.execute(sa.select(parcel.c.order_id, parcel.c.state)):
        of_order.setdefault(order_id, []).append(ParcelState(state))
    found = []
    for row in connection.execute(sa.select(order).order_by(order.c.order_id)):
        states = of_order.get(row.order_id)
        if states and state_of_parcels(states).value != row.state:
            found.append(f"orders: order {row.order_id} is {row.state}, its parcels differ")
        if bool(states) != (row.grant_id is not None):
            found.append(f"orders: order {row.order_id}: parcels and grant do not go together")
        if row.cancel_state == CancelState.PENDING and row.cancel_op is None:
            found.append(f"orders: order {row.order_id}: a cancel waits for no op")
    return found


def _pieces(connection: Connection) -> list[str]:
    """Every ordered piece of a locked order lies in exactly one parcel."""
    ordered = connection.execute(
        sa.select(order_line.c.order_id, order_line.c.sku, sa.func.sum(order_line.c.qty))
        .where(order_line.c.order_id.in_(sa.select(parcel.c.order_id)))
        .group_by(order_line.c.order_id, order_line.c.sku)
    )
    packed = connection.execute(
        sa.select(parcel.c.order_id, parcel_line.c.sku, sa.func.sum(parcel_line.c.qty))
        .join(parcel, parcel.c.parcel_id == parcel_line.c.parcel_id)
        .group_by(parcel.c.order_id, parcel_line.c.sku)
    )
    wanted = {(order_id, sku): int(qty) for order_id, sku, qty in ordered}
    have = {(order_id, sku): int(qty) for order_id, sku, qty in packed}
    return [
        f"orders: order {order_id}: {wanted.get((order_id, sku), 0)} of {sku} ordered, "
        f"{have.get((order_id, sku), 0)} in parcels"
        for order_id, sku in sorted(wanted.keys() | have.keys())
        if wanted.get((order_id, sku), 0) != have.get((order_id, sku), 0)
    ]


def _stock(connection: Connection) -> list[str]:
    """What the catalogue has promised is what open orders and parcels hold."""
    held: Counter[str] = Counter()
    waiting = (OrderState.PLACED.value, OrderState.CONFIRMED.value)
    of_orders = (
        sa.select(product.c.item, order_line.c.qty * product.c.units)
        .select_from(order_line)
        .join(order, order.c.order_id == order_line.c.order_id)
        .join(product, product.c.sku == order_line.c.sku)
        .where(order.c.state.in_(waiting))
    )
    of_parcels = (
        sa.select(product.c.item, parcel_line.c.qty * product.c.units)
        .select_from(parcel_line)
        .join(parcel, parcel.c.parcel_id == parcel_line.c.parcel_id)
        .join(product, product.c.sku == parcel_line.c.sku)
        .where(parcel.c.stock == "reserved")
    )
    for query in (of_orders, of_parcels):
        for item, units in connection.execute(query):
            held[item] += int(units)
    rows = connection.execute(sa.select(stock.c.item, stock.c.reserved).order_by(stock.c.item))
    return [
        f"orders: {reserved} of {item} promised, orders hold {held[item]}"
        for item, reserved in rows
        if reserved != held[item]
    ]


def _custody(connection: Connection) -> list[str]:
    """A parcel stands where its last custody event left it: one custodian at a time."""
    ends = connection.execute(
        sa.select(custody.c.parcel_id, custody.c.from_state, custody.c.to_state)
    )
    left: dict[str, Counter[str]] = {}
    for parcel_id, before, after in ends:
        count = left.setdefault(parcel_id, Counter())
        count[after] += 1
        count[before] -= 1
    found = []
    for row in connection.execute(sa.select(parcel.c.parcel_id, parcel.c.state)):
        chain = Counter({ParcelState.LOCKED.value: 1})
        chain.update(left.get(row.parcel_id, Counter()))
        standing = sorted(state for state, number in chain.items() if number)
        if standing != [row.state]:
            found.append(f"orders: parcel {row.parcel_id} is {row.state}, custody says {standing}")
    return sorted(found)
