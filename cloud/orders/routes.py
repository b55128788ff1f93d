"""JSON routes of orders, parcels, rounds and cases."""

from cloud.access.caller import DESK, HANDLERS, RESIDENT, SIGNED_IN, STAFF, Caller
from cloud.orders import schemas
from cloud.orders.service import OrderFilter, Orders, Wish
from common.contract.base import Id
from common.kit.errors import NotFoundError
from common.kit.openapi import route

_BUYERS = DESK | {RESIDENT}


class OrderRoutes:
    """The operations under `/orders`, `/parcels`, `/rounds` and `/cases`."""

    def __init__(self, orders: Orders) -> None:
        """Serve this room."""
        self._orders = orders

    @route(
        "POST",
        "/orders",
        summary="Place an order; its stock is promised or nothing happens",
        roles=_BUYERS,
        status=201,
        errors=(
            "station.not_found",
            "order.person_unknown",
            "order.sku_unknown",
            "order.too_large",
            "order.round_closed",
            "stock.short",
        ),
    )
    async def place(self, body: schemas.OrderRequest, caller: Caller) -> schemas.OrderAnswer:
        """Place an order; a resident orders for the own person only."""
        if caller.person_id is not None and caller.person_id != body.person_id:
            raise NotFoundError("order.person_unknown", "there is no such person")
        wish = Wish(body.person_id, body.station_id, [(line.sku, line.qty) for line in body.lines])
        order_id = await self._orders.place(wish)
        return await self._answer(order_id, caller)

    @route("GET", "/orders", summary="List orders, newest first", roles=SIGNED_IN)
    async def list(self, query: schemas.OrdersQuery, caller: Caller) -> schemas.OrdersAnswer:
        """Answer one page; a resident sees the own orders."""
        wanted = OrderFilter(
            query.person_id, query.station_id, query.round_id, query.state, query.before
        )
        found = await self._orders.page(caller, wanted, query.limit)
        return schemas.OrdersAnswer(
            orders=tuple(schemas.OrderSummary.model_validate(one) for one in found),
            next=found[-1].order_id if len(found) == query.limit else None,
        )

    @route(
        "GET",
        "/orders/{order_id}",
        summary="Show an order: state, timeline, pickup; the code to its owner alone",
        roles=SIGNED_IN,
        errors=("order.not_found",),
    )
    async def show(self, order_id: Id, caller: Caller) -> schemas.OrderAnswer:
        """Answer one order."""
        return await self._answer(order_id, caller)

    @route(
        "POST",
        "/orders/{order_id}/pay",
        summary="Pay an order at the sandbox provider; paying twice is one payment",
        roles=_BUYERS,
        errors=("order.not_found", "order.pay_too_late", "order.state"),
    )
    async def pay(self, order_id: Id, caller: Caller) -> schemas.OrderAnswer:
        """Pay."""
        await self._orders.refuse_foreign(order_id, caller)
        await self._orders.pay(order_id)
        return await self._answer(order_id, caller)

    @route(
        "POST",
        "/orders/{order_id}/cancel",
        summary="Cancel an order that has not left; pending until its station has applied it",
        roles=_BUYERS,
        errors=("order.not_found", "order.cancel_too_late"),
    )
    async def cancel(self, order_id: Id, caller: Caller) -> schemas.OrderAnswer:
        """Cancel."""
        await self._orders.refuse_foreign(order_id, caller)
        await self._orders.cancel(order_id, caller.name)
        return await self._answer(order_id, caller)

    @route(
        "POST",
        "/orders/{order_id}/lock",
        summary="Lock one paid order before its round's cut-off: parcels and code are made",
        roles=DESK,
        errors=("order.not_found", "order.state"),
    )
    async def lock(self, order_id: Id, caller: Caller) -> schemas.OrderAnswer:
        """Lock."""
        await self._orders.lock(order_id)
        return await self._answer(order_id, caller)

    @route(
        "POST",
        "/orders/{order_id}/code",
        summary="Issue a new code after a revoke; the old one stays revoked",
        roles=DESK,
        errors=(
            "order.not_found",
            "order.state",
            "order.cancel_pending",
            "order.nothing_left",
            "grant.live",
            "grant.time_over",
        ),
    )
    async def renew_code(self, order_id: Id, caller: Caller) -> schemas.OrderAnswer:
        """Issue a new code; the station learns its verifier with the next sync."""
        await self._orders.renew_code(order_id, caller.name)
        return await self._answer(order_id, caller)

    @route(
        "POST",
        "/orders/{order_id}/delegates",
        summary="Give one parcel's pickup to somebody else: a code and a page of its own",
        roles=frozenset({RESIDENT}),
        status=201,
        errors=(
            "order.not_found",
            "parcel.not_found",
            "order.state",
            "order.cancel_pending",
            "order.nothing_left",
            "grant.over",
            "grant.too_many_given",
        ),
    )
    async def give(
        self, order_id: Id, body: schemas.DelegateRequest, caller: Caller
    ) -> schemas.OrderAnswer:
        """Give; whoever opens first, the owner or somebody she gave it to, uses up every code of the parcel."""
        await self._orders.refuse_foreign(order_id, caller)
        await self._orders.give(order_id, body.parcel_id, body.given_to, caller.name)
        return await self._answer(order_id, caller)

    @route(
        "POST",
        "/orders/{order_id}/delegates/{grant_id}/take-back",
        summary="Take a given pickup back; pending until the station has applied it",
        roles=frozenset({RESIDENT}),
        errors=("order.not_found", "grant.not_found", "grant.over"),
    )
    async def take_back(self, order_id: Id, grant_id: Id, caller: Caller) -> schemas.OrderAnswer:
        """Take back; the owner's own code stays as it is."""
        await self._orders.refuse_foreign(order_id, caller)
        await self._orders.take_back(order_id, grant_id, caller.name)
        return await self._answer(order_id, caller)

    @route(
        "POST",
        "/parcels/{parcel_id}/custody",
        summary="Take a parcel over: packed, departed, arrived",
        roles=HANDLERS,
        errors=("parcel.not_found", "parcel.state", "order.cancel_pending"),
    )
    async def hand_on(
        self, parcel_id: Id, body: schemas.CustodyRequest, caller: Caller
    ) -> schemas.OrderAnswer:
        """Move a parcel one step."""
        order_id = await self._orders.hand_on(parcel_id, body.to, caller=caller, place=body.place)
        return await self._answer(order_id, caller)

    @route(
        "GET",
        "/parcels/{parcel_id}/custody",
        summary="Show who had a parcel",
        roles=STAFF,
        errors=("parcel.not_found",),
    )
    async def custody(self, parcel_id: Id) -> schemas.CustodyAnswer:
        """Answer the chain of custody."""
        found = await self._orders.custody(parcel_id)
        return schemas.CustodyAnswer(
            parcel_id=parcel_id,
            custody=tuple(schemas.CustodyEntry.model_validate(one) for one in found),
        )

    @route("GET", "/rounds", summary="List the newest rounds", roles=SIGNED_IN)
    async def rounds(self) -> schemas.RoundsAnswer:
        """Answer the rounds."""
        return schemas.RoundsAnswer(
            rounds=tuple(
                schemas.RoundAnswer.model_validate(one) for one in await self._orders.rounds()
            )
        )

    @route("POST", "/rounds", summary="Open a round unless one is open", roles=DESK, status=201)
    async def open_round(self, body: schemas.RoundRequest) -> schemas.RoundAnswer:
        """Open a round."""
        return await self._round(await self._orders.open_round(body.name))

    @route(
        "POST",
        "/rounds/{round_id}/close",
        summary="Cut a round off: no more orders, every paid one is locked",
        roles=DESK,
        errors=("round.not_found",),
    )
    async def close_round(self, round_id: Id, caller: Caller) -> schemas.RoundAnswer:
        """Close a round."""
        await self._orders.close_round(round_id, caller.name)
        return await self._round(round_id)

    @route("GET", "/cases", summary="List what needs a person's eye", roles=DESK)
    async def cases(self, query: schemas.CasesQuery) -> schemas.CasesAnswer:
        """Answer the newest cases, open ones unless closed ones are asked for."""
        found = await self._orders.cases(closed=query.state == "closed")
        return schemas.CasesAnswer(
            cases=tuple(schemas.CaseAnswer.model_validate(one) for one in found)
        )

    @route(
        "POST",
        "/cases/{case_id}/close",
        summary="Close a case with a note",
        roles=DESK,
        errors=("case.not_found", "case.closed"),
    )
    async def close_case(
        self, case_id: Id, body: schemas.CloseRequest, caller: Caller
    ) -> schemas.CaseAnswer:
        """Close a case."""
        closed = await self._orders.close_case(case_id, body.note, caller.name)
        return schemas.CaseAnswer.model_validate(closed)

    async def _answer(self, order_id: str, caller: Caller) -> schemas.OrderAnswer:
        return schemas.OrderAnswer.model_validate(await self._orders.view(order_id, caller))

    async def _round(self, round_id: str) -> schemas.RoundAnswer:
        return schemas.RoundAnswer.model_validate(await self._orders.round(round_id))
