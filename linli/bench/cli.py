"""`linli bench …`: figures beside a floor of the same run; exit 0, 1 when a goal is missed, 2 usage, 3 unavailable."""

import asyncio
from typing import Annotated

import typer

from linli.bench.figures import Sheet

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
JsonOption = Annotated[bool, typer.Option("--json", help="one JSON object on the last line")]
PortOption = Annotated[int, typer.Option(min=1024, max=60000, help="first port")]


@app.callback()
def _bench() -> None:
    """Measure against a floor of the same run."""


@app.command()
def pickup(
    n: Annotated[int, typer.Option("--n", min=1, help="pickups to measure")] = 100,
    grants: Annotated[int, typer.Option(min=1, help="live grants in the replica")] = 10_000,
    as_json: JsonOption = False,
    port_base: PortOption = 9150,
) -> None:
    """Last digit accepted to pulse frame on the wire, hub down; then check, consume, pulse, read back."""
    from linli.bench.pickup import bench_pickup

    if grants <= n:
        raise typer.BadParameter("more live grants than pickups are needed")
    _tell(asyncio.run(bench_pickup(n, grants, port_base)), as_json=as_json)


@app.command()
def footprint(
    n: Annotated[int, typer.Option("--n", min=3, help="starts of the daemon")] = 5,
    as_json: JsonOption = False,
    port_base: PortOption = 9150,
) -> None:
    """Memory of the real daemon, idle and at its peak over one code check, and its start up to the first page."""
    from linli.bench.footprint import bench_footprint

    _tell(asyncio.run(bench_footprint(n, port_base)), as_json=as_json)


@app.command()
def outbox(
    n: Annotated[int, typer.Option("--n", min=5, help="facts to append")] = 50_000,
    as_json: JsonOption = False,
) -> None:
    """Facts made durable a second at the station, group commit and hash chain included."""
    from linli.bench.outbox import bench_outbox

    _tell(asyncio.run(bench_outbox(n)), as_json=as_json)


@app.command()
def replica(
    n: Annotated[int, typer.Option("--n", min=5, help="ops to apply")] = 50_000,
    as_json: JsonOption = False,
) -> None:
    """Ops of the hub applied a second at the station, rooms' tables and digest included."""
    from linli.bench.replica import bench_replica

    _tell(asyncio.run(bench_replica(n)), as_json=as_json)


@app.command()
def ingest(
    n: Annotated[int, typer.Option("--n", min=1, help="events to post")] = 200_000,
    as_json: JsonOption = False,
) -> None:
    """Events a second into the hub, idempotent and durable, with eight stations at once."""
    from linli.bench.ingest import bench_ingest

    _tell(asyncio.run(bench_ingest(n)), as_json=as_json)


@app.command()
def verify(
    n: Annotated[int, typer.Option("--n", min=20, help="look-ups a size, right and wrong")] = 2000,
    most: Annotated[int, typer.Option(min=1000, help="live grants at the most")] = 1_000_000,
    as_json: JsonOption = False,
) -> None:
    """A pickup code checked among 10^3 to 10^6 live grants, Argon2 apart."""
    from linli.bench.verify import bench_verify

    _tell(asyncio.run(bench_verify(n, most)), as_json=as_json)


@app.command("catch-up")
def catch_up(
    n: Annotated[int, typer.Option("--n", min=1, help="events gathered while offline")] = 20_000,
    as_json: JsonOption = False,
) -> None:
    """Everything of seven days without a network told to the hub, by the station's own link."""
    from linli.bench.catch_up import bench_catch_up

    _tell(asyncio.run(bench_catch_up(n)), as_json=as_json)


@app.command()
def bus(
    n: Annotated[
        int, typer.Option("--n", min=50, help="transactions for each way of asking")
    ] = 500,
    as_json: JsonOption = False,
) -> None:
    """Doors polled a second against what the wire carries, CPU of a transaction beside its floors, codecs."""
    from linli.bench.bus import bench_bus

    _tell(asyncio.run(bench_bus(n)), as_json=as_json)


def _tell(sheet: Sheet, *, as_json: bool) -> None:
    typer.echo(sheet.text())
    if as_json:
        typer.echo(sheet.as_json())
    raise typer.Exit(1 if sheet.violations else 0)
