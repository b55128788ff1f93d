"""A station and its hub over TLS, on real sockets with real handshakes: who gets in, and who is told what."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from cloud.sync import refuse_plain
from common.contract.enrolment import CERTIFICATE_PATH
from common.contract.protocol import HELLO_PATH, Hello, HelloAnswer
from common.kit.certificates import Authority, Holder, make_request
from common.kit.chance import seeded_chance
from common.kit.clock import to_ms
from common.kit.errors import UnauthenticatedError
from common.kit.identity import new_private_key, public_key
from common.kit.tls import client_context, show
from common.kit.tls_door import Complaints, Porch
from common.kit.web import WebServer, make_app
from common.kit.work import InlineWork
from edge.config import HubSection
from edge.data_folder import CA_FILE, CERTIFICATE_FILE
from edge.sync.certificate import days_left
from edge.sync.client import HubAway, HubClient, HubRefused
from edge.sync.fence import Why
from edge.sync.link import HubLink, LinkPorts
from edge.sync.secured import over_tls
from tests.edge.sync.rig import until
from tests.edge.sync.tls_rig import OTHERS, SECRETS, TlsHubRig, TlsStationRig, relay


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[TlsHubRig]:
    rig = TlsHubRig(tmp_path)
    yield rig
    rig.db.close()


@pytest.fixture
def subject(tmp_path: Path, hub: TlsHubRig) -> Iterator[TlsStationRig]:
    rig = TlsStationRig(tmp_path, hub)
    yield rig
    rig.db.close()


@asynccontextmanager
async def client(station: TlsStationRig, url: str) -> AsyncIterator[HubClient]:
    """The station's own client, without its link."""
    ports = LinkPorts(station.clock, station.chance, aiohttp.TCPConnector, station.secrets)
    opened = over_tls(station.data, InlineWork())
    async with opened(ports, HubSection(url=url, request_timeout_s=5)) as made:
        yield made


def hello(station: TlsStationRig) -> Hello:
    one = station.station_id
    return Hello(
        install_id=one, hello_id=one, session=0, boot_epoch=1, gen=0, op=0, digest="0" * 32,
        app_version="test", backlog_facts=0, backlog_telemetry=0, clock_offset_ms=0,
    )  # fmt: skip


async def greet(station: TlsStationRig, url: str) -> HelloAnswer:
    async with client(station, url) as made:
        return await made.post(HELLO_PATH, hello(station), HelloAnswer)


async def test_a_station_gets_its_certificate_by_itself_and_tells_its_story(
    hub: TlsHubRig, subject: TlsStationRig, caplog: pytest.LogCaptureFixture
) -> None:
    async with hub.serving(), subject.running() as link:
        await subject.door("A1")
        await hub.put(subject.station_id, "B1")
        await until(lambda: subject.is_empty() and "B1" in subject.rows())
        assert hub.labels() == ["A1"]
        assert link.view().online
    held = subject.certificate()
    assert (held.name, held.public_key) == (
        subject.station_id, public_key(subject.secrets.private_key),
    )  # fmt: skip
    assert held.until == hub.clock.now + timedelta(days=30)
    assert "away" not in caplog.text  # the first contact is no outage
    assert hub.gateway_made.handshakes_failed() == 0


async def test_it_renews_in_the_last_third_and_not_before(
    hub: TlsHubRig, subject: TlsStationRig
) -> None:
    async with hub.serving():
        await greet(subject, hub.url)
        first = subject.certificate()
        for clock in (hub.clock, subject.clock):
            clock.advance(days=15)
        await greet(subject, hub.url)
        assert subject.certificate() == first
        for clock in (hub.clock, subject.clock):
            clock.advance(days=6)
        await greet(subject, hub.url)
        assert subject.certificate().until == first.until + timedelta(days=21)


async def test_an_ended_certificate_only_renews(hub: TlsHubRig, subject: TlsStationRig) -> None:
    """The station was away for a year, and its clock stands still: the hub says that the certificate has ended."""
    async with hub.serving():
        await greet(subject, hub.url)
        first = subject.certificate()
        hub.clock.advance(days=365)
        status, key = await raw(hub, subject, shown=(subject.data / CERTIFICATE_FILE).read_text())
        assert (status, key) == (401, "sync.certificate_expired")
        await greet(subject, hub.url)
        assert subject.certificate().until == first.until + timedelta(days=365)


