"""The training jobs from nothing to folders that load, with the quick recipe and drawn images."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from train import __main__ as jobs
from train import recipes
from vlmdiff import models
from vlmdiff.learn.tokens import between, with_summaries


def test_the_quick_recipe_ends_in_a_model_that_reads_images_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = recipes.RECIPES["quick"]
    small = replace(quick, pair_count=3, images=replace(quick.images, sides=(128,)))
    monkeypatch.setitem(recipes.RECIPES, "quick", small)
    jobs.mini(out=tmp_path, recipe="quick", workers=0)
    base = tmp_path / "base"
    assert capsys.readouterr().out == f"{base}\n"
    jobs.lora(out=tmp_path, base=str(base), recipe="quick", workers=0)
    assert capsys.readouterr().out == f"{tmp_path / 'lora'}\n"

    model = models.load(str(base), adapter=tmp_path / "lora", device="cpu")
    images = np.random.default_rng(0).integers(0, 256, (6, 128, 128, 3), np.uint8)
    rows = with_summaries(model.features(images))
    difference = between(rows[:3], rows[3:])
    assert len(model.write(difference, draws=1, seed=0)[0]) == 2
    assert np.isfinite(model.score(["b: the images are darker\n"], difference)).all()
    assert model.info.adapter == "lora"
    for stage, steps in (("tower", small.tower.steps), ("base", small.base.steps), ("lora", small.lora.steps)):
        last = json.loads((tmp_path / f"{stage}.jsonl").read_text().splitlines()[-1])
        assert last["step"] == steps
        assert np.isfinite(last["loss"])

    before = {path: path.read_bytes() for path in (tmp_path / "lora").iterdir()}
    jobs.mini(out=tmp_path, recipe="quick", workers=0)
    jobs.lora(out=tmp_path, base=str(base), recipe="quick", workers=0)
    assert before == {path: path.read_bytes() for path in (tmp_path / "lora").iterdir()}, "nothing is trained again"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mini", "--recipe", "huge"], "train: recipe 'huge' is unknown; expected one of mini, quick\n"),
        (["lora", "--tuning", "all"], "train: tuning 'all' is unknown; expected one of projector, lora, full\n"),
    ],
)
def test_a_wrong_name_is_one_line_before_any_work(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.argv", ["train", *arguments, "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as ended:
        jobs.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err == message
    assert not (tmp_path / "out").exists()


def test_every_recipe_can_be_run() -> None:
    for name, recipe in recipes.RECIPES.items():
        assert recipes.recipe(name) is recipe
        assert recipe.pairs.set_size[0] * 2 >= 12, "single images are judged against eight others and more"
        assert sum(recipe.pairs.facts) == pytest.approx(1)
