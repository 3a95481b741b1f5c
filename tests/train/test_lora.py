"""The describer's loss: what is trained is what the model then writes and prefers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from train.describer import LORA_FILE, TUNINGS, Describer, describer, save_adapter
from train.language import encoded, make_base, make_processor, make_tokenizer, padded, save_base
from train.loop import Schedule
from train.lora import Means, advance
from vlmdiff.learn.tokens import between, with_summaries
from vlmdiff.models.difference import Difference
from vlmdiff.models.huggingface import HuggingFaceModel
from vlmdiff.models.lines import NO_DIFFERENCE, line
from vlmdiff.models.loading import LANGUAGE_MODEL
from vlmdiff.models.mini.tower import TowerConfig

TEXTS = [line("b", "the images are darker"), line("b", "the images have a watermark"), NO_DIFFERENCE + "\n"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lora") / "base"
    tower = TowerConfig(image_size=32, widths=(8, 8, 16), blocks=(1, 1, 1))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        tokenizer = make_tokenizer()
        save_base(make_base(tokenizer, tower).eval(), make_processor(tokenizer, tower), folder)
    return folder


def started(base: Path, tuning: str, start: Path | None = None, checkpointing: bool = False) -> tuple[Describer, Any]:
    backend = HuggingFaceModel("mini", base, None, "cpu")
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return describer(backend, TUNINGS[tuning], 8, start, checkpointing), backend.tokenizer


@dataclass(frozen=True)
class Always:
    """One batch, step after step."""

    batch: dict[str, torch.Tensor]
    items_a_step: int = 1

    def __getitem__(self, index: int) -> int:
        return index

    def collate(self, items: list[int]) -> dict[str, torch.Tensor]:
        return self.batch

    def ready(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return batch


def test_a_lora_goes_on_from_a_projector_alone(base: Path, tmp_path: Path) -> None:
    """As the base leaves one behind, which learned to read with it."""
    before, _ = started(base, "projector")
    save_adapter(before, tmp_path / "projector")
    trained, _ = started(base, "lora", start=tmp_path / "projector")
    assert any(".lora_" in name for name, weight in trained.named_parameters() if weight.requires_grad)
    torch.testing.assert_close(trained.projector.state_dict(), before.projector.state_dict(), rtol=0.01, atol=0.01)


def differences() -> Difference:
    """Three that are easily told apart."""
    made = torch.Generator().manual_seed(2)
    sets = [with_summaries(torch.randn(8, 4, 16, generator=made)) for _ in TEXTS]
    return Difference.stack([between(one[:4], one[4:] + i - 1) for i, one in enumerate(sets)])


def batch_of(tokenizer: Any) -> dict[str, Any]:
    """Each difference with its text as target, and as the right claim among all three; targets of unequal length."""
    difference = differences()
    targets = [[*ids, tokenizer.eos_token_id] for ids in encoded(tokenizer, TEXTS)]
    claims = encoded(tokenizer, [text for i in range(3) for text in (TEXTS[i], *TEXTS[:i], *TEXTS[i + 1 :])])
    return {
        "rows": difference.rows,
        "counts": difference.counts,
        "targets": padded(targets, -100),
        "judged": torch.arange(3),
        "claims": padded(claims, tokenizer.pad_token_id),
        "mask": padded([[1] * len(ids) for ids in claims], 0).bool(),
    }


def test_a_lora_learns_to_write_and_to_judge_and_comes_back_from_disk(base: Path, tmp_path: Path) -> None:
    trained, tokenizer = started(base, "lora")
    batch = batch_of(tokenizer)
    advance(trained, Always(batch), Schedule(steps=40, lr=0.015, warmup=5), tmp_path, means=Means(workers=0))
    save_adapter(trained.eval(), tmp_path / "adapter")
    model = HuggingFaceModel("mini", base, tmp_path / "adapter", "cpu")
    assert model.write(differences(), draws=0, seed=0) == [[text] for text in TEXTS]
    scores = model.score(TEXTS, differences())
    assert scores.argmax(1).tolist() == [0, 1, 2]
    assert scores.max() < 0


def test_the_loss_is_that_of_next_tokens_and_of_right_claims(base: Path) -> None:
    """Against every sequence alone; training runs in bfloat16, hence the tolerance."""
    trained, tokenizer = started(base, "lora")
    with torch.no_grad():
        trained.model.get_input_embeddings().weight.mul_(20)  # random logits, far from uniform: a shift by one shows
        batch = batch_of(tokenizer)
        loss, numbers = trained.loss(batch)
        told, right = [], []
        for i, (rows, counts) in enumerate(zip(batch["rows"], batch["counts"], strict=True)):
            tokens = trained.projector(Difference(rows[None], counts[None]))
            logits = {}
            for text, ids in zip(TEXTS, encoded(tokenizer, TEXTS), strict=True):
                whole = [*trained.prompt(1, tokens.shape[1])[0].tolist(), *ids, tokenizer.eos_token_id]
                embedded = trained.model.get_input_embeddings()(torch.tensor([whole]))
                embedded[:, 1 : 1 + tokens.shape[1]] = tokens
                found = trained.model(inputs_embeds=embedded).logits[0].log_softmax(-1)
                start = 1 + tokens.shape[1]
                logits[text] = torch.stack([found[at - 1, whole[at]] for at in range(start, len(whole))])
            told.append(-logits[TEXTS[i]])
            claims = torch.stack([logits[text][:-1].sum() for text in TEXTS])
            right.append(-claims.log_softmax(0)[i])
    assert numbers["told"] == pytest.approx(torch.cat(told).mean().item(), rel=0.02)
    assert numbers["judged"] == pytest.approx(torch.stack(right).mean().item(), rel=0.1, abs=0.3)
    assert loss.item() == pytest.approx(numbers["told"] + 0.5 * numbers["judged"], rel=1e-4)


@pytest.mark.parametrize("tuning", ["projector", "lora", "full"])
def test_only_what_the_tuning_names_is_trained(tuning: str, base: Path) -> None:
    trained, _ = started(base, tuning)
    names = {name for name, weight in trained.named_parameters() if weight.requires_grad}
    assert not [name for name in names if "vision_tower" in name or "multi_modal_projector" in name]
    kinds = {"projector" if name.startswith("projector.") else "lora" if ".lora_" in name else "full" for name in names}
    assert kinds == {"projector"} | {tuning}


def test_training_goes_on_from_an_adapter(base: Path, tmp_path: Path) -> None:
    trained, tokenizer = started(base, "lora")
    batch = batch_of(tokenizer)
    advance(trained, Always(batch), Schedule(8, 0.01, 2), tmp_path, means=Means(workers=0))
    save_adapter(trained.eval(), tmp_path / "adapter")
    again, _ = started(base, "lora", start=tmp_path / "adapter")
    with torch.no_grad():
        assert again.loss(batch)[0].item() == pytest.approx(trained.loss(batch)[0].item(), rel=0.02)
    opened = [sum(w.requires_grad for w in one.parameters()) for one in (trained, again)]
    assert opened[0] == opened[1]


@pytest.mark.parametrize("before", ["lora", "full"])
def test_all_weights_go_on_from_an_adapter(before: str, base: Path, tmp_path: Path) -> None:
    """A LoRA becomes part of the weights; and what comes of it is a whole language model, no LoRA."""
    trained, tokenizer = started(base, before)
    batch = batch_of(tokenizer)
    advance(trained, Always(batch), Schedule(8, 0.01, 2), tmp_path, means=Means(workers=0))
    save_adapter(trained.eval(), tmp_path / "adapter")
    again, _ = started(base, "full", start=tmp_path / "adapter")
    with torch.no_grad():
        assert again.loss(batch)[0].item() == pytest.approx(trained.loss(batch)[0].item(), rel=0.02)
    save_adapter(again, tmp_path / "whole")
    assert (tmp_path / "whole" / LANGUAGE_MODEL).is_file() and not (tmp_path / "whole" / LORA_FILE).exists()


@pytest.mark.parametrize("tuning", ["lora", "projector"])
def test_activations_computed_twice_are_fewer_and_give_the_same_gradients(tuning: str, base: Path) -> None:
    kept, gradients = [], []
    for checkpointing in (False, True):
        trained, tokenizer = started(base, tuning, checkpointing=checkpointing)
        sizes: dict[int, int] = {}

        def keep(tensor: torch.Tensor, sizes: dict[int, int] = sizes) -> torch.Tensor:
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss, _ = trained.train().loss(batch_of(tokenizer))
        loss.backward()
        kept.append(sum(sizes.values()))
        gradients.append(torch.cat([w.grad.flatten() for w in trained.parameters() if w.grad is not None]))
    assert kept[1] < 0.75 * kept[0]
    assert torch.cosine_similarity(gradients[0], gradients[1], dim=0) > 0.99


def test_opposites_are_taught_claims_and_mutual(base: Path, tmp_path: Path) -> None:
    trained, _ = started(base, "projector")
    save_adapter(trained, tmp_path / "adapter")
    model = HuggingFaceModel("mini", base, tmp_path / "adapter", "cpu")
    assert model.opposites["the images are darker"] == "the images are brighter"
    assert all(model.taught(text) and model.opposites[other] == text for text, other in model.opposites.items())


def test_single_images_are_read_by_the_judge_and_sets_are_not(base: Path, tmp_path: Path) -> None:
    """Telling and judging trained apart: the judge is an adapter in the adapter's folder."""
    teller, _ = started(base, "lora")
    save_adapter(teller, tmp_path / "adapter")
    alone = HuggingFaceModel("mini", base, tmp_path / "adapter", "cpu")
    judge, _ = started(base, "lora")
    for name, weight in judge.named_parameters():
        if "lora_B" in name or name.startswith("projector"):
            torch.nn.init.normal_(weight, std=0.1)
    save_adapter(judge, tmp_path / "adapter" / "judge")
    both = HuggingFaceModel("mini", base, tmp_path / "adapter", "cpu")
    other = HuggingFaceModel("mini", base, tmp_path / "adapter" / "judge", "cpu")
    sets = differences()
    singles = Difference(sets.rows, torch.tensor([[8.0, 1.0]] * len(sets.rows)))
    np.testing.assert_array_equal(both.score(TEXTS, sets), alone.score(TEXTS, sets))
    np.testing.assert_array_equal(both.score(TEXTS, singles), other.score(TEXTS, singles))
    assert not np.allclose(both.score(TEXTS, singles), alone.score(TEXTS, singles))
    assert both.write(sets, draws=0, seed=0) == alone.write(sets, draws=0, seed=0)
    assert both.info.weights_sha256 != alone.info.weights_sha256
