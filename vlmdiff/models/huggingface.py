"""Any transformers image-text model behind the protocol, with or without a LoRA adapter and its projector."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from transformers import AutoConfig, AutoTokenizer

from vlmdiff.errors import ModelError
from vlmdiff.findings import ModelInfo
from vlmdiff.models import accuracy, loading
from vlmdiff.models.asking import Speaker, drawing_from
from vlmdiff.models.base import CLAIMS_FILE, Part, Skill
from vlmdiff.models.card import RunCard
from vlmdiff.models.card import read as read_card
from vlmdiff.models.difference import (
    PROJECTOR_FILE,
    ClaimTree,
    Difference,
    DifferenceProjector,
    claim_log_likelihoods,
    injected,
    shared_log_likelihoods,
)
from vlmdiff.models.mini.tower import TowerConfig, register
from vlmdiff.models.profiles import profile_of
from vlmdiff.models.writing import side_by_side

DIFFERENCE_TOKEN = "<diff>"
"""The placeholder that difference tokens take the place of in the embedded base; see `Profile.placeholders`."""
OPPOSITES_FILE = "opposites.json"
"""Of these claims, what is said of the other set instead: darker for brighter."""
JUDGE = "judge"
"""A folder in the adapter's, itself an adapter: it reads single images, where these were trained apart from sets."""
SKILLS_FILE = "skills.json"
"""The bare prompts that an adapter of the embedded model was trained on, beside difference tokens; see `Skill`."""
PIXELS_ON_CPU, PIXELS_ON_CUDA = 2**20, 2**24
"""Pixels of images that the vision path sees at once."""
READ_ON_CPU, READ_ON_CUDA = 8, 16
"""Differences that are scored at once: on a CPU few, so that what one layer hands to the next stays in its cache."""
LONGEST = 96
"""New tokens at most; the longest report of three differences has about 60."""


@dataclass(frozen=True, eq=False)
class Reader:
    """A language model, its LoRA in it, and the projector of the difference tokens that it reads."""

    model: Any
    projector: DifferenceProjector


