"""A web process that is asked one question and writes the answer: python -m tests.flows.answering_process URL QUESTION DELAY. Prints the message's id."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace

from db import open_pool
from rag import conversation
from rag.deps import build
from rag.providers import BlockEnd, Text
from rag.providers.fake import FakeAnswerer
from rag.settings import Settings
from tests.conftest import FAKES
from tests.flows.conftest import SUBJECT

WORDS = 40


class Writer(FakeAnswerer):
    """Cites the first passage, then writes word by word."""

    @property
    def is_extract(self) -> bool:
        return False

    def _quoted(self, passages):  # type: ignore[no-untyped-def]  # as the fake has it
        yield from super()._quoted(passages[:1])
        yield Text(text=" and so on" * (WORDS // 3))
        yield BlockEnd()


def main(url: str, question: str, delay: float) -> None:
    with open_pool(url) as pool:
        deps = replace(build(Settings(**FAKES), pool=pool, url=url), answerers=(Writer(delay=delay),))
        print(conversation.ask(deps, SUBJECT, question).id, flush=True)  # noqa: T201 - what the test waits for
        threading.Event().wait()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
