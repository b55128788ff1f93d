"""The buyer and the hub's staff, through the JSON API."""

from typing import Any

import aiohttp

from common.kit.chance import Chance
from common.kit.errors import UnavailableError
from linli.journey.patience import until


class HubUser:
    """One signed-in person at the hub's API; every POST carries its own Idempotency-Key."""

    def __init__(self, session: aiohttp.ClientSession, origin: str, chance: Chance) -> None:
        """Talk to the hub at `origin`."""
        self._session = session
        self._origin = origin
        self._chance = chance
        self._token = ""
        self._login: tuple[str, str] | None = None

    async def sign_in(self, login: str, password: str) -> None:
        """Get a bearer token; when it runs out the next request signs in again."""
        self._token, self._login = "", (login, password)
        answer = await self.post("/sessions", {"login": login, "password": password})
        self._token = answer["token"]

    def use_token(self, token: str) -> None:
        """Use a token that was handed out before."""
        self._token = token

    def as_holder_of(self, token: str) -> "HubUser":
        """Return somebody else at the same hub, with a token of their own."""
        other = HubUser(self._session, self._origin, self._chance)
        other.use_token(token)
        return other

    async def get(self, path: str) -> Any:
        """GET below /api/v1."""
        return await self._ask("GET", path, None)

    async def post(self, path: str, body: object) -> Any:
        """POST below /api/v1."""
        return await self._ask("POST", path, body)

    async def wait_for(self, path: str, key: str, wanted: str, within_s: float = 15.0) -> Any:
        """Read `path` until `key` says `wanted`; return the answer."""
        return await until(
            lambda: self.get(path),
            lambda answer: bool(answer[key] == wanted),
            what=f"{key} = {wanted} at {path}",
            within_s=within_s,
        )

    async def station_is_told(self, station_id: str, within_s: float = 20.0) -> None:
        """Wait until the station has applied everything the hub has for it, its keepers included."""
        await until(
            lambda: self.get(f"/stations/{station_id}"),
            lambda answer: bool(answer["station"]["lag_ops"] == 0),
            what="the station up to date",
            within_s=within_s,
        )

    async def _ask(self, method: str, path: str, body: object) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        if method == "POST":
            headers["Idempotency-Key"] = self._chance.secure.token_bytes(16).hex()
        url = f"{self._origin}/api/v1{path}"
        async with self._session.request(method, url, json=body, headers=headers) as answer:
            if answer.status == 401 and self._token and self._login is not None:
                await self.sign_in(*self._login)
                return await self._ask(method, path, body)
            if answer.status >= 400:
                raise UnavailableError(
                    "journey.hub", f"{method} {path}: {answer.status} {await answer.text()}"
                )
            return await answer.json(content_type=None)
