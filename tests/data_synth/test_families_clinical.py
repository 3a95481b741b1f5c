"""That the words of each clinical fact hold in the pixels: tone, size, border, place, side and direction."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from data_synth.facts import PLACES, Content
from data_synth.families.clinical import CLINICAL
from data_synth.families.plain import Drawn
from data_synth.family import Pixels
from vlmdiff.models.lines import normalised

BY_NAME = {family.name: family for family in CLINICAL}
Pictures = dict[str, Pixels]
Signed = NDArray[np.int16]
DISEASES = ("cancer", "carcinoma", "tumour", "tumor", "pneumonia", "melanoma", "abscess", "fibrosis", "cyst")


def drawn(name: str, where: str | None = None, **value: str) -> Drawn:
    """The only content of the family with this place and these values."""
    contents = BY_NAME[name].contents()
    wanted = tuple(sorted(value.items()))
    found = [c for c in contents if c.value == wanted and where in (None, c.where)]
    assert len(found) == 1, f"{name} has no single content {where} {value}"
    return Drawn(found[0], 0.3)


def even(tone: int = 128, height: int = 192, width: int = 192) -> Pixels:
    return np.full((height, width, 3), tone, np.uint8)


def change(name: str, params: Drawn, image: Pixels | None = None, amount: float = 1.0, seed: int = 5) -> Signed:
    """By how much each pixel changes, first channel, on an even picture unless another is given."""
    image = even() if image is None else image
    after = BY_NAME[name].paint(image, params, amount, np.random.default_rng(seed))
    return after[..., 0].astype(np.int16) - image[..., 0]


def middle_of(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean x and y, as shares of width and height."""
    y, x = np.nonzero(mask)
    return float(x.mean() / mask.shape[1]), float(y.mean() / mask.shape[0])


def assert_lies_at(where: str, point: tuple[float, float]) -> None:
    for share, low, high in ((point[0], "left", "right"), (point[1], "top", "bottom")):
        if low in where:
            assert share < 0.42
        elif high in where:
            assert share > 0.58
        else:
            assert 0.38 < share < 0.62


def test_no_wording_names_a_disease_and_none_is_shared_once_punctuation_is_gone() -> None:
    said = [text for family in CLINICAL for shown in family.contents() for text in family.wordings(shown)]
    assert len({normalised(text) for text in said}) == len(said)
    assert not [text for text in said if re.search("|".join(DISEASES), text)]
    assert min(len(family.wordings(shown)) for family in CLINICAL for shown in family.contents()) >= 12


def test_every_attribute_of_a_spot_is_in_each_of_its_wordings() -> None:
    said = {
        "bright": "bright|light|hyper|opacity",
        "dark": "dark|blackish|hypo|lucency",
        "smooth": "smooth|well-defined|even, round",
        "irregular": "irregular|ragged|jagged",
        "small": "small|little",
        "large": "large|big",
    }
    for shown in BY_NAME["lesion_spot"].contents():
        for text in BY_NAME["lesion_spot"].wordings(shown):
            assert all(re.search(said[value], text) for _, value in shown.value), text


PLACED = [
    (family.name, shown)
    for family in CLINICAL
    if family.name in ("lesion_spot", "ring_lesion", "speck_cluster", "marker_letter", "text_burn_in")
    for shown in family.contents()
    if shown.where in PLACES
]


@pytest.mark.parametrize(("name", "shown"), PLACED)
def test_marks_lie_where_they_say(name: str, shown: Content) -> None:
    assert_lies_at(shown.where, middle_of(np.abs(change(name, Drawn(shown))) > 20))


@pytest.mark.parametrize("name", ["lesion_spot", "ring_lesion", "speck_cluster"])
def test_random_places_differ_from_image_to_image(name: str) -> None:
    params = next(Drawn(c) for c in BY_NAME[name].contents() if c.where == "random")
    spots = [middle_of(np.abs(change(name, params, seed=seed)) > 20) for seed in range(8)]
    assert np.ptp(np.array(spots), axis=0).min() > 0.2


@pytest.mark.parametrize("name", ["lesion_spot", "nodules", "fluid_level"])
def test_bright_ones_are_brighter_and_dark_ones_darker(name: str) -> None:
    for shown in BY_NAME[name].contents():
        sign = {"bright": 1, "dark": -1}[str(shown.get("tone"))]
        differences = sign * change(name, Drawn(shown))
        assert differences.min() >= 0
        assert differences.max() > 60


