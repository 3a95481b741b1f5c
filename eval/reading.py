"""What a sentence means that the lexicon cannot read: the content whose wording it shares most words with, or nothing.

The parser never guesses, and so it leaves most sentences unread that were not written in the generator's words. Here
the words of a sentence are compared with those of every wording, rare words counting more; a content is taken where
one is close and everything else is clearly farther off. The thresholds were chosen on the open half of the labels.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache, lru_cache
from math import log

from data_synth import parser
from data_synth.catalog import EVERY, GROUPS
from data_synth.facts import Content

CLOSE = 0.4
"""Share of the words, by weight, that the sentence and the wording have in common, of those that either has."""
CLEAR = 0.15
"""By how much a wording of another kind of thing shares less."""
DISTINCT = 0.02
"""By how much one of the same kind with other attributes shares less."""

_EMPTY = {
    *("image", "have", "are", "it", "they", "look", "show", "there", "be"),
    *("of", "in", "on", "over", "at", "with", "to", "by", "as", "if", "from", "for", "into", "which"),
}
"""Words that say nothing of their own, as keys have them."""


@dataclass(frozen=True)
class _Wordings:
    words: tuple[tuple[frozenset[str], Content], ...]
    weights: dict[str, float]
    """Of a word: the fewer kinds of thing use it, the more."""

    def weight(self, words: frozenset[str]) -> float:
        unknown = log(1 + len(EVERY))
        return sum(self.weights.get(word, unknown) for word in words)


@cache
def _wordings() -> _Wordings:
    """All but those of inserted shapes, which the parser reads part by part."""
    shapes = {family.name for family in GROUPS["inserts"]}
    words = {
        (_words(wording), content)
        for name, family in EVERY.items()
        if name not in shapes
        for content in family.contents()
        for wording in family.wordings(content)
    }
    kinds = Counter(word for word, _ in {(word, content.what) for some, content in words for word in some})
    return _Wordings(tuple(words), {word: log(1 + len(EVERY) / count) for word, count in kinds.items()})


def _words(text: str) -> frozenset[str]:
    return frozenset(word for raw in parser.words_of(text) if (word := parser.base_form(raw)) and word not in _EMPTY)


@lru_cache(1 << 12)
def nearest(text: str) -> Content | None:
    """The content that a sentence most likely states; None where nothing is close, or more than one is.

    Sentences that deny something, or have a subordinate clause, are not guessed at.
    """
    if not parser.REACHING.isdisjoint(parser.words_of(text)):
        return None
    wordings, said = _wordings(), _words(text)
    scores: dict[Content, float] = {}
    for words, content in wordings.words:
        if common := words & said:
            share = wordings.weight(common) / wordings.weight(words | said)
            scores[content] = max(scores.get(content, 0.0), share)
    if not scores:
        return None
    best, top = max(scores.items(), key=lambda item: item[1])
    kin = max((share for content, share in scores.items() if content.what == best.what and content != best), default=0)
    other = max((share for content, share in scores.items() if content.what != best.what), default=0)
    return best if top >= CLOSE and top - other >= CLEAR and top - kin >= DISTINCT else None
