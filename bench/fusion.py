"""Which rule combines dense and BM25, with and without late interaction, chosen leave-one-set-out. Prints tables and writes JSON.

    python -m bench.fusion SET [SET ...] [--sample 300] [--home FOLDER] [--json FILE]

SET is a folder as `situate evaluate --set` takes it, indexed by the real code in a scratch Postgres under FOLDER, once without contexts and
once with the set's best ones (given, else structural); languages count as sets of their own. A set is judged by nDCG@10, one with pages by
the mean of its page hits at 1, 5, 10 and 20. For each set in turn, the rule that does best on average over the other sets is chosen, and
compared on the one left out with the rule that does best there (paired differences, 95 % bootstrap intervals).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from db import embedded, migrate, open_pool
from db.search import Key
from rag import evaluate, fusion, metrics, question_files, question_sets, scratch
from rag.deps import Deps, build
from rag.metrics import Array, interval
from rag.providers.e5 import E5, States
from rag.providers.late_interaction import LateInteraction
from rag.question_sets import Context, Question, QuestionSet
from rag.search import search
from rag.settings import Settings
from rag.trace import Stage

DEPTH = 30  # candidates that late interaction sees
SPARE = 50  # of each list, so that every rule's head is among those scored

Scores = dict[Key, float]
Rule = Callable[[Scores, Scores], Scores]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One question: what each list found, what late interaction says, and where the answer is."""

    dense: Scores  # best first
    bm25: Scores
    late: Scores
    gold: dict[Key, frozenset[int]]  # gold items that a chunk holds
    items: int
    pages: dict[Key, list[tuple[str, int]]] | None
    gold_pages: frozenset[tuple[str, int]]


def ranks(weight: float) -> Rule:
    return lambda dense, bm25: fusion.reciprocal_rank_fusion([(weight, list(dense)), (1 - weight, list(bm25))])


def scores(weight: float, length: int = 150) -> Rule:
    """Sums of standardised scores over the first `length` of each list."""
    return lambda dense, bm25: fusion.score_sum([(weight, head(dense, length)), (1 - weight, head(bm25, length))])


def both(weight: float) -> Rule:
    return lambda dense, bm25: fusion.score_sum([(1, ranks(weight)(dense, bm25)), (1, scores(weight)(dense, bm25))])


def head(ranked: Scores, length: int) -> Scores:
    return dict(list(ranked.items())[:length])


RULES: dict[str, Rule] = (
    {f"ranks {w:g}": ranks(w) for w in (0.5, 0.6, 0.7)}
    | {f"scores {w:g}": scores(w) for w in (0.5, 0.6, 0.7)}
    | {f"scores {w:g} of 50": scores(w, 50) for w in (0.5, 0.6)}
    | {f"both {w:g}": both(w) for w in (0.5, 0.6, 0.7)}
)
LATE = (0.0, 1.0, 1.5, 2.5)  # weight of late interaction; 0 is fusion alone


