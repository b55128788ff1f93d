"""`linli edge enrol` and `trust` against a real hub on a TLS port: whose fingerprint differs hears nothing of us."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp.web
import httpx
import pytest
from typer.testing import CliRunner, Result

from cloud.config import GatewaySection, HubConfig, HubSection
from cloud.seed import STATION_ID
from cloud.stations.service import NewStation
from cloud.sync import hub_authority
from common.contract.enrolment import CA_PATH, ENROL_PATH
from common.kit.chance import seeded_chance
from common.kit.identity import StationSecrets, public_key
from common.kit.tls import client_context, show
from common.kit.tls_door import Complaints, Porch
from common.kit.web import WebServer, make_app
from edge.cli import app
from edge.sync.certificate import Papers
from tests.cloud.harness import SECRETS, HubUnderTest, MovableClock, running_hub
from tests.edge.sync.tls_rig import OTHERS, relay

FINGERPRINT = hub_authority(SECRETS).fingerprint


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[HubUnderTest]:
    config = HubConfig(
        hub=HubSection(data=tmp_path / "hub", port=0, database_url=f"sqlite:///{tmp_path}/hub.db"),
        gateway=GatewaySection(tls=True, port=0),
    )
    async with running_hub(config, MovableClock()) as running:
        await running.hub.rooms.stations.create_station(
            NewStation("一号", "One", "400", station_id=STATION_ID)
        )
        yield running


def gateway(hub: HubUnderTest) -> str:
    assert hub.hub.gateway_web is not None
    return hub.hub.gateway_web.url


async def token(hub: HubUnderTest) -> str:
    made = await hub.hub.rooms.stations.enrolment.invite(STATION_ID, 15)
    return f"{STATION_ID}.{made.secret}.{FINGERPRINT}"


async def edge(*words: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, list(words))


async def enrol(data: Path, url: str, token: str) -> Result:
    return await edge("enrol", "--data", str(data), "--hub", url, "--token", token)


async def test_a_device_pairs_itself_over_the_network(hub: HubUnderTest, tmp_path: Path) -> None:
    data, invited = tmp_path / "data", await token(hub)
    result = await enrol(data, gateway(hub), invited)
    assert (result.exit_code, STATION_ID in result.output) == (0, True), result.output
    secrets = await asyncio.to_thread(StationSecrets.load, data / "secrets.json")
    by_hand = await hub.hub.rooms.stations.pair(STATION_ID, public_key(secrets.private_key))
    assert (secrets.pepper, secrets.code_salt) == (by_hand.pepper, by_hand.code_salt)
    assert secrets.hub_command_key == by_hand.hub_command_key
    papers = await asyncio.to_thread(Papers.load, data, secrets)
    assert papers.authority == hub_authority(SECRETS).pem
    assert papers.certificate is not None
    assert {path.name for path in data.iterdir()} == {
        "secrets.json", "hub-ca.pem", "certificate.pem",
    }  # fmt: skip
    assert all(path.stat().st_mode & 0o077 == 0 for path in data.iterdir())
    assert (await enrol(data, gateway(hub), invited)).exit_code == 0  # the answer was lost
    other = await enrol(tmp_path / "other", gateway(hub), invited)
    assert other.exit_code == 3
    assert "station.invite_refused" in other.output
    assert not (tmp_path / "other/secrets.json").exists()


async def test_a_fingerprint_that_differs_ends_it_before_anything_is_said(
    hub: HubUnderTest, tmp_path: Path
) -> None:
    """Somebody answers in the hub's place; the device notices by what a person carried to it."""
    data, invited = tmp_path / "data", await token(hub)
    carried = invited.rpartition(".")[0] + "." + hub_authority(OTHERS).fingerprint
    result = await enrol(data, gateway(hub), carried)
    assert result.exit_code == 3
    assert "somebody stands between" in result.output
    assert not data.exists()
    assert (await enrol(data, gateway(hub), invited)).exit_code == 0  # the invitation was not used


async def test_a_relayed_authority_does_not_make_the_relay_believed(
    hub: HubUnderTest, tmp_path: Path
) -> None:
    """The authority is no secret: a false hub can show it, but not a certificate of it."""
    config = HubConfig(
        hub=HubSection(data=tmp_path / "false", port=0, database_url=f"sqlite:///{tmp_path}/f.db"),
        gateway=GatewaySection(tls=True, port=0),
    )
    from cloud.app import build_hub
    from tests.cloud.harness import ports

    given = ports(MovableClock())
    false_hub = build_hub(
        type(given)(given.clock, given.chance, given.work, given.open_db, OTHERS), config
    )
    assert false_hub.gateway is not None
    false_hub.gateway.certificates.authority.pem = hub_authority(SECRETS).pem
    task = asyncio.create_task(false_hub.run())
    await false_hub.ready.wait()
    assert false_hub.gateway_web is not None
    result = await enrol(tmp_path / "data", false_hub.gateway_web.url, await token(hub))
    assert result.exit_code == 3
    assert "CERTIFICATE_VERIFY_FAILED" in result.output
    assert not (tmp_path / "data").exists()
    task.cancel()
    await asyncio.wait([task])
    given.work.close()


