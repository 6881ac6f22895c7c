"""Page hit@k of a set of questions over its PDFs, at every stage, in one shared store.

    python bench/page_hits.py SET_FOLDER [--json OUT]

SET_FOLDER holds documents/*.pdf and questions.jsonl: {id, question, gold: [{document, page}]}, pages from 1. The documents must have been
ingested (`situate ingest SET_FOLDER/documents`). A question is hit at k when a gold page is among the first k distinct pages.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

from db.documents import Selection
from rag.deps import opened
from rag.search import search
from rag.settings import load
from rag.trace import Hit, Stage

CUTOFFS = (1, 5, 10, 20)
DEEP = 100  # chunks asked for, so that twenty distinct pages are among them


def pages_of(hits: tuple[Hit, ...]) -> list[tuple[str, int]]:
    """Distinct (document, page) in rank order."""
    found = [(hit.document, page) for hit in hits for page in range(hit.chunk.first_page, hit.chunk.last_page + 1)]
    return list(dict.fromkeys(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--misses", action="store_true", help="name the questions that no page was hit for at 20")
    arguments = parser.parse_args()
    questions = [json.loads(line) for line in (arguments.folder / "questions.jsonl").read_text("utf-8").splitlines()]
    rows = {}
    with opened(load()) as deps:
        deps.embedder.embed_query("warm")
        for stage in Stage:
            hit = dict.fromkeys(CUTOFFS, 0)
            seconds = []
            for question in questions:
                began = time.perf_counter()
                result = search(deps, deps.settings.subject, question["question"], selection=Selection(), top=DEEP, stage=stage)
                seconds.append(time.perf_counter() - began)
                # a document in the set is named with or without its ending
                gold = {(g["document"].removesuffix(".pdf"), g["page"]) for g in question["gold"]}
                pages = [(name.removesuffix(".pdf"), page) for name, page in pages_of(result.hits)]
                for k in CUTOFFS:
                    hit[k] += bool(gold & set(pages[:k]))
                if arguments.misses and stage is Stage.RERANKED and not gold & set(pages[:5]):
                    at = next((i for i, page in enumerate(pages, start=1) if page in gold), None)
                    print(f"not in the first 5: {question['question'][:110]} -> {sorted(gold)} (at {at})")
            rows[stage.value] = {f"hit@{k}": round(100 * n / len(questions), 1) for k, n in hit.items()} | {
                "median_seconds": round(statistics.median(seconds), 3)
            }
    print(f"{len(questions)} questions   " + "   ".join(f"hit@{k}" for k in CUTOFFS) + "   median s")
    for name, row in rows.items():
        print(f"{name:12} " + "   ".join(f"{value:6}" for value in row.values()))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2), "utf-8")


if __name__ == "__main__":
    main()
