"""The matrix: stations of releases N-2 to N and beyond at hubs of N, by their golden hellos; below that, 426."""

import json
from pathlib import Path

import pytest

from cloud.sync.negotiation import UpgradeError, agree, check_proto
from common.contract.protocol import Hello, HelloAnswer
from common.contract.versions import KEPT, OURS, Versions, highest_common
from common.kit.sqldb import SqlDb
from tests.cloud.sync.test_server import bench_of, dump

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "negotiation.json"
HELLOS: dict[str, str] = json.loads(GOLDEN.read_text())["hello_of_release"]
RELEASES = range(1, 6)


def _hello(release: int) -> Hello:
    return Hello.model_validate_json(HELLOS[str(release)])


@pytest.mark.parametrize("release", RELEASES)
def test_a_released_hello_keeps_its_bytes(release: int) -> None:
    assert _hello(release).model_dump_json() == HELLOS[str(release)]
    assert (_hello(release).protos is None) == (release == 1), "the first release said nothing"


@pytest.mark.parametrize("hub", RELEASES)
@pytest.mark.parametrize("station", RELEASES)
def test_neighbours_understand_each_other_and_strangers_are_told(hub: int, station: int) -> None:
    ours = Versions.of_release(hub)
    if abs(hub - station) < KEPT:
        assert agree(_hello(station), ours) == (min(hub, station), min(hub, station))
        return
    with pytest.raises(UpgradeError) as caught:
        agree(_hello(station), ours)
    assert caught.value.params == {"min": max(1, hub - KEPT + 1), "max": hub}


def test_the_two_versions_are_agreed_apart() -> None:
    hello = _hello(1).model_copy(update={"protos": (1,), "projections": (7, 6)})
    assert agree(hello, Versions(protos=(1,), projections=(6, 5))) == (1, 6)
    with pytest.raises(UpgradeError) as caught:
        agree(hello, Versions(protos=(1,), projections=(5,)))
    assert caught.value.key == "sync.projection"


def test_silence_means_the_first() -> None:
    assert highest_common((3, 2, 1), None) == 1
    assert highest_common((3, 2), None) is None


@pytest.mark.parametrize("header", ["", "one", "1.0", "²", "-1", "9999999"])
def test_a_protocol_is_a_number(header: str) -> None:
    for is_hello in (True, False):
        with pytest.raises(UpgradeError):
            check_proto(header, OURS, is_hello=is_hello)


def test_only_a_hello_may_name_a_protocol_of_the_future() -> None:
    check_proto("9", OURS, is_hello=True)
    with pytest.raises(UpgradeError):
        check_proto("9", OURS, is_hello=False)


async def test_the_answer_says_what_was_agreed(db: SqlDb) -> None:
    async with bench_of(db) as bench:
        plain = await bench.device.greet()
        assert (plain.proto, plain.projection) == (None, None), "an older station is told no news"
        asked = bench.device.hello().model_copy(update={"protos": (3, 2, 1), "projections": (1,)})
        answer = await bench.device.send("POST", "/sync/v1/hello", dump(asked), proto="3")
        said = HelloAnswer.model_validate_json(answer.body)
        assert (said.proto, said.projection) == (1, 1)
        newer = asked.model_copy(update={"protos": (9, 8, 7)})
        refused = await bench.device.send("POST", "/sync/v1/hello", dump(newer), proto="9")
        assert (refused.status, refused.key) == (426, "sync.proto")