async def test_a_connection_that_stands_for_weeks_goes_on_with_the_new_certificate(
    hub: TlsHubRig, subject: TlsStationRig
) -> None:
    """What a connection shows is what was good at its handshake; the hub ends it when that has ended."""
    async with hub.serving(), client(subject, hub.url) as made:
        await made.post(HELLO_PATH, hello(subject), HelloAnswer)
        for _ in range(3):
            for clock in (hub.clock, subject.clock):
                clock.advance(days=25)
            await made.post(HELLO_PATH, hello(subject), HelloAnswer)
        assert subject.certificate().until == hub.clock.now + timedelta(days=30)


@pytest.mark.parametrize("years", [-10, 10])
async def test_a_clock_that_is_ten_years_off_locks_nobody_out(
    hub: TlsHubRig, subject: TlsStationRig, years: int
) -> None:
    subject.clock.advance(days=365 * years)
    async with hub.serving(), subject.running():
        await subject.door("A1")
        await until(subject.is_empty)
        held = subject.certificate()
        assert held.until == hub.clock.now + timedelta(days=30)
    hub.clock.advance(days=40)  # and renews, though the station believes something else
    async with hub.serving(), subject.running():
        await subject.door("A2")
        await until(lambda: hub.labels() == ["A1", "A2"])
        assert subject.certificate().until == hub.clock.now + timedelta(days=30)


async def test_a_hub_whose_clock_is_off_locks_nobody_out(
    hub: TlsHubRig, subject: TlsStationRig
) -> None:
    async with hub.serving():
        await greet(subject, hub.url)
    for years in (10, -20):
        hub.clock.advance(days=365 * years)
        async with hub.serving():
            await greet(subject, hub.url)


async def test_a_hub_with_another_authority_is_not_spoken_to(
    hub: TlsHubRig, subject: TlsStationRig, caplog: pytest.LogCaptureFixture
) -> None:
    hub.secrets = OTHERS
    async with hub.serving(), subject.running() as link:
        await until(lambda: "is not our hub" in caplog.text)
        assert not link.view().online
    assert not (subject.data / CERTIFICATE_FILE).exists()


async def test_a_hub_put_back_from_its_backup_is_the_same_to_its_stations(
    hub: TlsHubRig, subject: TlsStationRig, tmp_path: Path
) -> None:
    hub.copy_file(tmp_path / "backup.db")
    async with hub.serving():
        await greet(subject, hub.url)
    first = subject.certificate()
    await hub.restore_file(tmp_path / "backup.db")
    async with hub.serving():
        await greet(subject, hub.url)
    assert subject.certificate() == first


async def test_who_stands_between_sees_nothing_and_is_noticed(
    hub: TlsHubRig, subject: TlsStationRig
) -> None:
    async with hub.serving():
        seen: list[bytes] = []

        def listen(data: bytes) -> bytes:
            seen.append(data)
            return data

        async with relay(hub.port, listen) as port:
            await greet(subject, f"https://127.0.0.1:{port}")
        heard = b"".join(seen)
        assert heard
        assert subject.station_id.encode() not in heard

        async with relay(hub.port, lambda data: data[:-1] + bytes([data[-1] ^ 1])) as port:
            with pytest.raises(HubAway):
                await greet(subject, f"https://127.0.0.1:{port}")


async def test_a_station_that_plays_the_hub_is_not_believed(
    hub: TlsHubRig, subject: TlsStationRig, tmp_path: Path
) -> None:
    """Its certificate is of the right authority, but for showing oneself to the hub."""
    thief = TlsStationRig(tmp_path, hub, "thief")
    async with hub.serving():
        await greet(thief, hub.url)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    show(context, thief.secrets.private_key, (thief.data / CERTIFICATE_FILE).read_text())
    heard: list[str] = []

    async def listen(request: aiohttp.web.Request) -> aiohttp.web.Response:
        heard.append(request.path)
        return aiohttp.web.Response()

    app = make_app()
    app.router.add_route("*", "/{path:.*}", listen)
    false_hub = WebServer(app, "127.0.0.1", 0, Porch(context, Complaints(hub.clock)))
    await false_hub.start()
    with pytest.raises(HubAway, match="is not our hub"):
        await greet(subject, false_hub.url)
    await false_hub.stop()
    assert not heard
    thief.db.close()


async def raw(
    hub: TlsHubRig, station: TlsStationRig, *, shown: str | None, seed: bytes | None = None
) -> tuple[int, str]:
    """Say a hello signed by `station` on a connection that shows something else, or nothing."""
    context = client_context((station.data / CA_FILE).read_text())
    if shown is not None:
        show(context, seed or station.secrets.private_key, shown)
    body = hello(station).model_dump_json().encode()
    async with aiohttp.ClientSession() as session:
        maker = HubClient(session, hub.url, station.secrets, hub.clock, station.chance, 5)
        headers = maker.headers("POST", HELLO_PATH, body)
        async with session.post(
            f"{hub.url}{HELLO_PATH}", data=body, headers=headers, ssl=context
        ) as answer:
            if answer.status == 401:
                assert answer.headers["Connection"] == "close"
            return answer.status, (await answer.json()).get("key", "")


