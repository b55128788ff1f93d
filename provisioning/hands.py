"""Hands at a simulated cabinet, for practice and for checks: the bench page of `linli sim run` sees and shuts doors.

It answers what a technician answers who looks at the cabinet; everything else takes its default.
"""

from urllib.parse import quote, urlsplit

import httpx

from common.kit.errors import InvalidError, UnavailableError
from common.kit.said import Said

KNOWN_G = 5000
CAPACITY_G, DIVISION_G = 30_000, 10
_TIMEOUT_S = 5.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class BenchHands:
    """One simulated cabinet on this computer."""

    def __init__(self, url: str) -> None:
        """Use the bench at `url`; InvalidError for another computer's: a real cabinet has no such hands."""
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname not in _LOOPBACK:
            text = "%(url)s is no bench of a simulator on this computer, e.g. http://127.0.0.1:8820"
            raise InvalidError("provision.bench", Said(text, url=url))
        self._url = url.rstrip("/")

    async def answer(self, key: str, label: str) -> str:
        """Return the answer to a question; doors are shut before it is given."""
        if key == "which_door":
            doors = await self._open()
            return doors[0] if len(doors) == 1 else "+" if doors else "-"
        if key == "shut_door":
            await self._shut(label)
        elif key in ("all_shut", "shut_all"):
            for door in await self._open():
                await self._shut(door)
        return await self._at_device(key)

    async def _at_device(self, key: str) -> str:
        """Lay, hold and look as the question wants it; "" for every other question."""
        match key:
            case "scale_empty" | "scale_clear":
                await self._ask("POST", "/scale", {"load_g": 0})
            case "known_weight":
                await self._ask("POST", "/scale", {"load_g": KNOWN_G})
                return str(KNOWN_G)
            case (
                "scale_capacity" | "scale_division"
            ):  # as a scale of a cabinet file has them, unless it says otherwise
                return str({"scale_capacity": CAPACITY_G, "scale_division": DIVISION_G}[key])
            case "did_it_print":
                return "y" if "Test receipt" in str(await self._ask("GET", "/printer")) else "n"
            case "hold_code":
                await self._ask("POST", "/scanner", {"text": "LINLI-TEST"})
            case "hold_card":
                await self._ask("POST", "/card", {"card": "0123456789"})
            case "wedge_works":
                return "-"
            case _:
                pass
        return ""

    async def _open(self) -> list[str]:
        state = await self._ask("GET", "/state")
        return [str(door["label"]) for door in state["doors"] if door["open"]]

    async def _shut(self, label: str) -> None:
        """Push; once more while the current still holds the latch back. A jammed door stays as it is."""
        for _ in range(50):
            said = await self._ask("POST", f"/doors/{quote(label)}", {"action": "push"})
            if not said["open"] or said["jammed"]:
                return

    async def _ask(
        self, method: str, path: str, body: object = None
    ) -> dict[str, list[dict[str, object]]]:
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT_S) as client:
                answer = await client.request(method, self._url + path, json=body)
                answer.raise_for_status()
                said: dict[str, list[dict[str, object]]] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            text = "the bench at %(url)s does not do its part (%(cause)s): does `linli sim run` run there?"
            detail = Said(text, url=self._url + path, cause=str(error) or type(error).__name__)
            raise UnavailableError("provision.no_bench", detail) from error
        return said
