"""The step `enrol`: what `linli edge enrol` does, in the technician's conversation."""

from urllib.parse import urlsplit

from common.kit.chance import system_chance
from common.kit.errors import InvalidError
from common.kit.identity import public_key
from common.kit.said import Said
from edge.access import enrolment
from provisioning.job import Job


async def enrol_step(job: Job, hub: str, token: str) -> bool:
    """Pair this folder with the hub; errors are those of `edge.access.enrolment`, and `provision.hub`."""
    _check_hub(hub)
    secrets = enrolment.enrol(job.data, hub, enrolment.Token.read(token), system_chance())
    job.talk.tell(
        "enrolled", "station %(station)s is paired, key %(key)s. Next: linli provision config --hub %(hub)s",
        station=secrets.station_id, key=public_key(secrets.private_key).hex(), hub=hub,
    )  # fmt: skip
    return True


def _check_hub(hub: str) -> None:
    try:
        parts = urlsplit(hub)
        is_address = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address:
        text = "%(hub)s is no address of a hub: give its port for stations, e.g. https://hub.example.cn:8801"
        raise InvalidError("provision.hub", Said(text, hub=repr(hub)))
