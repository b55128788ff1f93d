"""Two boards with one address: both obey, so an opening opens two doors, and their answers collide.

The same read several times tells: one board answers soundly, two talk over each other (reference hardware C.4-6).
"""

from collections.abc import Awaitable, Callable
from enum import Enum

TWIN_REMEDY = "unplug one and give it an address of its own: an opening would open two doors"
QUESTIONS = 5
MOST_SOUND = 1
"""Two boards of one make may by chance answer bit for bit together; twice of five would be a feat."""


class Heard(Enum):
    """What came of one question."""

    ANSWER = "answer"
    NOTHING = "nothing"
    RUBBISH = "rubbish"


async def has_twin(ask: Callable[[], Awaitable[Heard]]) -> bool:
    """Ask up to five times; tell whether what comes sounds like two boards."""
    rubbish = sound = 0
    for _ in range(QUESTIONS):
        heard = await ask()
        if heard is Heard.NOTHING:
            return False
        rubbish += heard is Heard.RUBBISH
        sound += heard is Heard.ANSWER
        if sound > MOST_SOUND:
            return False
    return rubbish >= QUESTIONS - MOST_SOUND
