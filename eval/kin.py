"""Kin of unseen families: what a fair person would grade 1 of 2 where a family was planted that no training had.

Made by hand from the definitions, the sentences and pictures of the families, blind to any model's output: a near
relative, or a main visible part, of the catalog's trained contents. Where both state a place or a direction, it has to
be the same: a relative at another place is two things wrong. Not here, for they count anyway: broader words
(`data_synth.broader`) and what shares half of the attributes (the other lens distortion, round particles for rods).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from data_synth.facts import Content, Fact, Where
from data_synth.matching import Said, mirrored


@dataclass(frozen=True)
class Like:
    """Contents of one kind: those that state all of this, whatever else they state."""

    what: str
    value: tuple[tuple[str, str], ...] = ()
    where: Where | None = None
    """None: anywhere."""

    def holds(self, content: Content) -> bool:
        same_place = self.where is None or content.where == self.where
        return content.what == self.what and set(self.value) <= set(content.value) and same_place


@dataclass(frozen=True)
class Kin:
    """What is kin to the contents of one family."""

    why: str
    of: Callable[[Content], Iterable[Like]]
    """Of the content that was planted."""


def like(what: str, where: Where | None = None, **value: str) -> Like:
    return Like(what, tuple(sorted(value.items())), where)


def _direction(planted: Content) -> str:
    return planted.get("direction") or ""


def _shear(planted: Content) -> list[Like]:
    leaning = {"left": "counterclockwise", "right": "clockwise"}[_direction(planted)]
    tilted = [like("perspective", far=far) for far in ("top", "bottom")]
    return [like("rotation", direction=leaning), *tilted, like("rolling shutter")]


def _censor_bar(planted: Content) -> list[Like]:
    edge = planted.where in ("top", "bottom")
    bars = [like("bars", sides="top and bottom")] if edge else []
    return [like("rectangle", planted.where, colour="black", count="one"), *bars]


def _fibrous(planted: Content) -> list[Like]:
    lines = [like("scan lines")] if _direction(planted) == "horizontal" else []
    streaks = [like("stripes", direction=_direction(planted)), like("streaky noise"), *lines]
    return [*streaks, like("weave"), like("fine texture", direction="more")]


def _ring_lesion(planted: Content) -> list[Like]:
    colour = {"bright": "white", "dark": "black"}[planted.get("rim") or ""]
    return [like("ring", planted.where, colour=colour, count="one"), like("lesion", planted.where)]


def _motion_ghosts(planted: Content) -> list[Like]:
    sides = ("left", "right") if _direction(planted) == "horizontal" else ("top", "bottom")
    return [like("motion blur", direction=_direction(planted)), *(like("wraparound", side) for side in sides)]


def _two_kinds(planted: Content) -> list[Like]:
    varying = {"brightness": "brightness variation", "tint": "colour variation"}[planted.get("by") or ""]
    return [like(varying, direction="more")]


KIN: dict[str, Kin] = {
    "sepia": Kin(
        "brown is a dull orange: warm, between red and yellow",
        lambda _: [
            like("warmth", direction="more"),
            *(like("tint", "everywhere", colour=colour) for colour in ("red", "yellow")),
        ],
    ),
    "solarise": Kin("the lightest tones are inverted, as all are in a negative", lambda _: [like("negative")]),
    "zoom_blur": Kin("another kind of blur", lambda _: [like("motion blur"), like("defocus")]),
    "colour_noise": Kin(
        "another kind of noise", lambda _: map(like, ("salt and pepper", "shot noise", "speckle", "streaky noise"))
    ),
    "interlace": Kin(
        "rows out of line, or the rows of a screen",
        lambda _: [like("strips", direction="horizontal"), like("rolling shutter"), like("scan lines")],
    ),
    "shear": Kin("uprights that lean the same way, or lean at all", _shear),
    "pincushion": Kin("the middle shrunk by another warp", lambda _: [like("centre warp", kind="squeezed")]),
    "translucent_shape": Kin(
        "nothing else: the same shape, filled or outlined, has most of the attributes", lambda _: []
    ),
    "censor_bar": Kin("a black rectangle there, or black bars at that edge", _censor_bar),
    "snow": Kin(
        "other weather; small specks, or white round ones, all over",
        lambda _: [
            *(like("rain"), like("dust"), like("spatter", colour="white"), like("nodules", tone="bright")),
            like("particles", arrangement="evenly spread", tone="bright"),
            like("circle", colour="white", count="several"),
        ],
    ),
    "lens_flare": Kin(
        "light in the lens, or a bright spot with rays", lambda _: [like("glare"), like("metal streaks")]
    ),
    "fibrous": Kin("fine lines or streaks that way, or a texture of threads", _fibrous),
    "crumpled": Kin("irregular facets, or a relief in slanting light", lambda _: [like("facets"), like("bumps")]),
    "ring_lesion": Kin("a ring of that tone there, or a spot there", _ring_lesion),
    "motion_ghosts": Kin("movement that way, or one copy displaced that way", _motion_ghosts),
    "gel_bubbles": Kin(
        "bubbles with other rims, or white rings all over",
        lambda _: [like("air bubbles"), like("ring", colour="white", count="several")],
    ),
    "rods": Kin(
        "other small dark bits all over; particles of another shape have most of the attributes",
        lambda planted: [like("dust"), like("debris")] if planted.get("tone") == "dark" else [],
    ),
    "stitching": Kin(
        "patches of unlike brightness, or a grid of straight lines", lambda _: [like("coil shading"), like("grid")]
    ),
    "varied_contrast": Kin(
        "how much another tone varies", lambda planted: [like("brightness variation", direction=_direction(planted))]
    ),
    "two_kinds": Kin("the same property varies more, in two steps", _two_kinds),
}
"""By held-out family."""


def is_kin(said: Said, fact: Fact) -> bool:
    """Whether a statement names kin of a planted fact, of the right set (or its opposite, of the other)."""
    side, content = said
    if content is None or fact.family not in KIN:
        return False
    shown = content if side == fact.side else mirrored(content)
    return shown is not None and any(kind.holds(shown) for kind in KIN[fact.family].of(fact.content))
