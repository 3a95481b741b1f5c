"""The mean of adapters: of their weights, a LoRA counting as what it makes, and of what their cards list."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from data_synth.catalog import TRAINED
from train import __main__ as jobs
from train.averaging import average
from train.describer import describer, save_adapter
from train.language import make_base, make_processor, make_tokenizer, save_base
from vlmdiff.errors import UsageError
from vlmdiff.learn.tokens import between, with_summaries
from vlmdiff.models.difference import Difference
from vlmdiff.models.huggingface import HuggingFaceModel
from vlmdiff.models.lines import line
from vlmdiff.models.mini.tower import TowerConfig


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("average") / "base"
    tower = TowerConfig(image_size=32, widths=(8, 8, 16), blocks=(1, 1, 1))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tokenizer = make_tokenizer()
        save_base(make_base(tokenizer, tower).eval(), make_processor(tokenizer, tower), folder)
    return folder


def adapter(base: Path, folder: Path, tuning: str, shift: float) -> Path:
    """One whose weights differ from the base's by about `shift`."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        trained = describer(HuggingFaceModel("mini", base, None, "cpu"), tuning, 4)  # type: ignore[arg-type]
        with torch.no_grad():
            for name, weight in trained.named_parameters():
                if weight.requires_grad and "lora_A" not in name:
                    weight.add_(shift * torch.randn_like(weight))
    save_adapter(trained.eval(), folder)
    return folder


def scores(base: Path, folder: Path) -> np.ndarray:
    model = HuggingFaceModel("mini", base, folder, "cpu")
    rows = with_summaries(torch.randn(8, 4, 16, generator=torch.Generator().manual_seed(0)))
    return model.score([line("b", "the images are darker")], Difference.stack([between(rows[:4], rows[4:])]))


def test_the_mean_of_one_adapter_with_itself_answers_as_it_does(base: Path, tmp_path: Path) -> None:
    lora = adapter(base, tmp_path / "lora", "lora", 0.02)
    found = average(base, [lora, lora], tmp_path / "mean")
    assert scores(base, found) == pytest.approx(scores(base, lora), rel=0.02), "bfloat16 on disk"
    assert not (found / "adapter_config.json").exists()
    assert HuggingFaceModel("mini", base, found, "cpu").claims.keys() == TRAINED.keys()


def test_weights_are_halfway_between(base: Path, tmp_path: Path) -> None:
    one, other = (adapter(base, tmp_path / str(shift), "full", shift) for shift in (0.0, 0.1))
    found = average(base, [one, other], tmp_path / "mean")
    for name in ("language_model.safetensors", "difference_projector.safetensors"):
        first, second, mean = (load_file(folder / name) for folder in (one, other, found))
        assert any(not torch.equal(first[key], second[key]) for key in first)
        for key in first:
            halfway = (first[key].float() + second[key].float()) / 2
            torch.testing.assert_close(mean[key].float(), halfway, rtol=0.01, atol=1e-3)


def test_one_adapter_has_no_mean_and_cards_are_asked_for(base: Path, tmp_path: Path) -> None:
    one = adapter(base, tmp_path / "one", "projector", 0.1)
    with pytest.raises(UsageError, match="1 adapters have no mean; give two or more"):
        average(base, [one], tmp_path / "mean")
    with pytest.raises(UsageError, match=r"has no run_card\.json"):
        jobs.average([one, one], tmp_path / "mean", str(base))
    assert not (tmp_path / "mean").exists()
