"""BM25 while others write: four writers publish, re-publish and delete documents, four readers check every score. Prints what was wrong.

    python -m bench.bm25_concurrency --home FOLDER [--seconds 60]

FOLDER gets an embedded Postgres of its own (as root it must be one that other users may enter). A reader asks its query and then reads all
postings in the same transaction; the library bm25s, fed with these, must give the same scores. Before that, for a sixth of the time, the same
without the transaction's single snapshot: that some of it is then wrong shows that the check can fail.
"""

from __future__ import annotations

import argparse
import random
import secrets
import threading
import time
from collections import Counter
from pathlib import Path

import psycopg

from bench.bm25_equality import SUBJECT, Reference, wrong, zipfian
from db import Connection, Pool, as_subject, embedded, migrate, open_pool, search
from db import chunks as chunk_rows
from db import collections as collection_rows
from db import documents as document_rows
from db import versions as version_rows
from db.chunks import Posting
from db.documents import Selection
from db.search import Key

WRITERS = READERS = 4
DOCUMENTS = 30  # about so many at any time


def write(pool: Pool, seed: int, stop: threading.Event, counts: Counter[str]) -> None:
    """Add, situate again (which replaces the postings) or delete a document of one's own or another's, again and again."""
    rng = random.Random(seed)
    while not stop.is_set():
        with as_subject(pool, SUBJECT) as connection:
            present = document_rows.documents(connection)
        try:
            with as_subject(pool, SUBJECT) as connection:
                if len(present) < DOCUMENTS or rng.random() < 0.2:
                    collection = collection_rows.add_collection(connection, "Library")
                    document = document_rows.add_document(
                        connection,
                        collection_id=collection,
                        filename=f"{secrets.token_hex(8)}.pdf",
                        sha256=secrets.token_bytes(32),
                        content=b"%PDF",
                    )
                    assert document is not None
                    publish(connection, rng, document)
                    counts["published"] += 1
                elif len(present) > 1.5 * DOCUMENTS or rng.random() < 0.3:
                    counts["deleted"] += version_rows.delete_document(connection, rng.choice(present).id)
                else:
                    chosen = rng.choice(present)
                    counts["published anew"] += publish(connection, rng, chosen.id)
        except psycopg.errors.DeadlockDetected:
            counts["deadlocks"] += 1


def publish(connection: Connection, rng: random.Random, document: int) -> bool:
    bags = [Counter(bag) for bag in zipfian(rng, rng.randint(1, 12), vocabulary=80, longest=40)]
    return chunk_rows.publish(
        connection,
        document_id=document,
        models=[],
        lengths=[bag.total() for bag in bags],
        postings=[Posting(term=t, ord=i, tf=tf, length=bag.total()) for i, bag in enumerate(bags) for t, tf in bag.items()],
    )


def read(pool: Pool, seed: int, stop: threading.Event, counts: Counter[str], *, snapshot: bool) -> None:
    rng = random.Random(seed)
    while not stop.is_set():
        query = rng.sample([f"w{n}" for n in range(80)], rng.randint(1, 8))
        limit = rng.choice([5, 20, 1000])
        with as_subject(pool, SUBJECT, snapshot=snapshot) as connection:
            found = search.bm25(connection, terms=query, selection=Selection(), limit=limit)
            bags = stored(connection)
        counts["checked"] += 1
        counts["wrong"] += wrong(found, Reference(bags).scores(query), limit) if bags else bool(found)


def stored(connection: Connection) -> dict[Key, list[str]]:
    """Every published chunk's terms, as its postings tell."""
    bags: dict[Key, list[str]] = {}
    for term, document, postings in connection.execute("select term, document_id, ps from postings order by document_id, term"):
        for packed in postings:
            bags.setdefault((document, packed >> 40), []).extend([term] * ((packed >> 20) & 0xFFFFF))
    return bags


def run(pool: Pool, seconds: float, *, snapshot: bool) -> Counter[str]:
    counts: Counter[str] = Counter()
    stop = threading.Event()
    threads = [threading.Thread(target=write, args=(pool, n, stop, counts)) for n in range(WRITERS)]
    threads += [threading.Thread(target=read, args=(pool, 100 + n, stop, counts), kwargs={"snapshot": snapshot}) for n in range(READERS)]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=60)
    arguments = parser.parse_args()
    server = embedded.start(arguments.home)
    try:
        migrate.migrate(server.url)
        with open_pool(server.url) as pool:
            print("each statement with its own snapshot:", dict(run(pool, arguments.seconds / 6, snapshot=False)), flush=True)
            print("one snapshot, as a search has it:", dict(run(pool, arguments.seconds, snapshot=True)), flush=True)
    finally:
        server.leave()


if __name__ == "__main__":
    main()
