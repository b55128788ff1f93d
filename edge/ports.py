"""What the daemon needs from the outside; tests and the simulated world give their own."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from common.kit.chance import Chance
from common.kit.clock import Clock
from common.kit.disk import FolderSpace, Space
from common.kit.holes import ReadAt
from common.kit.identity import StationSecrets
from common.kit.sqlite import SqliteDb
from common.kit.work import Work
from edge.config import BusSection, StationConfig
from edge.hardware.build import StationHardware, build_hardware
from edge.hardware.line import Line
from edge.sync.link import OpenClient, over_http


@dataclass(frozen=True, slots=True)
class EdgePorts:
    """What the daemon needs from the outside."""

    clock: Clock
    chance: Chance
    work: Work
    open_db: Callable[[Path], SqliteDb]
    open_line: Callable[[BusSection], Line]
    connector: Callable[[], aiohttp.BaseConnector]
    secrets: StationSecrets
    space: Callable[[Path], Space] = FolderSpace
    hardware: Callable[[StationConfig, Callable[[BusSection], Line]], StationHardware] = (
        build_hardware
    )
    hub_client: OpenClient = over_http
    read_at: ReadAt = os.pread
    """Reads `state.db`, its log and its sums where SQLite does not."""
    pages: bool = True
    """False: nobody listens; whoever stands at the station calls the rooms themselves."""
