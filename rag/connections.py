"""Trying whether the providers of the configured models answer: in a thread of its own, within a time limit, without anybody's text."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass

from rag import consent
from rag.consent import Purpose
from rag.deadline import within
from rag.deps import Deps
from rag.errors import ProviderError
from rag.providers import Remote

log = logging.getLogger(__name__)

SECONDS = 10.0  # a model may take to answer
FREE = frozenset({"Anthropic", "Cohere"})  # who can be asked about a model without using it


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What became of trying one model."""

    model: str
    seconds: float
    fault: str = ""  # a sentence; "" when it answered


def remotes(deps: Deps) -> dict[str, dict[str, Remote]]:
    """The configured models that can be tried, by recipient and name. The same model is tried once, whatever it is used for."""
    found: dict[str, dict[str, Remote]] = {}
    for purpose in Purpose:
        for model in consent.configured(deps, purpose):
            if model.recipient is not None and isinstance(model, Remote):
                found.setdefault(model.recipient, {}).setdefault(consent.model_name(model), model)
    return found


def begin(deps: Deps, recipient: str) -> Future[tuple[Tried, ...]]:
    """Try this recipient's models, one after another, beside the caller."""
    models = remotes(deps).get(recipient, {})
    result: Future[tuple[Tried, ...]] = Future()

    def run() -> None:
        try:
            result.set_result(tuple(_try(name, model) for name, model in models.items()))
        except Exception as error:  # a fault of ours, which the page must not wait for
            log.exception("trying %s failed", recipient)
            result.set_exception(error)

    threading.Thread(target=run, name="connection", daemon=True).start()
    return result


def _try(name: str, model: Remote) -> Tried:
    began = time.monotonic()
    try:
        within(SECONDS, name, model.check)
    except ProviderError as error:
        log.info("%s was tried: %s", name, error)
        return Tried(model=name, seconds=time.monotonic() - began, fault=str(error))
    return Tried(model=name, seconds=time.monotonic() - began)
