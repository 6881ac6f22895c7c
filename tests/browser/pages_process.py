"""The pages in a process of their own, over a test's database: python -m tests.browser.pages_process URL SCENARIO. Prints its address."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import uvicorn

from db import open_pool
from pages.parts import web
from rag import process
from rag.deps import build
from rag.errors import TransientProviderError
from rag.providers import BlockEnd, Cite, Passage, Text, Turn
from rag.providers.fake import Event, FakeAnswerer
from rag.settings import Settings

PARAGRAPHS = 12
CITED = (Text(text="Operating profit was **7.4 million crowns**."), Cite(passage=0, first=0, last=1, quote="e"), BlockEnd())
LONG = (
    *CITED,
    *(
        event
        for n in range(PARAGRAPHS)
        for event in (Text(text=f"\n\nParagraph {n} says that lamps were lit and logged again."), BlockEnd())
    ),
    Text(text="\n\nAnd that is the end."),
    BlockEnd(),
)
SEVERAL = tuple(  # of one passage, one after the other
    event for n in range(6) for event in (Text(text=f"Claim {n} is cited. "), Cite(passage=0, first=n, last=n + 1, quote="e"), BlockEnd())
)
HOSTILE = (
    Text(
        text='A model says <img src="http://127.0.0.1:9/m.png" onerror="window.hostile=5"> ![p](http://127.0.0.1:9/p.png) [l](javascript:1)'
    ),
    Cite(passage=0, first=0, last=1, quote="e"),
    BlockEnd(),
)
FIRST = "Well "


@dataclass(frozen=True, kw_only=True)
class Held(FakeAnswerer):
    """Goes on after its first word when a line comes from the test."""

    def stream(self, question: str, passages: Sequence[Passage], history: Sequence[Turn], *, keep: bool = False) -> Iterator[Event]:
        for event in super().stream(question, passages, history, keep=keep):
            yield event
            if event == Text(text=FIRST):
                sys.stdin.readline()


FOLLOW_UP = "And in the year before?"
REWRITTEN = "What was the operating profit in 2030?"
SCENARIOS = {
    "quotes": FakeAnswerer(),
    "rewriting": FakeAnswerer(rewrites={FOLLOW_UP: REWRITTEN}),
    "written": FakeAnswerer(script=LONG),
    "several": FakeAnswerer(script=SEVERAL),
    "slow": FakeAnswerer(script=LONG, delay=0.05),
    "held": Held(script=(Text(text=FIRST), *LONG), delay=0.2),
    "failing": FakeAnswerer(
        script=CITED, delay=0.2, failure=TransientProviderError("Anthropic is overloaded at the moment. Try again later.")
    ),
    "hostile": FakeAnswerer(script=HOSTILE),
}


CONFIGURED = "configured"  # with the models whose keys the environment holds


def main(url: str, scenario: str) -> None:
    fakes = {} if scenario == CONFIGURED else {"reranker": "none", "situator": "none", "answerer": "fake:answerer"}
    settings = Settings(embedder="fake:embedder", **fakes)
    with open_pool(url) as pool, socket.create_server(("127.0.0.1", 0)) as listener:
        deps = build(settings, pool=pool, url=url)
        process.provide(deps if scenario == CONFIGURED else replace(deps, answerers=(SCENARIOS[scenario],)))
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)  # noqa: T201 - what the test waits for
        config = uvicorn.Config(web.app, factory=True, log_config=None, ws="websockets-sansio", timeout_graceful_shutdown=1)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:3])
