"""A worker in a process of its own, slow enough to be killed in the middle: python -m tests.flows.worker_process URL [--claude URL] [--fill DIMENSIONS]."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydantic import SecretStr

from db import open_pool
from rag import holding, jobs, logs, situate, worker
from rag.deps import build
from rag.providers import Meter, unmetered
from rag.providers.fake import FakeEmbedder
from rag.settings import Settings
from tests.standin import AnthropicServer

POISON = "Arsenic"  # a passage with it ends the worker that embeds it


class SlowEmbedder(FakeEmbedder):
    def embed_documents(self, texts: Sequence[str], _meter: Meter = unmetered, /) -> NDArray[np.float32]:
        time.sleep(0.2)
        if any(POISON in text for text in texts):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().embed_documents(texts)


def main(url: str, *, claude: str = "", batch_above: int = 0, fill: int = 0, lanes: int = 0, slice_: float = 0.0) -> None:
    """`claude` is the address of a stand-in, to which the operator has agreed; `fill` is how many dimensions another embedder has."""
    worker.STALLED = 2
    worker.RECLAIM = 0.5
    worker.LANES = lanes or worker.LANES
    if slice_:
        holding.SLICE, holding.LOOK = slice_, slice_ / 5
    situate.LOOK = 1.0
    models = {"situator": "auto", "anthropic_api_key": SecretStr(AnthropicServer.key)} if claude else {"situator": "none"}
    settings = Settings(embedder="fake:embedder", reranker="none", answerer="fake:answerer", consent="Anthropic", batch_above=batch_above)
    settings = settings.model_copy(update={**models, "anthropic_base_url": claude})
    with open_pool(url) as pool:
        preferred = (SlowEmbedder(dimensions=fill),) if fill else ()
        jobs.run_worker(replace(build(settings, pool=pool, url=url), embedder=SlowEmbedder(), preferred=preferred))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--claude", default="")
    parser.add_argument("--batch-above", type=int, default=0)
    parser.add_argument("--fill", type=int, default=0)
    parser.add_argument("--lanes", type=int, default=0)
    parser.add_argument("--slice", type=float, default=0.0)
    parser.add_argument("--logs", action="store_true")
    given = parser.parse_args()
    if given.logs:
        logs.prepare(sys.stderr, lasting=True)
    main(given.url, claude=given.claude, batch_above=given.batch_above, fill=given.fill, lanes=given.lanes, slice_=given.slice)
