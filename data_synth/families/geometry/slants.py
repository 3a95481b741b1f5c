"""Changes that keep straight lines straight: stretches, shears, perspective."""

from __future__ import annotations

import cv2
import numpy as np

from data_synth.facts import content
from data_synth.families.geometry.pixels import around, geometry, linear
from data_synth.families.plain import Drawn
from data_synth.family import Pixels


def _stretch(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    factor = 1 / (1 + around(0.9 * amount, rng))
    sideways = drawn.content.get("direction") == "horizontal"
    return linear(image, ((factor, 0), (0, 1)) if sideways else ((1, 0), (0, factor)))


def _shear(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    slope = around(0.6 * amount, rng)
    return linear(image, ((1, slope if drawn.content.get("direction") == "right" else -slope), (0, 1)))


def _perspective(image: Pixels, drawn: Drawn, amount: float, rng: np.random.Generator) -> Pixels:
    height, width = image.shape[:2]
    far = drawn.content.get("far")
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    depth = around(0.28 * amount, rng)
    inward = np.zeros((4, 2), np.float32)  # the two corners of the far edge approach each other
    first, second = {"top": (0, 1), "right": (1, 2), "bottom": (2, 3), "left": (3, 0)}[str(far)]
    inward[first] = depth * (corners[second] - corners[first])
    inward[second] = -inward[first]
    # The far edge also comes nearer to the middle, as a tilted sheet's would.
    opposite = {"top": (0, 1), "right": (-1, 0), "bottom": (0, -1), "left": (1, 0)}[str(far)]
    inward[[first, second]] += np.array(opposite, np.float32) * (0.3 * depth * np.array([width, height], np.float32))
    matrix = cv2.getPerspectiveTransform(corners, corners + inward)
    way, border = cv2.INTER_CUBIC, cv2.BORDER_REFLECT_101
    return np.asarray(cv2.warpPerspective(image, matrix, (width, height), flags=way, borderMode=border), np.uint8)


def _stretched(way: str, longer: str) -> tuple[str, ...]:
    return (
        f"the images are stretched {way}",
        f"the pictures are pulled {longer}",
        f"things in the photos look {longer} than they should",
        f"they are stretched {way}, out of proportion",
        f"the content of the images is {longer} than normal",
        f"the aspect ratio is off: everything appears {longer}",
        f"{way} stretched images",
        f"everything has become {longer}",
        f"the proportions are distorted, objects being {longer}",
        f"the frames are scaled {way} only",
        f"anisotropic scaling makes things {longer}",
        f"what the pictures show is elongated {way}",
    )


def _sheared(way: str) -> tuple[str, ...]:
    return (
        f"the images are slanted to the {way}",
        f"the pictures are sheared to the {way}",
        f"they are skewed, the upper part pushed to the {way}",
        f"upright things in the photos lean to the {way} like italic letters",
        f"they slant to the {way}",
        f"the content of the images is skewed towards the {way}",
        f"a slant to the {way}",
        f"sheared images, leaning to the {way}",
        f"verticals are no longer upright but slope to the {way}",
        f"the scene looks pushed over to the {way}",
        f"a horizontal shear towards the {way} distorts the frames",
        f"the upper part is displaced to the {way} while level lines stay level",
    )


def _tilted(side: str, opposite: str) -> tuple[str, ...]:
    return (
        f"the images are tilted in perspective, with the {side} farther away",
        f"the {side} of the pictures recedes into the distance",
        f"the photos look like a sheet tipped away at the {side}",
        f"they are seen in perspective, narrower at the {side}",
        f"the {side} of the images is shrunk and their {opposite} comes nearer",
        f"they have a keystone distortion that narrows the {side}",
        f"perspective distortion, the {side} receding",
        f"things at the {side} appear smaller than at the {opposite}",
        f"lines converge towards the {side}",
        f"the frames are viewed at an angle, their {side} being the far end",
        f"the scene is foreshortened at the {side}",
        f"the picture plane is tipped so that the {opposite} is closer to the viewer",
    )


STRETCH = geometry(
    "stretch",
    _stretch,
    {
        content("stretch", direction="horizontal"): _stretched("horizontally", "wider"),
        content("stretch", direction="vertical"): _stretched("vertically", "taller"),
    },
)
SHEAR = geometry("shear", _shear, {content("shear", direction=way): _sheared(way) for way in ("left", "right")})
PERSPECTIVE = geometry(
    "perspective",
    _perspective,
    {
        content("perspective", far=side): _tilted(side, opposite)
        for side, opposite in (("top", "bottom"), ("bottom", "top"), ("left", "right"), ("right", "left"))
    },
)
