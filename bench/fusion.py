"""Reciprocal rank fusion against score sums, by weight of the dense list. Prints a table per set and language.

    python -m bench.fusion SET [SET ...] [--questions 150] [--json FILE]

Sets and metrics are those of bench/late_interaction.py; figures are differences to equal-weight reciprocal rank fusion on the same
questions, with 95 % bootstrap intervals.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.late_interaction import METRICS, Case, cases, interval, load, metrics, rows
from rag import fusion
from rag.providers.e5 import E5

Rule = Callable[[Case], dict[int, float]]

DENSE_WEIGHTS = (1.0, 1.5, 7 / 3, 4.0)  # of the dense list beside BM25's 1; 4 is what Anthropic's notebook uses


def ranks(weight: float) -> Rule:
    return lambda case: fusion.reciprocal_rank_fusion([(weight, list(case.dense)), (1.0, list(case.bm25))])


def scores(weight: float) -> Rule:
    return lambda case: fusion.score_sum([(weight, case.dense), (1.0, case.bm25)])


RULES = {f"ranks, dense x {w:.2g}": ranks(w) for w in DENSE_WEIGHTS} | {f"scores, dense x {w:.2g}": scores(w) for w in DENSE_WEIGHTS}


def order(fused: dict[int, float]) -> list[int]:
    return sorted(fused, key=lambda key: (-fused[key], key))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--questions", type=int, default=150, help="at most, per set and language; 0 for all")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    e5 = E5()
    told: dict[str, dict[str, dict[str, float]]] = {}
    for folder in arguments.sets:
        every = rows(folder / "questions.jsonl")
        for language in sorted({q.get("language") for q in every}, key=str):
            asked = [q for q in every if q.get("language") == language and q["gold"]]
            chosen = np.random.default_rng(0).permutation(len(asked))[: arguments.questions or None]
            measured = cases(e5, load(folder, language), [asked[i] for i in sorted(chosen)])
            name = f"{folder.name} {language or ''}".strip()
            table = {rule: np.array([metrics(order(fuse(case)), case.gold) for case in measured]) for rule, fuse in RULES.items()}
            base = next(iter(table.values()))
            print(f"\n{name}: {len(measured)} questions\n{'':22}" + "".join(f"{metric:>32}" for metric in METRICS))
            for rule, values in table.items():
                cells = []
                for column in range(len(METRICS)):
                    low, high = interval(values[:, column] - base[:, column])
                    gain = values[:, column].mean() - base[:, column].mean()
                    cells.append(f"{100 * values[:, column].mean():8.1f} {100 * gain:+6.2f} [{100 * low:+6.2f},{100 * high:+6.2f}]")
                print(f"{rule:22}" + "".join(f"{cell:>32}" for cell in cells))
            told[name] = {rule: dict(zip(METRICS, values.mean(axis=0).round(4).tolist(), strict=True)) for rule, values in table.items()}
    if arguments.json:
        arguments.json.write_text(json.dumps(told, indent=2), "utf-8")


if __name__ == "__main__":
    main()
