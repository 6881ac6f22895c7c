"""Pages per second of taking PDFs in, beside parsing and embedding alone, and beside the usual way with LangChain; in one run.

    python -m bench.ingestion FOLDER [--skip-langchain] [--json OUT]

Three passes over the PDFs of FOLDER, with the same embedder on the same machine:
- `parse + embed`: each file read, cut and embedded one after the other; only reading and embedding are counted, nothing is stored;
- `situate`: uploaded, then a worker in a process of its own takes them in, until all can be asked;
- `langchain`: PyPDFLoader, RecursiveCharacterTextSplitter (1,000 characters, 200 of overlap), the embedder, InMemoryVectorStore.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from db import embedded, migrate, open_pool
from db.chunks import indexed_text
from db.documents import Status
from rag import ingest, library, pdf, text
from rag.deps import Deps, build
from rag.settings import Settings

SUBJECT = "local"
BATCH = 16


def alone(deps: Deps, files: list[Path]) -> dict[str, Any]:
    seconds: dict[str, float] = defaultdict(float)
    pages = chunks = 0
    deps.embedder.embed_query("ready?")
    for file in files:
        began = time.monotonic()
        reading = pdf.read(file.read_bytes())
        seconds["parse"] += time.monotonic() - began
        drafts = ingest.cut(deps, reading, filename=file.name)
        texts = [text.without_figures(indexed_text(context=d.context, heading=d.heading, text=d.text)) for d in drafts]
        began = time.monotonic()
        for at in range(0, len(texts), BATCH):
            deps.embedder.embed_documents(texts[at : at + BATCH])
        seconds["embed"] += time.monotonic() - began
        pages, chunks = pages + len(reading.pages), chunks + len(drafts)
    return {"pages": pages, "chunks": chunks, "seconds": sum(seconds.values()), "stages": dict(seconds)}


def situate(deps: Deps, home: Path, files: list[Path]) -> dict[str, Any]:
    worker = subprocess.Popen([sys.executable, "-m", "rag.cli", "worker"], env={"SITUATE_HOME": str(home), "PATH": "/usr/bin:/bin"})
    try:
        warm = library.upload(deps, SUBJECT, filename="warm.pdf", content=files[0].read_bytes(), collection="warm")  # the model is loaded
        while library.document(deps, SUBJECT, warm.document_id).status is not Status.READY:
            time.sleep(0.1)
        began = time.monotonic()
        taken = [library.upload(deps, SUBJECT, filename=f.name, content=f.read_bytes(), collection="measured").document_id for f in files]
        while any(library.document(deps, SUBJECT, id_).status not in {Status.READY, Status.FAILED} for id_ in taken):
            time.sleep(0.1)
        seconds = time.monotonic() - began
    finally:
        worker.terminate()
        worker.wait(60)
    documents = [library.document(deps, SUBJECT, id_) for id_ in taken]
    stages: dict[str, float] = defaultdict(float)
    for document in documents:
        for stage, spent in document.seconds_by_stage.items():
            stages[stage] += spent
    return {
        "pages": sum(d.page_count for d in documents),
        "chunks": sum(d.n_chunks for d in documents),
        "seconds": seconds,
        "stages": dict(stages),
        "failed": [d.filename for d in documents if d.status is Status.FAILED],
    }


def langchain(deps: Deps, files: list[Path]) -> dict[str, Any]:
    from langchain_community.document_loaders import PyPDFLoader
    from langchain_core.embeddings import Embeddings
    from langchain_core.vectorstores import InMemoryVectorStore
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    seconds: dict[str, float] = defaultdict(float)

    class Ours(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            began = time.monotonic()
            vectors: list[list[float]] = deps.embedder.embed_documents(texts).tolist()
            seconds["embed"] += time.monotonic() - began
            return vectors

        def embed_query(self, text: str) -> list[float]:
            vector: list[float] = deps.embedder.embed_query(text).tolist()
            return vector

    store = InMemoryVectorStore(Ours())
    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
    pages = chunks = 0
    began = time.monotonic()
    for file in files:
        start = time.monotonic()
        loaded = PyPDFLoader(str(file)).load()
        seconds["parse"] += time.monotonic() - start
        split = splitter.split_documents(loaded)
        store.add_documents(split)
        pages, chunks = pages + len(loaded), chunks + len(split)
    return {"pages": pages, "chunks": chunks, "seconds": time.monotonic() - began, "stages": dict(seconds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--skip-langchain", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    files = sorted(given.folder.glob("*.pdf"))
    passes: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="situate-") as folder:
        Path(folder).chmod(0o711)
        home = Path(folder) / "home"
        server = embedded.start(home)
        try:
            migrate.migrate(server.url)
            with open_pool(server.url) as pool:
                deps = build(Settings(home=home), pool=pool, url=server.url)
                passes["parse + embed"] = alone(deps, files)
                passes["situate"] = situate(deps, home, files)
                if not given.skip_langchain:
                    passes["langchain"] = langchain(deps, files)
        finally:
            server.leave()
    for name, figures in passes.items():
        figures["pages_per_second"] = round(figures["pages"] / figures["seconds"], 2)
        told = ", ".join(f"{stage} {100 * share / sum(figures['stages'].values()):.0f} %" for stage, share in figures["stages"].items())
        print(
            f"{name:14} {figures['pages']} pages, {figures['chunks']} chunks, {figures['seconds']:.1f} s, {figures['pages_per_second']} pages/s ({told})"
        )
    for other in ("parse + embed", "langchain"):
        if other in passes:
            print(f"situate / {other}: {passes['situate']['pages_per_second'] / passes[other]['pages_per_second']:.2f}")
    if given.json:
        given.json.write_text(json.dumps(passes, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