async def test_without_a_certificate_nothing_is_answered(
    hub: TlsHubRig, subject: TlsStationRig
) -> None:
    async with hub.serving():
        assert await raw(hub, subject, shown=None) == (401, "sync.certificate_missing")


async def test_another_stations_certificate_speaks_for_nobody_else(
    hub: TlsHubRig, subject: TlsStationRig, tmp_path: Path
) -> None:
    """The thief holds the signing key of the one (a leaked file) and the certificate of another."""
    other = TlsStationRig(tmp_path, hub, "other")
    async with hub.serving():
        await greet(other, hub.url)
        pem = (other.data / CERTIFICATE_FILE).read_text()
        answered = await raw(hub, subject, shown=pem, seed=other.secrets.private_key)
        assert answered == (401, "sync.certificate_foreign")
    other.db.close()


async def test_a_certificate_of_an_older_key_speaks_no_more(
    hub: TlsHubRig, subject: TlsStationRig
) -> None:
    async with hub.serving():
        await greet(subject, hub.url)
        old_seed, pem = subject.secrets.private_key, (subject.data / CERTIFICATE_FILE).read_text()
        seed = new_private_key(subject.chance)
        hub.register(subject.station_id, public_key(seed))
        subject.secrets = type(subject.secrets)(
            subject.station_id, seed, bytes(32), bytes(16), bytes(32)
        )
        assert (await raw(hub, subject, shown=pem, seed=old_seed))[1] == "sync.certificate_foreign"
        await greet(subject, hub.url)  # the file of the old key counts as none
        assert subject.certificate().public_key == public_key(seed)


async def test_a_self_made_certificate_ends_in_the_handshake(
    hub: TlsHubRig, subject: TlsStationRig, caplog: pytest.LogCaptureFixture
) -> None:
    key = subject.secrets.private_key
    holder = Holder(subject.station_id, public_key(key))
    forged = Authority(bytes(range(50, 82))).for_station(
        holder, now=hub.clock.now, days=30, chance=seeded_chance("forged")
    )
    async with hub.serving():
        with pytest.raises(aiohttp.ClientError):
            await raw(hub, subject, shown=forged)
    assert "its certificate is not believed" in caplog.text


