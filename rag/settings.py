"""Every setting, in one frozen object. Nothing else reads the environment."""

from __future__ import annotations

import difflib
import logging
import os
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self, get_args, get_origin

from annotated_types import Ge, Gt, Le
from dotenv.parser import parse_stream
from pydantic import AfterValidator, AliasChoices, AllowInfNan, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from rag import redaction, telemetry
from rag.confined import Limits
from rag.errors import SettingsError

log = logging.getLogger(__name__)

PREFIX = "SITUATE_"
DOTENV = ".env"
RECIPIENTS = ("Anthropic", "Cohere", "Voyage", telemetry.LANGSMITH)
LISTED = "docs/operators/settings.md"


def _default_home() -> Path:
    """Root's own home is closed to the system user that Postgres must run as."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/situate")
    try:
        return Path.home() / ".local" / "share" / "situate"
    except RuntimeError as error:
        raise SettingsError(
            "There is no home folder to keep documents in: HOME is not set, and the system has no entry for this user. Set SITUATE_HOME."
        ) from error


def _absolute(home: Path) -> Path:
    """A .env file knows no `~`, and the worker may run in another folder than this process."""
    try:
        return home.expanduser().absolute()
    except RuntimeError as error:
        raise ValueError("a folder; there is no user whose home that ~ names") from error


def _web_address(address: str | None) -> str | None:
    if address is not None and not re.match(r"https?://[^/\s]", address):
        raise ValueError("a web address that begins with https:// or http://")
    return address


def _recipients(consent: str) -> str:
    """A name that is none would leave a provider unused without a word. LangChain's integrations bring names of their own."""
    known = {name.casefold(): name for name in RECIPIENTS}
    for given in consent.split(","):
        recipient = given.partition("/")[0].strip()
        near = difflib.get_close_matches(recipient.casefold(), known, n=1, cutoff=0.75)
        if near and near[0] != recipient.casefold():
            raise ValueError(f"a list of recipients; {recipient} is none, {known[near[0]]} is")
    return consent


