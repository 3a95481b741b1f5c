"""The training jobs from nothing to folders that load, with the quick recipe and drawn images."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from data_synth.catalog import TRAINED
from data_synth.config import PairConfig
from data_synth.dataset import make, read_shards
from data_synth.recipes import Recipe
from data_synth.sources import pack
from tests.vlmdiff.tiny_vlm import save_qwen3_vl
from train import __main__ as jobs
from train import checkpoints, curriculum, recipes, stopping
from train.describer import describer
from vlmdiff import models
from vlmdiff.errors import InputError, UsageError
from vlmdiff.learn.tokens import between, with_summaries
from vlmdiff.models import huggingface
from vlmdiff.models.difference import DifferenceProjector
from vlmdiff.models.huggingface import HuggingFaceModel
from vlmdiff.models.loading import sha256_of


def test_the_quick_recipe_ends_in_a_model_that_reads_images_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = recipes.RECIPES["quick"]
    small = replace(quick, pair_count=3, images=replace(quick.images, sides=(128,)))
    monkeypatch.setitem(recipes.RECIPES, "quick", small)
    jobs.mini(out=tmp_path, recipe="quick", workers=0)
    base = tmp_path / "base"
    assert capsys.readouterr().out == f"{base}\n"
    jobs.lora(out=tmp_path, base=str(base), recipe="quick", start=base / "projector", workers=0)
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

    card = jobs_card(tmp_path / "lora")
    assert card["curves"]["lora"][-1][0] == small.lora.steps
    assert card["runs"]["lora"]["base"] == sha256_of([base / "model.safetensors"])
    assert (card["runs"]["lora"]["tuning"], card["runs"]["mini"]["seed"]) == ("lora", 0)
    before = {path: path.read_bytes() for path in (tmp_path / "lora").iterdir()}
    jobs.mini(out=tmp_path, recipe="quick", workers=0)
    jobs.lora(out=tmp_path, base=str(base), recipe="quick", start=base / "projector", workers=0)
    assert before == {path: path.read_bytes() for path in (tmp_path / "lora").iterdir()}, "nothing is trained again"


def jobs_card(adapter: Path) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((adapter / "run_card.json").read_text())
    return card


@pytest.fixture(scope="module")
def other_family(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is not the embedded one, with its own vision path and connector."""
    return save_qwen3_vl(tmp_path_factory.mktemp("qwen3_vl"))


