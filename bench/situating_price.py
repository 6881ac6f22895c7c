"""Dollars per million document tokens for situating, however long the document. Prints a table and writes JSON.

    python -m bench.situating_price [--lengths 8000 32000 100000 300000 1000000] [--chunk 800 300] [--json bench/out/situating_price.json]

Made documents go through what situates real ones (rag.plan, rag.calls, the Claude adapter with Anthropic's own client) to the stand-in
server of the tests, which bills cached prefixes as the API does; its bill is added up at two price lists. Chunks of 800 tokens are those
of the article (Anthropic, Contextual Retrieval, September 2024), beside whose recipe, the whole document cached, the figures stand: it is
billed for too, as far as it is affordable to run. Notes have 100 tokens. Batches are billed with every cache hit and with half of them.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rag import prices, prompts, windows
from rag.calls import Call, Round
from rag.deps import SITUATING_MODEL
from rag.plan import Plan, plan
from rag.prices import ModelPrice, PriceList
from rag.providers import Prompt, Usage, Written
from rag.providers.claude_situator import ClaudeSituator
from tests import standin
from tests.standin import AnthropicServer
from tests.standin.anthropic_api import tokens

NOTE = "This chunk stands in the outlook of the annual report of Meridian Instruments for the fiscal year 2031. " * 4  # 100 tokens
SECTION = 2_500  # tokens
OURS = ("plain", "batch, every hit", "batch, half of them")
ARTICLE = {8_000: "1.02", 32_000: "1.92", 100_000: "4.47", 200_000: "8.22"}  # the naive recipe, at its own count of tokens
NAIVE_UP_TO = 100_000  # tokens of a document whose naive bill is run: each call sends the whole of it
CLAUDE_3_HAIKU = ModelPrice(
    input=Decimal("0.25"),
    output=Decimal("1.25"),
    cache_write_5m=Decimal("0.3125"),
    cache_read=Decimal("0.025"),
    batch=Decimal("0.5"),
)
WORDS = [
    "lamp",
    "tower",
    "harbour",
    "keeper",
    "signal",
    "winter",
    "barometer",
    "ledger",
    "storm",
    "repair",
    "pilot",
    "channel",
    "figure",
    "revenue",
    "quarter",
    "notice",
    "vessel",
]


@dataclass(frozen=True, kw_only=True)
class Chunk:
    ord: int
    heading: str
    text: str


def document(length: int, size: int) -> list[Chunk]:
    """Chunks of `size` tokens in sections, at most `length` tokens in all, headings included, as rag.windows counts them."""
    draw = np.random.default_rng(length + size)
    chunks: list[Chunk] = []
    left, heading = length, ""
    while left > 0:
        section = f"Section {len(chunks) * size // SECTION + 1}"
        left -= windows.tokens(section) if section != heading else 0
        heading, room = section, min(size, left)
        text = " ".join(draw.choice(WORDS, room))
        while windows.tokens(text) > room:
            text = text.rpartition(" ")[0]
        if not text:
            break
        chunks.append(Chunk(ord=len(chunks), heading=heading, text=text))
        left -= windows.tokens(text)
        if left < size // 2:
            break
    return chunks


def run_plain(server: AnthropicServer, situator: ClaudeSituator, ahead: Plan) -> list[Usage]:
    """Call by call, as rag.situate does."""
    summary, billed = summarise(situator, ahead)
    calls = [[Call(ord=o, prompt=p) for o, p in ahead.prompts(window, summary).items()] for window in ahead.windows]
    say(server, sum(map(len, calls)))
    return billed + [used(answer.result) for answer in Round(situator.write, calls, pulse=lambda: None)]


def run_batch(server: AnthropicServer, situator: ClaudeSituator, ahead: Plan, *, share: float) -> list[Usage]:
    """By the batch, as rag.batching submits it; `share` of the calls that could read the cache do."""
    summary, billed = summarise(situator, ahead)
    asked = [(str(ord_), prompt) for window in ahead.windows for ord_, prompt in ahead.prompts(window, summary).items()]
    server.batches.share = share
    batches = situator.batches
    assert batches is not None
    for at in range(0, len(asked), batches.most):
        some = asked[at : at + batches.most]
        say(server, len(some))
        billed += [used(result) for _, result in batches.results(batches.submit(some))]
        server.requests.clear()
    return billed


def run_naive(server: AnthropicServer, situator: ClaudeSituator, chunks: Sequence[Chunk]) -> list[Usage]:
    """The article's recipe: the whole document cached, one call for each chunk."""
    system, _, whole, chunk_part = prompts.parts("situate")
    prefix = prompts.fill(whole, document="\n\n".join(chunk.text for chunk in chunks))
    say(server, len(chunks))
    billed = []
    for chunk in chunks:
        suffix = prompts.fill(chunk_part, chunk=chunk.text)
        billed.append(used(situator.write(Prompt(system=system, prefix=prefix, suffix=suffix, cached=True, most_tokens=400))))
        server.requests.clear()
    return billed


