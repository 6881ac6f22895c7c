"""Retrieval in SQL: dense candidates, exact BM25 candidates, phrases. Row-level security decides what is seen.

Vectors and postings exist only for published documents, so nothing half-indexed can be found.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg import sql

from db import Connection
from db.documents import Selection

K1 = 1.2
B = 0.75
EXACT_SCAN = 20_000  # chunks; up to here an exact scan beats HNSW in time and recall
# Only speed depends on these three; measured with bench/scale.py.
FEW = 10_000  # postings; a query that has no more of them is scored from all at once
PROBED = 50  # a probe reads about this part of a query's postings
LOOK_UP = 2.0  # what finding one chunk's posting costs beside reading the next one
FIXED = 1 << 25  # BM25 is added up in whole numbers of 1/FIXED: no sum depends on its order, and what is equal ties

Key = tuple[int, int]  # document_id, ord


@dataclass(frozen=True, kw_only=True)
class Candidate:
    document_id: int
    ord: int
    score: float  # cosine similarity, or BM25

    @property
    def key(self) -> Key:
        return self.document_id, self.ord


@dataclass(frozen=True, kw_only=True)
class Match:
    """What one query term gives to one chunk's BM25 score."""

    term: str
    tf: int  # occurrences in the chunk
    idf: float
    score: float  # the scores of a chunk's terms add up to its BM25 score


def dense(
    connection: Connection,
    *,
    model: int,
    vector: NDArray[np.float32],
    selection: Selection,
    limit: int,
    exact: bool,
    only: Sequence[Key] | None = None,
) -> list[Candidate]:
    """The nearest chunks by cosine similarity, best first: an exact scan, or HNSW (Malkov and Yashunin 2016) with iterative scanning.

    `only` restricts the answer to these chunks (those that hold a quoted phrase).
    """
    # model and dimensions are written into the statement: a parameter would lose the partial index under a generic plan
    distance = sql.SQL("v.vec::halfvec({}) <=> %(vector)s").format(sql.Literal(len(vector)))
    if exact or only is not None:
        order = sql.SQL("({}) + 0").format(distance)  # an expression that no index serves
    else:
        order = distance
        connection.execute("set local hnsw.ef_search = 200; set local hnsw.iterative_scan = relaxed_order")
    restriction = (
        sql.SQL("")
        if only is None
        else sql.SQL("and (v.document_id, v.ord) in (select * from unnest(%(only_documents)s::bigint[], %(only_ords)s::int[]))")
    )
    statement = sql.SQL(
        """select v.document_id, v.ord, 1 - ({distance}) as score from vectors v
           where v.model_id = {model} and (%(collections)s::bigint[] is null or v.collection_id = any (%(collections)s))
             and (%(documents)s::bigint[] is null or v.document_id = any (%(documents)s)) {restriction}
           order by {order} limit %(limit)s"""
    ).format(distance=distance, model=sql.Literal(model), restriction=restriction, order=order)
    parameters: dict[str, Any] = {"vector": HalfVector(vector), "limit": limit, **selection.parameters}
    if only is not None:
        parameters |= {"only_documents": [k[0] for k in only], "only_ords": [k[1] for k in only]}
    found = [Candidate(document_id=d, ord=o, score=s) for d, o, s in connection.execute(statement, parameters)]
    return sorted(found, key=lambda c: (-c.score, c.document_id, c.ord))


