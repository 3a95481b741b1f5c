"""`python -m train lora`: a LoRA on the language model and the difference projector, trained together on pairs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from transformers import PreTrainedTokenizerFast

from data_synth.catalog import TRAINED
from data_synth.lexicon import canonical
from train import loop
from train.language import encoded, padded
from train.mini import load_base
from train.pairs import PairCache
from train.recipes import Recipe
from train.samples import Sample, set_sample, single_samples
from vlmdiff.errors import UsageError
from vlmdiff.learn.tokens import PARTS, SUMMARY_ROWS
from vlmdiff.models.difference import Difference, DifferenceProjector, injected
from vlmdiff.models.huggingface import CLAIMS_FILE, DIFFERENCE_TOKEN, claim_log_likelihoods
from vlmdiff.models.profiles import profile_of

Tuning = Literal["projector", "lora", "full"]
"""What learns beside the projector: nothing, a LoRA, or the whole language model."""
_IGNORED = -100
_SINGLES_A_PAIR = 4


@dataclass(frozen=True)
class Batches(Dataset[dict[str, Any]]):
    """A batch by index, half of it pairs of sets and half single images to judge."""

    cache: PairCache
    tokenizer: PreTrainedTokenizerFast
    seed: int
    size: int
    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first

    def __getitem__(self, index: int) -> dict[str, Any]:
        loop.one_thread_a_worker()
        rng = np.random.default_rng([self.seed, self.first + index])

        def pair() -> Any:
            return self.cache.pairs[int(rng.integers(len(self.cache.pairs)))]

        sets = [set_sample(self.cache, pair(), rng) for _ in range(self.size // 2)]
        singles: list[Sample] = []
        while len(singles) < self.size - len(sets) or not any(sample.claims for sample in singles):
            singles += single_samples(self.cache, pair(), _SINGLES_A_PAIR, rng)
        return self._tensors([*sets, *singles])

    def _tensors(self, samples: list[Sample]) -> dict[str, Any]:
        targets = [[*ids, self.tokenizer.eos_token_id] for ids in encoded(self.tokenizer, [s.target for s in samples])]
        judged = [i for i, sample in enumerate(samples) if sample.claims]
        claims = encoded(self.tokenizer, [claim for i in judged for claim in samples[i].claims])
        return {
            "rows": torch.cat([s.difference.rows for s in samples]).to(torch.bfloat16),
            "counts": torch.cat([s.difference.counts for s in samples]),
            "targets": padded(targets, _IGNORED),
            "judged": torch.tensor(judged),
            "claims": padded(claims, self.tokenizer.pad_token_id),
            "mask": padded([[1] * len(ids) for ids in claims], 0).bool(),
        }


class Describer(nn.Module):
    """The language model (adapted or not) with its projector, as one thing to train."""

    def __init__(self, model: Any, projector: DifferenceProjector, placeholder: int, bos: int) -> None:
        super().__init__()
        self.model, self.projector = model, projector
        self.placeholder, self.bos = placeholder, bos

    def loss(self, batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, float]]:
        """Next-token loss of the reports plus the cross-entropy of the right claim among near misses."""
        difference = Difference(batch["rows"].float(), batch["counts"])
        with torch.autocast("cpu", torch.bfloat16):
            tokens = self.projector(difference)
            prompt = self._prompt(*tokens.shape[:2])
            targets = batch["targets"]
            ids = torch.cat([prompt, targets.clamp(min=0)], dim=1)
            with injected(self.model.get_input_embeddings(), self.placeholder, tokens):
                logits = self.model(input_ids=ids, logits_to_keep=targets.shape[1] + 1).logits
            told = nn.functional.cross_entropy(
                logits[:, :-1].flatten(0, 1).float(), targets.flatten(), ignore_index=_IGNORED
            )
            part = tokens[batch["judged"]]
            scores = claim_log_likelihoods(
                self.model, self.placeholder, part, prompt[: len(part)], batch["claims"], batch["mask"]
            )
        judged = nn.functional.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long))
        right = float((scores.argmax(1) == 0).float().mean())
        return told + 0.5 * judged, {"told": float(told.detach()), "judged": float(judged.detach()), "right": right}

    def _prompt(self, batch: int, tokens: int) -> torch.Tensor:
        ids = torch.full((batch, tokens + 1), self.placeholder)
        ids[:, 0] = self.bos
        return ids


def describer(
    model: Any, tokenizer: PreTrainedTokenizerFast, targets: str, tuning: Tuning, rank: int, start: Path | None = None
) -> Describer:
    """Freeze the base, then open what `tuning` names; the tower is never trained here.

    Args:
        targets: regular expression over the names of the layers that get a LoRA of this rank.
        start: an adapter folder whose weights training goes on from.
    """
    from peft import LoraConfig, PeftModel, get_peft_model

    model.requires_grad_(False)
    if tuning == "lora" and start is not None:
        model = PeftModel.from_pretrained(model, start, is_trainable=True)
    elif tuning == "lora":
        model = get_peft_model(model, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets))
    elif tuning == "full":
        model.model.language_model.requires_grad_(True)
    config = model.config
    cells = config.image_seq_length
    inputs = PARTS * config.vision_config.hidden_size
    projector = DifferenceProjector(cells + SUMMARY_ROWS, inputs, config.text_config.hidden_size)
    if start is not None:
        projector = DifferenceProjector.load(start)
    return Describer(model, projector, tokenizer.get_vocab()[DIFFERENCE_TOKEN], tokenizer.bos_token_id)


def batches(data: Batches, workers: int) -> Iterator[dict[str, Any]]:
    return iter(DataLoader(data, batch_size=None, num_workers=workers, prefetch_factor=4 if workers else None))


def save_adapter(trained: Describer, folder: Path) -> None:
    """The adapter folder: LoRA weights where there are some, the projector, and the claims it knows."""
    folder.mkdir(parents=True, exist_ok=True)
    if hasattr(trained.model, "peft_config"):
        config = trained.model.peft_config["default"]
        config.base_model_name_or_path = Path(config.base_model_name_or_path).name  # where it lay is nobody's business
        trained.model.save_pretrained(folder, save_embedding_layers=False)  # "auto" asks the hub for that base
        (folder / "README.md").unlink()  # an empty form
    trained.projector.save(folder)
    claims = {name: sorted({canonical(c) for c in family.contents()}) for name, family in TRAINED.items()}
    (folder / CLAIMS_FILE).write_text(json.dumps(claims, indent=0) + "\n")


def train(
    recipe: Recipe,
    base: Path,
    cache: PairCache,
    folder: Path,
    tuning: Tuning,
    seed: int,
    workers: int,
    start: Path | None = None,
) -> Describer:
    """Train from a base folder on a pair cache that its tower encoded; writes the adapter into `folder`."""
    torch.manual_seed(seed + 2)
    model, tokenizer = load_base(base)
    trained = describer(model, tokenizer, profile_of(model.config.model_type).lora_targets, tuning, recipe.rank, start)
    loop.fit(
        tuning,
        trained,
        recipe.lora,
        lambda first: batches(Batches(cache, tokenizer, seed, recipe.lora_batch, first, recipe.lora.steps), workers),
        trained.loss,
        folder,
    )
    save_adapter(trained.eval(), folder / tuning)
    if tuning == "full":
        trained.model.to(torch.bfloat16).save_pretrained(folder / tuning / "base")
        tokenizer.save_pretrained(folder / tuning / "base")
    return trained


def tuning_of(name: str) -> Tuning:
    """The tuning of that name; UsageError lists the known ones."""
    for known in get_args(Tuning):
        if name == known:
            return name  # type: ignore[return-value]
    raise UsageError(f"tuning {name!r} is unknown; expected one of {', '.join(get_args(Tuning))}")
