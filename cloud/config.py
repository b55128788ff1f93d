"""Settings of the hub (`hub.toml`, every key overridable by `LINLI_HUB__…`) and its secrets file.

The secrets live beside the database, never in it, and are in no backup of it.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel, ConfigDict, Field

from common.kit.chance import Chance
from common.kit.config import load_toml
from common.kit.errors import ConfigError

_KEY_BYTES = 32
_EVERY_ADDRESS = ("0.0.0.0", "::")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HubSection(_Section):
    """Table `[hub]`."""

    data: Path = Field(Path("hub-data"), description="folder of the database and the secrets")
    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 for every one")
    port: int = Field(8800, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    public_url: str = Field(
        "",
        pattern=r"^$|^https?://[^/\s]+$",
        description="address people and stations use, e.g. https://hub.example.cn",
    )
    database_url: str = Field(
        "",
        pattern=r"^$|^(postgresql\+psycopg|sqlite)://",
        description="empty: SQLite in the data folder; else postgresql+psycopg://…",
    )
    allowed_hosts: tuple[str, ...] = Field(
        (), description="further host names this hub answers to (IP addresses always work)"
    )


class LimitsSection(_Section):
    """Table `[limits]`."""

    body_bytes: int = Field(256 * 1024, ge=1024, description="largest request body")
    connections: int = Field(
        512, ge=8, description="connections at once, of each port; twice the stations and some"
    )
    requests_per_minute: int = Field(600, ge=10, description="requests a minute of one token")
    login_failures: int = Field(5, ge=1, le=20, description="wrong passwords before waiting")
    token_hours: int = Field(12, ge=1, le=24 * 30, description="life of a bearer token")


class GatewaySection(_Section):
    """Table `[gateway]`: a port of their own for stations, with TLS; the plain port then answers people only."""

    tls: bool = Field(False, description="open it; stations then need the hub's CA (docs/howto)")
    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 for every one")
    port: int = Field(8801, ge=0, le=65535, description="port to listen on; 0 takes a free one")
    names: tuple[str, ...] = Field(
        (),
        description="further names and addresses by which stations reach it (those of [hub] count)",
    )
    certificate_days: int = Field(
        30, ge=1, le=3650, description="life of a station's certificate; renewed in its last third"
    )


class HubConfig(_Section):
    """The whole file."""

    hub: HubSection = HubSection()
    gateway: GatewaySection = GatewaySection()
    limits: LimitsSection = LimitsSection()

    def database_url(self) -> str:
        """Return the SQLAlchemy URL; SQLite in the data folder unless a server is named."""
        return self.hub.database_url or f"sqlite:///{self.hub.data.absolute() / 'hub.db'}"

    def secrets_path(self) -> Path:
        """Return where the secrets file lies."""
        return self.hub.data / "hub-secrets.json"

    def public_url(self) -> str:
        """Return the address for links, without a slash at the end."""
        return self.hub.public_url or f"http://{self.hub.host}:{self.hub.port}"

    def host_names(self) -> tuple[str, ...]:
        """Return the names the hub answers to."""
        return (urlsplit(self.public_url()).hostname or "localhost", *self.hub.allowed_hosts)

    def gateway_names(self) -> tuple[str, ...]:
        """Return the names and addresses in the certificate of the stations' port."""
        listens = () if self.gateway.host in _EVERY_ADDRESS else (self.gateway.host,)
        named = (*self.host_names(), *self.gateway.names, *listens, "localhost", "127.0.0.1")
        return tuple(name for name in dict.fromkeys(named) if name not in _EVERY_ADDRESS)


def load_config(path: Path | None, env: Mapping[str, str]) -> HubConfig:
    """Return the checked settings; without a file the defaults under the environment."""
    return load_toml(HubConfig, path if path is not None else Path(os.devnull), env)


@dataclass(frozen=True, slots=True)
class HubSecrets:
    """Three keys of 32 bytes; losing them loses the phones and the codes of open grants."""

    master: bytes  # stations' peppers and salts grow out of it
    command_key: bytes  # Ed25519 seed that signs commands
    encryption_key: bytes  # AES-GCM for codes, phones and kept answers

    @classmethod
    def new(cls, chance: Chance) -> "HubSecrets":
        """Draw three fresh keys."""
        return cls(*(chance.secure.token_bytes(_KEY_BYTES) for _ in fields(cls)))

    @classmethod
    def open(cls, path: Path, chance: Chance) -> "HubSecrets":
        """Read the file; make it (mode 0600) when there is none."""
        if not path.exists():
            cls.new(chance).save(path)
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> "HubSecrets":
        """Read the file; ConfigError says what is wrong with it."""
        if path.stat().st_mode & 0o077:
            said = f"{path} can be read by others: chmod 600 {path}"
            raise ConfigError("hub.secrets_open", said)
        try:
            record = json.loads(path.read_text())
            keys = [bytes.fromhex(record[field.name]) for field in fields(cls)]
        except (ValueError, KeyError, TypeError) as error:
            said = f"{path} is no secrets file of a hub ({error}): restore it from its own backup"
            raise ConfigError("hub.secrets_damaged", said) from error
        if any(len(key) != _KEY_BYTES for key in keys):
            raise ConfigError("hub.secrets_damaged", f"{path}: a key has the wrong length")
        return cls(*keys)

    def derive(self, purpose: str) -> bytes:
        """Return the 32-byte key of one purpose, grown out of the master key (HKDF, RFC 5869)."""
        return HKDF(SHA256(), _KEY_BYTES, salt=None, info=purpose.encode()).derive(self.master)

    def save(self, path: Path) -> None:
        """Write the file with mode 0600, whole or not at all; never over an existing one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        record = {field.name: getattr(self, field.name).hex() for field in fields(self)}
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump(record, out)
            out.flush()
            os.fsync(out.fileno())
        os.link(part, path)
        part.unlink()