def test_another_model_learns_from_pairs_drawn_as_they_are_needed(
    other_family: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny(monkeypatch)
    jobs.lora(out=tmp_path, base=str(other_family), recipe="quick", workers=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoints", "lora", "lora.jsonl", "lora.run.json"]
    assert jobs_card(tmp_path / "lora")["photographs"] == []
    model = models.load(str(other_family), adapter=tmp_path / "lora", device="cpu")
    images = np.random.default_rng(0).integers(0, 256, (6, model.image_size, model.image_size, 3), np.uint8)
    rows = with_summaries(model.features(images))
    assert len(model.write(between(rows[:3], rows[3:]), draws=0, seed=0)[0]) == 1


def test_another_model_learns_in_rounds(other_family: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny(monkeypatch)
    widest = curriculum.widest
    monkeypatch.setattr(curriculum, "widest", lambda config: replace(widest(config), set_size=(8, 9)))
    for name, value in {"_FIRST": 6, "_TRIALS": 1, "_TRIALS_OF_NUMBERS": 1, "_PROBE_SIZE": 4}.items():
        monkeypatch.setattr(curriculum, name, value)
    for name, value in {"PAIRS": 2, "JUDGED_PAIRS": 1, "_SIZE": 4}.items():
        monkeypatch.setattr(stopping, name, value)
    monkeypatch.setattr(huggingface, "LONGEST", 6)
    base = str(other_family)
    jobs.curriculum(out=tmp_path, base=base, recipe="quick", rounds=2, accumulate=2, checkpointing=True, workers=0)
    card = jobs_card(tmp_path / "lora")
    assert card["base"] == other_family.name and card["runs"]["lora"]["plan"]["rounds"] == 2
    assert [reading["step"] for reading in card["criteria"]] == [1, 3]
    assert models.load(str(other_family), adapter=tmp_path / "lora", device="cpu").taught("the images are darker")


def test_a_run_goes_on_only_as_it_was_begun(
    other_family: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pairs are drawn as they are needed, so no cache knows their seed; X has seen what its card says."""
    tiny(monkeypatch)
    first, out = tmp_path / "first", tmp_path / "out"
    jobs.lora(out=first, base=str(other_family), recipe="quick", workers=0)
    x = first / "lora"
    seen = json.loads((x / "run_card.json").read_text()) | {"domains": ["rare"], "held_out": True}
    (x / "run_card.json").write_text(json.dumps(seen))
    quick = recipes.RECIPES["quick"]
    monkeypatch.setitem(recipes.RECIPES, "quick", replace(quick, lora=replace(quick.lora, save_every=1)))
    sealed = checkpoints.seal

    def stopped(folder: Path) -> None:
        sealed(folder)
        raise KeyboardInterrupt

    def call(**other: Any) -> None:
        arguments = {"base": str(other_family), "recipe": "quick", "workers": 0, "start": x, "seed": 3}
        jobs.lora(**{"out": out, **arguments, **other})

    monkeypatch.setattr(checkpoints, "seal", stopped)
    with pytest.raises(KeyboardInterrupt):
        call()
    monkeypatch.setattr(checkpoints, "seal", sealed)
    weights = sha256_of([x / "adapter_model.safetensors", x / "difference_projector.safetensors"])[:12]
    refused: list[tuple[dict[str, Any], str]] = [
        ({"start": None}, f"start is {weights} there and none here"),
        ({"start": vary(x, tmp_path / "y")}, f"start is {weights} there and "),
        ({"seed": 4}, "seed is 3 there and 4 here"),
        ({"steps": 2}, "recipe.lora.steps is 3 there and 2 here"),
        ({"bank": bank_of_one(tmp_path)}, "bank is "),
    ]
    for other, said in refused:
        with pytest.raises(InputError, match=f"holds another run: {said}.*; to go on give what it was begun with"):
            call(**other)
    assert not (out / "lora").exists()
    (note := out / "lora.run.json").rename(tmp_path / "aside")
    with pytest.raises(InputError, match=r"checkpoint-1 is there, but not lora\.run\.json"):
        call()
    (tmp_path / "aside").rename(note)
    note.write_bytes((whole := note.read_bytes())[:30])
    with pytest.raises(InputError, match=r"lora\.run\.json is damaged"):
        call()
    note.write_bytes(whole)
    call()
    card = jobs_card(out / "lora")
    assert "rare" in card["domains"] and card["held_out"]
    assert json.loads((out / "lora.jsonl").read_text().splitlines()[-1])["step"] == 3


def vary(adapter: Path, folder: Path) -> Path:
    """An adapter with other weights."""
    shutil.copytree(adapter, folder)
    file = folder / "difference_projector.safetensors"
    save_file({name: value + 1 for name, value in load_file(file).items()}, file)
    return folder


def bank_of_one(folder: Path) -> Path:
    """A bank of one photograph."""
    picture = folder / "photographs" / "pets" / "cat" / "one.png"
    picture.parent.mkdir(parents=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(picture)
    pack([folder / "photographs"], folder / "bank.npy", side=64)
    return folder / "bank.npy"


@pytest.mark.timeout(300)
def test_torchrun_learns_as_one_process_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torchrun = Path(sys.executable).with_name("torchrun")
    words = ["-m", "train", "lora", "--recipe", "quick", "--workers", "0", "--out", str(tmp_path / "two")]
    command = [str(torchrun), "--nproc_per_node", "2", *words]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'two' / 'lora'}\n", "the first of them prints"
    jobs.lora(out=tmp_path / "one", recipe="quick", workers=0)
    one, two = (json.loads((tmp_path / name / "lora.jsonl").read_text()) for name in ("one", "two"))
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-3)
    assert models.load("mini", adapter=tmp_path / "two" / "lora", device="cpu").card is not None


def test_it_learns_from_shards_whose_images_it_looks_at_once(
    other_family: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny(monkeypatch)
    config = PairConfig(set_size=(8, 8), sides=(64,), facts=(0.0, 1.0))
    dataset = tmp_path / "dataset"
    make(Recipe("few", "Three.", config, seed=1, pairs=3, shard_pairs=2), dataset)
    looks: list[int] = []
    whole = HuggingFaceModel.features

    def counting(self: HuggingFaceModel, images: NDArray[np.uint8]) -> torch.Tensor:
        looks.append(len(images))
        return whole(self, images)

    monkeypatch.setattr(HuggingFaceModel, "features", counting)
    for tuning in ("lora", "projector"):
        jobs.lora(
            out=tmp_path / "out", base=str(other_family), recipe="quick", shards=dataset, tuning=tuning, workers=0
        )
    assert sum(looks) == 3 * 16 + 4, "each image once, and a blank one to learn the sizes from, twice a run"
    card = jobs_card(tmp_path / "out" / "lora")
    assert card["recipe"]["pairs"]["set_size"] == [8, 8]
    assert set(card["domains"]) == {pair.pair.domain for pair in read_shards(dataset)}


def test_the_card_tells_what_was_read_on_drawn_images_where_there_is_no_bank(
    other_family: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny(monkeypatch)
    for name, value in {"PAIRS": 2, "JUDGED_PAIRS": 1, "_SIZE": 4}.items():
        monkeypatch.setattr(stopping, name, value)
    monkeypatch.setattr(huggingface, "LONGEST", 6)  # an untrained model finds no end
    quick = recipes.RECIPES["quick"]
    monkeypatch.setitem(recipes.RECIPES, "quick", replace(quick, lora=replace(quick.lora, save_every=2)))
    config = PairConfig(set_size=(8, 8), sides=(64,), facts=(0.0, 1.0))
    make(Recipe("few", "Two.", config, seed=1, pairs=2, shard_pairs=2), tmp_path / "dataset")
    out, given = tmp_path / "out", {"base": str(other_family), "recipe": "quick", "shards": tmp_path / "dataset"}
    jobs.lora(out=out, **given, patience=2, workers=0)  # type: ignore[arg-type]
    criteria = jobs_card(out / "lora")["criteria"]
    assert [row["step"] for row in criteria] == [2, 3], "as often as checkpoints are written, and at the end"
    assert all(row.keys() == {"step", "loss", "described", "judged", "criterion"} for row in criteria)
    before = (out / "lora" / "run_card.json").read_bytes()
    jobs.lora(out=out, **given, read_every=2, patience=2, workers=0)  # type: ignore[arg-type]
    assert (out / "lora" / "run_card.json").read_bytes() == before, "the same was asked for"


def test_a_dry_run_says_what_a_run_needs_and_touches_nothing(
    other_family: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny(monkeypatch)
    jobs.lora(out=tmp_path / "out", base=str(other_family), recipe="quick", workers=0, dry_run=True)
    assert list(tmp_path.iterdir()) == []
    said = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert list(said) == ["parameters", "memory", "tokens", "pairs", "steps", "hours"]
    backend = HuggingFaceModel("other", other_family, None, "cpu")
    trained = describer(backend, "lora", recipes.RECIPES["quick"].rank)
    count = sum(w.numel() for w in trained.parameters())
    learned = sum(w.numel() for w in trained.parameters() if w.requires_grad)
    assert said["parameters"] == f"{learned:,} of {count:,} are trained"
    assert said["steps"].startswith("3 of ")


def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = recipes.RECIPES["quick"]
    pairs = replace(quick.pairs, set_size=(8, 8), sides=(128,))
    monkeypatch.setitem(recipes.RECIPES, "quick", replace(quick, pair_count=3, pairs=pairs))


def test_ctrl_c_ends_with_exit_code_130(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("train.recipes.recipe", stopped)
    monkeypatch.setattr("sys.argv", ["train", "lora", "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as ended:
        jobs.main()
    assert ended.value.code == 130
    assert "Traceback" not in capsys.readouterr().err


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


@pytest.fixture(scope="module")
def mini_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("mini")
    jobs.mini(out=out, recipe="quick", workers=0)
    return out


def test_a_kept_tower_is_the_one_that_was_given(mini_run: Path, tmp_path: Path) -> None:
    jobs.mini(out=tmp_path, recipe="quick", start=str(mini_run / "base"), keep_tower=True, workers=0)
    given, kept = (load_file(run / "base" / "model.safetensors") for run in (mini_run, tmp_path))
    same = {name: torch.equal(weight, kept[name]) for name, weight in given.items()}
    assert {name for name, equal in same.items() if "vision_tower" in name and not equal} == set()
    with pytest.raises(InputError, match=r"holds another run: start is [0-9a-f]{12} there and none here, kept is true"):
        jobs.mini(out=tmp_path, recipe="quick", workers=0)
    with pytest.raises(UsageError, match="--keep-tower needs --start"):
        jobs.mini(out=tmp_path, recipe="quick", keep_tower=True)


def test_three_methods_are_trained_for_as_many_operations(
    mini_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "_base", lambda name: mini_run / "base")
    found = CliRunner().invoke(jobs.app, ["methods", "--out", str(tmp_path), "--scale", "quick", "--workers", "0"])
    assert found.exit_code == 0, found.output
    rows = found.stdout.splitlines()[2:]
    assert [row.split(" | ")[0] for row in rows] == ["| learned", "| in_context", "| caption_rank"]
    for method, skill in (("learned", set()), ("in_context", {"in_context"}), ("caption_rank", {"captions"})):
        adapter = tmp_path / method / "adapter"
        model = models.load(str(tmp_path / method / "base"), adapter=adapter, device="cpu")
        assert isinstance(model, HuggingFaceModel)
        assert model.skills == {"tokens", *skill}
        assert model.judge is not None
        assert set(jobs_card(adapter)["families"]) == set(model.claims) < set(TRAINED)
    assert CliRunner().invoke(jobs.app, ["methods", "--out", str(tmp_path), "--scale", "quick"]).stdout == found.stdout
    other = CliRunner().invoke(jobs.app, ["methods", "--out", str(tmp_path), "--scale", "quick", "--seed", "1"])
    assert "holds another run: seed is 0 there and 1 here" in str(other.exception)


def test_telling_and_judging_are_trained_apart(mini_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "PAIRS", 8)
    monkeypatch.setattr(stopping, "JUDGED_PAIRS", 2)
    base, projector = str(mini_run / "base"), mini_run / "base" / "projector"
    jobs.lora(out=tmp_path, base=base, recipe="quick", task="judge", start=projector, workers=0)
    assert json.loads((tmp_path / "judge.jsonl").read_text().splitlines()[-1])["told"] == 0
    jobs.curriculum(
        out=tmp_path, base=base, recipe="quick", start=projector, judge=tmp_path / "judge", rounds=1, workers=0
    )
    assert json.loads((tmp_path / "lora.jsonl").read_text().splitlines()[-1])["judged"] == 0
    model = models.load(base, adapter=tmp_path / "lora", device="cpu")
    assert isinstance(model, HuggingFaceModel)
    assert model.judge is not None
    trained, given = (
        DifferenceProjector.load(f).state_dict() for f in (tmp_path / "lora" / "judge", tmp_path / "judge")
    )
    assert all(torch.equal(weight, given[name]) for name, weight in trained.items())
