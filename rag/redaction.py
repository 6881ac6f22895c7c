"""Secrets, blotted out of whatever is told: a log's record, a sentence on a page or a terminal, an error that is stored.

A vendor may echo a key in its refusal, a library the address of a database in an exception. Nobody checks each of them: every sentence of
ours (rag.errors) and every record (rag.logs) comes through here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

BLOT = "***"
SHORT = 8  # characters; what is shorter may be a word of any sentence, and is blotted out only where it stands as a password

_NAME = re.compile(r"(key|token|secret|password)$", re.IGNORECASE)
_ADDRESS = re.compile(r"://[^:@/?#]*:(.*)@")  # to the last @: a password may hold one by mistake
_PARAMETER = re.compile(r"(?:key|token|secret|password)=(?:'([^']*)'|([^&\s]+))", re.IGNORECASE)

_hidden: set[str] = set()
_pattern: re.Pattern[str] | None = None


def hide(named: Mapping[str, str]) -> None:
    """Blot out from now on what is secret among these values: what is named so, and passwords within addresses."""
    global _pattern  # noqa: PLW0603 - one process, one set of secrets
    new = {form for name, value in named.items() for secret in _secrets(name, value) for form in _forms(secret)} - _hidden
    if new:
        _hidden.update(new)
        _pattern = re.compile("|".join(_matching(form) for form in sorted(_hidden, key=len, reverse=True)))


def blotted(text: str) -> str:
    """The text without any secret."""
    return _pattern.sub(BLOT, text) if _pattern else text


def blotted_all(value: Any) -> Any:
    """The same of every text in plain data."""
    if isinstance(value, str):
        return blotted(value)
    if isinstance(value, Mapping):
        return {key: blotted_all(held) for key, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [blotted_all(held) for held in value]
    return value


def _secrets(name: str, value: str) -> Iterator[str]:
    if _NAME.search(name):
        yield value
    if found := _ADDRESS.search(value):
        yield found[1]
    for quoted, bare in _PARAMETER.findall(value):
        yield quoted or bare


def _forms(secret: str) -> Iterator[str]:
    """As it may stand in an address, in JSON and in a traceback."""
    for form in {secret, unquote(secret)}:
        if form.strip():
            yield from (form, quote(form), quote(form, safe=""), json.dumps(form)[1:-1], json.dumps(form, ensure_ascii=False)[1:-1])
            yield repr(form)[1:-1]


def _matching(form: str) -> str:
    escaped = re.escape(form)
    return escaped if len(form) >= SHORT else rf"(?<=:){escaped}(?=@)|(?<=password=){escaped}(?!\w)|(?<=password='){escaped}(?=')"
