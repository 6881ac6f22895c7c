"""Does late interaction help, and which variant? Prints a table per set and language, and writes the same as JSON.

    python -m bench.late_interaction SET [SET ...] [--questions 150] [--depth 30] [--json FILE]

SET is a folder with questions.jsonl and chunks.jsonl {document, ord, text, context} or documents.jsonl {document, title, text}; documents
are cut into chunks of whole sentences, with the title as their context. For each question the first 150 of dense and of BM25 (the library
bm25s) are fused by reciprocal ranks; the first `depth` are reranked. Each variant is compared with the fused order on the same questions:
mean difference, and its 95 % bootstrap interval.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
from numpy.typing import NDArray

from rag import fusion, text
from rag.providers.e5 import E5, States
from rag.providers.late_interaction import score, unit

LISTED = 150  # candidates of each list
CHUNK = {"en": 600, "zh": 300}  # characters
SAMPLES = 2000  # of the bootstrap
METRICS = ("recall@5", "recall@20", "nDCG@10")

Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A chunk of a set."""

    document: str
    ord: int
    text: str
    indexed: str  # context and text


@dataclass(frozen=True, kw_only=True)
class Case:
    """One question with its lists and, for each gold item, the chunks that hold it."""

    gold: tuple[frozenset[int], ...]
    dense: dict[int, float]  # chunk -> score, best first
    bm25: dict[int, float]
    fused: tuple[tuple[int, float], ...]
    query: States


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def cut(whole: str, size: int) -> list[str]:
    """Chunks of whole sentences, of about `size` characters."""
    chunks = [""]
    for sentence in re.split(r"(?<=[。！？；\n])|(?<=[.!?] )", whole):
        if chunks[-1] and len(chunks[-1]) + len(sentence) > size:
            chunks.append("")
        chunks[-1] += sentence
    return [chunk for chunk in chunks if chunk.strip()]


def load(folder: Path, language: str | None) -> list[Piece]:
    if (folder / "chunks.jsonl").exists():
        given = rows(folder / "chunks.jsonl")
        return [
            Piece(document=c["document"], ord=c["ord"], text=c["text"], indexed=f"{c.get('context') or ''}\n{c['text']}") for c in given
        ]
    documents = [d for d in rows(folder / "documents.jsonl") if language in (None, d.get("language"))]
    return [
        Piece(document=d["document"], ord=n, text=chunk, indexed=f"{d.get('title') or ''}\n{chunk}")
        for d in documents
        for n, chunk in enumerate(cut(d["text"], CHUNK[text.language(d["text"])]))
    ]


def holders(gold: dict[str, Any], pieces: Sequence[Piece], bags: Sequence[frozenset[str]]) -> frozenset[int]:
    """The chunks that hold a gold item: its ordinal, or 70 % of its quote's terms."""
    same = [n for n, piece in enumerate(pieces) if piece.document == gold["document"]]
    if "ord" in gold:
        return frozenset(n for n in same if pieces[n].ord == gold["ord"])
    quote = frozenset(text.terms(gold["quote"]))
    return frozenset(n for n in same if quote and len(quote & bags[n]) >= 0.7 * len(quote))


def cases(e5: E5, pieces: Sequence[Piece], questions: Sequence[dict[str, Any]]) -> list[Case]:
    vectors = e5.embed_documents([piece.indexed for piece in pieces])
    bags = [frozenset(text.terms(piece.text)) for piece in pieces]
    index = bm25s.BM25(k1=1.2, b=0.75)
    index.index([text.terms(piece.indexed) for piece in pieces], show_progress=False)
    found = []
    for question in questions:
        asked = question["question"]
        similarities = vectors @ e5.embed_query(asked)
        dense = np.argsort(-similarities)[:LISTED].tolist()
        terms = [term for term in dict.fromkeys(text.terms(asked)) if term in index.vocab_dict]
        scores = index.get_scores(terms) if terms else np.zeros(len(pieces))
        bm25 = [n for n in np.argsort(-scores)[:LISTED].tolist() if scores[n] > 0]
        fused = fusion.reciprocal_rank_fusion([(1.0, dense), (1.0, bm25)])
        found.append(
            Case(
                gold=tuple(holders(gold, pieces, bags) for gold in question["gold"]),
                dense={n: float(similarities[n]) for n in dense},
                bm25={n: float(scores[n]) for n in bm25},
                fused=tuple((key, fused[key]) for key in fusion.order(fused)),
                query=e5.query_states(asked),
            )
        )
    return [case for case in found if case.gold]


def metrics(order: Sequence[int], gold: Sequence[frozenset[int]]) -> tuple[float, float, float]:
    """recall@5, recall@20 and nDCG@10; a chunk gains once, a gold item is found once."""
    gain, seen = 0.0, set[int]()
    for rank, key in enumerate(order[:10], start=1):
        new = {n for n, keys in enumerate(gold) if key in keys} - seen
        gain += bool(new) / np.log2(rank + 1)
        seen |= new
    ideal = sum(1 / np.log2(rank + 1) for rank in range(1, min(10, len(gold)) + 1))
    at5, at20 = (sum(any(key in keys for key in order[:k]) for keys in gold) / len(gold) for k in (5, 20))
    return at5, at20, gain / ideal


Scorer = Callable[[Case, Sequence[States]], list[float]]


