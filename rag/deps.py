"""The wiring: which database and which models serve. The only module that chooses among providers."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import SecretStr

from db import Pool, as_subject, migrate, open_pool, vectors
from rag import keeping, prices
from rag.errors import SettingsError
from rag.ocr import Recogniser
from rag.prices import PriceList
from rag.providers import Answerer, Embedder, LocalEmbedder, Reranker, Situator
from rag.settings import Settings

log = logging.getLogger(__name__)

SITUATING_MODEL = "claude-haiku-5-5"
ANSWERING_MODEL = "claude-sonnet-5-5"
OTHER_ANSWERING_MODELS = ("claude-haiku-5-5", "claude-opus-5-5")
COHERE_RERANKER = "rerank-v4.0-pro"
VOYAGE_RERANKER = "rerank-2.5"


@dataclass(frozen=True, kw_only=True, eq=False)
class Deps:
    """All that a run needs. Models stand in order of preference; the first that may be sent text serves, unless another is chosen (rag.consent)."""

    pool: Pool
    url: str  # of the database, for the queue's own connections
    settings: Settings
    prices: PriceList
    embedder: LocalEmbedder  # runs here: passages are cut to its window, and its vectors are always kept
    preferred: tuple[Embedder, ...]  # those that serve rather than it: the one the settings name, then those of earlier settings
    rerankers: tuple[Reranker, ...]  # none: the fused order is final
    situators: tuple[Situator, ...]  # none: structural contexts only
    answerers: tuple[Answerer, ...]  # the last one runs here
    recogniser: Recogniser  # of scanned pages; its process starts with the first
    other_answerers: tuple[Answerer, ...] = ()  # configured too; they serve only whoever chose them
    other_embedders: tuple[Embedder, ...] = ()  # the same


@contextmanager
def opened(settings: Settings, *, lasting: bool = False) -> Iterator[Deps]:
    """A process's Deps: the database started or reached and migrated, models built but not loaded; all closed at the end.

    One that is `lasting` keeps the embedded database alive. Raises DatabaseRefused, SettingsError.
    """
    with keeping.database(settings, lasting=lasting) as url:
        migrate.migrate(url)
        with open_pool(url) as pool:
            deps = build(settings, pool=pool, url=url)
            try:
                yield deps
            finally:
                deps.recogniser.close()


def build(settings: Settings, *, pool: Pool, url: str) -> Deps:
    """Choose the models that the settings name. Raises SettingsError for an unknown one, one without its key, and a broken price list."""
    embedder = _local_embedder(settings)
    named, earlier = _remote_embedders(settings, pool)
    return Deps(
        pool=pool,
        url=url,
        settings=settings,
        prices=prices.load(settings.home / "prices.toml"),
        embedder=embedder,
        preferred=(*named, *earlier) if named else (),
        rerankers=_rerankers(settings, embedder),
        situators=_situators(settings),
        answerers=_answerers(settings, embedder),
        recogniser=Recogniser(),
        other_answerers=_other_answerers(settings),
        other_embedders=() if named else earlier,
    )


def _local_embedder(settings: Settings) -> LocalEmbedder:
    if settings.embedder.startswith("fake:"):
        from rag.providers.fake import FakeEmbedder

        return FakeEmbedder()
    from rag.providers.e5 import E5

    return E5()


def _remote_embedders(settings: Settings, pool: Pool) -> tuple[tuple[Embedder, ...], tuple[Embedder, ...]]:
    """The remote embedder that is named, if any, and those that earlier settings named, as far as their keys are still there."""
    named: tuple[Embedder, ...]
    match settings.embedder.split(":", 1):
        case ["local", "multilingual-e5-small"] | ["fake", _]:
            named = ()
        case ["voyage" | "cohere" | "langchain" as provider, model]:
            named = (_remote_embedder(settings, provider, model),)
        case _:
            raise _unknown("SITUATE_EMBEDDER", settings.embedder)
    earlier: list[Embedder] = []
    with as_subject(pool, settings.subject) as connection:
        known = [name for name in vectors.names(connection) if name not in {embedder.name for embedder in named}]
    for name in known:
        # vendors begin their models' names so; a LangChain model's is 'provider:model'
        vendor = "langchain" if ":" in name else {"voyage": "voyage", "embed": "cohere"}.get(name.partition("-")[0])
        try:
            if vendor is not None:
                earlier.append(_remote_embedder(settings, vendor, name))
        except SettingsError as error:
            log.info("the embedder %s serves no more: %s", name, error)
    return named, tuple(earlier)


def _remote_embedder(settings: Settings, provider: str, model: str) -> Embedder:
    match provider:
        case "voyage":
            from rag.providers.voyage import VoyageEmbedder

            key = _key(settings.voyage_api_key, "VOYAGE_API_KEY", model)
            return VoyageEmbedder(model=model, api_key=key, base_url=settings.voyage_base_url)
        case "cohere":
            from rag.providers.cohere import CohereEmbedder

            key = _key(settings.cohere_api_key, "COHERE_API_KEY", model)
            return CohereEmbedder(model=model, api_key=key, base_url=settings.cohere_base_url)
    from rag.providers.langchain_embedder import LangChainEmbedder

    return LangChainEmbedder(model)


def _rerankers(settings: Settings, embedder: Embedder) -> tuple[Reranker, ...]:
    match settings.reranker.split(":", 1):
        case ["none"]:
            return ()
        case ["fake", _]:
            from rag.providers.fake import FakeReranker

            return (FakeReranker(),)
        case ["local", "late-interaction"]:
            return _late_interaction(embedder)
    return (*_remote_rerankers(settings), *_late_interaction(embedder))


def _remote_rerankers(settings: Settings) -> tuple[Reranker, ...]:
    match settings.reranker.split(":", 1):
        case ["auto"]:
            cohere = (_cohere_reranker(settings, COHERE_RERANKER),) if settings.cohere_api_key else ()
            voyage = (_voyage_reranker(settings, VOYAGE_RERANKER),) if settings.voyage_api_key else ()
            return (*cohere, *voyage)
        case ["cohere", model]:
            return (_cohere_reranker(settings, model),)
        case ["voyage", model]:
            return (_voyage_reranker(settings, model),)
        case ["langchain", target]:
            from rag.providers.langchain_reranker import CompressorReranker

            return (CompressorReranker(target),)
    raise _unknown("SITUATE_RERANKER", settings.reranker)


def _late_interaction(embedder: Embedder) -> tuple[Reranker, ...]:
    """Late interaction reads the token states of E5; another embedder has none."""
    from rag.providers.e5 import E5

    if not isinstance(embedder, E5):
        return ()
    from rag.providers.late_interaction import LateInteraction

    return (LateInteraction(embedder),)


def _cohere_reranker(settings: Settings, model: str) -> Reranker:
    from rag.providers.cohere import CohereReranker

    key = _key(settings.cohere_api_key, "COHERE_API_KEY", model)
    return CohereReranker(model=model, api_key=key, base_url=settings.cohere_base_url, timeout=settings.rerank_seconds)


def _voyage_reranker(settings: Settings, model: str) -> Reranker:
    from rag.providers.voyage import VoyageReranker

    key = _key(settings.voyage_api_key, "VOYAGE_API_KEY", model)
    return VoyageReranker(model=model, api_key=key, base_url=settings.voyage_base_url, timeout=settings.rerank_seconds)


def _key(key: SecretStr | None, variable: str, model: str) -> str:
    if key is None:
        raise SettingsError(f"The settings name {model}, but {variable} is not set. Set it, or choose a local model.")
    return key.get_secret_value()


def _situators(settings: Settings) -> tuple[Situator, ...]:
    match settings.situator.split(":", 1):
        case ["none"]:
            return ()
        case ["auto"]:
            return (_claude_situator(settings, SITUATING_MODEL),) if settings.anthropic_api_key else ()
        case ["anthropic", model]:
            return (_claude_situator(settings, model),)
        case ["langchain", model]:
            from rag.providers.langchain import ChatModelSituator

            return (ChatModelSituator(model),)
        case ["fake", _]:
            from rag.providers.fake import FakeSituator

            return (FakeSituator(),)
    raise _unknown("SITUATE_SITUATOR", settings.situator)


def _claude_situator(settings: Settings, model: str) -> Situator:
    from rag.providers.claude_situator import ClaudeSituator

    return ClaudeSituator(model=model, api_key=_anthropic_key(settings), base_url=settings.anthropic_base_url)


def _answerers(settings: Settings, embedder: Embedder) -> tuple[Answerer, ...]:
    if settings.answerer.startswith("fake:"):
        from rag.providers.fake import FakeAnswerer

        return (FakeAnswerer(),)
    from rag.providers.extract import Extract

    extract = Extract(embedder)
    match settings.answerer.split(":", 1):
        case ["extract"]:
            return (extract,)
        case ["auto"]:
            return (_claude_answerer(settings, ANSWERING_MODEL), extract) if settings.anthropic_api_key else (extract,)
        case ["anthropic", model]:
            return (_claude_answerer(settings, model), extract)
        case ["langchain", model]:
            from rag.providers.langchain import ChatModelAnswerer

            return (ChatModelAnswerer(model), extract)
    raise _unknown("SITUATE_ANSWERER", settings.answerer)


def _other_answerers(settings: Settings) -> tuple[Answerer, ...]:
    """Those that may be chosen where the settings leave the choice open."""
    if settings.answerer != "auto" or not settings.anthropic_api_key:
        return ()
    return tuple(_claude_answerer(settings, model) for model in OTHER_ANSWERING_MODELS)


def _claude_answerer(settings: Settings, model: str) -> Answerer:
    from rag.providers.anthropic import ClaudeAnswerer

    return ClaudeAnswerer(model=model, api_key=_anthropic_key(settings), base_url=settings.anthropic_base_url)


def _anthropic_key(settings: Settings) -> str:
    if settings.anthropic_api_key is None:
        raise SettingsError("The settings name a Claude model, but ANTHROPIC_API_KEY is not set. Set it, or leave the model at auto.")
    return settings.anthropic_api_key.get_secret_value()


def _unknown(name: str, value: str) -> SettingsError:
    return SettingsError(f"{name}={value} names no model that Situate knows. docs/operators/settings.md lists the choices.")
