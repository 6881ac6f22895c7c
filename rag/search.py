"""One question through every stage: dense and BM25 candidates, fusion, reranking, hits with their trace."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

from db import Connection, as_subject
from db import chunks as chunk_rows
from db import documents as document_rows
from db import search as rows
from db import versions as version_rows
from db.chunks import Chunk
from db.documents import Selection
from db.search import Candidate, Key
from rag import consent, embedding, fusion, instruments, text, usage
from rag.consent import Purpose
from rag.deadline import within
from rag.deps import Deps
from rag.errors import NothingToSearch, ProviderError
from rag.providers import Meter, Reranker, Usage, unmetered
from rag.trace import Hit, Result, Stage, Trace, standings

log = logging.getLogger(__name__)

# Chosen among ranks and scores at several weights, leaving each set of questions out in turn: docs/decisions/0012-fusion.md
WEIGHTS = {Stage.DENSE: 0.6, Stage.BM25: 0.4}
LATE_INTERACTION = 1.5  # weight of its standardised score beside the fused one
SLICE = 5  # passages that a reranker of this machine scores at a time
LIGHT = 0.4  # of the seconds a reranker may take, those after which it is given no further slice


def search(
    deps: Deps,
    subject: str,
    question: str,
    *,
    selection: Selection,
    top: int = 20,
    stage: Stage = Stage.RERANKED,
    message_id: int | None = None,
) -> Result:
    """The best `top` chunks for a question, as ordered by `stage`. What a model bills for it is kept under `message_id`.

    Raises NothingToSearch when the selection holds no searchable document. A reranker that fails or passes its time limit is left out, and
    the trace says so.
    """
    with instruments.Stages() as stages:
        return _search(deps, subject, question, selection, top, stage, message_id, stages)


def _search(
    deps: Deps,
    subject: str,
    question: str,
    selection: Selection,
    top: int,
    stage: Stage,
    message_id: int | None,
    stages: instruments.Stages,
) -> Result:
    stages.enter("embed")
    reranker = consent.serving(deps, subject, Purpose.RERANK) if stage is Stage.RERANKED else None
    query = text.parse_query(question := text.readable(question))
    wanted = deps.settings.candidates
    selection, documents, size = _searchable(deps, subject, selection)
    embedded = embedding.Question()
    if stage is not Stage.BM25:
        embedded = embedding.question(deps, subject, query.text or question, selection, message_id=message_id)
    stages.enter("bm25" if embedded.vector is None else "dense")
    with as_subject(deps.pool, subject, snapshot=True) as connection:
        selection = version_rows.current(connection, selection)  # a new version may have been published while the question was embedded
        only = _restriction(connection, query, selection)
        dense: list[Candidate] = []
        if embedded.vector is not None:
            dense = rows.dense(
                connection,
                model=embedded.model,
                vector=embedded.vector,
                selection=selection,
                limit=wanted,
                exact=size <= rows.EXACT_SCAN,
                only=only,
            )
            stages.enter("bm25")
        bm25 = [] if stage is Stage.DENSE else rows.bm25(connection, terms=query.terms, selection=selection, limit=wanted, only=only)
        stages.enter("fuse")
        if query.excluded:
            excluded = [text.tsquery_literal(word) for word in query.excluded]
            held = rows.holding(connection, keys=[c.key for c in (*dense, *bm25)], queries=excluded)
            dense, bm25 = [c for c in dense if c.key not in held], [c for c in bm25 if c.key not in held]
        lists = {Stage.DENSE: [(c.key, c.score) for c in dense], Stage.BM25: [(c.key, c.score) for c in bm25]}
        fused = fuse(lists, by=deps.settings.fusion)
        lists[Stage.FUSED] = [(key, fused[key]) for key in fusion.order(fused)]
        stages.enter("fetch")
        depth = max(top, reranker.depth if reranker else 0)
        chosen = lists[Stage.FUSED if stage is Stage.RERANKED else stage][:depth]
        found = chunk_rows.fetch(connection, [key for key, _ in chosen])
        names = {d.id: d for d in document_rows.documents(connection, ids=sorted({key[0] for key in found}))}
    stages.enter("rerank")
    notes = list(embedded.notes)
    if reranker is not None and found:
        light = LIGHT * deps.settings.rerank_seconds
        try:
            with instruments.call(reranker.recipient, reranker.name, "rerank") as made:
                meter = made.metering(partial(_keep_bill, deps, subject, message_id))
                call = partial(rerank, reranker, query.text or question, lists[Stage.FUSED], found, meter, seconds=light)
                lists[Stage.RERANKED] = within(deps.settings.rerank_seconds, reranker.name, call)
        except ProviderError as error:
            log.info("reranking failed, the fused order is used: %s", error)
            notes.append(f"The reranker did not answer, so the fused order is used. {error}")
            reranker = None
    stages.end()
    # below the reranked head the fused order goes on
    head = lists.get(Stage.RERANKED, [])
    final = [*head, *(pair for pair in chosen if pair[0] not in {key for key, _ in head})]
    placed = standings(lists)
    hits = tuple(
        Hit(rank=rank, document=names[key[0]].filename, title=names[key[0]].title, chunk=found[key], stages=placed[key])
        for rank, key in enumerate([key for key, _ in final if key in found and key[0] in names][:top], start=1)
    )
    trace = Trace(
        question=question,
        terms=query.terms,
        phrases=tuple(" ".join(p) for p in query.phrases),
        excluded=tuple(" ".join(w) for w in query.excluded),
        documents=documents,
        chunks=size,
        stages={name: tuple(ranked) for name, ranked in lists.items()},
        seconds=stages.seconds,
        embedder=embedded.embedder,
        reranker=reranker.name if reranker else "",
        notes=tuple(notes),
    )
    return Result(hits=hits, trace=trace)


def _searchable(deps: Deps, subject: str, selection: Selection) -> tuple[Selection, int, int]:
    """The selection by the versions that answer now, and how many documents and chunks it has. Raises NothingToSearch when there is none."""
    with as_subject(deps.pool, subject, snapshot=True) as connection:
        selection = version_rows.current(connection, selection)
        documents, size = document_rows.searchable(connection, selection)
    if not size:
        raise NothingToSearch("No document is ready to be searched here. Upload a PDF, or wait until one is ready.")
    return selection, documents, size


def fuse(lists: Mapping[Stage, Sequence[tuple[Key, float]]], *, by: Literal["scores", "ranks"]) -> dict[Key, float]:
    """The dense and the BM25 list as one: each chunk's score. A list gives nothing to a chunk that it did not find."""
    if by == "ranks":
        return fusion.reciprocal_rank_fusion([(WEIGHTS[stage], [key for key, _ in ranked]) for stage, ranked in lists.items()])
    return fusion.score_sum([(WEIGHTS[stage], dict(ranked)) for stage, ranked in lists.items()])