async def test_a_request_for_another_station_is_refused(
    hub: TlsHubRig, subject: TlsStationRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(_name: str, seed: bytes) -> str:
        return make_request("01JZ0000000000000000000009", seed)

    monkeypatch.setattr("edge.sync.certificate.make_request", greedy)
    async with hub.serving():
        with pytest.raises(HubRefused) as told:
            await greet(subject, hub.url)
    assert told.value.key == "sync.certificate_request"


async def test_a_revoked_station_is_out_at_once_whatever_it_shows(
    hub: TlsHubRig, subject: TlsStationRig
) -> None:
    async with hub.serving(), subject.running() as link:
        await subject.door("A1")
        await until(subject.is_empty)
        await hub.db.write(lambda c: hub.gateway.revoke_key_tx(c, subject.station_id))
        await until(lambda: link.view().why is Why.REVOKED)
        pem = (subject.data / CERTIFICATE_FILE).read_text()
        assert await raw(hub, subject, shown=pem) == (403, "sync.revoked")


async def test_a_damaged_pin_takes_the_hub_away_and_nothing_else(
    hub: TlsHubRig, subject: TlsStationRig, caplog: pytest.LogCaptureFixture
) -> None:
    (subject.data / CA_FILE).write_text("rot")
    async with hub.serving(), subject.running() as link:
        await until(lambda: "linli edge trust" in caplog.text)
        assert not link.view().online
    subject.pin(SECRETS)
    (subject.data / CERTIFICATE_FILE).write_text("rot as well")
    async with hub.serving(), subject.running() as link:
        await until(lambda: link.view().online)


async def test_a_full_disk_keeps_nobody_from_the_hub(
    hub: TlsHubRig,
    subject: TlsStationRig,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def full(_path: Path, _data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge.sync.certificate.write_whole", full)
    async with hub.serving():
        await greet(subject, hub.url)
    assert "is not kept" in caplog.text
    assert not (subject.data / CERTIFICATE_FILE).exists()


async def test_a_hub_that_does_not_renew_is_used_on(
    hub: TlsHubRig,
    subject: TlsStationRig,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with hub.serving(), client(subject, hub.url) as made:
        await made.post(HELLO_PATH, hello(subject), HelloAnswer)
        for clock in (hub.clock, subject.clock):
            clock.advance(days=25)
        monkeypatch.setattr("edge.sync.certificate._fits", lambda *_: False)
        for _ in range(3):
            await made.post(HELLO_PATH, hello(subject), HelloAnswer)
    assert caplog.text.count("was not renewed") == 1


async def test_a_hub_that_never_takes_its_own_certificate_is_not_asked_for_one_after_another(
    hub: TlsHubRig,
    subject: TlsStationRig,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with hub.serving(), client(subject, hub.url) as made:
        await made.post(HELLO_PATH, hello(subject), HelloAnswer)
        monkeypatch.setattr(hub.gateway_made.certificates, "judge", _never)
        with pytest.raises(HubAway, match=r"sync\.certificate_foreign"):
            await made.post(HELLO_PATH, hello(subject), HelloAnswer)
        assert caplog.text.count("certificate until") == 1
        subject.clock.advance(seconds=120)
        with pytest.raises(HubAway, match=r"sync\.certificate_foreign"):
            await made.post(HELLO_PATH, hello(subject), HelloAnswer)
        assert caplog.text.count("certificate until") == 2


def _never(request: aiohttp.web.Request, *_station: object) -> None:
    if request.path != CERTIFICATE_PATH:
        raise UnauthenticatedError("sync.certificate_foreign", "not this one")


async def test_tasks_that_need_a_certificate_at_once_ask_for_one(
    hub: TlsHubRig, subject: TlsStationRig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with hub.serving(), client(subject, hub.url) as made:
        await asyncio.gather(
            *(made.post(HELLO_PATH, hello(subject), HelloAnswer) for _ in range(3))
        )
    assert caplog.text.count("certificate until") == 1


async def test_a_hub_of_another_name_is_told_from_another_hub(
    hub: TlsHubRig, subject: TlsStationRig
) -> None:
    hub.names = ("hub.example", "192.0.2.7")
    async with hub.serving():
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(HubAway, match=f"is not for {host}.*gateway.names"):
                await greet(subject, f"https://{host}:{hub.port}")


async def test_the_days_a_certificate_is_good_for_are_whole_ones(
    hub: TlsHubRig, subject: TlsStationRig
) -> None:
    async with hub.serving():
        await greet(subject, hub.url)
    held, now = subject.certificate(), hub.clock.now
    left = [days_left(held, now + timedelta(hours=hours)) for hours in (0, 1, 30 * 24, 30 * 24 + 1)]
    assert left == [30, 29, 0, -1]


async def test_the_metrics_know_which_certificate_ends_first(
    hub: TlsHubRig, subject: TlsStationRig
) -> None:
    async with hub.serving():
        certificates = hub.gateway_made.certificates
        await certificates.look()
        assert certificates.seconds_left() != certificates.seconds_left()  # NaN: there is none
        await greet(subject, hub.url)
        await certificates.look()
        assert certificates.seconds_left() == 30 * 86_400
        status = await hub.db.read(lambda c: hub.gateway.station_status_tx(c, subject.station_id))
        assert status.certificate_until_ms == to_ms(subject.certificate().until)


async def test_a_station_that_still_comes_to_the_plain_port_is_told_where_to_go(
    hub: TlsHubRig, subject: TlsStationRig, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()
    refuse_plain(app, 8801)
    plain = WebServer(app, "127.0.0.1", 0)
    await plain.start()
    ports = LinkPorts(subject.clock, subject.chance, aiohttp.TCPConnector, subject.secrets)
    config = subject.config.model_copy(update={"url": plain.url})
    await subject.boot()
    link = HubLink(ports, config, subject.db, subject.outbox, subject.replica)
    await subject.door("A1")
    async with subject.talking(link):
        await until(lambda: "by TLS, on port 8801" in caplog.text)
        assert link.view().why is Why.NONE  # codes go on to open
    assert not subject.is_empty()
    await plain.stop()


async def test_old_tls_does_not_get_in(hub: TlsHubRig) -> None:
    context = client_context(hub_pem())
    context.minimum_version, context.maximum_version = (
        ssl.TLSVersion.TLSv1_2,
        ssl.TLSVersion.TLSv1_2,
    )
    async with hub.serving(), aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"{hub.url}/healthz", ssl=context)


def hub_pem() -> str:
    return Authority(SECRETS.derive("ca")).pem
