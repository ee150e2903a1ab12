"""What ``tutti search`` is asked: names, ``and``, ``or``, ``not`` and parentheses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from realtime.errors import TuttiError
from realtime.nearest import nearest
from realtime.taxonomy import FAMILIES, FINE, INSTRUMENTS

Marks = NDArray[np.bool_]
Sounds = Callable[[str], Marks]
"""The name of a label in, for each file whether it sounds in it (n,)."""
_WORDS = ("and", "or", "not")


@dataclass(frozen=True)
class Query:
    """``labels``: those it asks for, instruments by name and families as ``family_NAME``.
    ``matches``: for each file whether it is one that is looked for (n,)."""

    labels: tuple[str, ...]
    matches: Callable[[Sounds], Marks]


def parse(text: str) -> Query:
    """A query, as in ``(cello or viola) and not drums``.

    Raises:
        TuttiError: it is none, or names what no label stands for.
    """
    parser = _Parser(text)
    matches = parser.either()
    if parser.next is not None:
        raise parser.wrong(f"'{parser.next}' was not expected")
    return Query(tuple(dict.fromkeys(parser.labels)), matches)


class _Parser:
    """Each method reads what its name says, and gives what decides it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self.next = next(self._tokens, None)
        self.labels: list[str] = []

    def either(self) -> Callable[[Sounds], Marks]:
        parts = [self.both()]
        while self._took("or"):
            parts.append(self.both())
        return lambda sounds: reduce(np.logical_or, [part(sounds) for part in parts])

    def both(self) -> Callable[[Sounds], Marks]:
        parts = [self.one()]
        while self._took("and"):
            parts.append(self.one())
        return lambda sounds: reduce(np.logical_and, [part(sounds) for part in parts])

    def one(self) -> Callable[[Sounds], Marks]:
        if self._took("not"):
            inner = self.one()
            return lambda sounds: ~inner(sounds)
        if self._took("("):
            inner = self.either()
            if not self._took(")"):
                raise self.wrong("a ( is not closed")
            return inner
        if self.next is None or self.next in (*_WORDS, ")"):
            found = "the end" if self.next is None else f"'{self.next}'"
            raise self.wrong(f"a name was expected and not {found}")
        labels = labels_of(self.next)
        self.labels += labels
        self._took(self.next)
        return lambda sounds: reduce(np.logical_or, [sounds(label) for label in labels])

    def _took(self, token: str) -> bool:
        if self.next != token:
            return False
        self.next = next(self._tokens, None)
        return True

    def wrong(self, why: str) -> TuttiError:
        return TuttiError(
            f"The query '{self._text}' cannot be read ({why}): write it as in 'cello and not "
            "(drums or voice)'."
        )


def _tokens(text: str) -> Iterator[str]:
    """Parentheses, the three words, and names; words of a name stand beside each other."""
    name: list[str] = []
    for word in re.findall(r"[()]|[^\s()]+", text.lower()):
        if word in ("(", ")", *_WORDS):
            if name:
                yield " ".join(name)
            name = []
            yield word
        else:
            name.append(word)
    if name:
        yield " ".join(name)


def labels_of(name: str) -> tuple[str, ...]:
    """The labels any of which a name stands for: ``guitar`` is either of two.

    Raises:
        TuttiError: there are none.
    """
    key = re.sub(r"[\s-]+", "_", name.strip().lower())
    if key not in _KNOWN and key.endswith("s") and key[:-1] in _KNOWN:
        key = key[:-1]
    if key in INSTRUMENTS:
        return (key,)
    if key in FAMILIES:
        return (f"family_{key}",)
    if key not in FINE:
        raise TuttiError(
            f"'{name}' is no instrument and no family{nearest(key, _KNOWN)}: use "
            f"{', '.join(INSTRUMENTS)}, or a family: {', '.join(FAMILIES)}."
        )
    target = FINE[key]
    if not target.any_of:
        near = ", ".join(target.families) or "none"
        raise TuttiError(
            f"'{name}' is not told from others by this program: search its family ({near})."
        )
    return target.any_of


_KNOWN = frozenset((*INSTRUMENTS, *FAMILIES, *FINE))
