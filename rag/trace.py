"""What one retrieval found and did: hits with their standing at each stage, and the trace that is kept with every answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from db.chunks import Chunk
from db.search import Key

SNIPPET = 280  # characters of a passage that a source card shows


class Stage(StrEnum):
    """How far a question goes; the stage's order is the answer's."""

    DENSE = "dense"
    BM25 = "bm25"
    FUSED = "fused"
    RERANKED = "reranked"


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A hit's rank (from 1) and score at one stage."""

    rank: int
    score: float


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A retrieved chunk, and where each stage placed it; a stage that did not find it is absent."""

    rank: int  # from 1
    document: str  # file name
    title: str
    chunk: Chunk
    stages: dict[Stage, Standing]

    @property
    def key(self) -> Key:
        return self.chunk.document_id, self.chunk.ord

    def as_json(self) -> dict[str, Any]:
        """For the command line."""
        return {
            "rank": self.rank,
            "document": self.document,
            "first_page": self.chunk.first_page,
            "last_page": self.chunk.last_page,
            "ord": self.chunk.ord,
            "heading": self.chunk.heading,
            "text": self.chunk.text,
            "context": self.chunk.context,
            "scores": {_short(s): self.stages[s].score if s in self.stages else None for s in Stage},
            "ranks": {_short(s): self.stages[s].rank if s in self.stages else None for s in Stage},
        }


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What retrieval did: kept with every answer, shown by the pages."""

    question: str
    terms: tuple[str, ...]  # as BM25 looks them up
    phrases: tuple[str, ...]  # that every hit holds
    excluded: tuple[str, ...]  # that no hit holds
    chunks: int  # searched among
    stages: dict[Stage, tuple[tuple[Key, float], ...]]  # each stage's whole list, best first
    seconds: dict[str, float]
    embedder: str  # "" when none was used
    reranker: str  # "" when none was used
    notes: tuple[str, ...] = field(default=())
    documents: int = 0  # searched among

    def as_json(self, hits: Sequence[Hit]) -> dict[str, Any]:
        """Plain data: the fields by their names, stages as {stage: [[document_id, ord, score]]}, and the hits.

        A hit: {rank, document_id, ord, document, title, heading, first_page, last_page, snippet, context_by, stages: {stage: [rank, score]}}.
        """
        return {
            "question": self.question,
            "terms": list(self.terms),
            "phrases": list(self.phrases),
            "excluded": list(self.excluded),
            "documents": self.documents,
            "chunks": self.chunks,
            "embedder": self.embedder,
            "reranker": self.reranker,
            "notes": list(self.notes),
            "seconds": {name: round(seconds, 4) for name, seconds in self.seconds.items()},
            "stages": {stage.value: [[*key, round(score, 6)] for key, score in ranked] for stage, ranked in self.stages.items()},
            "hits": [
                {
                    "rank": hit.rank,
                    "document_id": hit.chunk.document_id,
                    "ord": hit.chunk.ord,
                    "document": hit.document,
                    "title": hit.title,
                    "heading": hit.chunk.heading,
                    "first_page": hit.chunk.first_page,
                    "last_page": hit.chunk.last_page,
                    "snippet": hit.chunk.text[:SNIPPET],
                    "context_by": hit.chunk.context_by,
                    "stages": {stage.value: [s.rank, round(s.score, 6)] for stage, s in hit.stages.items()},
                }
                for hit in hits
            ],
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Trace:
        """A stored trace, read back; an older one may lack what was added since."""
        lists = stored["stages"]
        return cls(
            question=stored["question"],
            terms=tuple(stored.get("terms", ())),
            phrases=tuple(stored["phrases"]),
            excluded=tuple(stored.get("excluded", ())),
            chunks=stored["chunks"],
            stages={stage: tuple(((d, o), float(score)) for d, o, score in lists[stage]) for stage in Stage if stage in lists},
            seconds=stored["seconds"],
            embedder=stored.get("embedder", ""),
            reranker=stored["reranker"],
            notes=tuple(stored["notes"]),
            documents=stored.get("documents", 0),
        )


@dataclass(frozen=True, kw_only=True)
class Result:
    hits: tuple[Hit, ...]
    trace: Trace


def standings(lists: Mapping[Stage, Sequence[tuple[Key, float]]]) -> dict[Key, dict[Stage, Standing]]:
    """Where each list placed each chunk; the stages that did not find it are absent."""
    placed: dict[Key, dict[Stage, Standing]] = {}
    for stage, ranked in lists.items():
        for rank, (key, score) in enumerate(ranked, start=1):
            placed.setdefault(key, {})[stage] = Standing(rank=rank, score=score)
    return placed


def _short(stage: Stage) -> str:
    return "rerank" if stage is Stage.RERANKED else stage.value
