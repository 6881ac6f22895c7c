"""Any LangChain `BaseDocumentCompressor` reranks here: Jina, Pinecone, FlashRank, a model that lists, or one of the user's own.

It is named by where its class lives, with what it is to be built with: `package.module:Class?key=value&key=value`. Keys of vendors come from the
environment, where each class looks for its own.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from rag.errors import PermanentProviderError, SettingsError
from rag.providers import Meter, unmetered
from rag.providers.langchain import first_line, translate

if TYPE_CHECKING:
    from langchain_core.documents import BaseDocumentCompressor, Document

_PLACE: Final = "situate_place"  # metadata by which a passage is known again


class CompressorReranker:
    """Scores in the compressor's order. Where it runs is not known, so it counts as remote and consent is asked."""

    depth = 150
    joins_fusion = False

    def __init__(self, target: str) -> None:
        """``target`` is 'package.module:Class', or that with '?key=value&...' for its fields. Raises SettingsError."""
        path, _, query = target.partition("?")
        self._compressor = _built(path, dict(parse_qsl(query, keep_blank_values=True)))
        self.name = path.rpartition(":")[2]

    @property
    def recipient(self) -> str | None:
        return self.name

    def check(self) -> None:
        self.rerank("ready", ["ready"])

    def rerank(self, query: str, texts: Sequence[str], _meter: Meter = unmetered, /) -> list[float]:
        """One score per text, in input order: what the compressor states, or else its order. What it leaves out comes last, as it was.

        A compressor does not say what it is billed for.
        """
        if not texts:
            return []
        from langchain_core.documents import Document

        documents = [Document(page_content=text, metadata={_PLACE: place}) for place, text in enumerate(texts)]
        try:
            kept = self._compressor.compress_documents(documents, query)
        except Exception as error:  # any vendor's own; translated, never swallowed
            raise translate(error, self.name) from error
        return self._scores(kept, len(texts))

    def _scores(self, kept: Sequence[Document], count: int) -> list[float]:
        ranked: dict[int, Document] = {}
        for document in kept:
            place = document.metadata.get(_PLACE)
            if isinstance(place, int) and 0 <= place < count:
                ranked.setdefault(place, document)
        if kept and not ranked:
            raise PermanentProviderError(
                f"{self.name} returned none of the passages it was given. Choose another reranker on the page Settings."
            )
        stated = {place: document.metadata.get("relevance_score") for place, document in ranked.items()}
        scores = {place: float(score) for place, score in stated.items() if isinstance(score, int | float)}
        if len(scores) < len(ranked):
            scores = {place: -float(rank) for rank, place in enumerate(ranked)}
        floor = min(scores.values(), default=0.0)
        left_out = [place for place in range(count) if place not in scores]
        scores |= {place: floor - at for at, place in enumerate(left_out, start=1)}
        return [scores[place] for place in range(count)]


def _built(path: str, fields: dict[str, str]) -> BaseDocumentCompressor:
    from langchain_core.documents import BaseDocumentCompressor

    module, _, class_name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(
            f"SITUATE_RERANKER names {path}, which cannot be imported: {first_line(error)}. Write langchain:package.module:Class, and install the package."
        ) from error
    if not (isinstance(found, type) and issubclass(found, BaseDocumentCompressor)):
        raise SettingsError(f"SITUATE_RERANKER names {path}, which is no LangChain BaseDocumentCompressor.")
    try:
        return found(**fields)
    except Exception as error:  # a missing key is another exception with every vendor
        raise SettingsError(f"The reranker {path} could not be set up: {first_line(error)}") from error
