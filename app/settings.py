"""The one place that reads the environment."""

import re
import shlex
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """Every setting of the service, each read from `LAVA_<NAME>`; docs/settings.md lists them."""

    model_config = SettingsConfigDict(env_prefix="LAVA_", extra="ignore")

    database_url: Annotated[str, Field(description="SQLite file or PostgreSQL address.")] = "sqlite:///data/lava.db"
    database_connections: Annotated[int, Field(ge=1, le=200, description="Connections kept open.")] = 16
    public_url: Annotated[
        str,
        Field(
            pattern=r"^(https?://[^\s/]+(/[^\s]*)?)?$",
            description="Where the service is reached; links begin with it. Empty: http, the host and the port.",
        ),
    ] = ""
    host: Annotated[str, Field(description="Address the server listens on.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Port the server listens on.")] = 8000
    max_body_bytes: Annotated[int, Field(ge=1024, description="Largest request body accepted (413 above it).")] = (
        2 * 1024 * 1024
    )
    max_upload_bytes: Annotated[int, Field(ge=1024, description="Largest file accepted for import (413 above it).")] = (
        200 * 1024 * 1024
    )
    attachments_folder: Annotated[Path, Field(description="Folder in which attached files are kept.")] = Path(
        "data/attachments"
    )
    max_attachment_bytes: Annotated[int, Field(ge=1024, description="Largest file attached (413 above it).")] = (
        20 * 1024 * 1024
    )
    max_attachments: Annotated[int, Field(ge=1, le=1000, description="Files and links attached to an assessment.")] = 50
    virus_scan_command: Annotated[
        str | None,
        Field(description="Command that scans an attached file, `{path}` in it: exit code 0 clean, 1 infected."),
    ] = None
    virus_scan_seconds: Annotated[int, Field(ge=1, le=600, description="Seconds that it may take.")] = 60
    rate_limit: Annotated[str, Field(description="Requests a caller may make, as `<n>/<period>`.")] = "1200/minute"
    public_rate_limit: Annotated[str, Field(description="The same for an address that reads without a key.")] = (
        "600/minute"
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="debug, info, warning or error.")
    ] = "info"

    outgoing_networks: Annotated[
        list[IPv4Network | IPv6Network],
        NoDecode,
        Field(description="Networks of your own that may be called besides the internet, as `10.1.0.0/16,fd12::/48`."),
    ] = []
    webhook_timeout_seconds: Annotated[
        float, Field(ge=0.05, le=60, description="Longest time that one call of a webhook may take.")
    ] = 15
    worker: Annotated[bool, Field(description="Whether `lava serve` is a worker too; else run `lava worker`.")] = True

    @field_validator("rate_limit", "public_rate_limit")
    @classmethod
    def _is_a_limit(cls, limit: str) -> str:
        if not re.fullmatch(r"[1-9][0-9]{0,9}/(second|minute|hour)", limit):
            raise ValueError("Give a limit such as 600/minute.")
        return limit

    @field_validator("outgoing_networks", mode="before")
    @classmethod
    def _separated(cls, networks: object) -> object:
        return [part.strip() for part in networks.split(",") if part.strip()] if isinstance(networks, str) else networks

    @field_validator("virus_scan_command")
    @classmethod
    def _names_the_file(cls, command: str | None) -> str | None:
        if command is not None and not any("{path}" in argument for argument in shlex.split(command)[1:]):
            raise ValueError("Give a command with {path} among its arguments, such as: clamdscan --fdpass {path}")
        return command or None

    @model_validator(mode="after")
    def _reached_where_it_listens(self) -> "Settings":
        self.public_url = self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"
        return self

    @field_validator("database_url")
    @classmethod
    def _with_driver(cls, url: str) -> str:
        """Accept the `postgresql://` that providers hand out; psycopg is the driver here."""
        for scheme in ("postgresql://", "postgres://"):
            if url.startswith(scheme):
                return "postgresql+psycopg://" + url.removeprefix(scheme)
        return url
