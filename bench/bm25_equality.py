"""BM25 in SQL against the library bm25s, fed with the same terms: random and real corpora, random queries. Prints a table.

    python -m bench.bm25_equality --home FOLDER [SET ...] [--queries 200] [--json FILE]

FOLDER gets an embedded Postgres of its own (as root it must be one that other users may enter). SET is a folder with chunks.jsonl
{document, ord, text, context} or documents.jsonl {document, text, language}; each language is a corpus. For each query and a random choice
of limit, selection of documents or collections and restriction to chunks, every score must be that of bm25s within 1e-4, the order by score,
and no chunk that was left out better than the last; and the answer must be the same to the last bit when all terms are scored everywhere.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import bm25s
import numpy as np

from db import Connection, as_subject, embedded, migrate, open_pool, search
from db import chunks as chunk_rows
from db import collections as collection_rows
from db import documents as document_rows
from db.chunks import Posting
from db.documents import Selection
from db.search import Candidate, Key
from rag import text

SUBJECT = "local"
COLLECTIONS = 3
PIECE = 500  # characters

Bags = list[list[str]]
Paths = Counter[str]


def zipfian(rng: random.Random, chunks: int, *, vocabulary: int = 3000, longest: int = 200) -> Bags:
    weights = [1 / (rank + 2.7) for rank in range(vocabulary)]
    return [rng.choices([f"w{n}" for n in range(vocabulary)], weights, k=rng.randint(1, longest)) for _ in range(chunks)]


def chinese(rng: random.Random) -> Bags:
    characters = "公司净利润营业收入现金流量表资产负债股东权益第一二三四五六七八九十条款年度报告审计意见增长下降百分之"
    return [text.terms("".join(rng.choices([*characters, "，", "。"], k=rng.randint(5, 300)))) for _ in range(400)]


def identifiers(rng: random.Random) -> Bags:
    parts = [
        "Diff",
        "Executor",
        "parse",
        "query",
        "HTTP",
        "Server",
        "get",
        "set",
        "Index",
        "XYZ-123",
        "CVE-2024-1234",
        "v1.2.3",
        "a_b",
        "C++",
    ]
    return [text.terms(" ".join("".join(rng.choices(parts, k=rng.randint(1, 3))) for _ in range(rng.randint(3, 80)))) for _ in range(400)]


def made(rng: random.Random) -> Iterator[tuple[str, Bags]]:
    yield "Zipfian", zipfian(rng, 1500)
    yield "Chinese", chinese(rng)
    yield "identifiers", identifiers(rng)
    yield "two chunks", [["a", "b"], ["b"]]
    yield "tiny", zipfian(rng, 7, vocabulary=5, longest=6)
    yield "one document", zipfian(rng, 300, vocabulary=300)
    yield "equal chunks", [bag for bag in zipfian(rng, 12, vocabulary=40) for _ in range(50)]
    yield "very long chunks", zipfian(rng, 40, vocabulary=900, longest=20_000)
    yield "many repetitions", [bag * rng.randint(64, 400) for bag in zipfian(rng, 200, vocabulary=60, longest=8)]
    yield "a term in every chunk", [["all", "every", *bag] for bag in zipfian(rng, 800, vocabulary=500)]


def real(folders: Sequence[Path]) -> Iterator[tuple[str, Bags]]:
    """Each set's chunks with their contexts; texts in pieces of PIECE characters, each language a corpus of its own."""
    for folder in folders:
        if (folder / "chunks.jsonl").exists():
            yield folder.name, [text.terms(f"{chunk.get('context') or ''}\n{chunk['text']}") for chunk in rows(folder / "chunks.jsonl")]
            continue
        documents = rows(folder / "documents.jsonl")
        for language in sorted({d.get("language") or "" for d in documents}):
            texts = [d["text"] for d in documents if (d.get("language") or "") == language]
            pieces = [told[at : at + PIECE] for told in texts for at in range(0, len(told), PIECE)]
            yield f"{folder.name} {language}".strip(), [text.terms(piece) for piece in pieces]


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def store(connection: Connection, bags: Bags, sizes: Sequence[int]) -> dict[Key, list[str]]:
    """The corpus in documents of these sizes, in three collections by turns."""
    kept: dict[Key, list[str]] = {}
    at = 0
    for number, size in enumerate(sizes):
        collection = collection_rows.add_collection(connection, f"Collection {number % COLLECTIONS}")
        digest = hashlib.sha256(str(number).encode()).digest()
        document = document_rows.add_document(
            connection, collection_id=collection, filename=f"{number}.pdf", sha256=digest, content=b"%PDF"
        )
        assert document is not None
        counts = [Counter(bag) for bag in bags[at : at + size]]
        kept |= {(document, ord_): bag for ord_, bag in enumerate(bags[at : at + size])}
        at += size
        chunk_rows.publish(
            connection,
            document_id=document,
            models=[],
            lengths=[c.total() for c in counts],
            postings=[Posting(term=t, ord=i, tf=tf, length=c.total()) for i, c in enumerate(counts) for t, tf in c.items()],
        )
    return kept


