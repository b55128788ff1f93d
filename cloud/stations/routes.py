"""JSON routes of stations: see them, command a door, mark a compartment, keep keepers, revoke a code."""

from cloud.access.caller import ADMIN, DESK, OPERATOR, STAFF, Caller
from cloud.stations import paper_schemas, schemas
from cloud.stations.service import Stations
from common.contract.base import Id, Label
from common.kit.openapi import route


class StationRoutes:
    """The operations under `/stations` and `/grants`."""

    def __init__(self, stations: Stations) -> None:
        """Serve this room."""
        self._stations = stations

    @route("GET", "/stations", summary="List stations with their state", roles=STAFF)
    async def list(self) -> schemas.StationsAnswer:
        """Answer every station."""
        views = await self._stations.overview()
        return schemas.StationsAnswer(
            stations=tuple(schemas.StationAnswer.model_validate(one) for one in views)
        )

    @route(
        "GET",
        "/stations/{station_id}",
        summary="Show one station: doors, temperatures, buses, commands",
        roles=STAFF,
        errors=("station.not_found",),
    )
    async def detail(self, station_id: Id) -> schemas.StationDetailAnswer:
        """Answer one station's page."""
        return schemas.StationDetailAnswer.model_validate(await self._stations.detail(station_id))

    @route(
        "GET",
        "/stations/{station_id}/events",
        summary="List a station's events, newest first",
        roles=DESK,
        errors=("station.not_found",),
    )
    async def events(self, station_id: Id, query: schemas.EventsQuery) -> schemas.EventsAnswer:
        """Answer one page of events."""
        before = schemas.cursor_of(query.before)
        found = await self._stations.events(station_id, before=before, limit=query.limit)
        return schemas.events_answer(found, query.limit)

    @route(
        "POST",
        "/stations/{station_id}/readmit",
        summary="Let a daemon that was turned away speak for the station",
        roles=(ADMIN, OPERATOR),
        errors=("station.not_found", "station.no_claim"),
    )
    async def readmit(
        self, station_id: Id, body: schemas.ReadmitRequest, caller: Caller
    ) -> schemas.StationDetailAnswer:
        """Admit it; the one that speaks now is turned away at the other's next hello."""
        await self._stations.readmit(station_id, body.daemon, caller.name)
        return schemas.StationDetailAnswer.model_validate(await self._stations.detail(station_id))

    @route(
        "POST",
        "/stations/{station_id}/revoke-key",
        summary="Let nobody speak for the station until it is paired with a new key",
        roles=(ADMIN, OPERATOR),
        errors=("station.not_found", "station.not_paired"),
    )
    async def revoke_key(
        self, station_id: Id, body: schemas.RevokeKeyRequest, caller: Caller
    ) -> schemas.StationDetailAnswer:
        """Revoke the key; polls in progress end, the next request is refused."""
        await self._stations.revoke_key(station_id, body.reason, caller.name)
        return schemas.StationDetailAnswer.model_validate(await self._stations.detail(station_id))

    @route(
        "POST",
        "/stations/{station_id}/certificates",
        summary="Sign a technician's certificate for one station and a few hours",
        roles=DESK,
        status=201,
        errors=("station.not_found", "technician.name"),
    )
    async def certify(
        self, station_id: Id, body: paper_schemas.CertificateRequest, caller: Caller
    ) -> paper_schemas.CertificateAnswer:
        """Sign it; the hub keeps who got one in its audit, and not the certificate."""
        view = await self._stations.technicians.certify(
            station_id, body.technician, body.hours, caller.name
        )
        return paper_schemas.CertificateAnswer.model_validate(view)

    @route(
        "POST",
        "/stations/{station_id}/certificates/revoke",
        summary="End every technician's certificate of a station, once it has heard of it",
        roles=DESK,
        errors=("station.not_found",),
    )
    async def revoke_certificates(
        self, station_id: Id, caller: Caller
    ) -> schemas.StationDetailAnswer:
        """End them by the station's row; a sheet ends them at a silent station."""
        await self._stations.technicians.revoke(station_id, caller.name)
        return schemas.StationDetailAnswer.model_validate(await self._stations.detail(station_id))

    @route(
        "GET",
        "/stations/{station_id}/capsules",
        summary="Show the codes that end revoked grants at a station that cannot be reached",
        roles=DESK,
        errors=("station.not_found",),
    )
    async def capsules(self, station_id: Id) -> paper_schemas.CapsulesAnswer:
        """Answer the capsules; the grants stay *pending* until the station has told that it applied them."""
        views = await self._stations.capsules.of(station_id)
        return paper_schemas.CapsulesAnswer(
            capsules=tuple(paper_schemas.CapsuleAnswer.model_validate(one) for one in views)
        )

    @route(
        "POST",
        "/stations/{station_id}/commands",
        summary="Open one door from afar; another one within ten minutes is held for a second person",
        roles=DESK,
        status=201,
        errors=("station.not_found", "compartment.not_found"),
    )
    async def command(
        self, station_id: Id, body: schemas.CommandRequest, caller: Caller
    ) -> schemas.CommandAnswer:
        """Sign a command and put it into the station's feed."""
        view = await self._stations.command_open_door(
            station_id,
            label=body.compartment,
            reason=body.reason,
            issued_by=caller.name,
            expires_in_s=body.expires_in_s,
        )
        return schemas.CommandAnswer.model_validate(view)

    @route(
        "POST",
        "/commands/{command_id}/confirm",
        summary="Confirm, as a second person, a command that is held",
        roles=DESK,
        errors=("command.not_found", "command.not_held", "command.same_person"),
    )
    async def confirm(self, command_id: Id, caller: Caller) -> schemas.CommandAnswer:
        """Send the command in the name of both."""
        view = await self._stations.commands.confirm(command_id, caller.name)
        return schemas.CommandAnswer.model_validate(view)

    @route(
        "GET",
        "/commands/{command_id}",
        summary="Show what became of a command",
        roles=DESK,
        errors=("command.not_found",),
    )
    async def command_state(self, command_id: Id) -> schemas.CommandAnswer:
        """Answer one command."""
        view = await self._stations.commands.view(command_id)
        return schemas.CommandAnswer.model_validate(view)

    @route(
        "POST",
        "/stations/{station_id}/compartments/{label}/service",
        summary="Take a compartment out of service, or back",
        roles=DESK,
        errors=("station.not_found", "compartment.not_found"),
    )
    async def service(
        self, station_id: Id, label: Label, body: schemas.ServiceRequest, caller: Caller
    ) -> schemas.CompartmentAnswer:
        """Mark the compartment; *pending* until the station has applied it."""
        view = await self._stations.sites.set_service(
            station_id,
            label,
            out_of_service=body.out_of_service,
            reason=body.reason,
            by=caller.name,
        )
        return schemas.CompartmentAnswer.model_validate(view)

    @route(
        "GET",
        "/stations/{station_id}/keepers",
        summary="List the keepers of a station",
        roles=DESK,
        errors=("station.not_found",),
    )
    async def keepers(self, station_id: Id) -> schemas.KeepersAnswer:
        """Answer the keepers by name."""
        views = await self._stations.keepers.views(station_id)
        return schemas.KeepersAnswer(
            keepers=tuple(schemas.KeeperAnswer.model_validate(one) for one in views)
        )

    @route(
        "POST",
        "/stations/{station_id}/keepers",
        summary="Write a keeper: name, personal PIN, active or not",
        roles=(ADMIN, OPERATOR),
        errors=("station.not_found", "keeper.not_found", "keeper.pin_weak", "keeper.pin_taken"),
    )
    async def keeper(
        self, station_id: Id, body: schemas.KeeperRequest, caller: Caller
    ) -> schemas.KeeperAnswer:
        """Write a keeper, new or changed."""
        view = await self._stations.set_keeper(
            station_id,
            display_name=body.display_name,
            pin=body.pin.get_secret_value() if body.pin else None,
            keeper_id=body.keeper_id,
            active=body.active,
            by=caller.name,
        )
        return schemas.KeeperAnswer.model_validate(view)

    @route(
        "POST",
        "/grants/{grant_id}/revoke",
        summary="Revoke a pickup code; pending until the station has applied it",
        roles=DESK,
        errors=("grant.not_found", "grant.over"),
    )
    async def revoke(self, grant_id: Id, caller: Caller) -> schemas.GrantAnswer:
        """Revoke a code."""
        view = await self._stations.grants.revoke(grant_id, caller.name)
        return schemas.GrantAnswer.model_validate(view)
