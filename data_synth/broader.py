"""Broader words: what else is true of an image, by definition and in any image, where something was planted.

Written from the meanings of the canonical sentences alone, never from what a model said. A broader word leaves out of
which kind, where, how far or in how many images. It is not a side effect ("less contrast" for haze), and the narrower
word does not follow from it. Leaving out one thing is enough: broader words of broader words are not followed.
"""

from __future__ import annotations

from collections.abc import Callable

from data_synth.facts import Content, content

_WARM = {"red": "more", "yellow": "more", "blue": "less", "cyan": "less"}
"""Warm colours and cool ones; green and magenta are neither."""
_DARK_HALF = {"left": "right", "right": "left"}
"""By the bright end of uneven light."""
_SHARED = {
    "black and white": content("greyscale"),
    "noisy": content("noise"),
    "blurred": content("blur"),
    "dark": content("brightness", direction="less"),
    "framed in black": content("frame", "border", colour="black"),
}
"""By what more of the images are: a plain claim does not say how many."""


def _of_colour(tint: Content) -> Content | None:
    """Of a tint all over; one that lies on one side leaves the other as it was."""
    warm = _WARM.get(tint.get("colour") or "")
    return content("warmth", direction=warm) if warm and tint.where == "everywhere" else None


def _of_light(light: Content) -> Content | None:
    dark = _DARK_HALF.get(light.where)
    return content("asymmetry", dark, kind="darker") if dark else None


def _of_share(share: Content) -> Content | None:
    return _SHARED[share.get("kind") or ""] if share.get("direction") == "more" else None


BROADER: dict[str, Callable[[Content], Content | None]] = {
    # Kinds of noise, of blur, of ghosts.
    **dict.fromkeys(
        ("salt and pepper", "colour noise", "shot noise", "speckle", "streaky noise"), lambda _: content("noise")
    ),
    **dict.fromkeys(("motion blur", "zoom blur", "defocus", "low resolution"), lambda _: content("blur")),
    "motion ghosts": lambda _: content("ghosting"),
    # Kinds of text.
    **dict.fromkeys(
        ("time stamp", "number", "handwriting", "burned-in text", "side marker"), lambda c: content("text", c.where)
    ),
    # Kinds of lines, borders, folds, jumbles.
    "scan lines": lambda _: content("stripes", direction="horizontal"),
    "counting chamber": lambda _: content("grid"),
    "collimation": lambda _: content("frame", "border", colour="black"),
    "crumpling": lambda _: content("folds"),
    "patches": lambda _: content("tiles", value="shuffled"),
    # How far, or which part, is left out.
    "quarter turn": lambda c: Content("rotation", c.value),
    "off-centre crop": lambda _: content("zoom", direction="in"),
    "uneven light": _of_light,
    "smoothed patches": lambda _: content("fine texture", direction="less"),
    # Kinds of a change of colour or tone.
    "greyscale": lambda _: content("saturation", direction="less"),
    "channel swap": lambda _: content("hue"),
    "tint": _of_colour,
    "shadow tint": lambda c: Content("tint", c.value),
    "mid-tones": lambda c: Content("brightness", c.value),
    # In how many images is left out.
    "share of images": _of_share,
}
"""By the narrower kind (`Content.what`)."""


def broader(planted: Content) -> Content | None:
    """What is true in broader words where this was planted, of the same set; None where no content says it."""
    rule = BROADER.get(planted.what)
    return rule(planted) if rule else None
