"""Making foreign text harmless where only Streamlit's markdown can show it (labels, alerts)."""

from __future__ import annotations

import re
import unicodedata

_MARKUP = re.compile(r"([!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~])")


def plain(text: str) -> str:
    """Text that markdown shows as it stands: nothing in it is bold, a link, an image, a formula or an icon."""
    line = " ".join("".join(c if unicodedata.category(c) != "Cc" else " " for c in text).split())
    return _MARKUP.sub(r"\\\1", line)


def shortened(text: str, length: int) -> str:
    """At most `length` characters, with an ellipsis where some are left out."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
