"""The baselines: statistics that measure what they are named after, neighbours, a die, and vlmdiff's own procedure."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from data_synth import lexicon
from data_synth.catalog import HELD_OUT_FAMILIES, TRAINED
from data_synth.config import PairConfig
from data_synth.family import Pixels
from data_synth.reference import reference_features
from data_synth.sources import Bank, BaseImage
from eval import nearest
from eval.answers import Half, answer
from eval.baselines import MOST, PIXELS, RANDOM, STATISTICS, most_different, pixel_statistics
from eval.nearest import TRAINING, Examples, kept_examples, make_examples, open_nearest, trained_on
from eval.suites import Condition, Planted, open_suite
from eval.systems import Options, loaded, open_system
from vlmdiff.describe import answer as vlmdiff_answer
from vlmdiff.errors import InputError, UsageError
from vlmdiff.findings import ModelInfo
from vlmdiff.models.card import PREFIX
from vlmdiff.models.scripted import ScriptedModel

NAMES = list(STATISTICS)


def scenes(count: int, seed: int, side: int = 128) -> list[Pixels]:
    """Coloured blobs with edges and a little texture, none like another."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        cells = rng.integers(40, 216, (9, 9, 3)).astype(np.uint8)
        image = cv2.resize(cells, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.float32)
        x, y, width, height = rng.integers(10, 60, 4)
        image[y : y + height, x : x + width] += rng.integers(-60, 60)
        made.append(np.clip(image + rng.normal(0, rng.uniform(0.5, 6), image.shape), 0, 255).astype(np.uint8))
    return made


def levels(image: Pixels, change: Callable[[Any], Any]) -> Pixels:
    return np.asarray(np.clip(change(image.astype(np.float32)), 0, 255), np.uint8)


def specked(image: Pixels) -> Pixels:
    rng = np.random.default_rng(image.sum())
    out = image.copy()
    out[rng.random(image.shape[:2]) < 0.03] = 255
    return out


def jpeg(image: Pixels) -> Pixels:
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 8])[1], 1), np.uint8)


def noisy(image: Pixels) -> Pixels:
    return levels(image, lambda i: i + np.random.default_rng(int(i.sum())).normal(0, 14, i.shape))


def pixelated(image: Pixels) -> Pixels:
    small = cv2.resize(image, (16, 16), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, image.shape[:2], interpolation=cv2.INTER_NEAREST), np.uint8)


