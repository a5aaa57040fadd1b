"""What a server is told: flags before environment before a file before the defaults."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from lookalike.errors import UsageError
from lookalike.images import Limits

ENVIRONMENT = "LOOKALIKE_SERVE_"
"""How the names of environment variables begin: `LOOKALIKE_SERVE_PORT=8080`."""

SHORTEST_TOKEN = 16
LONGEST_TOKEN = 1000
DEFAULT = "default"
"""The deployment that is asked when none is named."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


def _long_enough(token: SecretStr) -> SecretStr:
    if len(token.get_secret_value()) < SHORTEST_TOKEN:
        raise ValueError(f"must have at least {SHORTEST_TOKEN} characters")
    if len(token.get_secret_value()) > LONGEST_TOKEN:
        raise ValueError(f"must have at most {LONGEST_TOKEN} characters")
    if not re.fullmatch(r"[!-9;-~]+", token.get_secret_value()):
        raise ValueError("must be of printable ASCII characters without spaces and colons")
    return token


def _an_origin(text: str) -> str:
    """As browsers write origins (RFC 6454): any other text would never be the same as one."""
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:]+\])(:\d+)?", text):
        raise ValueError(f"{text!r} is no origin: write it like https://shop.example, in small letters")
    return text


Origin = Annotated[str, AfterValidator(_an_origin)]
Token = Annotated[SecretStr, AfterValidator(_long_enough)]


class Source(BaseModel):
    """Where a deployment's pictures are, and which model answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    collection: Path = Field(description="Directory of the collection.")
    model: str | None = Field(None, description="Model, output and runtime as for `lookalike search`.")
    output: str | None = None
    runtime: str | None = None


class Settings(BaseSettings):
    """All settings of a server; see docs/serving.md."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port; 0 takes a free one.")
    token: Token | None = Field(None, description="Whoever has it may read and write.")
    read_token: Token | None = Field(None, description="Whoever has it may read.")
    read_only: bool = Field(False, description="Refuse all writing, whatever the token.")
    deployments: dict[Name, Source] = Field(default_factory=dict, description="What is served, by name.")

    cors_origins: tuple[Origin, ...] = Field(
        (), description="Web origins that may ask, e.g. https://shop.example."
    )
    allowed_hosts: tuple[str, ...] = Field((), description="Further names under which the server is called.")
    originals: bool = Field(True, description="Give out original files, not only thumbnails.")
    docs: bool = Field(True, description="Serve the description of the API.")
    page: bool = Field(True, description="Serve the web page.")
    access_log: bool = Field(False, description="Write a line of JSON for each request to standard output.")
    fetch_urls: bool = Field(
        False, description="Fetch pictures that are asked about by their URL, from public addresses."
    )

    threads: int | None = Field(
        None, ge=1, le=256, description="Requests worked on at once; one a processor."
    )
    waiting: int = Field(32, ge=0, le=10_000, description="Requests that may wait for a thread; then 429.")
    max_open: int = Field(256, ge=1, le=10_000, description="Requests under way, uploads included; then 429.")
    max_connections: int = Field(
        512, ge=1, le=65_536, description="Connections open at once, idle ones included; then 429."
    )
    max_picture_bytes: int = Field(20 << 20, ge=1, description="Largest picture.")
    max_body_bytes: int = Field(64 << 20, ge=1, description="Largest request.")
    max_held_bytes: int = Field(128 << 20, ge=1, description="Bodies of all requests together; then 429.")
    max_pixels: int = Field(100_000_000, ge=1, description="Largest width x height of a picture.")
    max_batch: int = Field(100, ge=1, le=10_000, description="Pictures in one request.")
    max_k: int = Field(1000, ge=1, description="Results of one search.")
    decode_seconds: float = Field(10, gt=0, description="Longest time to decode one picture.")
    fetch_seconds: float = Field(10, gt=0, description="Longest time to fetch the picture of one URL.")
    request_seconds: float = Field(30, gt=0, description="Longest time to work on one request.")
    head_seconds: float = Field(10, gt=0, description="Longest time until a connection brings a request.")
    upload_seconds: float = Field(60, gt=0, description="Longest time to receive one request.")
    shutdown_seconds: float = Field(30, gt=0, description="Time that requests get to finish at the end.")

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def needs_token(self) -> bool:
        """Whether requests must show a token."""
        return self.token is not None or self.read_token is not None or not self.is_loopback

    @property
    def limits(self) -> Limits:
        """What an uploaded picture may cost."""
        return Limits(
            max_pixels=self.max_pixels, max_bytes=self.max_picture_bytes, seconds=self.decode_seconds
        )


def load(file: Path | None = None, flags: Mapping[str, Any] | None = None) -> Settings:
    """The settings.

    Args:
        file: a TOML file; None for none.
        flags: what was given on the command line, which counts before all else.

    Raises:
        UsageError: a setting is unknown or wrong, or the file cannot be read; names each.
    """

    class Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            from_file = [TomlConfigSettingsSource(settings_cls, file)] if file else []
            return (init_settings, env_settings, *from_file)

    _check_environment()
    if file is not None and not file.is_file():
        raise UsageError(f"there is no configuration file {file}")
    try:
        return Layered(**dict(flags or {}))
    except ValidationError as error:
        raise UsageError("\n".join(_said(one, file) for one in error.errors())) from None
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the configuration file {file} cannot be read: {error}") from None


def _check_environment() -> None:
    """Refuse variables that look like settings and are none: pydantic takes those it knows, and is silent
    about the others."""
    for variable in os.environ:
        name = variable.upper().removeprefix(ENVIRONMENT).partition("__")[0].lower()
        if not variable.upper().startswith(ENVIRONMENT) or name in Settings.model_fields:
            continue
        close = get_close_matches(name, Settings.model_fields, 1)
        meant = f"; did you mean {ENVIRONMENT}{close[0].upper()}?" if close else ""
        raise UsageError(f"setting {variable}: there is no such setting{meant}")


def _said(error: Any, file: Path | None) -> str:
    name = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        where = f" in {file}" if file else ""
        return f"setting {name}: there is no such setting{where}"
    return f"setting {name}: {error['msg'].removeprefix('Value error, ')}"


def shown(settings: Settings) -> dict[str, Any]:
    """All settings, secrets hidden, as JSON can hold them.

    >>> shown(Settings(token="0123456789abcdef"))["token"]
    '**********'
    """
    return settings.model_dump(mode="json")
