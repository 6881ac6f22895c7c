"""LangChain document compressors as people write them, named by path in the settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.documents import BaseDocumentCompressor, Document


class Longest(BaseDocumentCompressor):
    """States a score for the few longest texts, and returns copies in no particular order."""

    top_n: int = 3
    least: float = 0.0

    def compress_documents(self, documents: Sequence[Document], query: str, callbacks: Any = None) -> Sequence[Document]:
        kept = sorted(documents, key=lambda document: -len(document.page_content))[: self.top_n]
        return [
            Document(page_content=d.page_content.upper(), metadata={**d.metadata, "relevance_score": self.least + len(d.page_content)})
            for d in reversed(kept)
        ]


class Shortest(BaseDocumentCompressor):
    """Orders without scores, and drops texts without the question's first word."""

    def compress_documents(self, documents: Sequence[Document], query: str, callbacks: Any = None) -> Sequence[Document]:
        held = [document for document in documents if query.split(maxsplit=1)[0].lower() in document.page_content.lower()]
        return sorted(held, key=lambda document: len(document.page_content))


class Inventive(BaseDocumentCompressor):
    """Returns a text of its own."""

    def compress_documents(self, documents: Sequence[Document], query: str, callbacks: Any = None) -> Sequence[Document]:
        return [Document(page_content="something else")]


class Unreachable(BaseDocumentCompressor):
    def compress_documents(self, documents: Sequence[Document], query: str, callbacks: Any = None) -> Sequence[Document]:
        raise ConnectionError("no route to host")


class Keyed(BaseDocumentCompressor):
    api_key: str


class NoCompressor:
    pass
