"""Retrieval in SQL: dense candidates, exact BM25 candidates, phrases. Row-level security decides what is seen.

Vectors and postings exist only for published documents, so nothing half-indexed can be found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
COMMON = 0.05  # a term in more than this share of the chunks is looked up only where it can still matter

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


# what the selection holds, summed from the rows that this transaction sees, and the weight of each term in it: Lucene's idf
_STATISTICS = sql.SQL("""
    stats as (select coalesce(sum(n_chunks), 0)::float8 as total, greatest(sum(total_len)::float8 / nullif(sum(n_chunks), 0), 1) as average
              from documents where n_chunks > 0 and (%(collections)s::bigint[] is null or collection_id = any (%(collections)s))
                and (%(documents)s::bigint[] is null or id = any (%(documents)s))),
    weights as (select term, df, ln(1 + (total - df + 0.5) / (df + 0.5)) as idf, total, average
                from stats cross join (
                    select term, sum(n)::float8 as df from postings
                    where term = any (%(terms)s) and (%(collections)s::bigint[] is null or collection_id = any (%(collections)s))
                      and (%(documents)s::bigint[] is null or document_id = any (%(documents)s)) group by term) frequencies)""")


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

    Exact for any selection and under concurrent writes: number of chunks, average length and document frequencies are summed from the rows
    this transaction sees. Terms must be unique. Two phases, as in MaxScore (Turtle and Flood 1995): the rare terms are scored everywhere;
    the common ones only in documents where they can still lift a chunk into the answer.
    """
    found_terms = connection.execute(
        sql.SQL("with {} select term, df, idf, total, average from weights order by term").format(_STATISTICS),
        {"terms": sorted(set(terms)), **selection.parameters},
    ).fetchall()
    if not found_terms:
        return []
    *_, total, average = found_terms[0]
    frequencies = {term: df for term, df, *_ in found_terms}
    idf = {term: weight for term, _, weight, *_ in found_terms}
    rare = [t for t in idf if frequencies[t] <= COMMON * total]
    common = [t for t in idf if frequencies[t] > COMMON * total]
    if rare and common and only is None:
        found = _two_phases(connection, rare=rare, common=common, idf=idf, average=average, selection=selection, limit=limit)
        if found is not None:
            return found
    return _one_phase(connection, terms=list(idf), idf=idf, average=average, selection=selection, limit=limit, only=only)


