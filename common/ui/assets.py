"""Static files of a face, read once at start and served from memory with an ETag.

A face's style sheet is several sources joined, so that a page asks for one.
"""

import hashlib
import mimetypes
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

STATIC_FOLDER = Path(__file__).parent / "static"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One served file."""

    body: bytes
    content_type: str
    etag: str


class Assets:
    """Files by served name; unknown names are 404, nothing is ever looked up on the disk."""

    def __init__(self, assets: Mapping[str, Asset], prefix: str = "/static/") -> None:
        """Serve `assets` under `prefix`."""
        self._assets = assets
        self._prefix = prefix

    @classmethod
    def read(
        cls,
        files: Iterable[str],
        sheets: Mapping[str, Iterable[str]],
        *folders: Path,
        prefix: str = "/static/",
    ) -> "Assets":
        """Read `files` and joined style `sheets` from `folders` and the shared folder; first hit wins."""
        places = (*folders, STATIC_FOLDER)
        assets = {name: _asset(name, _find(name, places).read_bytes()) for name in files}
        for name, parts in sheets.items():
            joined = b"\n".join(_find(part, places).read_bytes() for part in parts)
            assets[name] = _asset(name, joined)
        return cls(assets, prefix)

    def url(self, name: str) -> str:
        """Return the URL of `name`; KeyError at render time beats a 404 at the customer's."""
        return f"{self._prefix}{name}?v={self._assets[name].etag[:8]}"

    def weight(self, *names: str) -> int:
        """Return the bytes of `names` together."""
        return sum(len(self._assets[name].body) for name in names)

    def add_to(self, app: web.Application) -> None:
        """Register the route."""
        app.router.add_get(self._prefix + "{name:.+}", self._serve)

    async def _serve(self, request: web.Request) -> web.Response:
        asset = self._assets.get(request.match_info["name"])
        if asset is None:
            raise web.HTTPNotFound
        # Modules import each other without a version: always ask, mostly answer 304.
        headers = {"ETag": f'"{asset.etag}"', "Cache-Control": "no-cache"}
        if any(tag.value == asset.etag for tag in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        return web.Response(
            body=asset.body, content_type=asset.content_type, charset="utf-8", headers=headers
        )


def _find(name: str, folders: Iterable[Path]) -> Path:
    for folder in folders:
        if (path := folder / name).is_file():
            return path
    raise FileNotFoundError(f"no static file {name}")


def _asset(name: str, body: bytes) -> Asset:
    kind = _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0]
    etag = hashlib.blake2b(body, digest_size=12).hexdigest()
    return Asset(body, kind or "application/octet-stream", etag)