class Reference:
    """bm25s over the chunks of one selection."""

    def __init__(self, bags: dict[Key, list[str]]) -> None:
        self.keys = list(bags)
        self.index = bm25s.BM25(k1=search.K1, b=search.B, method="lucene", dtype="float64")
        self.index.index(list(bags.values()), show_progress=False)

    def scores(self, query: Sequence[str]) -> dict[Key, float]:
        known = [term for term in dict.fromkeys(query) if term in self.index.vocab_dict]
        scores = self.index.get_scores(known) if known else np.zeros(len(self.keys))
        return {key: float(score) for key, score in zip(self.keys, scores, strict=True) if score > 0}


def wrong(found: Sequence[Candidate], expected: dict[Key, float], limit: int) -> bool:
    keys = {c.key for c in found}
    left_out = max((score for key, score in expected.items() if key not in keys), default=0.0)
    return (
        len(found) != min(limit, len(expected))
        or any(abs(c.score - expected.get(c.key, -1.0)) > 1e-4 for c in found)
        or [c.key for c in found] != [c.key for c in sorted(found, key=lambda c: (-c.score, c.key))]
        or (bool(found) and left_out > found[-1].score + 1e-4)
    )


def spied(paths: Paths) -> Callable[..., list[Candidate]]:
    """_led, counting how each answer was come by."""
    led = search._led  # noqa: SLF001 - the two phases are what is looked at

    def spy(connection: Connection, weights: Any, leading: int, **options: Any) -> list[Candidate]:
        paths["probes" if options.get("probe") else "all lead" if leading == len(weights) else "some lead"] += 1
        return led(connection, weights, leading, **options)

    return spy


def compare(connection: Connection, rng: random.Random, bags: Bags, sizes: Sequence[int], queries: int) -> tuple[int, Paths]:
    """How many queries were answered wrongly, and how many answers were come by in which way."""
    stored = store(connection, bags, sizes)
    documents = sorted({document for document, _ in stored})
    collections = [c.id for c in collection_rows.collections(connection)]
    home = {d.id: d.collection_id for d in document_rows.documents(connection)}
    some = tuple(rng.sample(documents, max(1, len(documents) // 3)))
    selections = [Selection(), Selection(), Selection(documents=some), Selection(collections=(collections[0],))]
    references = {
        selection: Reference(
            {
                key: bag
                for key, bag in stored.items()
                if key[0] in (selection.documents or documents) and home[key[0]] in (selection.collections or collections)
            }
        )
        for selection in set(selections)
    }
    vocabulary = sorted({term for bag in bags for term in bag})
    wrongs, paths = 0, Paths()
    for _ in range(queries):
        # as a person asks: words of one chunk, the commoner the likelier, beside any others
        query = rng.choices(rng.choice(bags), k=rng.randint(1, 12)) + rng.choices([*vocabulary, "absent"], k=rng.randint(0, 3))
        limit = rng.choice([1, 5, 20, 150])
        selection = rng.choice(selections)
        expected = references[selection].scores(query)
        only = rng.choices(list(stored), k=20) if rng.random() < 0.15 else None
        if only is not None:
            expected = {key: score for key, score in expected.items() if key in only}
        with mock.patch.object(search, "_led", spied(paths)), mock.patch.object(search, "FEW", rng.choice([0, 0, search.FEW])):
            found = search.bm25(connection, terms=query, selection=selection, limit=limit, only=only)
        paths["restricted"] += only is not None
        with mock.patch.object(search, "FEW", 10**12):
            at_once = search.bm25(connection, terms=query, selection=selection, limit=limit, only=only)
        wrongs += wrong(found, expected, limit) or found != at_once
    return wrongs, paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", type=Path)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--queries", type=int, default=200, help="of each corpus")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    server = embedded.start(arguments.home)
    told = []
    try:
        migrate.migrate(server.url)
        with open_pool(server.url) as pool:
            for name, bags in [*made(random.Random(1)), *real(arguments.sets)]:
                rng = random.Random(name)
                sizes = [len(bags)]
                while name != "one document" and sum(sizes[1:]) < len(bags) - 1:
                    sizes.append(min(rng.randint(1, 150), len(bags) - 1 - sum(sizes[1:])))
                    sizes[0] = len(bags) - sum(sizes[1:])
                with as_subject(pool, SUBJECT, snapshot=True) as connection, connection.transaction(force_rollback=True):
                    wrongs, paths = compare(connection, rng, bags, sizes, arguments.queries)
                told.append(
                    {"corpus": name, "chunks": len(bags), "documents": len(sizes), "queries": arguments.queries, "wrong": wrongs, **paths}
                )
                print(told[-1], flush=True)
    finally:
        server.leave()
    print(f"{sum(row['queries'] for row in told)} queries over {len(told)} corpora: {sum(row['wrong'] for row in told)} wrong")
    if arguments.json:
        arguments.json.write_text(json.dumps(told, indent=2, ensure_ascii=False), "utf-8")


if __name__ == "__main__":
    main()
