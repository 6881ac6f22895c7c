"""Names of files and collections, as they are stored and shown (pure)."""

from __future__ import annotations

from rag.errors import UploadError

LONGEST_FILENAME = 255  # characters
LONGEST_COLLECTION = 200


def clean_name(filename: str) -> str:
    """A file's name without control characters, fit to be stored and shown.

    Folders stay a part of it, since files of one name in different folders are different documents; steps upwards and drives do not.
    """
    return _path(filename)[-LONGEST_FILENAME:].strip("/ ") or "document.pdf"


def check_filename(name: str) -> str:
    """The name that a person gave a document, as it is stored. Raises UploadError when it is empty or too long."""
    name = _path(name)
    if not name.lower().endswith(".pdf"):
        name = f"{name}.pdf" if name else ""
    if not 0 < len(name) <= LONGEST_FILENAME:
        raise UploadError(f"A document's name has 1 to {LONGEST_FILENAME} characters. Choose another.")
    return name


def check_collection(name: str) -> str:
    """A collection's name as it is stored. Raises UploadError when it is empty or too long."""
    name = one_line(name)
    if not 0 < len(name) <= LONGEST_COLLECTION:
        raise UploadError(f"A collection's name has 1 to {LONGEST_COLLECTION} characters. Choose another.")
    return name


def one_line(name: str) -> str:
    """Any white space is a space, control characters go."""
    return " ".join("".join(c if c.isprintable() or c.isspace() else "" for c in name).split())


def _path(name: str) -> str:
    parts = [one_line(part) for part in name.replace("\\", "/").split("/")]
    return "/".join(part for part in parts if part not in {"", ".", ".."} and not part.endswith(":"))