async def test_a_station_that_is_paired_pins_the_authority_later(
    hub: HubUnderTest, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    words = ("trust", "--data", str(data), "--hub", gateway(hub), "--sha256")
    assert (await edge(*words, FINGERPRINT.upper())).exit_code == 0
    assert (data / "hub-ca.pem").read_text() == hub_authority(SECRETS).pem
    wrong = await edge(*words, "0" * 64)
    assert wrong.exit_code == 3
    assert (data / "hub-ca.pem").read_text() == hub_authority(SECRETS).pem


@pytest.mark.parametrize(
    ("url", "said", "code"),
    [
        ("http://127.0.0.1:1", "https://", 2),
        ("https://127.0.0.1:1", "no hub answers at https://127.0.0.1:1/", 3),
        ("https://[nonsense", "no hub answers", 3),
    ],
)
async def test_an_address_that_is_no_hub_is_said(
    tmp_path: Path, url: str, said: str, code: int
) -> None:
    result = await enrol(tmp_path / "data", url, f"{STATION_ID}.{'0' * 32}.{'0' * 64}")
    assert (result.exit_code, said in result.output) == (code, True), result.output


async def test_what_is_no_token_is_said(tmp_path: Path) -> None:
    result = await enrol(tmp_path, "https://127.0.0.1:1", "hello")
    assert (result.exit_code, "no token" in result.output) == (2, True)


async def test_the_plain_port_of_a_hub_is_none(hub: HubUnderTest, tmp_path: Path) -> None:
    url = hub.hub.web.url.replace("http:", "https:")
    result = await enrol(tmp_path / "data", url, await token(hub))
    assert (result.exit_code, "no hub answers" in result.output) == (3, True)


async def test_with_tls_the_plain_port_speaks_no_lsp(hub: HubUnderTest) -> None:
    for method, path in (("POST", "hello"), ("GET", "ops"), ("GET", "ca"), ("POST", "enrol")):
        answer = await hub.client.request(method, f"/sync/v1/{path}", json={})
        assert answer.status_code == 403
        assert answer.json()["key"] == "sync.tls_only"
    metrics = (await hub.client.get("/metrics")).text
    assert "linli_hub_station_certificate_seconds NaN" in metrics
    assert "linli_hub_tls_handshakes_failed 0.0" in metrics


async def test_the_stations_port_has_no_pages_and_hides_what_it_is(hub: HubUnderTest) -> None:
    context = client_context(hub_authority(SECRETS).pem)
    async with httpx.AsyncClient(base_url=gateway(hub), verify=context) as stranger:
        for path in ("/", "/api/v1/stations", "/metrics", "/setup"):
            assert (await stranger.get(path)).status_code == 404
        assert (await stranger.get("/sync/v1/ca")).text == hub_authority(SECRETS).pem
        assert (await stranger.get("/sync/v1/ops")).status_code == 401
        for body in (b"", b"{}", json.dumps({"secret": "0" * 32, "csr": "x"}).encode()):
            answer = await stranger.post("/sync/v1/enrol", content=body)
            assert answer.status_code == 422


async def test_a_relay_that_passes_everything_on_is_harmless(
    hub: HubUnderTest, tmp_path: Path
) -> None:
    port = int(gateway(hub).rpartition(":")[2])
    async with relay(port, lambda data: data) as between:
        url = f"https://127.0.0.1:{between}"
        assert (await enrol(tmp_path / "data", url, await token(hub))).exit_code == 0


@asynccontextmanager
async def impostor(answers: dict[str, str]) -> AsyncIterator[str]:
    """Something else on a TLS port, with a certificate of the right authority: it answers what it is told to."""
    authority = hub_authority(SECRETS)

    async def say(request: aiohttp.web.Request) -> aiohttp.web.Response:
        return aiohttp.web.Response(text=answers[request.path])

    clock, seed = MovableClock(), bytes(range(60, 92))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown = authority.for_server(
        public_key(seed), ("127.0.0.1",), now=clock.wall(), days=9, chance=seeded_chance("impostor")
    )
    show(context, seed, shown)
    app = make_app()
    app.router.add_route("*", "/{path:.*}", say)
    server = WebServer(app, "127.0.0.1", 0, Porch(context, Complaints(clock)))
    await server.start()
    yield server.url
    await server.stop()


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({CA_PATH: "<html>welcome</html>"}, "shows no authority"),
        ({CA_PATH: hub_authority(SECRETS).pem, ENROL_PATH: "[]"}, "cannot be read"),
    ],
)
async def test_a_tls_port_of_something_else_is_no_hub(
    tmp_path: Path, answers: dict[str, str], said: str
) -> None:
    async with impostor(answers) as url:
        invited = f"{STATION_ID}.{'0' * 32}.{FINGERPRINT}"
        result = await enrol(tmp_path / "data", url, invited)
    assert (result.exit_code, said in result.output) == (3, True), result.output
    assert not (tmp_path / "data/secrets.json").exists()
