"""The keys of a seeded town, as `hub seed` keeps and prints them; who reads them needs no hub."""

from dataclasses import dataclass


@dataclass(slots=True)
class SeedAccess:
    """Who can get in where; never printed unless asked for."""

    station_id: str
    staff: list[dict[str, str]]
    keepers: list[dict[str, str]]
    residents: list[dict[str, str]]
