"""The shipped system: pixels in memory reach it as files would."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from eval.systems import ALPHA, Options, Vlmdiff, in_memory, loaded, open_system
from tests.eval import fakes
from vlmdiff.errors import ModelError, UsageError
from vlmdiff.findings import ModelInfo
from vlmdiff.images.decode import fit

IMAGES = [np.random.default_rng(seed).integers(0, 256, (48, 48, 3), np.uint8) for seed in range(3)]
MODEL: Any = SimpleNamespace(image_size=32, info=ModelInfo(name="mini", adapter="x", weights_sha256="ab"))


def test_images_are_fitted_as_describe_fits_them() -> None:
    loaded = in_memory(IMAGES, "b", 32)
    assert loaded.pixels.shape == (3, 32, 32, 3) and loaded.pixels.dtype == np.uint8
    np.testing.assert_array_equal(loaded.pixels[1], fit(IMAGES[1], 32))
    assert loaded.ids == ["B-0001", "B-0002", "B-0003"] and len(set(loaded.digests)) == 3
    assert len(loaded.headers) == len(loaded.references) == 3


def test_vlmdiff_answers_at_the_one_alpha(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def answer(pair: Any, model: Any, **options: Any) -> Any:
        asked.update(options, pair=pair, model=model)
        return fakes.report()

    module = ModuleType("vlmdiff.describe")
    module.answer = answer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vlmdiff.describe", module)
    assert Vlmdiff(MODEL).describe(IMAGES[:2], IMAGES[1:], seed=7).verdict == "no detectable difference"
    assert (asked["alpha"], asked["seed"], asked["model"]) == (ALPHA, 7, MODEL)
    assert len(asked["pair"].a.ids) == len(asked["pair"].b.ids) == 2


def test_identity_names_the_weights_and_the_level() -> None:
    assert Vlmdiff(MODEL).identity["model"]["weights_sha256"] == "ab"
    assert Vlmdiff(MODEL).identity["alpha"] == ALPHA


def test_groups_reach_the_library() -> None:
    pair = loaded(IMAGES[:2], IMAGES[1:], 32, (["p1", "p1"], ["p2", "p3"]))
    assert pair.a.groups == ["p1", "p1"] and pair.b.groups == ["p2", "p3"]
    assert loaded(IMAGES[:2], IMAGES[1:], 32, None).a.groups is None


def test_the_card_of_the_model_is_the_card_of_the_system() -> None:
    model: Any = SimpleNamespace(card=object())
    assert Vlmdiff(model).card is model.card


def test_a_model_whose_training_nobody_wrote_down_is_not_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vlmdiff.models.load", lambda name, adapter: SimpleNamespace(card=None))
    with pytest.raises(ModelError, match=r"no run_card\.json"):
        open_system("learned", Options())


@pytest.mark.parametrize(("name", "skill"), [("learned", "tokens"), ("in_context", "chat"), ("caption_rank", "chat")])
def test_each_method_is_a_system(monkeypatch: pytest.MonkeyPatch, name: str, skill: str) -> None:
    """A model that somebody else trained has no card; one that cannot do it is refused before anything is asked."""
    info = SimpleNamespace(name="fake", model_dump=dict)
    model = SimpleNamespace(card=None, skills=frozenset({skill}), info=info)
    monkeypatch.setattr("vlmdiff.models.load", lambda name, adapter: model)
    system = open_system(name, Options(model="a folder"))
    assert system.identity["name"] == name
    model.skills = frozenset({"chat"} if name == "learned" else {"tokens"})
    with pytest.raises(ModelError, match=f"cannot propose by method '{name}'"):
        open_system(name, Options(model="a folder"))


def test_an_unknown_system_is_named_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no system 'magic'; known are learned"):
        open_system("magic", Options())