def spot_outline(border: str, size: str, seed: int) -> tuple[float, float]:
    """Area in pixels and outline squared over area (12.6 for a disc) of a spot."""
    params = drawn("lesion_spot", "centre", border=border, size=size, tone="dark")
    mask = (change("lesion_spot", params, even(128, 512, 512), seed=seed) < -48).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(contours, key=cv2.contourArea)
    area = cv2.contourArea(outline)
    return area, cv2.arcLength(outline, True) ** 2 / area


def test_spots_have_their_size_and_border() -> None:
    for seed in range(4):
        for border in ("smooth", "irregular"):
            assert spot_outline(border, "large", seed)[0] > 3 * spot_outline(border, "small", seed)[0]
        for size in ("small", "large"):
            assert spot_outline("smooth", size, seed)[1] < 15 < 18 < spot_outline("irregular", size, seed)[1]


@pytest.mark.parametrize(("rim", "sign"), [("bright", 1), ("dark", -1)])
def test_rings_have_a_core_of_the_other_tone(rim: str, sign: int) -> None:
    differences = sign * change("ring_lesion", drawn("ring_lesion", "centre", rim=rim))
    x, y = middle_of(differences != 0)
    assert differences[round(y * 192), round(x * 192)] < -50
    at_rim = differences > 50
    assert at_rim.sum() > 400
    ys, xs = np.nonzero(at_rim)
    assert np.hypot(xs - x * 192, ys - y * 192).min() > 10


def parts(mask: NDArray[np.bool_]) -> int:
    return int(cv2.connectedComponents(mask.astype(np.uint8))[0]) - 1


def test_several_things_are_several() -> None:
    specks = change("speck_cluster", drawn("speck_cluster", "centre"), even(128, 768, 768)) > 60
    assert parts(specks) >= 8
    ys, xs = np.nonzero(specks)
    assert max(np.ptp(xs), np.ptp(ys)) < 0.3 * 768
    for seed in range(4):
        assert 8 <= parts(change("nodules", drawn("nodules", tone="bright"), seed=seed) > 40) <= 12
        assert parts(change("gel_bubbles", drawn("gel_bubbles"), seed=seed) > 60) >= 4


def test_a_paired_cavity_is_two_and_a_single_one_is_one_and_both_grow() -> None:
    for kind, number in (("paired", 2), ("single", 1)):
        small, large = (
            change("enlarged_cavity", drawn("enlarged_cavity", kind=kind), amount=amount) < -30 for amount in (0.4, 1.0)
        )
        assert parts(small) == parts(large) == number
        assert large.sum() > 1.3 * small.sum()
        assert np.abs(np.array(middle_of(large)) - 0.5).max() < 0.04


def test_a_rim_follows_the_object_on_black_and_else_the_picture() -> None:
    scan = even(0, 256, 256)
    cv2.circle(scan, (128, 128), 90, (120, 120, 120), -1)
    ys, xs = np.nonzero(change("bright_rim", drawn("bright_rim"), scan) > 30)
    distance = np.hypot(xs - 128, ys - 128)
    assert distance.min() > 55 and distance.max() < 96
    rim = change("bright_rim", drawn("bright_rim")) > 30
    assert rim[96, :20].any() and rim[:20, 96].any() and rim[96, -20:].any() and rim[-20:, 96].any()
    assert not rim[40:-40, 40:-40].any()
    assert (change("bright_rim", drawn("bright_rim"), even(5)) > 30).any()  # nothing but dark ground


@pytest.mark.parametrize("side", ["left", "right"])
def test_asymmetry_is_on_its_side(side: str, pictures: Pictures) -> None:
    half = (np.s_[:, :80], np.s_[:, -80:])
    here, there = half if side == "left" else half[::-1]
    darker = change("asymmetry", drawn("asymmetry", side, kind="darker"))
    assert darker[here].mean() < -40 and abs(darker[there]).max() <= 1
    photo = pictures["astronaut"]
    params = drawn("asymmetry", side, kind="hazier")
    hazy = BY_NAME["asymmetry"].paint(photo, params, 1.0, np.random.default_rng(0))
    here, there = (np.s_[:, :60], np.s_[:, -60:]) if side == "left" else (np.s_[:, -60:], np.s_[:, :60])
    assert hazy[here].std() < 0.5 * photo[here].std()
    assert np.array_equal(hazy[there], photo[there])


