"""Every setting, in one frozen object. Nothing else reads the environment."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Literal

from dotenv.parser import parse_stream
from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from rag.confined import Limits
from rag.errors import SettingsError

PREFIX = "SITUATE_"
DOTENV = ".env"


def _default_home() -> Path:
    """Root's own home is closed to the system user that Postgres must run as."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/situate")
    return Path.home() / ".local" / "share" / "situate"


class Settings(BaseSettings):
    """Read from SITUATE_* variables and a .env file; providers' keys go by their own usual names."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=DOTENV,
        env_file_encoding="utf-8",
        env_ignore_empty=True,  # SITUATE_HOME= means the default, not the current folder
        str_strip_whitespace=True,
        extra="ignore",
        frozen=True,
    )

    home: Path = Field(default_factory=_default_home, description="Where everything lies that Situate keeps on this machine.")
    database_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("DATABASE_URL", "SITUATE_DATABASE_URL"),
        repr=False,  # it holds a password
        description="A Postgres database to use instead of the embedded one.",
    )
    host: str = Field(default="127.0.0.1", description="The address the web application listens on.")
    port: int = Field(default=8501, ge=0, le=65535, description="The port it listens on; the next free one if it is taken.")
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="A further port on which each web process and worker answers /healthz, /readyz and /metrics (Prometheus); the next free one "
        "if it is taken. Without it there are no metrics.",
    )
    traces: str | None = Field(
        default=None,
        pattern="^https?://",
        repr=False,  # it may hold a password
        description="The OTLP/HTTP address of a collector, such as http://127.0.0.1:4318, that traces are sent to; needs situate[traces].",
    )

    embedder: str = Field(
        default="local:multilingual-e5-small",
        description="local:multilingual-e5-small, voyage:MODEL, cohere:MODEL, langchain:PROVIDER:MODEL or fake:embedder.",
    )
    reranker: str = Field(
        default="auto",
        description="auto (Cohere or Voyage with a key and consent, else local), local:late-interaction, cohere:MODEL, voyage:MODEL, "
        "langchain:PACKAGE.MODULE:CLASS?KEY=VALUE&..., fake:reranker or none.",
    )
    rerank_seconds: float = Field(
        default=5,
        gt=0,
        description="Seconds a reranker may take; then the fused order is used. The local one goes as deep as two fifths of them allow.",
    )
    situator: str = Field(
        default="auto",
        description="auto (Claude with a key and consent), anthropic:MODEL, langchain:PROVIDER:MODEL, fake:situator or none.",
    )
    batch_above: int = Field(
        default=0,
        ge=0,
        description="Documents with more passages are situated by the batch where the provider has batches, within a day; 0: none are. "
        "Each token costs half, but which calls the cache serves is left to chance.",
    )
    answerer: str = Field(
        default="auto",
        description="auto (Claude with a key and consent, else an extract), anthropic:MODEL, langchain:PROVIDER:MODEL, fake:answerer or extract.",
    )
    consent: str = Field(
        default="",
        description="Recipients, or models of theirs, that every user of this installation has agreed to, by comma, such as "
        "Cohere,Anthropic/claude-haiku-5-5; for others the page asks.",
    )

    ask_above_usd: Decimal = Field(
        default=Decimal("1.00"),
        ge=0,
        description="US dollars that situating may be expected to cost in a day before a person is asked again.",
    )

    anthropic_api_key: SecretStr | None = Field(default=None, validation_alias="ANTHROPIC_API_KEY", description="Key for Claude.")
    anthropic_base_url: str | None = Field(
        default=None, validation_alias="ANTHROPIC_BASE_URL", description="Another address of Anthropic's API."
    )
    cohere_api_key: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("COHERE_API_KEY", "CO_API_KEY"), description="Key for Cohere's reranker."
    )
    cohere_base_url: str | None = Field(
        default=None, validation_alias=AliasChoices("COHERE_BASE_URL", "CO_API_URL"), description="Another address of Cohere's API."
    )
    voyage_api_key: SecretStr | None = Field(default=None, validation_alias="VOYAGE_API_KEY", description="Key for Voyage.")
    voyage_base_url: str | None = Field(default=None, validation_alias="VOYAGE_BASE_URL", description="Another address of Voyage's API.")

    max_file_mb: int = Field(default=200, ge=1, description="The largest PDF that is taken, in MiB.")
    page_seconds: float = Field(default=20, gt=0, description="Seconds a page may take to be read; then it is noted as unreadable.")
    read_seconds: float = Field(
        default=600, gt=0, description="Seconds a PDF's pages may take to be read; the rest is noted as unreadable."
    )
    ocr_seconds: float = Field(default=60, gt=0, description="Seconds that recognising the text of a page may take.")
    max_pages: int = Field(default=5_000, ge=1, description="The most pages a PDF may have.")
    max_megapixels: int = Field(default=200, ge=1, description="The largest picture in a PDF that is drawn, in millions of pixels.")
    parser_mb: int = Field(
        default=2_048, ge=256, description="Memory that reading a PDF may take, in MiB: a page that unpacks to more is noted as unreadable."
    )
    fusion: Literal["scores", "ranks"] = Field(
        default="scores", description="How the two lists are combined: scores (sum of z-scores) or ranks (reciprocal rank fusion)."
    )
    candidates: int = Field(default=150, ge=20, le=1000, description="Candidates asked of dense and of BM25 retrieval each.")
    passages: int = Field(default=20, ge=1, le=100, description="Passages an answer is written from.")
    subject: str = Field(
        default="local", min_length=1, description="Whom the command line acts for; the page's subject while sign-in is off."
    )

    @property
    def granted(self) -> frozenset[str]:
        """Recipients, or recipient/model, that this installation's operator has agreed to."""
        return frozenset(name.strip() for name in self.consent.split(",") if name.strip())

    @property
    def limits(self) -> Limits:
        """What reading one PDF may take."""
        return Limits(
            page_seconds=self.page_seconds,
            read_seconds=self.read_seconds,
            ocr_seconds=self.ocr_seconds,
            pages=self.max_pages,
            megapixels=self.max_megapixels,
            memory_mb=self.parser_mb,
        )


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this process. Raises SettingsError naming the wrong one, and for a mistyped name the nearest right one."""
    known = {_variable(name) for name in Settings.model_fields}
    given = {name for name in {*_dotenv_names(), *environment} if name.upper().startswith(PREFIX)}
    for name in sorted(given):
        if name.upper() not in known and name.upper() != f"{PREFIX}DATABASE_URL":
            bare = name.upper().removeprefix(PREFIX)
            near = [bare] if bare in known else difflib.get_close_matches(name.upper(), known, n=1)
            raise SettingsError(f"There is no setting {name}." + (f" Did you mean {near[0]}?" if near else " README.md lists them."))
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        where = str(first["loc"][0])
        name = where if where.upper() in known else _variable(where)
        raise SettingsError(f"The setting {name} is wrong: {first['msg']}.") from error


def _variable(field: str) -> str:
    """The environment variable that a field is read from first."""
    alias = Settings.model_fields[field].validation_alias
    if isinstance(alias, AliasChoices):
        alias = str(alias.choices[0])
    return alias if isinstance(alias, str) else f"{PREFIX}{field}".upper()


def _dotenv_names() -> set[str]:
    """The names that .env sets. Raises SettingsError for a line that would be passed over, without showing it: it may hold a key."""
    try:
        with Path(DOTENV).open(encoding="utf-8") as lines:
            bindings = list(parse_stream(lines))
    except (FileNotFoundError, IsADirectoryError):
        return set()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"The file {DOTENV} cannot be read: {reason}. Mend it, or take it away.") from error
    for binding in bindings:
        if binding.error:
            raise SettingsError(
                f"Line {binding.original.line} of {DOTENV} is not of the form NAME=VALUE. Mend it; a quote may lack its end."
            )
    return {binding.key for binding in bindings if binding.key}
