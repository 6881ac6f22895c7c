"""How well rag.support tells, without a model, whether what was found holds an answer. Prints tables and writes JSON.

    python -m bench.abstention SET [SET ...] --home FOLDER [--sample 200] [--json FILE]

SET is a folder as `situate evaluate --set` takes it, indexed once in a scratch Postgres under FOLDER and used again (as root it must be one
that other users may enter). Each question is asked of selections that hold the documents which answer it, and of the same selections
without them: all documents; three others and its own; its own alone, against a single other. The weights are fitted on the first set, on
the questions whose documents all fall into one half of the documents; what is reported of it is the other half, of other sets everything.
A positive is an abstention: its precision is the share of abstentions that were right, half of the questions being unanswerable. A set
whose documents repeat each other may answer a question without the documents that are called its gold. Intervals are 95 % bootstrap.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.fusion import opened
from db import as_subject
from db import documents as document_rows
from db.documents import Selection
from rag import question_files, question_sets, scratch, support
from rag.deps import Deps
from rag.metrics import Array
from rag.question_sets import Context, QuestionSet
from rag.search import search

OTHERS = 3  # documents beside a question's own in the middle selection
DRAWS = 2000
PAIRS = (("all documents", "all but its own"), ("three others and its own", "three others"), ("its own alone", "one other"))


@dataclass(frozen=True, kw_only=True)
class Case:
    """One question asked of one selection."""

    question: int
    language: str
    documents: frozenset[str]  # that answer it
    selection: str
    answerable: bool
    signs: support.Signs
    held: bool


def cases(deps: Deps, asked: QuestionSet, sample: int) -> Iterator[Case]:
    """Every question of the sample with every selection."""
    subject, ids = indexed(deps, asked)
    dice = random.Random(question_sets.SEED)
    place = 0
    for language in sorted({question.language for question in asked.questions}):
        for question in question_sets.chosen(asked, language=language, sample=sample).questions:
            place += 1
            own = {name for name in (question_sets.stem(g.document) for g in question.gold) if name in ids}
            others = sorted(ids.keys() - own)
            few = dice.sample(others, min(OTHERS, len(others)))
            chosen = dict(zip(itertools.chain(*PAIRS), ([*others, *own], others, [*few, *own], few, own, few[:1]), strict=True))
            for held, left_out in PAIRS:
                for selection in (held, left_out):
                    found = search(
                        deps, subject, question.question, selection=Selection(documents=tuple(ids[n] for n in sorted(chosen[selection])))
                    )
                    yield Case(
                        question=place,
                        language=language,
                        documents=frozenset(own),
                        selection=selection,
                        answerable=selection == held,
                        signs=support.signs(question.question, found, deps.embedder.rarity),
                        held=support.supported(question.question, found, deps.embedder.rarity).holds,
                    )


def indexed(deps: Deps, asked: QuestionSet) -> tuple[str, dict[str, int]]:
    """The subject that has the set's documents, indexed now unless an earlier run did, and their ids."""
    subject = f"bench:{asked.name}"
    with as_subject(deps.pool, subject) as connection:
        known = {question_sets.stem(d.filename): d.id for d in document_rows.documents(connection)}
    if not known:
        cuts, _ = scratch.cut(deps, subject, asked.sources, progress=_quiet)
        context = Context.GIVEN if Context.GIVEN in asked.contexts else Context.STRUCTURAL
        copy = scratch.copy(deps, subject, cuts, context, progress=_quiet)
        known = {question_sets.stem(name): number for number, name in copy.names.items()}
    return subject, known


def _quiet(*_: object) -> None:
    """No progress is shown: a line per set is enough."""


def half(name: str) -> int:
    """Which half of the documents one falls into, the same every time."""
    return hashlib.sha256(name.encode()).digest()[0] % 2


def fitted(found: Sequence[Case]) -> Array:
    """Constant and weights of a logistic regression, by Newton's method, with a little shrinkage of the standardised weights."""
    signs = np.array([astuple(case.signs) for case in found])
    answerable = np.array([case.answerable for case in found], float)
    mean, deviation = signs.mean(axis=0), signs.std(axis=0) + 1e-9
    standard = np.c_[np.ones(len(signs)), (signs - mean) / deviation]
    shrinkage = 0.01 * len(signs) * np.diag([0.0] + [1.0] * signs.shape[1])
    weights = np.zeros(standard.shape[1])
    for _ in range(50):
        likely = 1 / (1 + np.exp(-standard @ weights))
        curvature = standard.T @ (standard * (likely * (1 - likely))[:, None]) + shrinkage
        weights += np.linalg.solve(curvature, standard.T @ (answerable - likely) - shrinkage @ weights)
    scaled = weights[1:] / deviation
    found_weights: Array = np.concatenate([[weights[0] - scaled @ mean], scaled])
    return found_weights


def figures(found: Sequence[Case]) -> dict[str, list[float]]:
    """Precision and recall of abstaining and of answering, each with its interval over questions."""
    places = {question: at for at, question in enumerate(sorted({case.question for case in found}))}
    counted = np.zeros((len(places), 2, 2))  # question, answerable, answered
    for case in found:
        counted[places[case.question], int(case.answerable), int(case.held)] += 1
    dice = np.random.default_rng(question_sets.SEED)
    drawn = counted[dice.integers(len(places), size=(DRAWS, len(places)))].sum(axis=1)
    told = {}
    for name, row in (("abstains", 0), ("answers", 1)):
        for measure, over in (("precision", (slice(None), row)), ("recall", (row, slice(None)))):
            total = counted.sum(axis=0)
            value = total[row, row] / max(total[over].sum(), 1)
            shares = drawn[:, row, row] / np.maximum(drawn[:, over[0], over[1]].sum(axis=1), 1)
            told[f"{name}, {measure}"] = [round(float(v), 3) for v in (value, *np.percentile(shares, [2.5, 97.5]))]
    return told


def report(name: str, found: Sequence[Case]) -> dict[str, Any]:
    """Print the figures of each language and pair of selections; return the same as plain data."""
    told: dict[str, Any] = {}
    for language in sorted({case.language for case in found}):
        for pair in PAIRS:
            chosen = [case for case in found if case.language == language and case.selection in pair]
            label = " ".join(filter(None, (name, language))) + f": {pair[0]}, {pair[1]}"
            told[label] = {"questions": len({case.question for case in chosen}), **figures(chosen)}
            print(f"{label} ({told[label]['questions']} questions)")
            for measure, (value, low, high) in figures(chosen).items():
                print(f"    {measure:22}{100 * value:6.1f} [{100 * low:.1f}, {100 * high:.1f}]")
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--home", type=Path, required=True, help="folder of the scratch server")
    parser.add_argument("--sample", type=int, default=200, help="questions at most, per set and language")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    told: dict[str, Any] = {}
    with opened(arguments.home) as deps:
        for place, folder in enumerate(arguments.sets):
            asked = question_files.load(folder)
            found = list(cases(deps, asked, arguments.sample))
            if not place:
                sides = {case.question: {half(document) for document in case.documents} for case in found}
                weights = fitted([case for case in found if sides[case.question] == {0}])
                told["fitted"], told["in use"] = weights.round(2).tolist(), list(support.WEIGHTS)
                print(f"fitted: {told['fitted']}, in use: {told['in use']} (constant, nearness, said)")
                found = [case for case in found if sides[case.question] == {1}]
            told |= report(asked.name, found)
    if arguments.json:
        arguments.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
