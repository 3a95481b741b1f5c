"""English to contents: one claim or a whole text, in the wordings of the catalog or close to them, never by guessing.

A sentence is brought to a key that drops what does not change its meaning: articles, degree adverbs, singular and
plural, British and American spelling, the name for the images. It is understood where a wording of the catalog has
the same key; a negation or any other word of weight stays in the key, so that such a sentence is not understood.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import pairwise

from data_synth.catalog import EVERY
from data_synth.facts import PLACES, Content, content
from data_synth.families.inserts import COLOURS, SHAPE_SYNONYMS, SIZE_SYNONYMS

_IMAGES = {"image", "picture", "photo", "photograph", "pic"}
_PRONOUNS = {"they", "it"}
_OTHER_IMAGES = {"scan", "slide", "shot", "radiograph", "micrograph"}
"""Words for the images where a verb follows; not "frame", which may be drawn around an image."""
_VERBS = {
    **dict.fromkeys(("are", "look", "appear", "seem"), "are"),
    **dict.fromkeys(("have", "show", "contain", "include", "display", "exhibit", "feature", "carry", "with"), "have"),
}
_QUANTIFIERS = {"most", "several", "some"}
_DROPPED = {
    *("a", "an", "the", "this", "these", "those", "each", "every", "all", "one", "single"),
    *("slightly", "somewhat", "noticeably", "clearly", "visibly", "considerably", "significantly", "markedly"),
    *("substantially", "distinctly", "much", "overall", "generally", "typically", "usually", "hand"),
    *("and", "but", "while", "also", "moreover", "furthermore", "additionally", "besides"),
}
_SAME = {
    **{"is": "are", "has": "have", "anti": "counter", "upper": "top", "middle": "centre"},
    **{"multiple": "several", "many": "several", "2": "two", "3": "three"},
    **{"increased": "higher", "greater": "higher", "decreased": "lower", "reduced": "lower"},
}
_SPELLINGS = (
    *(("color", "colour"), ("gray", "grey"), ("centered", "centred"), ("center", "centre"), ("fiber", "fibre")),
    *(("artifact", "artefact"), ("checker", "chequer"), ("labeled", "labelled"), ("disk", "disc"), ("haem", "hem")),
    *(("anticlock", "counterclock"), ("iz", "is"), ("yz", "ys")),
)
"""Parts of words; both spellings only ever meet each other in a key, so that "horisontal" harms nobody."""
_AREAS = {"left", "right", "centre", "edge", "corner", "part", "half", "third", "border", "side"}
REACHING = {
    *("not", "no", "nor", "neither", "never", "none", "nothing", "nobody", "nowhere", "without", "lack", "lacks"),
    *("lacking", "missing", "absent", "hardly", "barely", "scarcely", "rarely", "seldom", "cannot", "false", "untrue"),
    *("if", "unless", "whether", "that", "which", "who", "whose", "where", "when"),
}
"""Negations and words that subordinate: what follows them in a sentence may be denied, or be said of something else."""

_WORD = re.compile(r"\w+")
_WORD_OR_MARK = re.compile(r"\w+|[.!?;,:()\n\r\v\f\x1c-\x1e\x85\u2013\u2014\u2028\u2029]")
_WEAK_MARKS = frozenset(",:()\u2013\u2014")
_JOINTS = {"and", "but", "while"}
_CONNECTIVES = re.compile(r"\b(?:at\s+the\s+same\s+time|in\s+addition|on\s+top\s+of\s+that|as\s+well(?:\s+as)?)\b")
_LABEL = re.compile(r"\ba(?=\s*:)")
"""The label of a side, which is no article."""
_NOT = re.compile(r"n't\b")
_SHORT = re.compile(r"\b(it|there|they)'(s|re|ve)\b")
_LONG = {"s": "is", "re": "are", "ve": "have"}

_SHAPE_NOUNS = {name.split()[-1] for names in SHAPE_SYNONYMS.values() for name in names}


def _folded(text: str) -> str:
    """Lower case without accents and invisible characters; contractions in full, connectives as commas."""
    if not text.isascii():
        kept = (c for c in unicodedata.normalize("NFKD", text) if unicodedata.category(c) not in ("Mn", "Cf"))
        text = "".join(kept).replace("\u2019", "'")
    text = text.lower().replace("_", " ")
    if "'" in text:
        text = _SHORT.sub(lambda m: f"{m[1]} {_LONG[m[2]]}", _NOT.sub(" not", text))
    return _CONNECTIVES.sub(",", _LABEL.sub("side a", text))


def words_of(text: str) -> list[str]:
    return _WORD.findall(_folded(text))


def _singular(word: str) -> str:
    """The word without the s of a plural, or of a verb; whatever else ends in s loses it in every key alike."""
    if len(word) < 4 or not word.endswith("s") or word.endswith("ss"):
        return word
    if word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-3] + "y" if word.endswith("ies") else word[:-1]


@lru_cache(1 << 16)
def base_form(word: str) -> str:
    """A word in British spelling and singular, or the word that stands for it in keys; "" where it is dropped."""
    if word in _DROPPED:
        return ""
    for american, british in _SPELLINGS:
        word = word.replace(american, british)
    if word in _SAME:
        return _SAME[word]
    base = _singular(word)
    if base in _SHAPE_NOUNS:
        return word  # one or several of them is part of the claim
    return "image" if base in _IMAGES else base


def _key_words(words: Sequence[str]) -> list[str]:
    """The words of a key: bases, the subject and its verb by one name each, "more blurry" as "blurrier"."""
    keys = [base for word in words if (base := base_form(word))]
    if len(keys) < 2:
        return keys
    subject = 1 if keys[0] in _QUANTIFIERS else 0
    subject += keys[subject] == "of"
    if keys[subject : subject + 1] == ["image"]:
        keys = keys[subject:]
    if keys[0] in _PRONOUNS or (keys[0] in _OTHER_IMAGES and keys[1] in _VERBS):
        keys[0] = "image"
    if keys[0] == "image" and len(keys) > 1:
        keys[1] = _VERBS.get(keys[1], keys[1])
        if keys[2:4] == ["to", "be"]:
            del keys[2:4]
        if keys[1:3] == ["are", "more"] and len(keys) > 3:
            keys[2:4] = [_comparative(keys[3]) or f"more {keys[3]}"]
    if "lower" in keys:
        keys = ["bottom" if key == "lower" and after in _AREAS else key for key, after in pairwise([*keys, ""])]
    return keys


@cache
def _said() -> dict[str, Content]:
    return {w: shown for family in EVERY.values() for shown in family.contents() for w in family.wordings(shown)}


@cache
def _said_words() -> set[str]:
    return {word for wording in _said() for word in wording.split()}


@lru_cache(1 << 12)
def _comparative(word: str) -> str | None:
    """ "blurrier" for "blurry", where some wording says so."""
    endings = (word + "er", word + "r", word[:-1] + "ier", word + word[-1] + "er")
    return next((base_form(form) for form in endings if form in _said_words()), None)


def index() -> dict[str, set[Content]]:
    """The contents of every key; none of the catalog's keys should have two."""
    contents: dict[str, set[Content]] = {}
    for wording, shown in _said().items():
        contents.setdefault("".join(_key_words(words_of(wording))), set()).add(shown)
    return contents


