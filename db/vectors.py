"""Vectors of the chunks, by embedding model: drafted in batches, published whole, side by side for as many models as there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg.rows import class_row

from db import Connection
from db.documents import Selection

MOST_DIMENSIONS = 4000  # of a halfvec that an HNSW index takes (pgvector 0.8)


@dataclass(frozen=True, kw_only=True)
class Model:
    """An embedding model that has, or had, vectors here."""

    id: int
    name: str
    dimensions: int
    documents: int  # of those the subject may see: published, with a vector for every chunk
    of: int  # published documents the subject may see


def model_id(connection: Connection, name: str, dimensions: int) -> int:
    """The number of an embedding model, which gets its own HNSW index when it is new."""
    row = connection.execute("select id from embedding_models where name = %s", [name]).fetchone()
    if row is None:
        row = connection.execute("select add_embedding_model(%s, %s)", [name, dimensions]).fetchone()
    assert row is not None  # noqa: S101 - the function always returns an id
    return int(row[0])


def dimensions(connection: Connection, name: str) -> int | None:
    """Of a model's vectors; None when it has none here."""
    row = connection.execute("select dimensions from embedding_models where name = %s", [name]).fetchone()
    return None if row is None else int(row[0])


def names(connection: Connection) -> list[str]:
    """The models known here, the latest first."""
    return [name for (name,) in connection.execute("select name from embedding_models order by id desc")]


def models(connection: Connection) -> list[Model]:
    """Every model, with how many of the documents that the subject may see it covers."""
    with connection.cursor(row_factory=class_row(Model)) as cursor:
        return cursor.execute(
            """select m.id, m.name, m.dimensions, count(d.id) filter (where m.id = any (d.embedded))::int as documents,
                      count(d.id)::int as of
               from embedding_models m left join documents d on d.n_chunks > 0 group by m.id order by m.id"""
        ).fetchall()


def covering(connection: Connection, selection: Selection, wanted: Sequence[str]) -> dict[str, int]:
    """Those of the models, by name, that hold a vector for every published chunk of the selection: what a search may rely on."""
    rows = connection.execute(
        """select m.name, m.id from embedding_models m
           where m.name = any (%(wanted)s) and not exists (
               select from documents d
               where d.n_chunks > 0 and not m.id = any (d.embedded)
                 and (%(collections)s::bigint[] is null or d.collection_id = any (%(collections)s))
                 and (%(documents)s::bigint[] is null or d.id = any (%(documents)s)))""",
        {"wanted": list(wanted), **selection.parameters},
    )
    return dict(rows.fetchall())


def lacking(connection: Connection, model: str) -> list[int]:
    """The published documents that the subject uploaded and that lack vectors of the model, the latest first."""
    rows = connection.execute(
        """select d.id from documents d
           where d.n_chunks > 0 and d.uploaded_by = current_subject()
             and not exists (select from embedding_models m where m.name = %s and m.id = any (d.embedded))
           order by d.id desc""",
        [model],
    )
    return [document_id for (document_id,) in rows]


def covered(connection: Connection, *, document_id: int, model: str) -> bool:
    """Whether a document has a vector of the model for every chunk."""
    row = connection.execute(
        "select exists (select from documents d join embedding_models m on m.id = any (d.embedded) where d.id = %s and m.name = %s)",
        [document_id, model],
    ).fetchone()
    return bool(row and row[0])


def note_error(connection: Connection, model: str, error: str) -> None:
    """Why the subject's last document could not be given the model's vectors; "" once one could."""
    if error:
        connection.execute(
            "insert into embedding_errors (model, error) values (%s, %s) on conflict (subject, model) do update set error = excluded.error",
            [model, error],
        )
    else:
        connection.execute("delete from embedding_errors where model = %s", [model])


def error(connection: Connection, model: str) -> str:
    """What was noted last; "" when all went well."""
    row = connection.execute("select error from embedding_errors where model = %s", [model]).fetchone()
    return str(row[0]) if row else ""