@pytest.mark.parametrize(("direction", "sign"), [("left", -1), ("right", 1)])
def test_the_midline_moves_its_way_and_the_edges_stay(direction: str, sign: int) -> None:
    image = even(0, 192, 192)
    image[:, 94:98] = 255
    after = BY_NAME["midline_shift"].paint(
        image, drawn("midline_shift", direction=direction), 1.0, np.random.default_rng(1)
    )
    columns = np.arange(192)
    middle, top = (float((after[y, :, 0] * columns).sum() / after[y, :, 0].sum()) - 95.5 for y in (96, 0))
    assert 17 < sign * middle < 26
    assert abs(top) < 5


def test_fluid_lies_below_a_level_line() -> None:
    for tone in ("bright", "dark"):
        rows = change("fluid_level", drawn("fluid_level", tone=tone)) != 0
        assert (rows.all(axis=1) | ~rows.any(axis=1)).all()
        assert rows[-1].all() and 0.2 < rows[:, 0].mean() < 0.4


def test_coil_shading_brightens_here_and_darkens_there() -> None:
    shading = change("bias_field", drawn("bias_field"))
    assert (shading > 20).mean() > 0.15 and (shading < -20).mean() > 0.15
    assert np.abs(np.diff(shading, axis=0)).max() < 20  # smooth


def test_ringing_lies_on_both_sides_of_an_edge_and_fades() -> None:
    image = even(70)
    image[:, 96:] = 180
    wave = change("gibbs_ringing", drawn("gibbs_ringing"), image)[96]
    near, far = np.ptp(wave[60:80]), np.ptp(wave[5:25])
    assert near > 2 * far and near > 10
    assert (np.diff(np.sign(wave[40:92])) != 0).sum() >= 6
    assert not change("gibbs_ringing", drawn("gibbs_ringing")).any()  # nothing rings without an edge


@pytest.mark.parametrize(("direction", "axis"), [("horizontal", 1), ("vertical", 0)])
def test_ghosts_are_evenly_spaced_along_their_direction(direction: str, axis: int) -> None:
    image = even(0)
    image[92:100, 92:100] = 255
    copies = change("motion_ghosts", drawn("motion_ghosts", direction=direction), image) > 20
    assert parts(copies) == 4
    along, across = np.nonzero(copies.any(axis=1 - axis))[0], np.nonzero(copies.any(axis=axis))[0]
    assert np.ptp(across) == 7 and np.ptp(along) > 80


@pytest.mark.parametrize(("direction", "axis"), [("horizontal", 1), ("vertical", 0)])
def test_a_zipper_is_one_line_of_alternating_dots(direction: str, axis: int) -> None:
    dots = change("zipper", drawn("zipper", direction=direction))
    touched = np.nonzero(dots.any(axis=axis))[0]
    assert len(touched) == touched[-1] - touched[0] + 1 <= 5
    line = np.take(dots, touched[0], 1 - axis)
    assert (np.diff(np.sign(line)) != 0).sum() > 40


@pytest.mark.parametrize(
    ("side", "source"),
    [
        ("left", np.s_[80:100, 182:192]),
        ("right", np.s_[80:100, 0:10]),
        ("top", np.s_[182:192, 80:100]),
        ("bottom", np.s_[0:10, 80:100]),
    ],
)
def test_wraparound_brings_the_far_edge(side: str, source: tuple[slice, slice]) -> None:
    image = even(50)
    image[source] = 250
    shown = change("wraparound", drawn("wraparound", side), image) > 5
    assert_lies_at(side, middle_of(shown))
    assert shown.sum() == 200
    assert not shown[source].any()


def test_metal_sends_bright_and_dark_rays_from_a_bright_spot() -> None:
    rays = change("metal_streaks", drawn("metal_streaks"), even(100))
    y, x = np.unravel_index(int(np.argmax(cv2.blur(rays.astype(np.float32), (7, 7)))), rays.shape)
    turn = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    circle = rays[
        np.clip(np.round(y + 30 * np.sin(turn)).astype(int), 0, 191),
        np.clip(np.round(x + 30 * np.cos(turn)).astype(int), 0, 191),
    ]
    assert rays[y, x] == 155
    assert circle.max() > 50 and circle.min() < -30
    assert (np.diff(np.sign(circle - 15)) != 0).sum() >= 6