RAMP = np.linspace(30, -30, 128, dtype=np.float32)
AWAY = np.hypot(*np.ogrid[-64:64, -64:64])
CHANGES: dict[str, tuple[Callable[[Pixels], Pixels], int]] = {
    "lightness": (lambda i: levels(i, lambda v: v + 30), 1),
    "contrast": (lambda i: levels(i, lambda v: 128 + (v - 128) * 0.6), -1),
    "saturation": (lambda i: levels(i, lambda v: v.mean(2, keepdims=True) + 0.5 * (v - v.mean(2, keepdims=True))), -1),
    "warmth": (lambda i: levels(i, lambda v: v + np.array([20, 0, -20])), 1),
    "red": (lambda i: levels(i, lambda v: v + np.array([25, 0, 0])), 1),
    "green": (lambda i: levels(i, lambda v: v + np.array([0, 25, 0])), 1),
    "blue": (lambda i: levels(i, lambda v: v + np.array([0, 0, 25])), 1),
    "sharpness": (lambda i: np.asarray(cv2.GaussianBlur(i, (0, 0), 1.5), np.uint8), -1),
    "horizontal detail": (lambda i: np.asarray(cv2.blur(i, (9, 1)), np.uint8), -1),
    "noise": (noisy, 1),
    "specks": (specked, 1),
    "blocks": (jpeg, 1),
    "flat cells": (pixelated, 1),
    "tones": (lambda i: np.asarray(i // 40 * 40, np.uint8), -1),
    "edges": (lambda i: levels(i, lambda v: v + 60 * (np.indices((128, 128)).sum(0) // 4 % 2)[..., None]), 1),
    "mid-tones": (lambda i: levels(i, lambda v: 255 * (v / 255) ** 1.8), -1),
    "blackest": (lambda i: levels(i, lambda v: 50 + v * 0.8), 1),
    "light at the left": (lambda i: levels(i, lambda v: v + RAMP[None, :, None]), 1),
    "light at the top": (lambda i: levels(i, lambda v: v + RAMP[:, None, None]), 1),
    "light in the centre": (
        lambda i: levels(i, lambda v: v + 25 - 0.9 * np.hypot(*np.ogrid[-64:64, -64:64])[..., None]),
        1,
    ),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_statistic_follows_what_it_is_named_after(name: str) -> None:
    change, sign = CHANGES[name]
    plain = scenes(8, 0)
    gaps = pixel_statistics(np.stack([change(image) for image in plain])) - pixel_statistics(np.stack(plain))
    assert (gaps[:, NAMES.index(name)] * sign > 0).all()


def test_every_template_is_what_the_generator_says() -> None:
    for statistic in STATISTICS.values():
        for content in filter(None, (statistic.high, statistic.low)):
            assert lexicon.parse(lexicon.canonical(content)) == content
            assert lexicon.family_of(content) not in HELD_OUT_FAMILIES
        assert statistic.high or statistic.low


@pytest.mark.parametrize(
    ("name", "side", "text"),
    [
        ("specks", "b", "the images have salt-and-pepper noise"),
        ("warmth", "b", "the images are warmer in colour"),
        ("flat cells", "b", "the images are pixelated"),
        ("green", "b", "the images have a green tint"),
        ("light at the top", "b", "the images are lit unevenly, brightest at the top and darkest at the bottom"),
    ],
)
def test_pixels_names_what_was_done(name: str, side: str, text: str) -> None:
    a, b = scenes(20, 1), [CHANGES[name][0](image) for image in scenes(20, 2)]
    for one, other, holder in ((a, b, side), (b, a, "a")):
        report = PIXELS.describe(one, other, 0)
        top = report.findings[0]
        assert (top.side, top.text, top.verdict) == (holder, text, "verified")
        assert top.rate_a != top.rate_b and len(report.findings) <= MOST
    assert report == PIXELS.describe(b, a, 0).model_copy(update={"seconds": report.seconds})


def test_lightness_is_said_of_either_set() -> None:
    top = PIXELS.describe([CHANGES["lightness"][0](i) for i in scenes(20, 1)], scenes(20, 2), 0).findings[0]
    assert (top.side, top.text, top.verdict) == ("a", "the images are brighter", "verified")


def test_what_follows_from_the_first_difference_is_not_said_again() -> None:
    rng = np.random.default_rng(0)
    cause = rng.normal(size=(40, 1))
    follows = cause + rng.normal(0, 0.05, (40, 1))
    other = rng.normal(size=(40, 1))
    columns = np.concatenate([follows, cause, other], axis=1)
    a, b = columns[:20], columns[20:] + np.array([3.0, 3.05, 0.0])
    assert len(most_different(a, b)) == 1
    assert list(most_different(a, b + np.array([0.0, 0.0, -2.5])))[1:] == [2]
    assert len(most_different(a, a + 1e-12)) == 1, "the largest is said even where it is small"


def test_the_procedure_is_that_of_describe() -> None:
    """Same pixels, same features, same seed: the same test and the same check images."""
    a, b = scenes(15, 3, 32), [CHANGES["lightness"][0](image) for image in scenes(16, 4, 32)]
    groups = ([f"p{i // 2}" for i in range(15)], [f"q{i // 2}" for i in range(16)])
    for of in (None, groups):
        pair = loaded([*a, a[0]], [*b, b[3]], 32, of and ([*of[0], of[0][0]], [*of[1], of[1][3]]))
        model = ScriptedModel(
            says=lambda rows: ["b: the images are brighter"], fits=lambda claim, rows: rows.mean((1, 2)) * len(claim)
        )
        expected = vlmdiff_answer(pair, model, seed=5)
        checked: list[Half] = []

        def speaker(look: Half, check: Half, rng: np.random.Generator, checked: list[Half] = checked):  # type: ignore[no-untyped-def]
            checked.append(check)
            assert not {*look.rows_a} & {*check.rows_a} and not {*look.rows_b} & {*check.rows_b}
            return RANDOM.speaker(look, check, rng)

        found = answer(
            pair,
            lambda images: pixel_statistics(images),
            speaker,
            model=ModelInfo(name="x", adapter=None, weights_sha256=""),
            name="x",
            seed=5,
        )
        assert found.images == expected.images and (found.test.n_a, found.test.n_b) == (15, 16)
        shown = {*expected.findings[0].exemplars.a, *expected.findings[0].exemplars.b}
        ids = {pair.a.ids[r] for r in checked[0].rows_a} | {pair.b.ids[r] for r in checked[0].rows_b}
        assert shown <= ids and len(ids) == (16 if of is None else 15)
        assert (checked[0].groups is None) == (of is None)
        assert found.settings == expected.settings | {"method": "x"}


def test_too_few_images_are_told() -> None:
    report = PIXELS.describe(scenes(4, 0), [CHANGES["lightness"][0](i) for i in scenes(4, 1)], 0)
    assert report.verdict == "not enough images" and not report.findings and report.test.needed == 5


def test_the_die_says_trained_things_of_both_sets_and_verifies_by_chance() -> None:
    rng = np.random.default_rng(0)
    half = Half(np.arange(12), np.arange(12), np.zeros((12, 1)), np.zeros((12, 1)), None)
    said = [RANDOM.speaker(half, half, rng).evidence[0] for _ in range(200)]
    assert {e.hypothesis.side for e in said} == {"a", "b"}
    families = {lexicon.family_of(c) for e in said if (c := lexicon.parse(e.hypothesis.text))}
    assert families <= set(TRAINED) and len(families) > 60
    gaps = [float(e.scores_b.mean() - e.scores_a.mean()) for e in said]
    assert abs(float(np.mean(gaps))) < 0.15


# Nearest training pair.

DRAWN = replace(
    TRAINING.conditions[0].config,
    domains=("drawn/landscape", "drawn/surface"),
    families=("brightness", "gaussian_noise", "frame"),
    set_size=(6, 6),
    sides=(64,),
    world_share=0.0,
)
SMALL = Planted("nearest", (Condition("", DRAWN),), pairs=60, seed=5)


@pytest.fixture(scope="module")
def examples() -> Examples:
    return make_examples(SMALL, Bank.drawn_only())


def test_examples_point_to_the_set_that_shows_it(examples: Examples) -> None:
    assert examples.directions.shape[0] == len(examples.texts) == 60
    np.testing.assert_allclose(np.linalg.norm(examples.directions, axis=1), 1, rtol=1e-5)
    rows: dict[str, list[int]] = {}
    for index, text in enumerate(examples.texts):
        rows.setdefault(text, []).append(index)
    cosines = examples.directions @ examples.directions.T
    dark, bright = rows["the images are darker"], rows["the images are brighter"]
    assert cosines[np.ix_(dark, bright)].mean() < 0 < cosines[np.ix_(dark, dark)].mean()


def test_what_a_neighbour_showed_is_said_of_the_right_set(examples: Examples) -> None:
    system = replace(RANDOM, name="nearest", speaker=lambda *of: nearest.nearest(examples, *of))
    bright, plain = [CHANGES["lightness"][0](i) for i in scenes(20, 1)], scenes(20, 2)
    for a, b, brighter, darker in ((plain, bright, "b", "a"), (bright, plain, "a", "b")):
        top = system.describe(a, b, 0).findings[0]
        assert (top.side, top.text) in ((brighter, "the images are brighter"), (darker, "the images are darker"))
        assert top.verdict == "verified"
    loud = system.describe(plain, [noisy(image) for image in scenes(20, 3)], 0).findings[0]
    assert (loud.side, loud.text, loud.verdict) == ("b", "the images are noisier", "verified")


def test_examples_are_made_once_and_kept(
    tmp_path: Path, examples: Examples, capsys: pytest.CaptureFixture[str]
) -> None:
    file, suite = tmp_path / "new" / "nearest.npz", SMALL.first(4)
    made = kept_examples(file, suite, Bank.drawn_only())
    assert "4/4 training pairs" in capsys.readouterr().err
    again = kept_examples(file, suite, Bank.drawn_only())
    assert again.sha256 == made.sha256 and again.texts == examples.texts[:4]
    assert capsys.readouterr().err == ""
    assert [path.name for path in file.parent.iterdir()] == ["nearest.npz"]
    file.write_bytes(file.read_bytes()[:99])
    with pytest.raises(InputError, match=r"is damaged .*delete it"):
        kept_examples(file, suite, Bank.drawn_only())


def test_examples_are_never_made_of_what_training_may_not_see() -> None:
    for config in (replace(DRAWN, split="test"), replace(DRAWN, held_out=True)):
        with pytest.raises(UsageError, match="training takes"):
            make_examples(replace(SMALL, conditions=(Condition("", config),)), Bank.drawn_only())


def bank() -> Bank:
    items = [
        BaseImage(f"{domain}/{n}.png", domain, "", split, f"{n:02}{domain}{split}".ljust(64, "0"))
        for domain in ("pets", "breast_ultrasound")
        for split in ("train", "val", "test")
        for n in range(70)
    ]
    rng = np.random.default_rng(0)
    return Bank(rng.integers(0, 256, (len(items), 32, 32, 3), np.uint8), tuple(items))


def test_its_card_tells_what_it_saw_so_that_suites_of_that_are_refused() -> None:
    photographs = bank()
    resolved = TRAINING.resolved(photographs, None)
    known = trained_on(resolved, photographs, {})
    seen = {item.sha256[:PREFIX] for item in photographs.items if (item.domain, item.split) == ("pets", "train")}
    assert set(known.photographs) == seen and "breast_ultrasound" not in known.domains
    assert "pets" in known.domains and known.splits == ("train",) and not known.held_out
    open_suite("core", None).resolved(photographs, known)
    trained = Planted("core", (Condition("", PairConfig(set_size=(8, 8))),), pairs=1, seed=1)
    with pytest.raises(UsageError, match="photographs were trained on"):
        trained.resolved(photographs, known)


def test_the_systems_open_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert open_system("pixels", Options()).identity["name"] == "pixels"
    assert open_system("random", Options()).card is None
    system = open_nearest(Options(), replace(SMALL, pairs=3))
    assert system.card is not None and system.identity["weights_sha256"]
    (file,) = (tmp_path / "runs").iterdir()
    assert file.name.startswith("nearest-")
    assert open_nearest(Options(), replace(SMALL, pairs=3)).identity == system.identity
    assert open_nearest(Options(), replace(SMALL, pairs=2)).identity != system.identity
    assert (
        reference_features(np.stack(scenes(1, 0))).shape[1] == kept_examples(file, SMALL, Bank.drawn_only()).usual.size
    )
