"""The lines in which models write differences, and how they are read: "b: the images are darker"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vlmdiff.findings import Side

NO_DIFFERENCE = "no visible difference"
"""What the model writes where it sees none."""

_SPACES = re.compile(r"\s+")
_NOT_WORD = re.compile(r"[^a-z0-9 ]+")


def line(side: Side, text: str) -> str:
    """One difference as the model writes it."""
    return f"{side}: {text}\n"


def lines(text: str) -> Iterator[tuple[Side, str]]:
    """The differences in what a model wrote; lines that name no side, like NO_DIFFERENCE, are left out."""
    for row in text.splitlines():
        side, colon, sentence = row.strip().partition(":")
        sentence = _SPACES.sub(" ", sentence).strip()
        if colon and normalised(sentence) and side in ("a", "b"):
            yield ("a" if side == "a" else "b"), sentence


def normalised(text: str) -> str:
    """Lower case, punctuation to spaces, single spaces: what two equal claims share."""
    return _SPACES.sub(" ", _NOT_WORD.sub(" ", text.lower())).strip()
