"""A null-modem cable: two serial ports of this machine, what is written to one is read from the other."""

import asyncio
import os
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def null_modem() -> AsyncIterator[tuple[str, str]]:
    """Give out the names of both ends."""
    pairs = [os.openpty(), os.openpty()]
    loop = asyncio.get_running_loop()
    for ours, theirs in pairs:
        tty.setraw(theirs)
        os.set_blocking(ours, False)

    def pump(source: int, sink: int) -> None:
        os.write(sink, os.read(source, 256))

    loop.add_reader(pairs[0][0], pump, pairs[0][0], pairs[1][0])
    loop.add_reader(pairs[1][0], pump, pairs[1][0], pairs[0][0])
    try:
        yield os.ttyname(pairs[0][1]), os.ttyname(pairs[1][1])
    finally:
        for ours, theirs in pairs:
            loop.remove_reader(ours)
            os.close(ours)
            os.close(theirs)
