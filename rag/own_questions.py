"""The questions that a person collects about documents of their own, each with the passages that answer it."""

from __future__ import annotations

from dataclasses import dataclass

from db import as_subject
from db import chunks as chunk_rows
from db import evaluations as rows
from db.documents import Document, Selection, Status
from db.evaluations import OwnQuestion
from rag import conversation, library, search
from rag.deps import Deps
from rag.errors import NothingToSearch, QuestionSetError
from rag.question_files import Told
from rag.question_sets import Context, Gold, Kind, Question, QuestionSet, Source, holds, stem
from rag.trace import Hit, Stage

OFFERED = 8  # passages to pick from
TRIED = 10  # passages looked at for one that holds an uploaded quote

__all__ = ["OwnQuestion"]


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What became of the questions of an uploaded file."""

    added: int
    known: int  # were there already
    missing: tuple[str, ...]  # where those stand whose passage is in no document


def add(deps: Deps, subject: str, *, question: str, document_id: int, ord_: int, quote: str) -> bool:
    """Keep a question with the passage that answers it; False when it is there already. Raises QuestionError, DocumentGone.

    Several passages may answer one question: add it once for each.
    """
    question = conversation.check_question(question)
    library.document(deps, subject, document_id)
    with as_subject(deps.pool, subject) as connection:
        return rows.add_question(connection, question=question, document_id=document_id, ord_=ord_, quote=quote)


def collected(deps: Deps, subject: str) -> list[OwnQuestion]:
    """What was added, in order."""
    with as_subject(deps.pool, subject) as connection:
        return rows.questions(connection)


def remove(deps: Deps, subject: str, question_id: int) -> None:
    with as_subject(deps.pool, subject) as connection:
        rows.remove_question(connection, question_id)


def passages(deps: Deps, subject: str, sought: str) -> tuple[Hit, ...]:
    """Passages among which a person may find the one that answers. Raises QuestionError, NothingToSearch."""
    return search.search(deps, subject, conversation.check_question(sought), selection=Selection(), top=OFFERED, stage=Stage.FUSED).hits


def take(deps: Deps, subject: str, told: list[Told]) -> Taken:
    """Add the questions of an uploaded file, each with the passage that its quote stands in."""
    documents = {stem(d.filename): d.id for d in library.documents(deps, subject) if d.status is Status.READY}
    added = known = 0
    missing: list[str] = []
    for one in told:
        found = _holder(deps, subject, one, documents)
        if found is None:
            missing.append(one.where)
        elif add(deps, subject, question=one.question, document_id=found[0], ord_=found[1], quote=one.quote):
            added += 1
        else:
            known += 1
    return Taken(added=added, known=known, missing=tuple(missing))


def _holder(deps: Deps, subject: str, told: Told, documents: dict[str, int]) -> tuple[int, int] | None:
    """The chunk that holds the quote."""
    if not any(c.isalnum() for c in told.quote) or (told.document and stem(told.document) not in documents):
        return None
    selection = Selection(documents=(documents[stem(told.document)],) if told.document else None)
    sought = told.quote.replace('"', " ")[: conversation.LONGEST_QUESTION]  # a quotation mark would ask for a phrase
    try:
        hits = search.search(deps, subject, sought, selection=selection, top=TRIED, stage=Stage.BM25).hits
    except NothingToSearch:
        return None
    return next((hit.key for hit in hits if holds(hit.chunk.text, told.quote)), None)


def question_set(deps: Deps, subject: str, *, name: str) -> QuestionSet:
    """What was collected, asked of all documents that are ready. Raises QuestionSetError when there is nothing to ask."""
    ready = [d for d in library.documents(deps, subject) if d.status is Status.READY]
    found = collected(deps, subject)
    if not found or not ready:
        raise QuestionSetError("There is no question to measure with yet. Add one with the passage that answers it.")
    with as_subject(deps.pool, subject) as connection:
        chunks = chunk_rows.fetch(connection, [(q.document_id, q.ord) for q in found])
    gold: dict[str, list[Gold]] = {}
    for one in found:
        chunk = chunks.get((one.document_id, one.ord))
        # a document that was cut anew keeps the passage in another chunk
        stays = chunk is not None and holds(chunk.text, one.quote)
        gold.setdefault(one.question, []).append(Gold(document=str(one.document_id), ord=one.ord if stays else None, quote=one.quote))
    return QuestionSet(
        name=name,
        kind=Kind.OWN,
        sources=tuple(Source(name=str(d.id), title=d.title, document_id=d.id) for d in ready),
        questions=tuple(Question(id=str(n), question=question, gold=tuple(g)) for n, (question, g) in enumerate(gold.items(), start=1)),
        indexed_with=Context.MODEL if _situated(deps, subject, ready) else Context.STRUCTURAL,
    )


def _situated(deps: Deps, subject: str, documents: list[Document]) -> bool:
    """Whether a model has written contexts for any of them."""
    with as_subject(deps.pool, subject) as connection:
        return rows.situated(connection, [document.id for document in documents])
