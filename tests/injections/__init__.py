"""The injection set: PDFs whose text, drawing, metadata or name tries to steer a model or a page. Each carries a canary of its own.

What a reader of the page can see is theirs to ask about, hostile or not: it is read, cited and shown as text. What the page does not show
must reach nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import chain

from tests.injections import drawn, structures, written
from tests.injections.attack import Attack, Canary

Made = Callable[[Canary], tuple[bytes, str, str]]


def _all() -> Iterator[tuple[str, Made]]:
    sets: tuple[Mapping[str, Made], ...] = (drawn.SET, written.SET, structures.SET)
    return chain.from_iterable(each.items() for each in sets)


NAMES = tuple(name for name, _ in _all())


@cache
def attacks() -> tuple[Attack, ...]:
    """The whole set, made once."""
    made = []
    for number, (name, make) in enumerate(_all(), start=1):
        canary = Canary(number=number)
        content, said, filename = make(canary)
        made.append(Attack(name=name, canary=canary, filename=filename or f"{number:02}-{name}.pdf", content=content, said=said))
    return tuple(made)


__all__ = ["NAMES", "Attack", "Canary", "attacks"]
