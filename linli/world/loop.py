"""A seeded event loop whose clock moves only when everyone waits: a day of a station passes in seconds.

The only seam is the selector: where a real loop would block in `select`, this one advances `time()`. Equal
seeds give equal schedules: ready callbacks are shuffled by the seed and tasks hash by a counter.
"""

import asyncio
import contextvars
import heapq
import random
import selectors
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NoReturn, TypeVar

from linli.world.net import Net

T = TypeVar("T")
_CLOCK_RESOLUTION_S = 1e-6  # floats above 1e7 s lose finer steps


class DeadlockError(RuntimeError):
    """Nothing is scheduled and someone still waits."""


class _VirtualSelector(selectors.BaseSelector):
    def __init__(self) -> None:
        self.now_s = 0.0
        self._map: Mapping[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, _events: int, _data: Any = None) -> NoReturn:
        raise RuntimeError(f"a real descriptor has no place in the simulated world: {fileobj!r}")

    def unregister(self, fileobj: Any) -> NoReturn:
        raise KeyError(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._map

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise DeadlockError("everyone waits and nothing is scheduled")
        if timeout > 0:
            self.now_s += timeout
        return []


class _Task(asyncio.Task[Any]):
    """A task that hashes by a counter, so that sets of tasks iterate alike in every process."""

    def __init__(
        self, coro: Coroutine[Any, Any, Any], *, loop: "VirtualLoop", **options: Any
    ) -> None:
        loop.task_count += 1
        self._number = loop.task_count
        super().__init__(coro, loop=loop, **options)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class _Handle(asyncio.Handle):
    """A handle that asks nobody whether it is being debugged."""

    __slots__ = ()

    def __init__(self, callback: Any, args: Any, loop: Any, context: Any) -> None:
        self._context = context if context is not None else contextvars.copy_context()
        self._loop, self._callback, self._args = loop, callback, args
        self._cancelled, self._repr = False, None

    def cancel(self) -> None:
        self._cancelled = True
        self._callback, self._args = None, ()


class _Timer(asyncio.TimerHandle):
    """The same for a moment to come; cancelled ones leave the heap when their time comes."""

    __slots__ = ()

    def __init__(self, when: float, callback: Any, args: Any, loop: Any, context: Any) -> None:
        self._context = context if context is not None else contextvars.copy_context()
        self._loop, self._callback, self._args = loop, callback, args
        self._cancelled, self._repr = False, None
        self._when, self._scheduled = when, True

    def cancel(self) -> None:
        self._cancelled = True
        self._callback, self._args = None, ()


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; `net` is the only network there is."""

    virtual = True
    _ready: "deque[asyncio.Handle]"
    _clock_resolution: float
    _stopping: bool

    def __init__(self, seed: int) -> None:
        """Start at second zero with the schedule named by `seed`."""
        self._virtual = _VirtualSelector()
        self.rng = random.Random(f"loop|{seed}")
        self.steps = 0
        self.task_count = 0
        self.most_steps: int | None = None
        self.on_too_many: Callable[[], None] = lambda: None
        """Called once when `most_steps` are done: programs that keep each other busy never let time go on."""
        self._timers: list[tuple[float, int, _Timer]] = []
        self._timer_count = 0
        super().__init__(self._virtual)
        self._clock_resolution = _CLOCK_RESOLUTION_S
        self.net = Net(self, random.Random(f"net|{seed}"))
        self.set_task_factory(_make_task)

    def time(self) -> float:
        """Return virtual seconds since the loop was made."""
        return self._virtual.now_s

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]  # noqa: ARG002
        """Run `func` on the spot: there are no threads here."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - the waiter gets it
            future.set_exception(error)
        return future

    async def getaddrinfo(self, host: Any, port: Any, **_options: Any) -> list[Any]:
        """Resolve every name to itself."""
        return [(2, 1, 6, "", (host, port))]

    async def create_server(  # type: ignore[override]
        self, factory: Any, host: Any = None, port: Any = None, **_options: Any
    ) -> Any:
        """Listen on the simulated network."""
        return self.net.listen(factory, (str(host), int(port)))

    async def create_connection(  # type: ignore[override]
        self, factory: Any, host: Any = None, port: Any = None, **_options: Any
    ) -> Any:
        """Connect over the simulated network."""
        return await self.net.connect(factory, (str(host), int(port)))

    async def create_unix_connection(  # type: ignore[override]
        self, factory: Any, path: Any = None, **_options: Any
    ) -> Any:
        """Connect to the path `host:port`: aiohttp's UnixConnector skips look-up and real sockets."""
        host, _, port = str(path).rpartition(":")
        return await self.net.connect(factory, (host, int(port)))

    def _make_self_pipe(self) -> None:
        self._ssock = self._csock = None

    def _close_self_pipe(self) -> None:
        return

    def call_soon(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.Handle:
        """Call `callback` in the next turn."""
        handle = _Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        """Call `callback` at `when`, virtual seconds; those of one moment in the order they were asked for."""
        timer = _Timer(when, callback, args, self, context)
        self._timer_count += 1
        heapq.heappush(self._timers, (when, self._timer_count, timer))
        return timer

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        """Call `callback` after `delay` virtual seconds."""
        return self.call_at(self._virtual.now_s + delay, callback, *args, context=context)

    def _run_once(self) -> None:
        """Do what the base class does in a turn, without sockets and a debugger's looks."""
        ready = self._ready
        if len(ready) > 1:
            handles = list(ready)
            self.rng.shuffle(handles)
            ready.clear()
            ready.extend(handles)
        self.steps += len(ready) + 1
        if self.most_steps is not None and self.steps > self.most_steps:
            self.most_steps = None
            self.on_too_many()
        self._wake_timers()
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:  # noqa: SLF001 - as the base class does
                handle._run()  # noqa: SLF001

    def _wake_timers(self) -> None:
        """Move what is due to the ready ones; when nothing is ready, time goes on until something is."""
        timers, selector = self._timers, self._virtual
        while timers and timers[0][2]._cancelled:  # noqa: SLF001
            heapq.heappop(timers)
        if not self._ready and not self._stopping:
            if not timers:
                raise DeadlockError("everyone waits and nothing is scheduled")
            selector.now_s = max(selector.now_s, timers[0][0])
        end_s = selector.now_s + self._clock_resolution
        while timers and timers[0][0] < end_s:
            self._ready.append(heapq.heappop(timers)[2])


def _make_task(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> "asyncio.Task[Any]":
    assert isinstance(loop, VirtualLoop)
    return _Task(coro, loop=loop, **options)


async def ends_within(loop: VirtualLoop, most_steps: int, job: Coroutine[Any, Any, None]) -> bool:
    """Run `job`; return whether it ended before the loop had done so many steps, else cancel it."""
    running, endless = loop.create_task(job), loop.create_future()
    loop.most_steps, loop.on_too_many = most_steps, lambda: endless.set_result(None)
    await asyncio.wait((running, endless), return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
        return True
    running.cancel()
    return False


def run_virtual(seed: int, main: Callable[[VirtualLoop], Coroutine[Any, Any, T]]) -> T:
    """Run `main(loop)` to its end on a fresh virtual loop and clean up after it."""
    loop = VirtualLoop(seed)
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(main(loop))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        asyncio.set_event_loop(None)
        loop.close()
