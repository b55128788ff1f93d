"""Turns eight digits into the tag the replica is searched for: always exactly one Argon2id, one at a time."""

import asyncio

from common.kit.codes import CODE_DIGITS, code_verifier
from common.kit.errors import InvalidError
from common.kit.identity import StationSecrets
from common.kit.work import Work


class CodeCheck:
    """The slow half of the check; the indexed look-up of the tag follows in the pickup transaction."""

    def __init__(self, secrets: StationSecrets, work: Work) -> None:
        """Keep the station's pepper and salt; they never reach a database or a log."""
        self._secrets, self._work = secrets, work
        self._one_at_a_time = asyncio.Lock()

    async def tag(self, code: str) -> bytes:
        """Return the 16-byte tag of `code`; about 30 ms and 19 MiB, whatever the digits are."""
        async with self._one_at_a_time:
            return await self._work.run(
                code_verifier,
                pepper=self._secrets.pepper,
                salt=self._secrets.code_salt,
                station_id=self._secrets.station_id,
                code=code,
            )


def clean_code(text: str) -> str:
    """Return the eight digits of `1234 5678` or `12345678`; InvalidError for anything else."""
    digits = text.replace(" ", "").replace("-", "")
    if len(digits) != CODE_DIGITS or not (digits.isascii() and digits.isdigit()):
        raise InvalidError("code.malformed", f"a pickup code has {CODE_DIGITS} digits")
    return digits