@cache
def _index() -> dict[str, Content]:
    return {key: contents.pop() for key, contents in index().items() if len(contents) == 1}


@cache
def _longest() -> int:
    """Words in the longest wording."""
    return max(wording.count(" ") + 1 for wording in _said())


def parse(text: str) -> Content | None:
    """The content that a sentence states, or None: not understood.

    A known wording is read whole. A sentence about one inserted shape in other words is read part by part,
    and only when it names exactly one shape and exactly one colour; what it leaves out stays unstated.
    """
    keys = _key_words(words_of(text))
    return _index().get("".join(keys)) or _shape(keys)


def parse_all(text: str) -> list[Content | None]:
    """What every sentence and every joined clause of a text states of one side, in order; None: not understood.

    "the images are darker, have a frame and show rain" states three contents. The longest known wording comes
    first, so that none is split at its own "and" or comma. After a clause that is not understood and negates
    something, the sentence is not read on, unless at a "but": nobody can tell how far the negation reaches.
    """
    return [shown for words, breaks in _sentences(text) for shown in _clauses(words, breaks)]


def _sentences(text: str) -> Iterator[tuple[list[str], list[int]]]:
    """The words of each sentence and where its clauses may begin, its end included."""
    words: list[str] = []
    breaks = [0]
    for token in (*_WORD_OR_MARK.findall(_folded(text)), "."):
        if token[0].isalnum():
            if token in _JOINTS and breaks[-1] != len(words):
                breaks.append(len(words))
            words.append(token)
        elif breaks[-1] != len(words):
            breaks.append(len(words))
        if words and not token[0].isalnum() and token not in _WEAK_MARKS:
            yield words, breaks
            words, breaks = [], [0]


def _clauses(words: list[str], breaks: list[int]) -> Iterator[Content | None]:
    subject: list[str] = []  # what a clause without a subject takes from the one before: "they", a verb
    unread = lost = False
    at = 0
    while at < len(breaks) - 1:
        lost = lost and words[breaks[at]] != "but"
        claim = None if lost else _next_claim(words, breaks[at : at + _longest() + 3], subject, unread)
        if claim:
            shown, length, subject = claim
            unread = False
            at += length
            yield shown
            continue
        piece = words[breaks[at] : breaks[at + 1]]
        at += 1
        keys = _key_words(piece)
        own = _opening(keys)
        if all(word.isdigit() for word in piece) or not keys:
            continue
        if not unread or own or keys[0] in _VERBS:
            yield None
        unread = True
        lost = lost or not REACHING.isdisjoint(piece)
        subject = [] if lost else (own or subject)[:1]


