"""Prompts of texts and images in turn, made into what a model reads; its answers, and how likely a yes is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vlmdiff.errors import ModelError
from vlmdiff.models.base import Part
from vlmdiff.models.loading import first_line

MOST_PROMPTS = 16
"""Prompts that are read at once."""
MOST_IMAGES = 64
"""Images in prompts that are read at once, unless one prompt has more."""
Spellings = tuple[list[list[int]], list[list[int]]]
"""Ids of yes, and of no, one list for each spelling."""


def batches(prompts: Sequence[Sequence[Part]]) -> Iterator[list[Sequence[Part]]]:
    """Prompts with equally many images that follow each other: families differ in how they take others."""
    batch: list[Sequence[Part]] = []
    images = 0
    for prompt in prompts:
        own = sum(not isinstance(part, str) for part in prompt)
        if batch and (own != images or len(batch) == MOST_PROMPTS or (len(batch) + 1) * own > MOST_IMAGES):
            yield batch
            batch = []
        batch.append(prompt)
        images = own
    if batch:
        yield batch


def spoken(text: str) -> str:
    """What is left of an answer after the thoughts that some models write first."""
    return text.rpartition("</think>")[2].strip()


def plain(tokenizer: Any, text: str, turns: Sequence[str] = ()) -> str:
    """Without the tokenizer's control tokens: written as text they would forge images and turns.

    Each becomes a space, so that what stood on its two sides makes no new one.
    """
    # Some tokenizers add runs of white space, which forge nothing.
    control = [token for token in tokenizer.get_added_vocab() if token.strip(" \n\t\r\u2581")]
    for token in sorted([*control, *tokenizer.all_special_tokens, *turns], key=len, reverse=True):
        text = text.replace(token, " ")
    return text


def rendered(processor: Any, prompt: Sequence[Part], mark: str | None = None, turns: Sequence[str] = ()) -> str:
    """A prompt as the family's chat template writes one turn of a user, an answer to follow.

    Args:
        mark: what stands for an image in the text; None leaves that to the template.
        turns: see `Profile.turns`.
    """
    tokenizer = processor.tokenizer
    texts = [plain(tokenizer, part, turns) if isinstance(part, str) else None for part in prompt]
    if mark is None:
        content = [{"type": "image"} if text is None else {"type": "text", "text": text} for text in texts]
    else:
        content = [{"type": "text", "text": "".join(mark if text is None else text for text in texts)}]
    # By the tokenizer: processors hand on options of templates in ways that change with transformers' versions.
    text: str = tokenizer.apply_chat_template(
        [{"role": "user", "content": content}],
        chat_template=processor.chat_template,
        add_generation_prompt=True,
        tokenize=False,
        enable_thinking=False,
    )
    start = tokenizer.bos_token
    return text if start is None or text.startswith(start) else start + text


def inputs(processor: Any, texts: Sequence[str], prompts: Sequence[Sequence[Part]], shown: Mapping[str, Any]) -> Any:
    """Rendered prompts and their images as tensors, padded on the left.

    Args:
        shown: options of the image processor.
    """
    pictures = [
        [Image.fromarray(np.ascontiguousarray(part)) for part in prompt if not isinstance(part, str)]
        for prompt in prompts
    ]
    return processor(
        text=list(texts),
        images=pictures if pictures[0] else None,
        text_kwargs={"padding": True, "padding_side": "left", "add_special_tokens": False},
        images_kwargs=dict(shown),
        common_kwargs={"return_tensors": "pt"},
    )


def continued(inputs: Mapping[str, Any], answer: Any) -> dict[str, Any]:
    """Prompts as tensors with ids (prompts, tokens) appended."""
    import torch

    after = {"input_ids": answer, "attention_mask": torch.ones_like(answer)}
    after |= {name: torch.zeros_like(answer) for name in ("token_type_ids", "mm_token_type_ids")}
    return {name: torch.cat([value, after[name]], dim=1) if name in after else value for name, value in inputs.items()}


def spellings(tokenizer: Any) -> Spellings:
    """Yes and no as the next token, however spelled; where a tokenizer cuts one of them, both in small letters."""
    found = [
        {
            tuple(tokenizer(space + form, add_special_tokens=False)["input_ids"])
            for space in ("", " ")
            for form in (answer, answer.title(), answer.upper())
        }
        for answer in ("yes", "no")
    ]
    yes, no = ([list(ids) for ids in sorted(ways) if len(ids) == 1] for ways in found)
    if yes and no:
        return yes, no
    return [tokenizer("yes", add_special_tokens=False)["input_ids"]], [
        tokenizer("no", add_special_tokens=False)["input_ids"]
    ]


@contextmanager
def drawing_from(seed: int) -> Iterator[None]:
    """Sampling inside is a function of the seed, and the caller's random state is left as it was."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield


