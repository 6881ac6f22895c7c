"""A worker in a process of its own, slow enough to be killed in the middle: python -m tests.flows.worker_process URL."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from db import open_pool
from rag import jobs
from rag.deps import build
from rag.providers.fake import FakeEmbedder
from rag.settings import Settings


class SlowEmbedder(FakeEmbedder):
    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        time.sleep(0.2)
        return super().embed_documents(texts)


def main(url: str) -> None:
    jobs.STALLED = 2
    settings = Settings(embedder="fake:embedder", reranker="none", situator="none", answerer="fake:answerer")
    with open_pool(url) as pool:
        jobs.run_worker(replace(build(settings, pool=pool, url=url), embedder=SlowEmbedder()))


if __name__ == "__main__":
    main(sys.argv[1])
