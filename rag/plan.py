"""What situating a document will send: its windows, the prompt of each call, and about how many tokens that is, before anyone is called (pure).

Prompts follow Anthropic's Contextual Retrieval (September 2024): the document first, so that the calls of a window share their beginning
and the provider's cache serves it, then the chunk.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rag import prompts, text
from rag.providers import Prompt
from rag.windows import Part, Window, outline, tokens, windows

CONTEXT_TOKENS = 90  # a context, about; the prompt asks for 50 to 100
SUMMARY_TOKENS = 300  # a summary, about
_CONTEXT_ROOM = 400  # tokens an answer may have before it counts as cut off
_SUMMARY_ROOM = 1_000
_VARIANTS = {"zh": ".zh"}  # language -> prompts written in it; the others are asked in English


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """About what calls will be billed for; a model that thinks first writes more."""

    calls: int = 0
    input_tokens: int = 0  # at the plain price
    output_tokens: int = 0
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            cache_read_tokens=self.cache_read_tokens + other.cache_read_tokens,
        )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the chunks of a document that have no context yet will be situated."""

    title: str  # stands before the text of every window
    language: str  # of the document: zh, en, or "" when it is not known
    windows: tuple[Window, ...]  # those with waiting chunks
    waiting: dict[int, str]  # ord -> text of the chunks to situate
    outline: str  # what the document's summary is made from; "" when none is needed: the document is its own window
    cacheable: int | None  # the shortest prefix that the provider caches, in tokens; None when it has no such cache

    def summary_prompt(self) -> Prompt:
        """Asks for the summary that stands for the rest of the document in every window."""
        system, document = prompts.parts("summarise" + self._variant(self.outline))
        return Prompt(system=system, suffix=prompts.fill(document, document=self._titled(self.outline)), most_tokens=_SUMMARY_ROOM)

    def prompts(self, window: Window, summary: str) -> dict[int, Prompt]:
        """The call for each waiting chunk of a window, by ord. All share `system` and `prefix`."""
        system, summarised, document, chunk = prompts.parts("situate" + self._variant(window.text))
        read = prompts.fill(document, document=self._titled(window.text))
        prefix = f"{prompts.fill(summarised, summary=summary)}\n\n{read}" if summary else read
        ords = [ord_ for ord_ in window.ords if ord_ in self.waiting]
        cached = self._pays(tokens(system) + tokens(prefix), len(ords))
        return {
            ord_: Prompt(
                system=system,
                prefix=prefix,
                suffix=prompts.fill(chunk, chunk=self.waiting[ord_]),
                cached=cached,
                most_tokens=_CONTEXT_ROOM,
            )
            for ord_ in ords
        }

    def estimate(self, *, summary: str = "") -> Estimate:
        """About what all calls will be billed for, the one for a summary included when there should be one and none is stored yet."""
        total = Estimate()
        if self.outline and not summary:
            asked = self.summary_prompt()
            read = tokens(asked.system) + tokens(asked.suffix)
            total += Estimate(calls=1, input_tokens=read, output_tokens=SUMMARY_TOKENS)
            summary = self.outline[: len(self.outline) * SUMMARY_TOKENS // max(SUMMARY_TOKENS, tokens(self.outline))]  # of its length
        for window in self.windows:
            total += estimate(list(self.prompts(window, summary).values()))
        return total

    def _pays(self, prefix: int, calls: int) -> bool:
        """Whether a cached prefix costs less than a plain one: writing takes 1.25 of the plain price, reading a tenth, so two calls do."""
        return self.cacheable is not None and prefix >= self.cacheable and calls > 1

    def _titled(self, said: str) -> str:
        return f"{self.title}\n\n{said}" if self.title else said

    def _variant(self, said: str) -> str:
        return _VARIANTS.get(self.language or text.language(said), "")


def document_title(title: str, filename: str) -> str:
    """What stands above each window's text: the file's name often tells whose document it is, and of when."""
    return f"{title} ({filename})" if title else filename


def plan(chunks: Sequence[Part], *, title: str, language: str, cacheable: int | None, written: Collection[int] = ()) -> Plan:
    """Plan the calls for every chunk whose ord is not among the `written`."""
    cut = windows(chunks, cacheable=cacheable)
    waiting = {chunk.ord: chunk.text for chunk in chunks if chunk.ord not in written}
    return Plan(
        title=title,
        language=language,
        windows=tuple(window for window in cut if any(ord_ in waiting for ord_ in window.ords)),
        waiting=waiting,
        outline=outline(chunks, cut) if waiting and len(cut) > 1 else "",
        cacheable=cacheable,
    )


def estimate(asked: Sequence[Prompt]) -> Estimate:
    """About what the calls of one window will be billed for: the first writes its prefix to the cache, the others read it."""
    prefix = tokens(asked[0].system) + tokens(asked[0].prefix)
    plain = sum(tokens(prompt.suffix) for prompt in asked)
    calls, written = len(asked), len(asked) * CONTEXT_TOKENS
    if not asked[0].cached:
        return Estimate(calls=calls, input_tokens=calls * prefix + plain, output_tokens=written)
    return Estimate(
        calls=calls, input_tokens=plain, output_tokens=written, cache_write_tokens=prefix, cache_read_tokens=(calls - 1) * prefix
    )