def rerank(
    reranker: Reranker,
    question: str,
    fused: Sequence[tuple[Key, float]],
    found: dict[Key, Chunk],
    meter: Meter = unmetered,
    *,
    seconds: float = math.inf,
) -> list[tuple[Key, float]]:
    """The fused list with its head put into the reranker's order. Raises ProviderError.

    One that joins fusion runs here and shares the machine: it is asked slice by slice, best first, until so many seconds are gone.
    """
    head = [key for key, _ in fused[: reranker.depth] if key in found]
    ends = time.monotonic() + seconds
    size = SLICE if reranker.joins_fusion else max(1, len(head))
    scores: dict[Key, float] = {}
    for at in range(0, len(head), size):
        if scores and time.monotonic() >= ends:
            break
        part = head[at : at + size]
        scores |= zip(part, reranker.rerank(question, [found[key].indexed_text for key in part], meter), strict=True)
    if reranker.joins_fusion:
        # a light reranker adds to what the lists know; it does not overrule them
        scores = fusion.score_sum([(1.0, {key: score for key, score in fused if key in scores}), (LATE_INTERACTION, scores)])
    return [(key, scores[key]) for key in fusion.order(scores)]


def _restriction(connection: Connection, query: text.Query, selection: Selection) -> list[Key] | None:
    """The chunks that hold every quoted phrase; None when nothing is quoted."""
    if not query.phrases:
        return None
    return rows.with_phrases(
        connection,
        terms=query.sure,
        phrases=[text.tsquery_literal(phrase) for phrase in query.phrases],
        selection=selection,
    )


def _keep_bill(deps: Deps, subject: str, message_id: int | None, billed: Usage) -> None:
    with as_subject(deps.pool, subject) as connection:
        usage.keep(deps, connection, billed, purpose="rerank", message_id=message_id)