def test_collimation_blackens_the_border_only() -> None:
    for kind in ("straight", "round"):
        after = 128 + change("collimation_edge", drawn("collimation_edge", kind=kind))
        assert after[[0, 0, -1, -1], [0, -1, 0, -1]].max() == 0
        assert (after[60:132, 60:132] == 128).all()
    assert ((after == 128) | (after == 0)).mean() > 0.9  # a sharp edge


def test_low_dose_streaks_lie_flat() -> None:
    noise = change("low_dose_noise", drawn("low_dose_noise"))
    assert np.abs(np.diff(noise, axis=0)).mean() > 2 * np.abs(np.diff(noise, axis=1)).mean()
    assert abs(noise.mean()) < 3


def test_l_and_r_are_the_letters_they_say() -> None:
    masks = {}
    for letter in ("l", "r"):
        ink = change("marker_letter", drawn("marker_letter", "top left", letter=letter), even(128, 512, 512)) > 60
        ys, xs = np.nonzero(ink)
        masks[letter] = ink[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    height, width = masks["l"].shape
    assert not masks["l"][: height // 2, width // 2 :].any()  # an L is empty at its upper right
    assert masks["r"][: masks["r"].shape[0] // 2, masks["r"].shape[1] // 2 :].mean() > 0.2


def test_letters_and_text_can_be_read_on_black_and_on_white() -> None:
    for name in ("marker_letter", "text_burn_in", "caliper_marks"):
        params = Drawn(next(iter(BY_NAME[name].contents())))
        assert change(name, params, even(0)).max() > 200
        assert change(name, params, even(255)).min() < -200


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_needle_comes_from_its_side(side: str) -> None:
    for seed in range(4):
        needle = np.abs(change("biopsy_needle", drawn("biopsy_needle", side=side), seed=seed)) > 50
        columns = np.nonzero(needle.any(axis=0))[0]
        near, far = (columns[0], columns[-1]) if side == "left" else (191 - columns[-1], 191 - columns[0])
        assert near == 0 and 90 < far < 150


@pytest.mark.parametrize(("colour", "highest"), [("purple", 2), ("blue", 2), ("green", 1)])
def test_ink_has_its_colour(colour: str, highest: int) -> None:
    image = even(255)
    after = BY_NAME["ink_marks"].paint(image, drawn("ink_marks", colour=colour), 1.0, np.random.default_rng(2))
    marks = after[(after != 255).all(axis=2)].mean(axis=0)
    assert marks.argmax() == highest
    assert (marks[0] > marks[1] + 30) == (colour == "purple")


def test_stains_colour_what_is_between_black_and_white() -> None:
    grey = np.arange(0, 256, dtype=np.uint8)[None, :, None].repeat(40, axis=0).repeat(3, axis=2)
    for colour, order in (("pink", (0, 2, 1)), ("purple", (2, 0, 1))):
        after = BY_NAME["stain_shift"].paint(grey, drawn("stain_shift", colour=colour), 1.0, np.random.default_rng(0))
        assert (after[:, [0, -1]] == grey[:, [0, -1]]).all()
        first, second, third = (int(after[0, 120, channel]) for channel in order)
        assert first > second + 25 and second > third + 25


def test_effects_scale_with_the_size() -> None:
    for family in CLINICAL:
        params = Drawn(next(iter(family.contents())), 0.3)
        shares = []
        for side in (96, 512):
            y, x = np.mgrid[0:side, 0:side] / side
            scene = np.repeat((90 + 60 * (np.hypot(x - 0.5, y - 0.45) < 0.3) + 40 * x)[..., None], 3, axis=2)
            image = scene.astype(np.uint8)
            changes = [
                np.abs(family.paint(image, params, 0.8, np.random.default_rng(n)).astype(int) - image).mean()
                for n in range(6)
            ]
            shares.append(np.mean(changes))
        assert 0.45 < shares[0] / shares[1] < 2.2, family.name
