"""The prompts, one markdown file each, and the fence around the data that goes into them."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from importlib.resources import files
from string import Template


@cache
def parts(name: str) -> tuple[str, ...]:
    """The text of ``name``.md, split at lines of three dashes: the system prompt first, then the templates of the request."""
    text = files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8")
    return tuple(part.strip() for part in re.split(r"(?m)^---$", text))


@cache
def version(*names: str) -> str:
    """Eight hex digits that change with the wording of these prompts, stored with what they produced."""
    return sha256("\n---\n".join(part for name in names for part in parts(name)).encode()).hexdigest()[:8]


def situated_by(model: str) -> str:
    """The name under which a model's contexts are stored: the model, and the version of all the prompts that its contexts come from."""
    return f"{model}/situate-{version('situate', 'situate.zh', 'summarise', 'summarise.zh')}"


def fill(template: str, **data: str) -> str:
    """Put data into the template's places of the same names, fenced."""
    return Template(template).substitute({name: fence(text) for name, text in data.items()})


def fence(text: str) -> str:
    """``text`` in which none of the prompts' tags can open or close: their bracket is written as ``&lt;``."""
    return _TAG.sub("&lt;", text)


_TAG = re.compile(r"<(?=\s*/?\s*(?:document|summary|chunk|passage|note|conversation|question)\b)", re.IGNORECASE)
