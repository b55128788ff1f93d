"""`linli bench bus`: its floors are floors, and every protocol's codec is in it."""

import asyncio

import pytest

from edge.hardware.lock_drivers import SPEECHES
from linli.bench.bus import _cpu
from linli.bench.codecs import throughput


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_transaction_costs_more_than_its_floors() -> None:
    raw_us, bare_us, ours_us = asyncio.run(_cpu(50))
    assert 0 < raw_us < bare_us < ours_us


def test_every_codec_is_measured() -> None:
    rates = throughput()
    assert set(rates) == {str(protocol) for protocol in SPEECHES}
    assert all(rate > 100 for rate in rates.values())