Url = Annotated[str | None, AfterValidator(_web_address)]
Seconds = Annotated[float, Gt(0), AllowInfNan(allow_inf_nan=False)]


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
        hide_input_in_errors=True,  # a traceback would show it
    )

    home: Annotated[Path, AfterValidator(_absolute)] = Field(
        default_factory=_default_home,
        description="The folder where everything lies that Situate keeps on this machine; `~` is your home folder.",
    )
    database_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("DATABASE_URL", "SITUATE_DATABASE_URL"),
        repr=False,  # it holds a password
        description="The address of a Postgres of your own, used instead of the embedded one: `postgresql://USER:PASSWORD@HOST/DATABASE`.",
    )
    backup_url: str | None = Field(
        default=None,
        repr=False,  # it holds a password
        description="The address of the same database, or of a replica of it, for `situate backup`, with a role that row-level security does "
        "not bind ([backup](backup.md)). The embedded one needs none.",
    )
    host: str = Field(
        default="127.0.0.1",
        description="The address to listen on. There is no sign-in yet: whoever can reach it can read and delete every document.",
    )
    port: int = Field(
        default=8501, ge=0, le=65_535, description="The port to listen on; if it is taken, the next free one. `0`: any free one."
    )
    subject: str = Field(
        default="local", min_length=1, description="Whom the command line acts for, and the pages too while there is no sign-in."
    )

    embedder: str = Field(
        default="local:multilingual-e5-small",
        description="The embedding model: `local:multilingual-e5-small`, `voyage:MODEL`, `cohere:MODEL` or `langchain:PROVIDER:MODEL`; all but "
        "the first need consent.",
    )
    reranker: str = Field(
        default="auto",
        description="`auto` (Cohere or Voyage with a key and consent, else the local one, as each person chooses), `local:late-interaction`, "
        "`cohere:MODEL`, `voyage:MODEL`, `langchain:PACKAGE.MODULE:CLASS?KEY=VALUE&...` or `none`.",
    )
    situator: str = Field(
        default="auto",
        description="Which model writes the contexts of passages: `auto` (Claude with a key and consent, unless a person chose none), "
        "`anthropic:MODEL`, `langchain:PROVIDER:MODEL` or `none`.",
    )
    answerer: str = Field(
        default="auto",
        description="`auto` (Claude with a key and consent, else an extract, as each person chooses), `anthropic:MODEL`, "
        "`langchain:PROVIDER:MODEL` or `extract`.",
    )
    anthropic_api_key: SecretStr | None = Field(
        default=None, validation_alias="ANTHROPIC_API_KEY", description="The key for Claude, which situates passages and writes answers."
    )
    anthropic_base_url: Url = Field(
        default=None,
        validation_alias="ANTHROPIC_BASE_URL",
        repr=False,
        description="Another address of Anthropic's API, such as a gateway's.",
    )
    cohere_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("COHERE_API_KEY", "CO_API_KEY"),
        description="The key for Cohere, which reranks, and embeds when `SITUATE_EMBEDDER` says so.",
    )
    cohere_base_url: Url = Field(
        default=None,
        validation_alias=AliasChoices("COHERE_BASE_URL", "CO_API_URL"),
        repr=False,
        description="Another address of Cohere's API.",
    )
    voyage_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="VOYAGE_API_KEY",
        description="The key for Voyage, which reranks, and embeds when `SITUATE_EMBEDDER` says so.",
    )
    voyage_base_url: Url = Field(
        default=None, validation_alias="VOYAGE_BASE_URL", repr=False, description="Another address of Voyage's API."
    )

    consent: Annotated[str, AfterValidator(_recipients)] = Field(
        default="",
        description="Recipients, or models of theirs, that every user of this installation has agreed to, by comma, such as "
        "`Cohere,Anthropic/claude-haiku-5-5`. For others the page asks.",
    )
    ask_above_usd: Decimal = Field(
        default=Decimal("1.00"),
        ge=0,
        description="US dollars that situating may be expected to cost in a day before a person is asked again.",
    )
    batch_above: int = Field(
        default=0,
        ge=0,
        description="Documents with more passages are situated by the batch where the provider has batches (Anthropic), within a day; `0`: none "
        "are. Each token costs half, but the cache serves a batch's calls by chance: it is cheaper when about three in four are served.",
    )

    max_file_mb: int = Field(default=200, ge=1, description="The largest PDF that is taken, in MiB.")
    max_pages: int = Field(default=5_000, ge=1, description="The most pages a PDF may have.")
    max_megapixels: int = Field(default=200, ge=1, description="The largest picture in a PDF that is drawn, in millions of pixels.")
    page_seconds: Seconds = Field(default=20, description="Seconds a page may take to be read; then it is noted as unreadable.")
    read_seconds: Seconds = Field(default=600, description="Seconds a PDF's pages may take to be read; the rest is noted as unreadable.")
    ocr_seconds: Seconds = Field(default=60, description="Seconds that recognising the text of a page may take.")
    parser_mb: int = Field(
        default=2_048, ge=256, description="Memory that reading a PDF may take, in MiB; a page that unpacks to more is noted as unreadable."
    )

    candidates: int = Field(default=150, ge=20, le=1_000, description="Candidates asked of embeddings and of BM25, each.")
    fusion: Literal["scores", "ranks"] = Field(
        default="scores", description="How the two lists are combined: `scores` (the sum of z-scores) or `ranks` (reciprocal rank fusion)."
    )
    rerank_seconds: Seconds = Field(
        default=5,
        description="Seconds a reranker may take; then the fused order is used, and the answer says so. The local one goes as deep as two fifths "
        "of them allow.",
    )
    passages: int = Field(default=20, ge=1, le=100, description="Passages an answer is written from.")

    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65_535,
        description="A further port on which each web process and worker answers `/healthz`, `/readyz` and `/metrics` (Prometheus); if it is "
        "taken, the next free one. Without it there are no metrics.",
    )
    traces: Url = Field(
        default=None,
        repr=False,  # it may hold a password
        description="The OTLP/HTTP address of a collector, such as `http://127.0.0.1:4318`, that traces are sent to; needs "
        "`pip install 'situate[traces]'`.",
    )

    @model_validator(mode="after")
    def _hide_secrets(self) -> Self:
        values = {name: getattr(self, name) for name in type(self).model_fields}
        redaction.hide(
            {n: v.get_secret_value() if isinstance(v, SecretStr) else v for n, v in values.items() if isinstance(v, (SecretStr, str))}
        )
        return self

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


def load() -> Settings:
    """The settings of this process. Raises SettingsError with a sentence for each that is wrong; it never holds a secret's value."""
    held = {**_dotenv(), **os.environ}
    redaction.hide(held)  # before anything is told of them; the keys of other providers are among them
    given = set(held)
    faults = list(_misnamed(given))
    try:
        settings = Settings()
    except ValidationError as error:
        faults += [_refused(str(fault["loc"][0]), fault) for fault in error.errors()]
    if faults:
        raise SettingsError("\n".join(faults))
    for name, meant in _perhaps_mistyped(given):
        log.warning("%s is set, which is no setting of Situate. If %s was meant, correct the name.", name, meant)
    return settings