def summarise(situator: ClaudeSituator, ahead: Plan) -> tuple[str, list[Usage]]:
    if not ahead.outline:
        return "", []
    written = situator.write(ahead.summary_prompt())
    return NOTE * 3, [replace(used(written), output_tokens=tokens(NOTE * 3))]


def say(server: AnthropicServer, calls: int) -> None:
    for _ in range(calls):
        server.say_next(NOTE)


def used(result: Any) -> Usage:
    assert isinstance(result, Written), result
    return result.usage


def price(listed: PriceList, billed: Iterable[Usage], size: int) -> float:
    """Dollars per million document tokens."""
    total = Decimal(0)
    for usage in billed:
        cost = listed.cost(usage)
        assert cost is not None
        total += cost.price
    return float(total * 1_000_000 / size)


def measure(lengths: Sequence[int], size: int, lists: dict[str, PriceList]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for length in lengths:
        with standin.anthropic() as server:
            situator = ClaudeSituator(model=SITUATING_MODEL, api_key=server.key, base_url=server.url)
            chunks = document(length, size)
            held = sum(tokens(chunk.text) for chunk in chunks)
            ahead = plan(chunks, title="Annual report", language="en", cacheable=situator.cacheable)
            modes: dict[str, Callable[[], list[Usage]]] = {
                "plain": partial(run_plain, server, situator, ahead),
                "batch, every hit": partial(run_batch, server, situator, ahead, share=1.0),
                "batch, half of them": partial(run_batch, server, situator, ahead, share=0.5),
            }
            if length <= NAIVE_UP_TO:
                modes["naive"] = partial(run_naive, server, situator, chunks)
            row: dict[str, Any] = {
                "length": length,
                "billed_tokens": held,
                "chunk": size,
                "chunks": len(chunks),
                "windows": len(ahead.windows),
                "usd": {},
            }
            for mode, run in modes.items():
                server.forget_cache()
                billed = run()
                server.requests.clear()
                row["usd"][mode] = {name: round(price(listed, billed, held), 4) for name, listed in lists.items()}
            rows.append(row)
            show(row, rows[0])
    return rows


def show(row: dict[str, Any], first: dict[str, Any]) -> None:
    """One line for each price list; the last column is the dearest of our modes against its own price at the first length."""
    for name in row["usd"]["plain"]:
        usd = {mode: figures[name] for mode, figures in row["usd"].items()}
        ratio = max(usd[mode] / first["usd"][mode][name] for mode in OURS)
        figures = "".join(f"{usd[mode]:>10.3f}" if mode in usd else f"{'':>10}" for mode in (*OURS, "naive"))
        article = ARTICLE.get(row["length"], "") if name == "Claude 3 Haiku" and row["chunk"] == 800 else ""
        print(f"{row['length']:>9,}{row['chunk']:>7}{row['windows']:>9}  {name:<17}{figures}{article:>9}{ratio:>8.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=[8_000, 32_000, 100_000, 300_000, 1_000_000])
    parser.add_argument("--chunk", type=int, nargs="+", default=[800, 300])
    parser.add_argument("--json", type=Path, default=Path("bench/out/situating_price.json"))
    arguments = parser.parse_args()
    shipped = prices.load(Path("/nonexistent/prices.toml"))
    lists = {"Claude 3 Haiku": replace(shipped, models={SITUATING_MODEL: CLAUDE_3_HAIKU}), SITUATING_MODEL: shipped}
    heads = "".join(f"{mode:>10}" for mode in ("plain", "batch", "half hit", "naive"))
    print(f"{'tokens':>9}{'chunk':>7}{'windows':>9}  {'prices':<17}{heads}{'article':>9}{'ratio':>8}")
    rows = [row for size in arguments.chunk for row in measure(arguments.lengths, size, lists)]
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps({"prices": str(shipped.date), "rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