def _next_claim(
    words: list[str], breaks: list[int], subject: list[str], unread: bool
) -> tuple[Content, int, list[str]] | None:
    """The longest known wording at the first break, else a sentence about shapes; the pieces it takes; its subject.

    After words that were not understood a bare "blue circle" may be the rest of "a red and blue circle".
    """
    reach = breaks[0] + _longest() + 2  # joints may stand at both ends
    spans = [
        (length, keys)
        for length in range(bisect_right(breaks, reach) - 1, 0, -1)
        for keys in _readings(words[breaks[0] : breaks[length]], subject)
    ]
    for length, keys in spans:
        if shown := _index().get("".join(keys)):
            return shown, length, _opening(keys)
    for length, keys in spans:
        if (not unread or _opening(keys)) and (shown := _shape(keys)):
            return shown, length, _opening(keys)
    return None


def _readings(words: list[str], subject: list[str]) -> list[list[str]]:
    """The key words of a clause, first with the subject and the verb of the one before where it has none itself."""
    own = _key_words(words)
    left_out = [subject, subject[:1]] if subject and not _opening(own) else []
    return [*(_key_words([*start, *words]) for start in left_out), own]


def _opening(keys: list[str]) -> list[str]:
    """The subject of a claim about the images, as a pronoun, and its verb where others may share it."""
    if keys[:1] != ["image"]:
        return []
    return ["they", keys[1]] if keys[1:2] in (["are"], ["have"]) else ["they"]


_PARTS: dict[str, dict[str, str]] = {
    "opening": dict.fromkeys(("the images have", "there is", "you can see", "in the images", "of the images"), ""),
    "count": {
        **dict.fromkeys(("several", "a handful of", "a number of"), "several"),
        **{"two": "two", "a pair of": "two", "three": "three", "a trio of": "three"},
    },
    "size": {name: size for size, names in SIZE_SYNONYMS.items() for name in names},
    "colour": {name: name for name in COLOURS},
    "fill": {
        **dict.fromkeys(("filled", "solid"), ""),
        **dict.fromkeys(("outlined", "unfilled"), "outlined"),
        **dict.fromkeys(("translucent", "see-through", "transparent", "semi-transparent"), "translucent"),
    },
    "noun": {name: shape for shape, names in SHAPE_SYNONYMS.items() for name in names},
    "link": dict.fromkeys(("in", "of", "at", "on", "near", "coloured", "size", "corner", "edge", "side", "part"), ""),
    "verb": dict.fromkeys(("appears", "lies", "sits", "is visible", "is drawn", "is placed", "is scattered"), ""),
    "where": {
        **{place: place for place in PLACES},
        **{"top centre": "top", "centre left": "left", "centre right": "right", "bottom centre": "bottom"},
        **dict.fromkeys(
            ("somewhere", "here and there", "random places", "varying places", "different places"), "random"
        ),
    },
}
"""What a sentence about shapes is made of: the phrases of each part and what they mean."""
_SHAPE_SENTENCE = re.compile(
    "(opening )?(count )?((size|colour|fill) )*(noun|nouns) ((link )*(size|colour|fill) )*(link )*"
    "(opening )?(verb )?(link )*(where )?(link )*(opening )?"
)


@cache
def _phrases() -> tuple[re.Pattern[str], dict[str, tuple[str, str]]]:
    """A pattern for the longest phrase of any part, and part and meaning of each, all in key words."""
    phrases = {
        " ".join(filter(None, map(base_form, words_of(phrase)))): (part, meaning)
        for part, meanings in _PARTS.items()
        for phrase, meaning in meanings.items()
    }
    phrases |= {
        key + ending: ("nouns", meaning)
        for key, (part, meaning) in phrases.items()
        if part == "noun"
        for ending in ("s", "es")
    }
    return re.compile("(?:" + "|".join(sorted(phrases, key=len, reverse=True)) + ") "), phrases


def _shape(keys: list[str]) -> Content | None:
    """The content of a sentence about one shape, or several alike, made of known phrases in a known order."""
    if len(keys) > _longest() or not any(_singular(key) in _SHAPE_NOUNS for key in keys):
        return None
    pattern, phrases = _phrases()
    rest, parts = " ".join(keys) + " ", []
    while found := pattern.match(rest):
        parts.append(phrases[found[0][:-1]])
        rest = rest[found.end() :]
    stated = dict(parts)
    if rest or not _SHAPE_SENTENCE.fullmatch("".join(part + " " for part, _ in parts)):
        return None
    if (
        "colour" not in stated
        or ("count" in stated) != ("nouns" in stated)
        or any(sum(part == name for part, _ in parts) > 1 for name in ("size", "colour", "fill"))
    ):
        return None
    count = stated.get("count", "one")
    value = {"count": count, **{name: stated[name] for name in ("size", "colour", "fill") if stated.get(name)}}
    where = stated.get("where", "unstated" if count == "one" else "random")
    return content(stated.get("noun") or stated["nouns"], where, **value)
