"""The describer: a language model and the difference projector as one thing to train, its loss, its adapter folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import nn

from data_synth.catalog import TRAINED
from data_synth.family import Family, SetFamily
from data_synth.lexicon import canonical
from data_synth.matching import mirrored
from train.language import IGNORED
from vlmdiff.learn.tokens import PARTS, SUMMARY_ROWS
from vlmdiff.models import loading
from vlmdiff.models.base import CLAIMS_FILE, Skill
from vlmdiff.models.difference import Difference, DifferenceProjector, claim_log_likelihoods, injected
from vlmdiff.models.huggingface import JUDGE, OPPOSITES_FILE, SKILLS_FILE, HuggingFaceModel
from vlmdiff.models.loading import quietly
from vlmdiff.render.files import write_whole

Tuning = Literal["projector", "lora", "full"]
"""What learns beside the projector: nothing, a LoRA, or the whole language model."""
TUNINGS: dict[str, Tuning] = {name: name for name in get_args(Tuning)}
LORA_FILE = "adapter_config.json"
"""Of peft, in an adapter folder: absent where the projector alone was trained."""
Task = Literal["both", "tell", "judge"]
"""What is learned: to say how sets differ, to tell right claims on single images from wrong ones, or both at once."""
TASKS: dict[str, Task] = {name: name for name in get_args(Task)}
JUDGE_SHARE = 0.5
"""Weight of the judge's loss beside that of the reports."""


