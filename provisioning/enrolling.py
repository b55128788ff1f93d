"""The step `enrol`: what `linli edge enrol` does, in the technician's conversation."""

from common.kit.chance import system_chance
from common.kit.identity import public_key
from edge.access import enrolment
from provisioning.job import Job


async def enrol_step(job: Job, hub: str, token: str) -> bool:
    """Pair this folder with the hub; errors are those of `edge.access.enrolment`."""
    secrets = enrolment.enrol(job.data, hub, enrolment.Token.read(token), system_chance())
    job.talk.tell(
        "enrolled", "station %(station)s is paired, key %(key)s. Next: linli provision config --hub %(hub)s",
        station=secrets.station_id, key=public_key(secrets.private_key).hex(), hub=hub,
    )  # fmt: skip
    return True
