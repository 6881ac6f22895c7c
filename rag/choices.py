"""What a person may choose among: for each thing that models are used for, those that are configured, and which of them serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from db import as_subject
from db import documents as document_rows
from db import usage as usage_rows
from db.documents import Status
from db.usage import Consent
from rag import consent, embedding, estimates, jobs, preferences
from rag.consent import Granted, Model, Purpose
from rag.deps import Deps
from rag.errors import SettingsError
from rag.preferences import NONE, Preferences
from rag.settings import Settings

_FIELDS = {Purpose.ANSWER: "answerer", Purpose.EMBED: "embedder", Purpose.RERANK: "reranker", Purpose.SITUATE: "situator"}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A configured model."""

    name: str
    recipient: str | None  # None: it runs here
    allowed: bool  # it runs here, or may be sent text for this purpose
    question: Decimal | None = None  # US dollars a question is expected to cost; None: not known, or not what it is billed by
    read: Decimal | None = None  # US dollars for a million tokens sent
    written: Decimal | None = None  # and for a million that it writes


@dataclass(frozen=True, kw_only=True)
class Role:
    """What models are used for, and those that could be."""

    purpose: Purpose
    choices: tuple[Choice, ...]  # those that serve unless another is chosen come first
    chosen: str  # "" where the settings decide
    default: str  # what the settings would have; "" for nothing
    wanted: str  # what is to serve; "" for nothing
    serving: str  # what serves until that may, or can; "" for nothing
    may_be_none: bool
    variable: str  # the setting by which the operator decides
    value: str  # what it was set to; "" when it was not

    def choice(self, name: str) -> Choice | None:
        return next((choice for choice in self.choices if choice.name == name), None)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """That text goes, or would go, to a model for a purpose."""

    model: str
    purpose: Purpose
    granted: Consent | None  # the person's own yes
    by_operator: bool  # agreed to for everyone


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key that a provider asks for."""

    recipient: str
    variable: str
    present: bool


def roles(deps: Deps, subject: str) -> list[Role]:
    """Answers, contexts, search by meaning, and order, each with its choices. Raises DatabaseAway."""
    may, chosen, _ = _read(deps, subject)
    return [_role(deps, subject, purpose, may, chosen) for purpose in (Purpose.ANSWER, Purpose.RERANK, Purpose.EMBED, Purpose.SITUATE)]


def choose(deps: Deps, subject: str, purpose: Purpose, name: str) -> None:
    """Let another model serve; "" leaves it to the settings. What follows from it is queued, as far as the model may be sent text.

    Raises SettingsError for a model that is not configured.
    """
    known = {consent.model_name(model) for model in consent.configured(deps, purpose)}
    if purpose in {Purpose.RERANK, Purpose.SITUATE}:
        known.add(NONE)
    if name and name not in known:
        raise SettingsError(f"{name} is not configured here any more. Choose another model.")
    with as_subject(deps.pool, subject) as connection:
        preferences.write(connection, {_FIELDS[purpose]: name})
    if purpose is Purpose.EMBED:
        jobs.defer_fills(deps, subject)
    if purpose is Purpose.SITUATE and consent.serving(deps, subject, Purpose.SITUATE) is not None:
        with as_subject(deps.pool, subject) as connection:
            for ready in document_rows.documents(connection):
                if ready.status is Status.READY:
                    jobs.defer_situate(connection, subject=subject, document_id=ready.id)


def sent(deps: Deps, subject: str) -> dict[str, list[Sent]]:
    """To whom text goes, or would go once that is agreed to, and for what; with every consent that stands, by recipient."""
    may, chosen, consents = _read(deps, subject)
    own = {(given.recipient, given.model, given.purpose): given for given in consents}
    wanted = [
        (model.recipient, consent.model_name(model), purpose)
        for purpose in Purpose
        for model in consent.by_preference(deps, chosen, purpose)[:1]
        if model.recipient is not None
    ]
    agreed = [(given.recipient, given.model, Purpose(given.purpose)) for given in consents]
    found: dict[str, list[Sent]] = {}
    for recipient, model, purpose in dict.fromkeys([*wanted, *agreed]):
        line = Sent(
            model=model,
            purpose=purpose,
            granted=own.get((recipient, model, purpose.value)),
            by_operator=not may.operators.isdisjoint({recipient.casefold(), f"{recipient}/{model}".casefold()}),
        )
        found.setdefault(recipient, []).append(line)
    return found


def keys(settings: Settings) -> list[Key]:
    """The keys that can be given, and whether each is. Never a key itself."""
    return [
        Key(recipient="Anthropic", variable="ANTHROPIC_API_KEY", present=settings.anthropic_api_key is not None),
        Key(recipient="Cohere", variable="COHERE_API_KEY", present=settings.cohere_api_key is not None),
        Key(recipient="Voyage", variable="VOYAGE_API_KEY", present=settings.voyage_api_key is not None),
    ]


def _read(deps: Deps, subject: str) -> tuple[Granted, Preferences, Sequence[Consent]]:
    with as_subject(deps.pool, subject) as connection:
        return consent.granted(deps, connection), preferences.read(connection), usage_rows.consents(connection)


def _role(deps: Deps, subject: str, purpose: Purpose, may: Granted, chosen: Preferences) -> Role:
    models = consent.by_preference(deps, chosen, purpose)
    serving = [consent.model_name(model) for model in models if may.covers(model, purpose)][:1]
    if purpose is Purpose.EMBED and (switch := embedding.switch(deps, subject)):
        serving = [switch.serving]
    field, per_question = _FIELDS[purpose], _per_question(deps, purpose)
    return Role(
        purpose=purpose,
        choices=tuple(_choice(deps, purpose, model, may, per_question) for model in consent.configured(deps, purpose)),
        chosen=consent.chosen_name(chosen, purpose),
        default=next((consent.model_name(model) for model in consent.by_settings(deps, purpose)), ""),
        wanted=next((consent.model_name(model) for model in models), ""),
        serving=next(iter(serving), ""),
        may_be_none=purpose in {Purpose.RERANK, Purpose.SITUATE},
        variable=f"SITUATE_{field.upper()}",
        value=str(getattr(deps.settings, field)) if field in deps.settings.model_fields_set else "",
    )


def _choice(deps: Deps, purpose: Purpose, model: Model, may: Granted, per_question: Mapping[str, Decimal | None]) -> Choice:
    name = consent.model_name(model)
    rates = deps.prices.model(name) if model.recipient is not None else None
    return Choice(
        name=name,
        recipient=model.recipient,
        allowed=may.covers(model, purpose),
        question=per_question.get(name) if model.recipient is not None else None,
        read=rates.input if rates else None,
        written=rates.output if rates else None,
    )


def _per_question(deps: Deps, purpose: Purpose) -> dict[str, Decimal | None]:
    """What a question is expected to cost by each model that is billed by it."""
    if purpose is Purpose.ANSWER:
        return {consent.model_name(model): estimates.question(deps, model).price for model in (*deps.answerers, *deps.other_answerers)}
    if purpose is Purpose.RERANK:
        return {consent.model_name(model): estimates.reranking(deps, model).price for model in deps.rerankers}
    return {}
