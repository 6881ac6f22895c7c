"""``python -m rag.settings_table > docs/operators/settings.md``: every setting as that page tells it. A test compares the two."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from pydantic.fields import FieldInfo

from rag.settings import Settings, variables

# each group begins with the field that is named, and goes on in the order of rag.settings
GROUPS = {
    "home": "Where things lie, and where pages are served",
    "embedder": "Models and keys",
    "consent": "Consent and money",
    "max_file_mb": "Limits of reading",
    "candidates": "Retrieval",
    "metrics_port": "Observing",
}
HEAD = """\
# Settings

<!-- Written by `python -m rag.settings_table`, from the descriptions in rag/settings.py. -->

After this page you know every setting there is. They are environment variables, or lines `NAME=VALUE` of a file `.env` in the folder where
the program is started; the environment wins. An empty value means the default. A name that begins with `SITUATE_` and is none of these is
refused with the nearest that is, and a wrong value with what it should have been; secrets are never shown or logged.
"""


def table() -> str:
    """The whole page."""
    return HEAD + "".join(_lines())


def _lines() -> Iterator[str]:
    for field, declared in Settings.model_fields.items():
        if field in GROUPS:
            yield f"\n## {GROUPS[field]}\n\n| Setting | Default | |\n|---|---|---|\n"
        names = " or ".join(f"`{name}`" for name in variables(field))
        yield f"| {names} | {_default(declared)} | {str(declared.description).replace('|', '&#124;')} |\n"


def _default(declared: FieldInfo) -> str:
    if declared.default_factory is not None:  # of `home`
        return "`~/.local/share/situate`; for root `/var/lib/situate`"
    return "none" if declared.default in {None, ""} else f"`{declared.default}`"


if __name__ == "__main__":
    sys.stdout.write(table())