class RememberingStates(E5):
    """Computes no text's token states twice: the same chunks are candidates of many questions."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, States] = {}

    def document_states(self, texts: Sequence[str]) -> list[States]:
        for text in texts:
            if text not in self._known:
                (self._known[text],) = super().document_states([text])
        return [self._known[text] for text in texts]


def cases(deps: Deps, asked: QuestionSet, context: Context) -> list[Case]:
    """Index the set under a subject of its own, ask every question, and drop the copies."""
    late = LateInteraction(RememberingStates())
    run = evaluate.begin(deps, "bench", asked.name)
    try:
        cuts, _ = scratch.cut(deps, "bench", asked.sources, progress=_quiet)
        copy = scratch.copy(deps, run.scratch, cuts, context, progress=_quiet)
        ids = {name: number for number, name in copy.names.items()}
        pages = {(ids[c.name], d.ord): [(c.name, p) for p in range(d.first_page, d.last_page + 1)] for c in cuts for d in c.drafts}
        found = []
        for question in asked.questions:
            result = search(deps, copy.subject, question.question, selection=copy.selection, top=10 * SPARE)
            dense, bm25 = (dict(result.trace.stages[stage]) for stage in (Stage.DENSE, Stage.BM25))
            wanted = {*list(dense)[:SPARE], *list(bm25)[:SPARE]}
            texts = {hit.key: hit.chunk.indexed_text for hit in result.hits if hit.key in wanted}
            held = evaluate.holders(question, cuts)
            found.append(
                Case(
                    dense=dense,
                    bm25=bm25,
                    late=dict(zip(texts, late.rerank(question.question, list(texts.values())), strict=True)),
                    gold={(ids[name], ord_): items for (name, ord_), items in held.items()},
                    items=len(question.gold),
                    pages=pages if asked.has_pages else None,
                    gold_pages=_gold_pages(question, ids),
                )
            )
        return found
    finally:
        scratch.drop(deps, run.scratch, owner="bench")


def _quiet(*_: object) -> None:
    """No progress is shown: a line per set is enough."""


def _gold_pages(question: Question, ids: dict[str, int]) -> frozenset[tuple[str, int]]:
    named = {question_sets.stem(name): name for name in ids}
    return frozenset((named[question_sets.stem(g.document)], g.page) for g in question.gold if g.page is not None)


def order(case: Case, rule: Rule, weight: float) -> list[Key]:
    fused = rule(case.dense, case.bm25)
    ranked = fusion.order(fused)
    if not weight:
        return ranked
    top = [key for key in ranked[:DEPTH] if key in case.late]
    joined = fusion.score_sum([(1.0, {key: fused[key] for key in top}), (weight, {key: case.late[key] for key in top})])
    return [*fusion.order(joined), *(key for key in ranked if key not in joined)]


def judged(found: Sequence[Case], rule: Rule, weight: float) -> Array:
    """Per question, what the set is judged by."""
    orders = [order(case, rule, weight) for case in found]
    if found[0].pages is None:
        return metrics.ndcg10([_ranks(case, ranking) for case, ranking in zip(found, orders, strict=True)])
    first = [_page(case, ranking) for case, ranking in zip(found, orders, strict=True)]
    hits: Array = np.mean([metrics.hit(first, k) for k in metrics.PAGE_CUTOFFS], axis=0)
    return hits


def _ranks(case: Case, ranking: Sequence[Key]) -> list[int | None]:
    first: dict[int, int] = {}
    for rank, key in enumerate(ranking, start=1):
        for item in case.gold.get(key, ()):
            first.setdefault(item, rank)
    return [first.get(item) for item in range(case.items)]


def _page(case: Case, ranking: Sequence[Key]) -> int | None:
    distinct = dict.fromkeys(page for key in ranking for page in (case.pages or {})[key])
    return next((rank for rank, page in enumerate(distinct, start=1) if page in case.gold_pages), None)


@contextmanager
def opened(home: Path) -> Iterator[Deps]:
    """Deps on a scratch server, with the built-in models."""
    server = embedded.start(home)
    try:
        migrate.migrate(server.url)
        with open_pool(server.url) as pool:
            yield build(Settings(home=home, embedder="local:multilingual-e5-small", reranker="none"), pool=pool, url=server.url)
    finally:
        server.leave()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--sample", type=int, default=300, help="questions at most, per set and language")
    parser.add_argument("--home", type=Path, help="folder of the scratch server; a temporary one if it is not given")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="situate-bench-") as folder:
        Path(folder).chmod(0o711)  # as root, Postgres runs as another user
        with opened(arguments.home or Path(folder) / "home") as deps:
            measured = dict(_measured(deps, arguments.sets, arguments.sample))
    told = report(measured)
    if arguments.json:
        arguments.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _measured(deps: Deps, folders: Sequence[Path], sample: int) -> Iterator[tuple[str, dict[tuple[str, float], Array]]]:
    """For each set, language and context: its name, and per rule and weight what each question is judged by."""
    for folder in folders:
        whole = question_files.load(folder)
        contexts = [Context.NONE, Context.GIVEN if Context.GIVEN in whole.contexts else Context.STRUCTURAL]
        for language in sorted({question.language for question in whole.questions}):
            asked = question_sets.chosen(whole, language=language, sample=sample)
            for context in contexts:
                found = cases(deps, asked, context)
                name = " ".join(filter(None, (asked.name, language, context.value)))
                print(f"{name}: {len(found)} questions", flush=True)
                yield name, {(rule, weight): judged(found, RULES[rule], weight) for rule in RULES for weight in LATE}


def report(measured: dict[str, dict[tuple[str, float], Array]]) -> dict[str, Any]:
    """Print the figures of every rule, and the choice that leaves each set out in turn; return the same as plain data."""
    figures: dict[str, dict[str, dict[str, float]]] = {}
    left_out: dict[str, dict[str, dict[str, object]]] = {}
    for weight in LATE:
        print(f"\nlate interaction x {weight:g}: 100 x the mean of each set; then over the sets")
        for number, name in enumerate(measured, start=1):
            print(f"  ({number}) {name}")
        for rule in RULES:
            means = [100 * float(measured[name][rule, weight].mean()) for name in measured]
            print(f"{rule:16}" + "".join(f"{mean:7.1f}" for mean in means) + f"{np.mean(means):9.2f}")
        figures[f"late interaction x {weight:g}"] = {
            rule: {name: round(float(measured[name][rule, weight].mean()), 4) for name in measured} for rule in RULES
        }
    for label, choices in (
        ("fusion alone", [(rule, 0.0) for rule in RULES]),
        ("with late interaction", [(rule, w) for rule in RULES for w in LATE if w]),
    ):
        print(f"\n{label}: chosen on the other sets, against the best on the one left out")
        rows = left_out.setdefault(label, {})
        for name, own in measured.items():
            chosen = _best(choices, [measured[other] for other in measured if other != name])
            best = _best(choices, [own])
            apart = own[chosen] - own[best]
            low, high = interval(apart)
            print(f"{name:42}{_named(chosen):24}{_named(best):24}{100 * apart.mean():+7.2f} [{100 * low:+.2f}, {100 * high:+.2f}]")
            rows[name] = {"chosen": chosen, "best": best, "difference": round(float(apart.mean()), 4), "interval": [low, high]}
        print(f"chosen on all: {_named(_best(choices, list(measured.values())))}")
    return {"figures": figures, "left out": left_out}


def _best(choices: Sequence[tuple[str, float]], sets: Sequence[dict[tuple[str, float], Array]]) -> tuple[str, float]:
    return max(choices, key=lambda choice: float(np.mean([values[choice].mean() for values in sets])))


def _named(choice: tuple[str, float]) -> str:
    return f"{choice[0]}, late {choice[1]:g}" if choice[1] else choice[0]


if __name__ == "__main__":
    main()
