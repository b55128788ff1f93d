"""The file that `backup` writes: a gzip with plain files in a ustar, and nothing else; read as a stranger's.

Read strictly instead of by `tarfile`: no folders, links, devices or extended headers, each name once and of a bounded
size, nothing behind the end. What is read goes into a folder of its own, so a refusal has changed nothing.
"""

import gzip
import io
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from common.kit.clock import Clock, to_ms
from common.kit.durable import sync_file
from common.kit.errors import ConfigError
from common.kit.said import Said

_BLOCK = tarfile.BLOCKSIZE
_MOST_PADDING = 2 * tarfile.RECORDSIZE
_CHUNK = 1 << 16


def packed(parts: Mapping[str, bytes], clock: Clock) -> bytes:
    """Return the archive of `parts`, name → content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in parts.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o600
            member.mtime = to_ms(clock.wall()) // 1000
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def unpack(source: Path, folder: Path, most_bytes: Mapping[str, int]) -> list[str]:
    """Put the files of an archive into `folder`; return their names.

    `most_bytes`: what may be in it, and how large. ConfigError `provision.backup` for anything else.
    """
    if not source.is_file():
        raise refused(source, "there is no such file")
    found: list[str] = []
    with gzip.open(source) as stream:
        archive = _Archive(source, stream)
        while (member := archive.member()) is not None:
            if member.name in found:
                raise archive.no(Said("%(name)s is in it twice", name=repr(member.name)))
            archive.check(member, most_bytes)
            found.append(member.name)
            path = folder / member.name
            path.touch(mode=0o600)
            archive.copy(member.size, path)
            sync_file(path)
        archive.end()
    return found


def refused(source: Path, why: str) -> ConfigError:
    """Return why an archive is not taken."""
    said = Said("%(path)s is not restored: %(why)s", path=str(source), why=why)
    return ConfigError("provision.backup", said)


class _Archive:
    """A stream of blocks."""

    def __init__(self, source: Path, stream: gzip.GzipFile) -> None:
        self._source, self._stream = source, stream

    def no(self, why: str) -> ConfigError:
        return refused(self._source, why)

    def member(self) -> tarfile.TarInfo | None:
        """Return the next header; None at the end."""
        block = self._take(_BLOCK)
        if not any(block):
            return None
        try:
            return tarfile.TarInfo.frombuf(block, "utf-8", "strict")
        except (tarfile.TarError, ValueError) as error:
            raise self.no(Said("it is damaged (%(cause)s)", cause=str(error))) from error

    def check(self, member: tarfile.TarInfo, most_bytes: Mapping[str, int]) -> None:
        name = repr(member.name)
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            raise self.no(Said("%(name)s is a link, a folder or a device", name=name))
        if member.name not in most_bytes:
            raise self.no(Said("%(name)s has no place in a backup", name=name))
        if not 0 <= member.size <= most_bytes[member.name]:
            raise self.no(Said("%(name)s is too large", name=name))

    def copy(self, size: int, path: Path) -> None:
        left = size
        with path.open("wb") as out:
            while left:
                data = self._take(min(left, _CHUNK))
                out.write(data)
                left -= len(data)
        self._take(-size % _BLOCK)

    def end(self) -> None:
        """Read to the end, so that the sum of the whole is checked."""
        tail = self._read(_MOST_PADDING + 1)
        if len(tail) > _MOST_PADDING or any(tail):
            raise self.no("something stands behind its end")

    def _take(self, count: int) -> bytes:
        data = self._read(count)
        if len(data) < count:
            raise self.no("it is cut off")
        return data

    def _read(self, count: int) -> bytes:
        try:
            return self._stream.read(count)
        except EOFError as error:
            raise self.no("it is cut off") from error
        except (OSError, zlib.error) as error:
            raise self.no(Said("it is damaged (%(cause)s)", cause=str(error))) from error
