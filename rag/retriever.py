"""Situate as a LangChain retriever.

Nothing of Situate imports this module: langchain-core takes a second to import, and only who builds chains needs it.
"""

from __future__ import annotations

from typing import Annotated, Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import Field, GetPydanticSchema, InstanceOf
from pydantic_core.core_schema import is_instance_schema

from db.documents import Selection
from rag.conversation import check_question
from rag.deps import Deps
from rag.search import search
from rag.trace import Hit, Stage


class SituateRetriever(BaseRetriever):
    """Finds chunks as the application does: dense and BM25, fused, reranked. Its async methods run it in a thread.

    Raises QuestionError for an empty or overlong query, NothingToSearch where no document is ready, PermanentProviderError or
    TransientProviderError for an embedder that fails, db.DatabaseAway. A reranker that fails is left out, as everywhere.
    """

    # checked by its class alone: pydantic would look into a dataclass, and Protocols tell it nothing
    deps: Annotated[Deps, GetPydanticSchema(lambda _source, _handler: is_instance_schema(Deps))] = Field(exclude=True, repr=False)
    subject: str  # who asks: row-level security shows their documents only
    selection: InstanceOf[Selection] = Selection()  # collections and documents; all by default
    k: int = Field(default=20, ge=1)  # documents returned
    stage: Stage = Stage.RERANKED

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        del run_manager  # there are no steps to report
        result = search(self.deps, self.subject, check_question(query), selection=self.selection, top=self.k, stage=self.stage)
        return [document(hit) for hit in result.hits]


def document(hit: Hit) -> Document:
    """A hit in LangChain's terms. `context` orients a reader or a model; it is no part of the document, and not to be quoted."""
    chunk = hit.chunk
    metadata: dict[str, Any] = {
        "rank": hit.rank,
        "document": hit.document,
        "title": hit.title,
        "pages": list(range(chunk.first_page, chunk.last_page + 1)),
        "heading": chunk.heading,
        "context": chunk.context,
        "context_by": chunk.context_by,  # "structural", or model and prompt version
        "document_id": chunk.document_id,
        "ord": chunk.ord,
        "ranks": {stage.value: standing.rank for stage, standing in hit.stages.items()},
        "scores": {stage.value: standing.score for stage, standing in hit.stages.items()},
        # boxes: (page from 1, x0, y0, x1, y1), PDF points from the page's bottom left
        "sentences": [{"text": chunk.quote(i, i + 1), "boxes": sentence.boxes} for i, sentence in enumerate(chunk.sentences)],
    }
    return Document(id=f"{chunk.document_id}:{chunk.ord}", page_content=chunk.text, metadata=metadata)