def scorers(e5: E5, states: Sequence[States]) -> dict[str, Scorer]:
    """What a passage scores, by name: the states' centre taken off or not, and each token's weight."""
    nothing = np.zeros(e5.dimensions, np.float32)
    corpus = np.concatenate([s.vectors for s in states]).mean(axis=0)
    frequencies = Counter(token for s in states for token in set(s.tokens.tolist()))

    def vocabulary(query: States) -> Array:
        return -e5.log_probabilities(query.tokens)

    def document_frequency(query: States) -> Array:
        held = np.array([frequencies[token] for token in query.tokens.tolist()], np.float32)
        return np.log((len(states) + 1) / (held + 0.5))

    def alike(query: States) -> Array:
        return np.ones(len(query.tokens), np.float32)

    def variant(centre: Array | None, weight: Callable[[States], Array]) -> Scorer:
        def scored(case: Case, candidates: Sequence[States]) -> list[float]:
            off = np.concatenate([c.vectors for c in candidates]).mean(axis=0) if centre is None else centre
            words = np.array([any(map(str.isalnum, piece)) for piece in e5.pieces(case.query.tokens)])
            weights, asked = weight(case.query) * words, unit(case.query.vectors - off)
            return [score(asked, weights, c.vectors - off) for c in candidates]

        return scored

    return {
        "as built: vocabulary weights": variant(nothing, vocabulary),
        "equal weights": variant(nothing, alike),
        "document frequencies": variant(nothing, document_frequency),
        "vocabulary, less the candidates' mean": variant(None, vocabulary),
        "vocabulary, less the corpus mean": variant(corpus, vocabulary),
        "document frequencies, less the corpus mean": variant(corpus, document_frequency),
    }


def z(scores: Sequence[float]) -> NDArray[np.float64]:
    values = np.array(scores, np.float64)
    standard: NDArray[np.float64] = (values - values.mean()) / (values.std() or 1)
    return standard


def join(how: str, fused: Sequence[float], scores: Sequence[float]) -> list[int]:
    """Candidates, by their place in the fused list, in their new order."""
    total = z(scores)
    if how == "z-scores summed":
        total = z(fused) + total
    elif how == "ranks fused":
        rank = np.argsort(np.argsort(-total))
        total = 1 / (fusion.RRF_K + 1 + rank) + 1 / (fusion.RRF_K + 1 + np.arange(len(scores)))
    return [int(place) for place in np.argsort(-total, kind="stable")]


def interval(differences: NDArray[np.float64]) -> tuple[float, float]:
    generator = np.random.default_rng(0)
    means = differences[generator.integers(0, len(differences), (SAMPLES, len(differences)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def measure(e5: E5, name: str, pieces: Sequence[Piece], questions: Sequence[dict[str, Any]], depth: int) -> dict[str, Any]:
    found = cases(e5, pieces, questions)
    wanted = sorted({key for case in found for key, _ in case.fused[:depth]})
    clock = time.perf_counter()
    states = dict(zip(wanted, e5.document_states([pieces[key].indexed for key in wanted]), strict=True))
    tokens = sum(len(s.tokens) for s in states.values())
    pace = (time.perf_counter() - clock) / max(1, tokens)
    results: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    built = scorers(e5, list(states.values()))
    for case in found:
        head, rest = case.fused[:depth], [key for key, _ in case.fused[depth:]]
        results.setdefault(("not reranked", ""), []).append(metrics([key for key, _ in case.fused], case.gold))
        for label, scored in built.items():
            scores = scored(case, [states[key] for key, _ in head])
            joins = ("z-scores summed", "ranks fused", "alone") if label.startswith("as built") else ("z-scores summed",)
            for how in joins:
                order = [head[place][0] for place in join(how, [value for _, value in head], scores)]
                results.setdefault((label, how), []).append(metrics(order + rest, case.gold))
    base = np.array(results["not reranked", ""])
    print(f"\n{name}: {len(pieces)} chunks, {len(found)} questions, {depth} candidates; states of 30 x 300 tokens: {pace * 9000:.1f} s")
    print(f"{'variant':46}{'joined by':18}" + "".join(f"{metric:28}" for metric in METRICS))
    table = []
    for (label, how), values in results.items():
        mean, difference = np.array(values).mean(axis=0) * 100, (np.array(values) - base) * 100
        intervals = [interval(difference[:, n]) for n in range(3)]
        cells = [f"{m:5.1f}  {d:+5.2f} [{a:+5.2f}, {b:+5.2f}]" for m, d, (a, b) in zip(mean, difference.mean(0), intervals, strict=True)]
        print(f"{label:46}{how:18}" + "".join(f"{cell:28}" for cell in cells))
        row: dict[str, Any] = {"variant": label, "joined_by": how}
        row |= {metric: [round(float(mean[n]), 2), *(round(x, 2) for x in intervals[n])] for n, metric in enumerate(METRICS)}
        table.append(row)
    return {
        "set": name,
        "chunks": len(pieces),
        "questions": len(found),
        "depth": depth,
        "seconds_30x300": round(pace * 9000, 2),
        "rows": table,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("sets", nargs="+", type=Path)
    parser.add_argument("--questions", type=int, default=150, help="at most, per set and language; 0 for all")
    parser.add_argument("--depth", type=int, default=30)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    e5 = E5()
    reports = []
    for folder in given.sets:
        asked = [question for question in rows(folder / "questions.jsonl") if question["gold"]]
        for language in sorted({question.get("language") or "" for question in asked}):
            own = [question for question in asked if (question.get("language") or "") == language]
            sample = [own[n] for n in np.random.default_rng(0).permutation(len(own))[: given.questions or None]]
            reports.append(measure(e5, f"{folder.name} {language}".strip(), load(folder, language or None), sample, given.depth))
    if given.json:
        given.json.write_text(json.dumps(reports, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