class Speaker:
    """A model that is asked in words, as `vlmdiff.models.base.VisionLanguageModel` says of `ask` and `yes`."""

    def __init__(
        self,
        name: str,
        model: Any,
        processor: Any,
        shown: Mapping[str, Any],
        mark: str | None,
        turns: Sequence[str],
        count: Callable[[int], None],
    ) -> None:
        """Take what was loaded.

        Args:
            shown, mark, turns: of the family; see `vlmdiff.models.profiles.Profile`.
            count: told the tokens of every call, those read and those written.
        """
        self.name, self.model, self.processor, self.tokenizer = name, model, processor, processor.tokenizer
        self.shown, self.mark, self.turns, self.count = shown, mark, turns, count
        self.context = int(model.config.get_text_config().max_position_embeddings)

    def ask(self, prompts: Sequence[Sequence[Part]], draws: int, seed: int, longest: int) -> list[list[str]]:
        """Answers to prompts; thoughts that a model writes first are not part of them.

        Raises:
            ModelError: a prompt is too long for the model, or for the memory.
        """
        texts: list[list[str]] = []
        with drawing_from(seed):
            for batch in batches(prompts):
                found = [[text] for text in self._answers(batch, longest, do_sample=False)]
                if draws:
                    # Repeated as prompts: generate would mix up the images of prompts that it repeats itself.
                    repeated = [prompt for prompt in batch for _ in range(draws)]
                    for i, text in enumerate(self._answers(repeated, longest, do_sample=True)):
                        found[i // draws].append(text)
                texts += found
        return texts

    def yes(self, prompts: Sequence[Sequence[Part]]) -> NDArray[np.float32]:
        """Log-odds in nats; all spellings that are one token count, or else the words in small letters.

        Raises:
            ModelError: a prompt is too long for the model, or for the memory.
        """
        odds = [np.zeros(0, np.float32)]
        ways = spellings(self.tokenizer)
        for batch in batches(prompts):
            read = self.read(batch, longest=max(len(ids) for spelt in ways for ids in spelt))
            yes, no = (self._likelihood(read, spelt) for spelt in ways)
            odds.append((yes - no).cpu().numpy())
        return np.concatenate(odds)

    def read(self, prompts: Sequence[Sequence[Part]], longest: int) -> Any:
        """Prompts as tensors on the model's device, if answers of `longest` tokens fit in behind them."""
        texts = [rendered(self.processor, prompt, self.mark, self.turns) for prompt in prompts]
        try:
            found = inputs(self.processor, texts, prompts, self.shown)
        except ValueError as error:
            raise ModelError(f"{self.name} cannot read a prompt: {first_line(error)}") from error
        length = found["input_ids"].shape[1]
        if length + longest > self.context:
            raise ModelError(
                f"a prompt of {length} tokens and an answer of {longest} do not fit into the {self.context} tokens of "
                f"{self.name}; show fewer images"
            )
        self.count(int(found["attention_mask"].sum()))
        return found.to(self.model.device, dtype=self.model.dtype)

    def _answers(self, prompts: Sequence[Sequence[Part]], longest: int, do_sample: bool) -> list[str]:
        read = self.read(prompts, longest)
        written = self._generate(read, longest, do_sample).sequences[:, read["input_ids"].shape[1] :]
        self.count(int((written != self.tokenizer.pad_token_id).sum()))
        texts: list[str] = self.tokenizer.batch_decode(written, skip_special_tokens=True)
        return [spoken(text) for text in texts]

    def _generate(self, read: Any, longest: int, do_sample: bool) -> Any:
        import torch

        # A folder's own sampling settings would only be warned about in greedy decoding.
        greedy = {} if do_sample else {"temperature": None, "top_p": None, "top_k": None}
        try:
            with torch.inference_mode():
                return self.model.generate(
                    **read,
                    max_new_tokens=longest,
                    do_sample=do_sample,
                    pad_token_id=self.tokenizer.pad_token_id,
                    output_logits=longest == 1,
                    return_dict_in_generate=True,
                    **greedy,
                )
        except (RuntimeError, ValueError) as error:  # out of memory
            prompts, length = read["input_ids"].shape
            raise ModelError(
                f"{self.name} cannot answer {prompts} prompts of {length} tokens: {first_line(error)}; "
                "free memory, or give a smaller --model"
            ) from error

    def _likelihood(self, read: Any, ways: Sequence[Sequence[int]]) -> Any:
        """Log-likelihood in nats, (prompts,), that one of some lists of ids comes next."""
        import torch

        if all(len(ids) == 1 for ids in ways):
            logits = self._generate(read, 1, do_sample=False).logits[0].float().log_softmax(-1)
            return logits[:, [ids[0] for ids in ways]].logsumexp(-1)
        told = []
        for ids in ways:
            answer = torch.tensor([ids], device=self.model.device).expand(len(read["input_ids"]), -1)
            with torch.inference_mode():
                logits = self.model(**continued(read, answer), logits_to_keep=len(ids) + 1).logits[:, :-1]
            told.append(logits.float().log_softmax(-1).gather(-1, answer[..., None])[..., 0].sum(1))
        return torch.stack(told, dim=1).logsumexp(-1)
