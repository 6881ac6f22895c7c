"""One retrieval laid open: where each stage placed each chunk, which terms it was found by, and what has become of it since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from db import as_subject
from db import chunks as chunk_rows
from db import conversations as conversation_rows
from db import documents as document_rows
from db import search as search_rows
from db.chunks import Chunk
from db.documents import Selection
from db.search import Key, Match
from rag import text
from rag.conversation import check_question
from rag.deps import Deps
from rag.search import search
from rag.trace import Stage, Standing, Trace, standings

SHOWN = 20  # places of each stage's list that are laid open

__all__ = ["Key", "Match", "Stage", "Standing", "Trace"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A chunk that some stage placed among its first."""

    key: Key
    place: int  # from 1, in the order that retrieval ended with
    stages: dict[Stage, Standing]
    document: str  # file name; "" when nothing remembers it
    heading: str
    pages: tuple[int, int] | None  # first and last; None when nothing remembers them
    text: str  # when the chunk is gone, as much as the trace kept
    chunk: Chunk | None  # None: deleted since
    matches: tuple[Match, ...]  # the query's terms in it, as the index stands now, those that give most first

    def moved(self, since: Stage, to: Stage) -> int | None:
        """Places won (or, negative, lost) between two stages; None where one of them did not place it."""
        if since not in self.stages or to not in self.stages:
            return None
        return self.stages[since].rank - self.stages[to].rank


@dataclass(frozen=True, kw_only=True)
class Inspection:
    trace: Trace
    selection: Selection  # searched among
    rows: tuple[Row, ...]  # by place

    @property
    def stages(self) -> list[Stage]:
        """Those that the query went through, in their order."""
        return [stage for stage in Stage if self.trace.stages.get(stage) or stage in {Stage.DENSE, Stage.BM25, Stage.FUSED}]

    @property
    def idf(self) -> dict[str, float]:
        """The weight of each term that a row holds."""
        return {match.term: match.idf for row in self.rows for match in row.matches}


def inspect(deps: Deps, subject: str, question: str, *, selection: Selection) -> Inspection:
    """Search, and lay open what was found.

    Raises QuestionError, NothingToSearch, ProviderError from the embedder, db.DatabaseAway.
    """
    result = search(deps, subject, check_question(question), selection=selection, top=SHOWN)
    return _laid_open(deps, subject, result.trace, selection, {})


def reopened(deps: Deps, subject: str, message_id: int) -> Inspection | None:
    """What retrieval did for an answer, from its stored trace; None when there is none, or the conversation is gone."""
    with as_subject(deps.pool, subject) as connection:
        message = conversation_rows.message(connection, message_id)
        stored = conversation_rows.trace(connection, message_id)
        held = conversation_rows.conversation(connection, message.conversation_id) if message else None
        if held is None or stored is None:
            return None
    remembered = {(hit["document_id"], hit["ord"]): hit for hit in stored["hits"]}
    return _laid_open(deps, subject, Trace.from_json(stored), held.selection, remembered)


def _laid_open(deps: Deps, subject: str, trace: Trace, selection: Selection, remembered: Mapping[Key, dict[str, Any]]) -> Inspection:
    placed = standings(trace.stages)
    # the order that retrieval ended with: below the reranked head the fused order goes on
    ended = dict.fromkeys(key for stage in reversed(Stage) for key, _ in trace.stages.get(stage, ()))
    places = {key: place for place, key in enumerate(ended, start=1)}
    keys = [key for key in ended if min(places[key], *(standing.rank for standing in placed[key].values())) <= SHOWN]
    terms = trace.terms or text.parse_query(trace.question).terms  # an older trace does not tell them
    with as_subject(deps.pool, subject) as connection:
        chunks = chunk_rows.fetch(connection, keys)
        names = {d.id: d.filename for d in document_rows.documents(connection, ids=sorted({key[0] for key in chunks}))}
        matches = search_rows.matched(connection, keys=keys, terms=terms, selection=selection)
    rows = []
    for key in keys:
        chunk, known = chunks.get(key), remembered.get(key, {})
        pages = (chunk.first_page, chunk.last_page) if chunk else (known["first_page"], known["last_page"]) if known else None
        rows.append(
            Row(
                key=key,
                place=places[key],
                stages=placed[key],
                document=names.get(key[0], known.get("document", "")),
                heading=chunk.heading if chunk else known.get("heading", ""),
                pages=pages,
                text=chunk.text if chunk else known.get("snippet", ""),
                chunk=chunk,
                matches=tuple(matches.get(key, ())),
            )
        )
    return Inspection(trace=trace, selection=selection, rows=tuple(rows))