def variables(field: str) -> tuple[str, ...]:
    """The environment variables that a field is read from, the first that is set before the others."""
    match Settings.model_fields[field].validation_alias:
        case AliasChoices(choices=names):
            return tuple(str(name) for name in names)
        case str(name):
            return (name,)
    return (f"{PREFIX}{field}".upper(),)


# --- what is wrong with them --------------------------------------------------------------------------------------------------


def _misnamed(given: set[str]) -> Iterator[str]:
    """A sentence for each name of ours that is no setting, with the nearest that is."""
    known = {name for field in Settings.model_fields for name in variables(field)}
    unknown = sorted(name for name in given if name.upper().startswith(PREFIX) and name.upper() not in known)
    if any(re.fullmatch(rf"{PREFIX}(\w+_)?SERVICE_HOST", name) for name in unknown):
        yield (
            "Kubernetes has set SITUATE_... variables of its own, for a service called situate or situate-..., which are taken for settings. "
            "Say enableServiceLinks: false in the pod, or give the service another name."
        )
        return
    bare = {name.removeprefix(PREFIX): name for name in sorted(known)}  # of DATABASE_URL's two names, ours
    for name in unknown:
        near = difflib.get_close_matches(name.upper().removeprefix(PREFIX), bare, n=1)
        yield f"There is no setting {name}. " + (f"Did you mean {bare[near[0]]}?" if near else f"{LISTED} lists them.")


def _perhaps_mistyped(given: set[str]) -> Iterator[tuple[str, str]]:
    """Names without our prefix that look like one of a setting that is not set, and that setting's. Another program may own them."""
    known = {name for field in Settings.model_fields for name in variables(field)}
    missing = known - {name.upper() for name in given}
    for name in sorted(given - known):
        if near := difflib.get_close_matches(name.upper(), missing, n=1, cutoff=0.9):
            yield name, near[0]


def _refused(place: str, fault: ErrorDetails) -> str:
    """What a value should have been. The value itself is told only of a setting that is no secret."""
    field = place if place in Settings.model_fields else next(f for f in Settings.model_fields if place in variables(f))
    declared = Settings.model_fields[field]
    secret = not declared.repr or SecretStr in get_args(declared.annotation)
    what = variables(field)[0] + ("" if secret else f"={str(fault['input'])[:80]}")
    own = fault.get("ctx", {}).get("error")  # of a validator of ours
    return f"{what} will not do: it must be {own or _form(declared)}."


def _form(declared: FieldInfo) -> str:
    """What a value of this field looks like."""
    kinds = get_args(declared.annotation) or (declared.annotation,)
    if get_origin(declared.annotation) is Literal:
        return " or ".join(map(str, kinds))
    form = "a whole number" if int in kinds else "a text that is not empty" if str in kinds else "a number"
    bounds = {type(bound): getattr(bound, type(bound).__name__.lower()) for bound in declared.metadata if isinstance(bound, (Ge, Gt, Le))}
    if Le in bounds:
        return f"{form} from {bounds[Ge]} to {bounds[Le]}"
    if Ge in bounds:
        return f"{form} from {bounds[Ge]} up"
    return f"{form} above {bounds[Gt]}" if Gt in bounds else form


def _dotenv() -> dict[str, str]:
    """What .env sets. Raises SettingsError for a line that would be passed over, without showing it: it may hold a key."""
    try:
        with Path(DOTENV).open(encoding="utf-8") as lines:
            bindings = list(parse_stream(lines))
    except (FileNotFoundError, IsADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"The file {DOTENV} cannot be read: {reason}. Mend it, or take it away.") from error
    for binding in bindings:
        if binding.error:
            raise SettingsError(
                f"Line {binding.original.line} of {DOTENV} is not of the form NAME=VALUE. Mend it; a quote may lack its end."
            )
    return {binding.key: binding.value or "" for binding in bindings if binding.key}


def forget_libpq(*, embedded: bool) -> None:
    """Take away what libpq would heed beside an address, such as the PGSERVICE of another database that is worked with in this shell.

    With the embedded database that is all of its variables; with another, those that say how values are written, which is ours to say.
    """
    for name in list(os.environ):
        if name in {"PGCLIENTENCODING", "PGDATESTYLE", "PGTZ"} or (embedded and name.startswith("PG")):
            del os.environ[name]