def embedded(connection: Connection, *, document_id: int, model: str) -> dict[int, bytes]:
    """Which chunks have a vector, drafted or else published: ord -> digest of the text it was computed from."""
    rows = connection.execute(
        """with model as (select id from embedding_models where name = %(model)s)
           select ord, coalesce(d.key, v.key)
           from (select ord, key from vector_drafts where document_id = %(document)s and model_id = (select id from model)) d
           full join (select ord, key from vectors where document_id = %(document)s and model_id = (select id from model)) v using (ord)
           where coalesce(d.key, v.key) is not null""",
        {"document": document_id, "model": model},
    )
    return {ord_: bytes(key) for ord_, key in rows}


def put_drafts(connection: Connection, *, document_id: int, model: int, rows: Iterable[tuple[int, bytes, NDArray[np.float32]]]) -> None:
    """Keep embeddings as they are computed: (ord, digest of the text, vector)."""
    with connection.cursor() as cursor:
        cursor.executemany(
            """insert into vector_drafts (collection_id, document_id, model_id, ord, key, vec)
               select collection_id, id, %s, %s, %s, %s from documents where id = %s
               on conflict (document_id, model_id, ord) do update set key = excluded.key, vec = excluded.vec""",
            [(model, ord_, key, HalfVector(vec), document_id) for ord_, key, vec in rows],
        )


def publish(connection: Connection, *, document_id: int, models: Sequence[str], chunks: int) -> None:
    """What these models drafted takes the place of what it replaces, and no other model has vectors of the document any more.

    Others were computed from texts that are replaced now. `chunks` is how many the document has.
    """
    connection.execute(
        """delete from vectors where document_id = %s and model_id not in (select id from embedding_models where name = any (%s))""",
        [document_id, list(models)],
    )
    connection.execute("update documents set embedded = '{}' where id = %s", [document_id])
    for model in models:
        add(connection, document_id=document_id, model=model, chunks=chunks)


def add(connection: Connection, *, document_id: int, model: str, chunks: int) -> bool:
    """What one model drafted becomes vectors of the document, beside those of other models; now it covers the document.

    False when the document is gone, or superseded.
    """
    row = connection.execute("select id from embedding_models where name = %s", [model]).fetchone()
    assert row is not None  # noqa: S101 - it has drafts
    which = {"document": document_id, "model": row[0], "chunks": chunks}
    covers = """update documents set embedded = array_append(array_remove(embedded, %(model)s::smallint), %(model)s::smallint)
                where id = %(document)s and status <> 'superseded'"""
    if connection.execute(covers, which).rowcount == 0:
        return False
    connection.execute(
        """delete from vectors v where document_id = %(document)s and model_id = %(model)s and (ord >= %(chunks)s or exists (
               select from vector_drafts d where d.document_id = %(document)s and d.model_id = %(model)s and d.ord = v.ord))""",
        which,
    )
    connection.execute(
        """insert into vectors (model_id, collection_id, document_id, ord, key, vec)
           select model_id, collection_id, document_id, ord, key, vec from vector_drafts
           where document_id = %(document)s and model_id = %(model)s order by ord""",
        which,
    )
    connection.execute("delete from vector_drafts where document_id = %(document)s and model_id = %(model)s", which)
    return True


def subjects(connection: Connection) -> list[str]:
    """Everyone who owns a collection."""
    return [subject for (subject,) in connection.execute("select * from subjects()")]


def forget(connection: Connection, model: int) -> None:
    """Delete a model's vectors and drafts of the documents that the subject may change."""
    # the documents' rows first, as everyone does, and in the order of their ids
    connection.execute("select from documents where %s::smallint = any (embedded) order by id for update", [model])
    connection.execute(
        "update documents set embedded = array_remove(embedded, %(model)s::smallint) where %(model)s::smallint = any (embedded)",
        {"model": model},
    )
    connection.execute("delete from vector_drafts where model_id = %s", [model])
    connection.execute("delete from vectors where model_id = %s", [model])


def drop_model(connection: Connection, model: int) -> None:
    """Drop a model that has no vectors left, and its index. Raises psycopg.errors.ForeignKeyViolation when somebody's are left."""
    connection.execute("select drop_embedding_model(%s::smallint)", [model])