def bm25(
    connection: Connection, *, terms: Sequence[str], selection: Selection, limit: int, only: Sequence[Key] | None = None
) -> list[Candidate]:
    """The best chunks by BM25 (Robertson and Zaragoza 2009, section 3.4, as Lucene computes it), OR semantics, best first, ties by document and ordinal.

    Number of chunks, average length and document frequencies are summed from the rows that the transaction sees, so they are exact for any
    selection and under concurrent writes; the transaction must be one of a single snapshot. A repeated term counts once. `only` restricts
    the answer to these chunks.

    As in MaxScore (Turtle and Flood 1995), the rarest terms lead: they are scored wherever they occur, the others only in chunks that the
    leading ones may lift into the answer. What a chunk needs to enter is first learnt from a few chunks that hold the rarest.
    """
    weights, slope = _weights(connection, terms, selection)
    if not weights:
        return []
    if only is not None:
        return _among(connection, only, weights=weights, slope=slope, selection=selection, limit=limit)
    score = partial(_led, connection, weights, slope=slope, selection=selection, limit=limit)
    reach = list(accumulate(w.df for w in weights))  # postings of the rarest so many terms
    if reach[-1] <= FEW:
        return score(len(weights))
    needed = max(limit, reach[-1] // PROBED)
    while needed < reach[-1]:
        probed = score(bisect_left(reach, needed) + 1, probe=True)
        if len(probed) == limit:
            entry = probed[-1].score
            return score(_cheapest(weights, reach, entry), entry=entry)
        needed *= 4
    return score(len(weights))


def matched(connection: Connection, *, keys: Sequence[Key], terms: Sequence[str], selection: Selection) -> dict[Key, list[Match]]:
    """Which of the terms each of these chunks holds, with what each gives to its BM25 score in this selection, the most first.

    In the snapshot of the search the scores of a chunk add up to the one that bm25() gave it. Chunks without any are absent.
    """
    rows = connection.execute(
        sql.SQL(
            """with {statistics}, others as (select term, idf * {fixed} as weight, idf, slope from statistics), {places}, {entries}
               select document_id, ord, term, (x >> 20) & 1048575, idf, {gain} / {fixed}::float8 as score
               from entries order by 1, 2, score desc, term"""
        ).format(statistics=_STATISTICS, places=_PLACES, entries=_ENTRIES, gain=_GAIN, fixed=FIXED),
        {"terms": sorted(set(terms)), **_columns(keys), **selection.parameters},
    )
    matches: dict[Key, list[Match]] = {}
    for document, ord_, term, tf, idf, score in rows:
        matches.setdefault((document, ord_), []).append(Match(term=term, tf=tf, idf=idf, score=score))
    return matches


def with_phrases(connection: Connection, *, terms: Sequence[str], phrases: Sequence[str], selection: Selection) -> list[Key]:
    """The published chunks that hold every phrase (a tsquery each): the postings of `terms` find them, the positional tsvector decides.

    `terms` are those that any such chunk is sure to have; without any, every chunk of the selection is looked at.
    """
    rows = connection.execute(
        """with holders as materialized (
               select document_id, (x >> 40)::int as ord from postings, unnest(ps) x
               where term = any (%(terms)s) and (%(collections)s::bigint[] is null or collection_id = any (%(collections)s))
                 and (%(documents)s::bigint[] is null or document_id = any (%(documents)s))
               group by 1, 2 having count(*) = cardinality(%(terms)s::text[])
               union all
               select c.document_id, c.ord from chunks c join documents d on d.id = c.document_id
               where cardinality(%(terms)s::text[]) = 0 and d.n_chunks > 0
                 and (%(collections)s::bigint[] is null or c.collection_id = any (%(collections)s))
                 and (%(documents)s::bigint[] is null or c.document_id = any (%(documents)s)))
           select c.document_id, c.ord from holders h join chunks c using (document_id, ord)
           where (select bool_and(c.words @@ q::tsquery) from unnest(%(phrases)s::text[]) q)
           order by 1, 2""",
        {"terms": list(terms), "phrases": list(phrases), **selection.parameters},
    )
    return [(d, o) for d, o in rows]


def holding(connection: Connection, *, keys: Sequence[Key], queries: Sequence[str]) -> set[Key]:
    """Those of the chunks whose words match any of the tsqueries."""
    rows = connection.execute(
        """select c.document_id, c.ord from unnest(%s::bigint[], %s::int[]) k (document_id, ord) join chunks c using (document_id, ord)
           where exists (select from unnest(%s::text[]) q where c.words @@ q::tsquery)""",
        [[k[0] for k in keys], [k[1] for k in keys], list(queries)],
    )
    return {(d, o) for d, o in rows}


@dataclass(frozen=True, kw_only=True)
class _Weight:
    """A query term in a selection."""

    term: str
    df: int  # chunks that hold it
    idf: float

    @property
    def bound(self) -> float:
        """What it gives to a chunk at most."""
        return ceil(self.idf * FIXED) / FIXED


# the terms that the selection holds, with Lucene's idf; `slope` is what each term of a chunk's length adds to its norm
_STATISTICS = sql.SQL(
    """total as (select coalesce(sum(n_chunks), 0)::float8 as n,
                        {slope}::float8 / greatest(sum(total_len)::float8 / nullif(sum(n_chunks), 0), 1) as slope
                 from documents where n_chunks > 0 and (%(collections)s::bigint[] is null or collection_id = any (%(collections)s))
                   and (%(documents)s::bigint[] is null or id = any (%(documents)s))),
       statistics as (select term, df, ln(1 + (n - df + 0.5) / (df + 0.5)) as idf, slope
                      from total cross join (
                          select term, sum(n)::float8 as df from postings
                          where term = any (%(terms)s) and (%(collections)s::bigint[] is null or collection_id = any (%(collections)s))
                            and (%(documents)s::bigint[] is null or document_id = any (%(documents)s)) group by term) frequencies)"""
).format(slope=K1 * B)
# what the posting x gives, in units of 1/FIXED as `weight` is
_GAIN = sql.SQL("(weight * ((x >> 20) & 1048575) / (((x >> 20) & 1048575) + {norm}::float8 + slope * (x & 1048575)))::int").format(
    norm=K1 * (1 - B)
)
# given chunks by document
_PLACES = sql.SQL(
    """places as (select d.collection_id, d.id as document_id, array_agg(distinct k.ord) as ords
                  from unnest(%(key_documents)s::bigint[], %(key_ords)s::bigint[]) k (document_id, ord) join documents d on d.id = k.document_id
                  where (%(collections)s::bigint[] is null or d.collection_id = any (%(collections)s))
                    and (%(documents)s::bigint[] is null or d.id = any (%(documents)s)) group by d.id)"""
)
# the postings x of the terms in `others` for the chunks in `places`: postings stand in the order of ordinals, so a binary search finds each.
# `offset 0` keeps each look-up in its place: without statistics, right after a first upload, the planner would begin at the wrong end.
_ENTRIES = sql.SQL(
    """entries as (select o.*, document_id, ord, x
                   from places cross join others o
                       cross join lateral (
                           select p.ps || '{}' as ps from postings p
                           where p.term = o.term collate "C" and p.collection_id = places.collection_id
                             and p.document_id = places.document_id offset 0) unpacked
                       cross join unnest(ords) ord
                       cross join lateral (select unpacked.ps[width_bucket((ord + 1 << 40) - 1, unpacked.ps)] as x offset 0) entry
                   where x >> 40 = ord)"""
)


def _weights(connection: Connection, terms: Sequence[str], selection: Selection) -> tuple[list[_Weight], float]:
    """The terms that the selection holds, the rarest first, and the slope."""
    rows = connection.execute(
        sql.SQL("with {} select term, df, idf, slope from statistics order by df, term").format(_STATISTICS),
        {"terms": sorted(set(terms)), **selection.parameters},
    ).fetchall()
    return [_Weight(term=term, df=int(df), idf=idf) for term, df, idf, _ in rows], rows[0][3] if rows else 0.0


def _cheapest(weights: Sequence[_Weight], reach: Sequence[int], entry: float) -> int:
    """How many terms must lead, at the least work, so that no chunk without them scores `entry`."""
    work = {}
    rest = 0.0
    for leading in range(len(weights), 0, -1):
        if rest >= entry:
            break
        # chunks that one leading term may lift into the answer, with the others' help; with two there are fewer
        lifted = bisect_left(weights, rest - entry, key=lambda w: -w.bound) if rest else 0
        work[leading] = reach[leading - 1] + LOOK_UP * (len(weights) - leading) * (reach[lifted - 1] if lifted else 0)
        rest += weights[leading - 1].bound
    return min(work, key=lambda leading: work[leading])


def _led(
    connection: Connection,
    weights: Sequence[_Weight],
    leading: int,
    *,
    slope: float,
    selection: Selection,
    limit: int,
    entry: float = 0.0,
    probe: bool = False,
) -> list[Candidate]:
    """The best of the chunks that hold one of the first `leading` terms and may score `entry` or more.

    A probe scores only those that have the most from the leading terms: good ones, if not the best.
    """
    rows = connection.execute(
        sql.SQL(
            """with leaders as (select term, weight, %(slope)s as slope from unnest(%(leaders)s::text[], %(leader_weights)s::float8[]) l (term, weight)),
                    others as (select term, weight, %(slope)s as slope from unnest(%(others)s::text[], %(other_weights)s::float8[]) o (term, weight)),
                    kept as materialized (
                        select document_id, x >> 40 as ord, sum({gain}) as score
                        from (select document_id, weight, slope, unnest(ps) as x
                              from leaders l cross join lateral (
                                  select document_id, ps from postings p
                                  where p.term = l.term collate "C"
                                    and (%(collections)s::bigint[] is null or collection_id = any (%(collections)s))
                                    and (%(documents)s::bigint[] is null or document_id = any (%(documents)s)) offset 0) held) postings
                        group by 1, 2 having sum({gain}) >= %(least)s {probe}),
                    places as (
                        select d.collection_id, d.id as document_id, array_agg(ord) as ords
                        from kept join documents d on d.id = kept.document_id group by d.id),
                    {entries}
               select document_id, ord, sum(score) / {fixed}::float8
               from (select document_id, ord, score from kept union all select document_id, ord, {gain} from entries) scores
               group by 1, 2 order by 3 desc, 1, 2 limit %(limit)s"""
        ).format(
            entries=_ENTRIES, gain=_GAIN, fixed=FIXED, probe=sql.SQL("order by score desc limit 4 * %(limit)s") if probe else sql.SQL("")
        ),
        {
            "leaders": [w.term for w in weights[:leading]],
            "leader_weights": [w.idf * FIXED for w in weights[:leading]],
            "others": [w.term for w in weights[leading:]],
            "other_weights": [w.idf * FIXED for w in weights[leading:]],
            "least": ceil((entry - sum(w.bound for w in weights[leading:])) * FIXED),
            "slope": slope,
            "limit": limit,
            **selection.parameters,
        },
    )
    return [Candidate(document_id=d, ord=o, score=s) for d, o, s in rows]


def _among(
    connection: Connection, keys: Sequence[Key], *, weights: Sequence[_Weight], slope: float, selection: Selection, limit: int
) -> list[Candidate]:
    """The best of these chunks that hold a term."""
    rows = connection.execute(
        sql.SQL(
            """with others as (select term, weight, %(slope)s as slope from unnest(%(others)s::text[], %(other_weights)s::float8[]) o (term, weight)),
                    {places}, {entries}
               select document_id, ord, sum({gain}) / {fixed}::float8 from entries group by 1, 2 order by 3 desc, 1, 2 limit %(limit)s"""
        ).format(places=_PLACES, entries=_ENTRIES, gain=_GAIN, fixed=FIXED),
        {
            "others": [w.term for w in weights],
            "other_weights": [w.idf * FIXED for w in weights],
            "slope": slope,
            "limit": limit,
            **_columns(keys),
            **selection.parameters,
        },
    )
    return [Candidate(document_id=d, ord=o, score=s) for d, o, s in rows]


def _columns(keys: Sequence[Key]) -> dict[str, list[int]]:
    return {"key_documents": [k[0] for k in keys], "key_ords": [k[1] for k in keys]}
