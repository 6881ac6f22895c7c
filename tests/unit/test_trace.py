"""A trace is stored with every answer and read back, however old it is."""

from __future__ import annotations

import json

from rag.trace import Stage, Trace

TRACE = Trace(
    question='"green tea" ovens -crackers',
    terms=("green", "tea", "oven"),
    phrases=("green tea",),
    excluded=("crackers",),
    documents=3,
    chunks=412,
    stages={Stage.DENSE: (((1, 4), 0.9), ((2, 0), 0.5)), Stage.BM25: (((2, 0), 3.25),), Stage.FUSED: (((1, 4), 0.7),)},
    seconds={"embed": 0.01, "dense": 0.2},
    embedder="an embedder",
    reranker="",
    notes=("The reranker did not answer.",),
)


def test_a_stored_trace_reads_back_as_it_was() -> None:
    assert Trace.from_json(json.loads(json.dumps(TRACE.as_json([])))) == TRACE


def test_a_trace_stored_before_a_field_was_added_still_opens() -> None:
    stored = TRACE.as_json([])
    for added in ("terms", "excluded", "embedder", "documents"):
        del stored[added]

    read = Trace.from_json(stored)

    assert (read.terms, read.excluded, read.embedder, read.documents) == ((), (), "", 0)
    assert read.stages == TRACE.stages