def matched(connection: Connection, *, keys: Sequence[Key], terms: Sequence[str], selection: Selection) -> dict[Key, list[Match]]:
    """Which of the terms each of these chunks holds, with what each gives to its BM25 score in this selection, the most first.

    In the transaction of the search itself the scores of a chunk add up to the one that bm25() gave it. Chunks without any are absent.
    """
    rows = connection.execute(
        sql.SQL(
            """with {},
               found as (
                   select k.document_id, k.ord, w.term, w.idf, w.average, p.ps[width_bucket((k.ord + 1::bigint << 40) - 1, p.ps)] as x
                   from unnest(%(key_documents)s::bigint[], %(key_ords)s::bigint[]) k (document_id, ord)
                   join documents d on d.id = k.document_id cross join weights w
                   join postings p on p.term = w.term collate "C" and p.collection_id = d.collection_id and p.document_id = k.document_id
                   where (%(collections)s::bigint[] is null or d.collection_id = any (%(collections)s))
                     and (%(documents)s::bigint[] is null or d.id = any (%(documents)s)))
               select document_id, ord, term, (x >> 20) & 1048575, idf,
                      idf * ((x >> 20) & 1048575) / (((x >> 20) & 1048575) + %(k1)s * (1 - %(b)s + %(b)s * (x & 1048575) / average)) as score
               from found where x >> 40 = ord order by 1, 2, score desc, term"""
        ).format(_STATISTICS),
        {
            "terms": sorted(set(terms)),
            "key_documents": [k[0] for k in keys],
            "key_ords": [k[1] for k in keys],
            "k1": K1,
            "b": B,
            **selection.parameters,
        },
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


def _one_phase(
    connection: Connection,
    *,
    terms: list[str],
    idf: dict[str, float],
    average: float,
    selection: Selection,
    limit: int,
    only: Sequence[Key] | None,
) -> list[Candidate]:
    rows = connection.execute(
        """with weights as (select * from unnest(%(terms)s::text[], %(idf)s::float8[]) w (term, idf)),
                wanted as (select * from unnest(%(only_documents)s::bigint[], %(only_ords)s::int[]) k (document_id, ord))
           select document_id, (x >> 40)::int as ord,
                  sum(w.idf * ((x >> 20) & 1048575)
                      / (((x >> 20) & 1048575) + %(k1)s * (1 - %(b)s + %(b)s * (x & 1048575) / %(average)s::float8))) as score
           from weights w join postings p on p.term = w.term collate "C", unnest(p.ps) x
           where (%(collections)s::bigint[] is null or collection_id = any (%(collections)s))
             and (%(documents)s::bigint[] is null or document_id = any (%(documents)s))
             and (not %(restricted)s or (document_id, (x >> 40)::int) in (select document_id, ord from wanted))
           group by 1, 2 order by score desc, 1, 2 limit %(limit)s""",
        {
            "terms": terms,
            "idf": [idf[t] for t in terms],
            "k1": K1,
            "b": B,
            "average": average,
            "limit": limit,
            "restricted": only is not None,
            "only_documents": [k[0] for k in only or ()],
            "only_ords": [k[1] for k in only or ()],
            **selection.parameters,
        },
    )
    return [Candidate(document_id=d, ord=o, score=s) for d, o, s in rows]


def _two_phases(
    connection: Connection,
    *,
    rare: list[str],
    common: list[str],
    idf: dict[str, float],
    average: float,
    selection: Selection,
    limit: int,
) -> list[Candidate] | None:
    """None when fewer than `limit` chunks hold a rare term: then the common ones decide, and only one phase is exact."""
    bound = sum(idf[t] for t in common)  # a term scores less than its idf, whatever its frequency and the chunk's length
    rows = connection.execute(
        """with rare as (select * from unnest(%(rare)s::text[], %(rare_idf)s::float8[]) w (term, idf)),
                common as (select * from unnest(%(common)s::text[], %(common_idf)s::float8[]) w (term, idf)),
                first as materialized (
                    select document_id, (x >> 40)::int as ord,
                           sum(w.idf * ((x >> 20) & 1048575)
                               / (((x >> 20) & 1048575) + %(k1)s * (1 - %(b)s + %(b)s * (x & 1048575) / %(average)s::float8))) as score
                    from rare w join postings p on p.term = w.term collate "C", unnest(p.ps) x
                    where (%(collections)s::bigint[] is null or collection_id = any (%(collections)s))
                      and (%(documents)s::bigint[] is null or document_id = any (%(documents)s))
                    group by 1, 2),
                bar as (select count(*) as n, min(score) as score from (select score from first order by score desc limit %(limit)s) best),
                kept as materialized (select f.* from first f, bar where f.score + %(bound)s >= bar.score),
                second as (
                    select document_id, (x >> 40)::int as ord,
                           sum(w.idf * ((x >> 20) & 1048575)
                               / (((x >> 20) & 1048575) + %(k1)s * (1 - %(b)s + %(b)s * (x & 1048575) / %(average)s::float8))) as score
                    from common w cross join (select distinct document_id from kept) k
                    join lateral (select p.ps from postings p where p.term = w.term collate "C" and p.document_id = k.document_id) p on true,
                         unnest(p.ps) x
                    group by 1, 2)
           select k.document_id, k.ord, k.score + coalesce(s.score, 0) as score, bar.n, bar.score
           from bar left join kept k on true left join second s using (document_id, ord)
           order by 3 desc nulls last, 1, 2 limit %(limit)s""",
        {
            "rare": rare,
            "rare_idf": [idf[t] for t in rare],
            "common": common,
            "common_idf": [idf[t] for t in common],
            "bound": bound,
            "k1": K1,
            "b": B,
            "average": average,
            "limit": limit,
            **selection.parameters,
        },
    ).fetchall()
    if not rows or rows[0][3] < limit:
        return None
    # a chunk with common terms only scores at most the bound: it must not be able to enter
    if bound >= rows[-1][2]:
        return None
    return [Candidate(document_id=d, ord=o, score=s) for d, o, s, _, _ in rows]
