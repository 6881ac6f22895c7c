"""The ladder that an evaluation climbs: every stage with every context, and what each rung found (pure).

What is kept of a rung is, per question, the rank of each gold item; every figure, and the difference of any two rungs, follows from those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from rag import metrics
from rag.metrics import Array
from rag.question_sets import Context, Gold, Question
from rag.trace import Stage


@dataclass(frozen=True, kw_only=True)
class Rung:
    """One stage with one context, over all questions in their order."""

    stage: Stage
    context: Context
    ranks: tuple[tuple[int | None, ...], ...]  # per question, the rank of each gold item among the chunks
    pages: tuple[int | None, ...] | None  # per question, the rank of the first gold page among the distinct pages
    seconds: float  # per question, mean

    def values(self) -> dict[str, Array]:
        """Per question, each metric by its name."""
        found = {f"recall@{k}": metrics.recall(self.ranks, k) for k in metrics.CUTOFFS}
        found |= {"nDCG@10": metrics.ndcg10(self.ranks), "MRR@10": metrics.mrr10(self.ranks)}
        if self.pages is not None:
            found |= {f"page hit@{k}": metrics.hit(self.pages, k) for k in metrics.PAGE_CUTOFFS}
        return found


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """What a run measured."""

    set: str
    questions: tuple[Question, ...]
    without_gold: int  # questions left out, because nothing answers them
    unreachable: int  # gold items that no chunk holds: cut in two, or in a document that could not be read
    documents: int
    chunks: int
    unreadable: tuple[str, ...]  # file names
    models: dict[str, str]  # embedder, reranker, situator
    rungs: tuple[Rung, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def headline(self) -> str:
        """The metric that the intervals and differences are about."""
        return "page hit@5" if any(rung.pages is not None for rung in self.rungs) else "recall@20"

    def group(self, key: str) -> dict[str, Ladder]:
        """Apart by a property of the questions: type or language."""
        places: dict[str, list[int]] = {}
        for place, question in enumerate(self.questions):
            places.setdefault(str(getattr(question, key)) or "other", []).append(place)
        return {name: self._of(chosen) for name, chosen in sorted(places.items())}

    def _of(self, places: Sequence[int]) -> Ladder:
        rungs = [
            Rung(
                stage=rung.stage,
                context=rung.context,
                ranks=tuple(rung.ranks[place] for place in places),
                pages=None if rung.pages is None else tuple(rung.pages[place] for place in places),
                seconds=rung.seconds,
            )
            for rung in self.rungs
        ]
        return Ladder(**{**vars(self), "questions": tuple(self.questions[place] for place in places), "rungs": tuple(rungs)})

    def as_json(self) -> dict[str, Any]:
        """For the command line, as docs/users/evaluating.md describes: {set, questions, stages: [...], differences: [...], ...}.

        Fractions are from 0 to 1.
        """
        return {
            "set": self.set,
            "questions": len(self.questions),
            "headline": self.headline,
            "stages": [self._stage_json(rung) for rung in self.rungs],
            "differences": [_difference_json(before, after, self.headline) for before, after in self.steps()],
            "without_gold": self.without_gold,
            "unreachable_gold": self.unreachable,
            "documents": self.documents,
            "chunks": self.chunks,
            "unreadable": list(self.unreadable),
            "models": self.models,
            "notes": list(self.notes),
        }

    def _stage_json(self, rung: Rung) -> dict[str, Any]:
        values = rung.values()
        means = {name: _rounded(per_question.mean()) for name, per_question in values.items()}
        intervals = {name: [_rounded(end) for end in metrics.interval(per_question)] for name, per_question in values.items()}
        return {
            "stage": rung.stage.value,
            "context": rung.context.value,
            "recall": {str(k): means[f"recall@{k}"] for k in metrics.CUTOFFS},
            "failure20": _rounded(1 - means["recall@20"]),
            "page_hit": None if rung.pages is None else {str(k): means[f"page hit@{k}"] for k in metrics.PAGE_CUTOFFS},
            "ndcg10": means["nDCG@10"],
            "mrr10": means["MRR@10"],
            "interval": intervals[self.headline],
            "intervals": intervals,
            "seconds_per_question": _rounded(rung.seconds),
        }

    def steps(self) -> list[tuple[Rung, Rung]]:
        """Consecutive rungs: from stage to stage with one context, then from context to context at one stage."""
        stages = [pair for context in Context for pair in pairwise([r for r in self.rungs if r.context is context])]
        contexts = [pair for stage in Stage for pair in pairwise([r for r in self.rungs if r.stage is stage])]
        return stages + contexts

    def as_stored(self) -> dict[str, Any]:
        """Plain data that `stored` reads back: the ranks themselves, so that any two rungs can be compared later."""
        return asdict(self)

    @classmethod
    def stored(cls, data: dict[str, Any]) -> Ladder:
        return cls(
            **{
                **data,
                "questions": tuple(Question(**{**q, "gold": tuple(Gold(**gold) for gold in q["gold"])}) for q in data["questions"]),
                "unreadable": tuple(data["unreadable"]),
                "notes": tuple(data["notes"]),
                "rungs": tuple(
                    Rung(
                        stage=Stage(rung["stage"]),
                        context=Context(rung["context"]),
                        ranks=tuple(map(tuple, rung["ranks"])),
                        pages=None if rung["pages"] is None else tuple(rung["pages"]),
                        seconds=rung["seconds"],
                    )
                    for rung in data["rungs"]
                ),
            }
        )

    def beside(self, other: Ladder) -> tuple[Ladder, Ladder]:
        """Both over the questions that they share, in the same order, so that they can be compared in pairs."""
        theirs = {question.question: place for place, question in enumerate(other.questions)}
        shared = [(mine, theirs[q.question]) for mine, q in enumerate(self.questions) if q.question in theirs]
        return self._of([mine for mine, _ in shared]), other._of([place for _, place in shared])


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How much better one rung is than another on the same questions."""

    mean: float
    low: float  # of the 95 % paired interval
    high: float


def difference(before: Rung, after: Rung, metric: str) -> Difference:
    """The mean difference over the questions, with its paired bootstrap interval. Both rungs are over the same questions."""
    apart = after.values()[metric] - before.values()[metric]
    low, high = metrics.interval(apart)
    return Difference(mean=float(apart.mean()), low=low, high=high)


def _difference_json(before: Rung, after: Rung, metric: str) -> dict[str, Any]:
    found = difference(before, after, metric)
    return {
        "from": {"stage": before.stage.value, "context": before.context.value},
        "to": {"stage": after.stage.value, "context": after.context.value},
        "metric": metric,
        "difference": _rounded(found.mean),
        "interval": [_rounded(found.low), _rounded(found.high)],
    }


def _rounded(value: float | np.floating[Any]) -> float:
    return round(float(value), 4)