class HuggingFaceModel:
    """A loaded model; see `vlmdiff.models.base.VisionLanguageModel` for what its methods promise."""

    def __init__(self, name: str, folder: Path, adapter: Path | None, device: str) -> None:
        register()
        if not (folder / "config.json").is_file():
            raise ModelError(f"no model at {folder}; expected a folder with config.json and safetensors, or `mini`")
        if adapter and not (adapter / PROJECTOR_FILE).is_file():
            raise ModelError(f"no adapter at {adapter}; expected a folder that `python -m train lora` wrote")
        self.name, self.folder, self.adapter, self.device = name, folder, adapter, torch.device(device)
        self.tokens_used = 0
        judge = adapter / JUDGE if adapter and (adapter / JUDGE).is_dir() else None
        self.files = [file for place in (folder, adapter, judge) if place for file in loading.weight_files(place)]
        with self._whole():
            self._load(judge)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """What transformers raises on damaged files becomes a ModelError."""
        try:
            with loading.quietly():
                yield
        except (*loading.DAMAGED, SafetensorError) as error:
            where = f"{self.folder} with {self.adapter}" if self.adapter else str(self.folder)
            raise ModelError(
                f"{where} cannot be loaded ({loading.first_line(error)}); expected undamaged files that fit together"
            ) from error

    def _load(self, judge: Path | None) -> None:
        config = AutoConfig.from_pretrained(self.folder, local_files_only=True)
        self.profile = profile_of(config.model_type)
        self.image_size = self.profile.image_size(config)
        self.tokenizer: Any = AutoTokenizer.from_pretrained(self.folder, local_files_only=True)
        model = loading.image_text_model(self.folder, self.device.type)
        self.projector: DifferenceProjector | None = None
        self.judge: Reader | None = None
        if self.adapter:
            model, self.projector = self._adapted(model, self.adapter)
        self.model = model.eval().to(self.device)
        if judge:
            other, projector = self._adapted(loading.image_text_model(self.folder, self.device.type), judge)
            self.judge = Reader(other.eval().to(self.device), projector)

    def _adapted(self, model: Any, adapter: Path) -> tuple[Any, DifferenceProjector]:
        projector = DifferenceProjector.load(adapter).eval().to(self.device)
        if (adapter / "adapter_config.json").is_file():
            model = loading.with_lora(model, adapter)
        elif (adapter / loading.LANGUAGE_MODEL).is_file():
            model = loading.with_language_model(model, adapter)
        return model, projector

    @cached_property
    def info(self) -> ModelInfo:
        return ModelInfo(
            name=self.name,
            adapter=self.adapter.name if self.adapter else None,
            weights_sha256=loading.sha256_of(self.files),
        )

    @cached_property
    def placeholder(self) -> int:
        """The id that difference tokens take the place of."""
        vocabulary = self.tokenizer.get_vocab()
        for token in self.profile.placeholders:
            if token in vocabulary:
                return int(vocabulary[token])
        missing = ", ".join(self.profile.placeholders)
        raise ModelError(
            f"{self.name} has no place for difference tokens: its vocabulary lacks {missing}; "
            "take the tokenizer that the model was published with, or another --model (vlmdiff models)"
        )

    @cached_property
    def speaker(self) -> Speaker:
        """For prompts in words; made when the first one comes."""
        with self._whole():
            processor = loading.processor(self.folder)
        profile = self.profile
        return Speaker(
            self.name, self.model, processor, profile.shown(self.image_size), profile.mark, profile.turns, self._count
        )

    def _count(self, tokens: int) -> None:
        self.tokens_used += tokens

    @cached_property
    def _colours(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and deviation that the vision path expects its input to be normalised with, (3, 1, 1)."""
        with self._whole():
            images = loading.image_processor(self.folder)
        mean, deviation = (
            torch.tensor(values, device=self.device)[:, None, None] for values in (images.image_mean, images.image_std)
        )
        return mean, deviation

    @cached_property
    def claims(self) -> dict[str, list[str]]:
        path = (self.adapter or self.folder) / CLAIMS_FILE
        claims: dict[str, list[str]] = json.loads(path.read_text()) if path.is_file() else {}
        return claims

    @cached_property
    def opposites(self) -> dict[str, str]:
        path = (self.adapter or self.folder) / OPPOSITES_FILE
        opposites: dict[str, str] = json.loads(path.read_text()) if path.is_file() else {}
        return opposites

    @cached_property
    def skills(self) -> frozenset[Skill]:
        tokens: set[Skill] = {"tokens"} if self.projector else set()
        if self.model.config.vision_config.model_type != TowerConfig.model_type:
            return frozenset(tokens | ({"chat"} if self._has_template else set()))
        path = (self.adapter or self.folder) / SKILLS_FILE
        bare: list[Skill] = json.loads(path.read_text()) if path.is_file() else ["in_context"]  # what its base can do
        return frozenset(tokens | set(bare))

    @cached_property
    def _accuracy(self) -> accuracy.Accuracy | None:
        """Of these weights."""
        measured = accuracy.read(self.adapter) if self.adapter else None
        return measured if measured and measured.weights_sha256 == self.info.weights_sha256 else None

    def judged(self, claim: str) -> accuracy.Counts | None:
        if self._accuracy is None:
            return None
        family = next((name for name, claims in self.claims.items() if claim in claims), "")
        return self._accuracy.families.get(family)

    @property
    def _has_template(self) -> bool:
        return bool(self.tokenizer.chat_template) or (self.folder / "chat_template.json").is_file()  # the older way

    @property
    def context(self) -> int:
        return int(self.model.config.get_text_config().max_position_embeddings)

    @property
    def image_tokens(self) -> int:
        return self.profile.cells(self.model.config)

    def taught(self, claim: str) -> bool:
        return any(claim in claims for claims in self.claims.values())

    @cached_property
    def card(self) -> RunCard | None:
        return read_card(self.adapter) if self.adapter else None

    @torch.inference_mode()
    def features(self, images: NDArray[np.uint8]) -> torch.Tensor:
        mean, deviation = self._colours
        at_once = max(1, (PIXELS_ON_CPU if self.device.type == "cpu" else PIXELS_ON_CUDA) // self.image_size**2)
        grids = []
        for start in range(0, len(images), at_once):
            pixels = torch.tensor(images[start : start + at_once], device=self.device).permute(0, 3, 1, 2)
            normalised = pixels.float().div_(255).sub_(mean).div_(deviation).to(self.model.dtype)
            seen = self.profile.pixels(normalised, self.model.config)
            grids.append(self.profile.features(self.model, seen, len(pixels)).float().cpu())
        return torch.cat(grids)

    @property
    def reader(self) -> Reader:
        """Of sets; of single images too, where there is no judge."""
        if self.projector is None:
            raise ModelError(
                f"{self.name} has no difference projector; give --adapter, a folder from `python -m train lora`"
            )
        return Reader(self.model, self.projector)

    def _tokens(self, reader: Reader, difference: Difference) -> torch.Tensor:
        tokens: torch.Tensor = reader.projector(difference.to(self.device))
        return tokens

    def prompt(self, batch: int, rows: int) -> torch.Tensor:
        """Ids (batch, 1 + rows): what texts start with, or are divided by, and the placeholders."""
        ids = torch.full((batch, rows + 1), self.placeholder, device=self.device)
        start = self.tokenizer.bos_token_id
        ids[:, 0] = self.tokenizer.pad_token_id if start is None else start
        return ids

    @torch.inference_mode()
    def write(self, difference: Difference, draws: int, seed: int) -> list[list[str]]:
        tokens = self._tokens(self.reader, difference)
        prompt = self.prompt(len(tokens), tokens.shape[1])
        with injected(self.model.get_input_embeddings(), self.placeholder, tokens), drawing_from(seed):
            ids: torch.Tensor = self.model.generate(
                input_ids=prompt,
                attention_mask=torch.ones_like(prompt),
                custom_generate=side_by_side,
                draws=draws,
                do_sample=draws > 0,
                max_new_tokens=LONGEST,
                pad_token_id=self.tokenizer.pad_token_id,
                eos_token_id=self.tokenizer.eos_token_id,
                suppress_tokens=[self.placeholder],  # written, it would ask for difference tokens that are not there
            )
        self.tokens_used += prompt.numel() + ids.numel()
        texts: list[str] = self.tokenizer.batch_decode(ids, skip_special_tokens=True)
        return [texts[start : start + 1 + draws] for start in range(0, len(texts), 1 + draws)]

    @torch.inference_mode()
    def score(self, claims: Sequence[str], difference: Difference) -> NDArray[np.float32]:
        single = bool((difference.counts[:, 1] == 1).all())
        reader = self.judge if self.judge and single else self.reader
        tokens = self._tokens(reader, difference)
        ids = self.tokenizer(list(claims), add_special_tokens=False)["input_ids"]
        tree = ClaimTree.of(ids) if self.profile.attends_to_all else None
        read = sum(map(len, ids)) if tree is None else len(tree.read)
        scores = []
        for part in tokens.split(READ_ON_CPU if self.device.type == "cpu" else READ_ON_CUDA):
            prompt = self.prompt(len(part), part.shape[1])
            if tree is None:
                scores.append(self._likelihoods(reader.model, part, prompt, ids))
            else:
                scores.append(shared_log_likelihoods(reader.model, self.placeholder, part, prompt, tree))
            self.tokens_used += prompt.numel() + len(part) * read
        return torch.cat(scores).float().cpu().numpy()

    def _likelihoods(
        self, model: Any, tokens: torch.Tensor, prompt: torch.Tensor, claims: list[list[int]]
    ) -> torch.Tensor:
        """Log-likelihood of each claim, (batch, claims), where a tree cannot be read."""
        rows = [torch.tensor(claim, device=self.device) for claim in claims]
        texts = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row, dtype=torch.bool) for row in rows], True)
        of_each = texts.repeat(len(tokens), 1), mask.repeat(len(tokens), 1)
        return claim_log_likelihoods(model, self.placeholder, tokens, prompt, *of_each)

    def ask(self, prompts: Sequence[Sequence[Part]], draws: int, seed: int, longest: int) -> list[list[str]]:
        return self.speaker.ask(prompts, draws, seed, longest)

    def yes(self, prompts: Sequence[Sequence[Part]]) -> NDArray[np.float32]:
        return self.speaker.yes(prompts)

    def siblings(self, claim: str, count: int) -> list[str]:
        """Half of them the nearest other values of the claim's family, the rest from families spread over the list."""
        words = set(claim.split())
        known = self.claims
        own = next((name for name, claims in known.items() if claim in claims), None)
        near = [other for other in known.get(own or "", []) if other != claim]
        near = sorted(near, key=lambda other: (len(words ^ set(other.split())), other))[: count // 2]
        others = [name for name in known if name != own]
        step = max(1, len(others) // max(1, count - len(near)))
        return near + [known[name][0] for name in others[::step]][: count - len(near)]