class Describer(nn.Module):
    """A language model (adapted or not) with its projector.

    `forward` gives sums, not means: what a step's loss is divided by is known only over all its ranks and parts.
    """

    accepts_loss_kwargs = True  # tells transformers.Trainer that the loss is divided already

    def __init__(
        self,
        backend: HuggingFaceModel,
        model: Any,
        projector: DifferenceProjector,
        thrifty: bool,
        task: Task = "both",
    ) -> None:
        """thrifty: activations are not kept, so no cache can be: each claim reads the prompt anew."""
        super().__init__()
        self.task = task
        self.model, self.projector = model, projector
        self.prompt, self.placeholder, self.thrifty = backend.prompt, backend.placeholder, thrifty
        self._no_split_modules = backend.model._no_split_modules  # what FSDP shards one by one

    def forward(
        self,
        rows: torch.Tensor,
        counts: torch.Tensor,
        targets: torch.Tensor,
        judged: torch.Tensor,
        claims: torch.Tensor,
        mask: torch.Tensor,
    ) -> torch.Tensor:
        """The sums over a batch, float32 of shape (3,): nats of the reports' tokens, of the right claims, right claims.

        Args:
            rows, counts: of the differences; see `Difference`.
            targets: (batch, longest) ids of the reports, IGNORED where padded.
            judged: indices of the samples that have claims.
            claims, mask: as for `claim_log_likelihoods`, the right claim of each sample first.
        """
        with torch.autocast(rows.device.type, torch.bfloat16):
            tokens = self.projector(Difference(rows.float(), counts))
            prompt = self.prompt(*tokens.shape[:2]).to(rows.device)
            told = torch.zeros((), device=rows.device)
            if self.task != "judge":
                told = self._told(tokens, prompt, targets)
            if not len(judged):
                return torch.stack([told, torch.zeros_like(told), torch.zeros_like(told)])
            scores = claim_log_likelihoods(
                self.model, self.placeholder, tokens[judged], prompt[: len(judged)], claims, mask, not self.thrifty
            )
        wrong = nn.functional.cross_entropy(scores, scores.new_zeros(len(scores), dtype=torch.long), reduction="sum")
        return torch.stack([told, wrong, (scores.detach().argmax(1) == 0).sum().float()])

    def _told(self, tokens: torch.Tensor, prompt: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Nats of the reports' tokens."""
        ids = torch.cat([prompt, targets.clamp(min=0)], dim=1)
        # Told, because models whose images lie in three dimensions go on from those of the last prompt they saw.
        places, keep = torch.arange(ids.shape[1], device=ids.device).expand(len(ids), -1), targets.shape[1] + 1
        with injected(self.model.get_input_embeddings(), self.placeholder, tokens):
            logits = self.model(input_ids=ids, position_ids=places, use_cache=False, logits_to_keep=keep).logits
        return nn.functional.cross_entropy(
            logits[:, :-1].flatten(0, 1).float(), targets.flatten(), ignore_index=IGNORED, reduction="sum"
        )

    def loss(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
        """Of a whole batch: the reports' mean loss a token plus the right claims' cross-entropy among near misses."""
        shares = self(**batch) / divisors(*counted(batch))
        told, judged, right = shares.detach().tolist()
        return shares[0] + JUDGE_SHARE * shares[1], {"told": told, "judged": judged, "right": right}


def counted(batch: dict[str, torch.Tensor]) -> tuple[int, int]:
    """What a batch's sums are divided by: tokens of reports, and samples with claims."""
    return int((batch["targets"] != IGNORED).sum()), len(batch["judged"])


def divisors(tokens: int, judged: int) -> torch.Tensor:
    """(3,), for what `Describer.forward` gives."""
    return torch.tensor([tokens, max(1, judged), max(1, judged)], dtype=torch.float32)


def describer(
    backend: HuggingFaceModel,
    tuning: Tuning,
    rank: int,
    start: Path | None = None,
    checkpointing: bool = False,
    task: Task = "both",
) -> Describer:
    """Freeze the base, then open what `tuning` names; the vision path is never trained here.

    Args:
        backend: a base without an adapter; its model is changed in place.
        rank: of the LoRA on the layers that the base's profile names.
        start: an adapter folder whose weights training goes on from.
        checkpointing: compute activations twice instead of keeping them: less memory, a third more time.
    """
    from peft import LoraConfig, PeftModel, get_peft_model

    model = backend.model
    model.requires_grad_(False)
    if model.device.type == "cpu":
        model.set_attn_implementation("eager")  # twice as fast as the fused kernel for a hundred tokens
    if tuning == "lora" and start is not None and (start / LORA_FILE).is_file():
        with quietly():
            model = PeftModel.from_pretrained(model, start, is_trainable=True)
    elif tuning == "lora":
        targets = backend.profile.lora_targets
        with quietly():  # peft asks for what transformers 5.23 has renamed
            model = get_peft_model(model, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets))
    elif tuning == "full":
        if start is not None and (start / LORA_FILE).is_file():
            model = loading.with_lora(model.float(), start)
        elif start is not None and (start / loading.LANGUAGE_MODEL).is_file():
            model = loading.with_language_model(model, start)
        model.get_decoder().float().requires_grad_(True)
    if checkpointing:
        # Named anew in transformers 5.23; without the argument PEFT's frozen inputs would end the gradient.
        enable = getattr(backend.model, "activation_checkpointing_enable", backend.model.gradient_checkpointing_enable)
        enable({"use_reentrant": False})
    projector = DifferenceProjector.load(start) if start is not None else projector_for(backend)
    return Describer(backend, model, projector.to(model.device), checkpointing, task)


def projector_for(backend: HuggingFaceModel) -> DifferenceProjector:
    """A new one that fits a base's features and its language model."""
    size = backend.image_size
    cells, channels = backend.features(np.zeros((1, size, size, 3), np.uint8)).shape[1:]
    return DifferenceProjector(
        cells + SUMMARY_ROWS, PARTS * channels, backend.model.config.get_text_config().hidden_size
    )


def save_adapter(trained: Describer, folder: Path) -> None:
    """The adapter folder: LoRA weights, or a whole language model, where they learned; the projector; the claims."""
    from peft import PeftModel

    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(trained.model, PeftModel):
        config = trained.model.peft_config["default"]
        base = config.base_model_name_or_path or ""
        config.base_model_name_or_path = Path(base).name  # where it lay is nobody's business
        trained.model.save_pretrained(str(folder), save_embedding_layers=False)  # "auto" asks the hub for that base
        (folder / "README.md").unlink()  # an empty form
    elif any(weight.requires_grad for weight in trained.model.parameters()):
        loading.save_language_model(trained.model, folder)
        write_skills(folder)  # what its base could do it has unlearned
    trained.projector.save(folder)
    write_claims(folder, TRAINED)


def write_skills(folder: Path, skills: Sequence[Skill] = ()) -> None:
    """What an adapter was taught beside difference tokens, so that `vlmdiff` offers nothing else with it."""
    write_whole(folder / SKILLS_FILE, json.dumps(sorted(skills)) + "\n")


def save_judge(judge: Path, folder: Path) -> None:
    """Copy an adapter that reads single images into the adapter folder that it judges for."""
    left_out = shutil.ignore_patterns("*.json.part", CLAIMS_FILE, OPPOSITES_FILE)
    shutil.copytree(judge, folder / JUDGE, ignore=left_out, dirs_exist_ok=True)


def write_claims(
    folder: Path, families: Mapping[str, Family | SetFamily], free: Mapping[str, Sequence[str]] | None = None
) -> None:
    """What an adapter was taught to say, by family, and which of it says the opposite of what.

    Args:
        free: further claims by column, which have no opposites.
    """
    contents = {name: dict.fromkeys(family.contents()) for name, family in families.items()}
    claims = {name: sorted({canonical(content) for content in of}) for name, of in contents.items()}
    pairs = [(content, mirrored(content)) for of in contents.values() for content in of]
    opposites = {canonical(one): canonical(other) for one, other in pairs if other is not None}
    write_whole(folder / CLAIMS_FILE, json.dumps({**claims, **(free or {})}, indent=0) + "\n")
    write_whole(folder / OPPOSITES_FILE, json.dumps(opposites, indent=0) + "\n")
