"""What every family of models must do, on a tiny one of each: real architectures and files, random weights, no hub."""

import json
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import huggingface_hub.utils as hub_utils
import numpy as np
import pytest
import torch
from huggingface_hub.errors import (
    GatedRepoError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from numpy.typing import NDArray
from PIL import Image

from tests.vlmdiff.tiny_vlm import FAMILIES
from train.describer import Describer, describer, save_adapter
from vlmdiff import models
from vlmdiff.errors import ModelError
from vlmdiff.learn.tokens import between, with_summaries
from vlmdiff.models import asking
from vlmdiff.models.base import Part
from vlmdiff.models.difference import ClaimTree, Difference, claim_log_likelihoods, injected, shared_log_likelihoods
from vlmdiff.models.huggingface import HuggingFaceModel
from vlmdiff.models.lines import line
from vlmdiff.models.profiles import MINI, PROFILES

Made = Callable[[str], Any]
every_family = pytest.mark.parametrize("family", sorted(PROFILES))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("something asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def made_once(make: Callable[[str], Any]) -> Made:
    kept: dict[str, Any] = {}

    def get(family: str) -> Any:
        if family not in kept:
            kept[family] = make(family)
        return kept[family]

    return get


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made_once(lambda family: FAMILIES[family](tmp_path_factory.mktemp(family)))


@pytest.fixture(scope="module")
def untuned(folder: Made) -> Made:
    return made_once(lambda family: HuggingFaceModel(family, folder(family), None, "cpu"))


@pytest.fixture(scope="module")
def trained(folder: Made) -> Made:
    """A describer as training leaves it: a LoRA and a projector that do something."""

    def make(family: str) -> Describer:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            found = describer(HuggingFaceModel(family, folder(family), None, "cpu"), "lora", rank=2)
            for name, weight in found.named_parameters():
                if "lora_B" in name or "place" in name:
                    torch.nn.init.normal_(weight, std=0.1)
        return found.eval()

    return made_once(make)


@pytest.fixture(scope="module")
def tuned(folder: Made, trained: Made, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The same after a trip to the disk."""

    def make(family: str) -> HuggingFaceModel:
        adapter = tmp_path_factory.mktemp("adapters") / family
        save_adapter(trained(family), adapter)
        return HuggingFaceModel(family, folder(family), adapter, "cpu")

    return made_once(make)


def images_for(model: HuggingFaceModel, count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Coarse noise, which towers of any resolution can tell apart."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 3), np.uint8)
    size = model.image_size
    return np.stack(
        [np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.NEAREST)) for image in coarse]
    )


def difference_for(model: HuggingFaceModel, batch: int, seed: int = 0) -> Difference:
    grids = model.features(images_for(model, 5 * batch, seed))
    rows = with_summaries(grids).split(5)
    return Difference.stack([between(one[:3], one[3:]) for one in rows])


def in_context(images: NDArray[np.uint8]) -> list[Part]:
    """Three images and two."""
    return ["Set A:", images[0], images[1], images[2], "Set B:", images[3], images[4], "How do they differ?"]


def test_there_is_a_tiny_model_of_every_family() -> None:
    assert set(FAMILIES) == set(PROFILES)


# The vision path.


@every_family
def test_features_are_a_grid_an_image_whatever_the_batch(untuned: Made, family: str) -> None:
    model: HuggingFaceModel = untuned(family)
    images = images_for(model, 3)
    grids = model.features(images)
    assert grids.shape[:2] == (3, PROFILES[family].cells(model.model.config)) and grids.dtype == torch.float32
    assert torch.equal(model.features(images), grids)
    torch.testing.assert_close(model.features(images[2:]), grids[2:], atol=1e-4, rtol=1e-4)
    assert (grids[0] - grids[1]).abs().mean() > 0.05, "what is seen counts"
    assert 0.3 < float(grids.square().mean()) < 3, "on the scale that the difference statistics expect"


@every_family
def test_the_vision_path_reads_what_the_processor_makes(untuned: Made, family: str) -> None:
    model: HuggingFaceModel = untuned(family)
    images = images_for(model, 2, seed=1)
    pictures: Any = [Image.fromarray(image) for image in images]
    if family in ("idefics3", "smolvlm"):
        pictures = [[picture] for picture in pictures]
    wanted = model.speaker.processor.image_processor(
        pictures, return_tensors="pt", **model.profile.shown(model.image_size)
    )
    mean, deviation = model._colours
    normalised = torch.tensor(images).permute(0, 3, 1, 2).float().div(255).sub(mean).div(deviation)
    for name, value in model.profile.pixels(normalised, model.model.config).items():
        torch.testing.assert_close(value, wanted[name].to(value.dtype), atol=1e-5, rtol=1e-5)


@every_family
def test_a_cell_sees_its_own_part_of_the_image(untuned: Made, family: str) -> None:
    model: HuggingFaceModel = untuned(family)
    image = np.full((1, model.image_size, model.image_size, 3), 128, np.uint8)
    changed = image.copy()
    changed[:, : model.image_size // 2, model.image_size // 2 :] = (255, 0, 0)  # at the top right
    moved = (model.features(changed) - model.features(image)).square().mean(-1)[0]
    side = int(len(moved) ** 0.5)
    assert side * side == len(moved)
    most = int(moved.argmax())
    assert most // side < side // 2 <= most % side


# Prompts in words and images.


@every_family
def test_an_image_costs_what_the_profile_says(untuned: Made, family: str) -> None:
    model: HuggingFaceModel = untuned(family)
    token = model.model.config.image_token_id
    inputs = model.speaker.read([in_context(images_for(model, 5))], longest=1)
    assert int((inputs["input_ids"] == token).sum()) == 5 * model.image_tokens
    wide = np.zeros((100, 700, 3), np.uint8)
    ids = model.speaker.read([["An image:", wide]], longest=1)["input_ids"]
    assert 0 < int((ids == token).sum()) <= model.image_tokens, "whatever its shape"


@every_family
def test_texts_and_images_keep_their_order(untuned: Made, family: str) -> None:
    model: HuggingFaceModel = untuned(family)
    ids = model.speaker.read([in_context(images_for(model, 5))], longest=1)["input_ids"][0]
    shown = ids == model.model.config.image_token_id

    def before(words: str) -> int:
        """Image tokens before some words."""
        told = [model.tokenizer.decode(ids[:end]).count(words) for end in range(len(ids) + 1)]
        return int(shown[: told.index(1)].sum())

    assert [before(words) // model.image_tokens for words in ("Set A:", "Set B:", "How do")] == [0, 3, 5]


@every_family
def test_answers_do_not_depend_on_what_else_is_asked(untuned: Made, family: str) -> None:
    model: HuggingFaceModel = untuned(family)
    images = images_for(model, 5)
    prompts: list[list[Part]] = [in_context(images), [*in_context(images[::-1]), " Take your time."], ["What is new?"]]
    state = torch.get_rng_state()
    told = model.ask(prompts, draws=2, seed=3, longest=3)
    assert torch.equal(torch.get_rng_state(), state), "the caller's chance is left alone"
    assert [len(answers) for answers in told] == [3, 3, 3]
    assert model.ask(prompts, draws=2, seed=3, longest=3) == told
    alone = [model.ask([prompt], draws=0, seed=0, longest=3)[0][0] for prompt in prompts]
    assert alone == [answers[0] for answers in told]


@every_family
def test_sampled_answers_are_about_their_own_images(
    untuned: Made, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is one token to sample from, a sample is the likeliest answer."""
    model: HuggingFaceModel = untuned(family)
    monkeypatch.setattr(model.model.generation_config, "top_k", 1)
    images = images_for(model, 5)
    told = model.ask([in_context(images), in_context(images[::-1])], draws=2, seed=0, longest=3)
    assert all(answers == [answers[0]] * 3 for answers in told)


@every_family
def test_yes_is_the_log_odds_of_the_next_token(untuned: Made, family: str) -> None:
    model: HuggingFaceModel = untuned(family)
    images = images_for(model, 5)
    prompts: list[list[Part]] = [
        in_context(images),
        [*in_context(images[::-1]), " Are you sure of that?"],
        ["Is it?"],
        ["Is it so?"],
    ]
    found = model.yes(prompts)
    assert found.shape == (4,) and found.dtype == np.float32 and np.isfinite(found).all()
    assert len({round(float(odds), 3) for odds in found}) == 4, "the prompt is read"
    vocabulary = model.tokenizer.get_vocab()
    for prompt, odds in zip(prompts, found, strict=True):
        with torch.inference_mode():
            chances = model.model(**model.speaker.read([prompt], longest=1)).logits[0, -1].softmax(-1)
        yes, no = (
            sum(float(chances[i]) for token, i in vocabulary.items() if token.strip("\u0120").lower() == said)
            for said in ("yes", "no")
        )
        assert odds == pytest.approx(np.log(yes / no), abs=1e-3)


@every_family
def test_the_order_of_images_counts(untuned: Made, family: str) -> None:
    model: HuggingFaceModel = untuned(family)
    images = images_for(model, 5)
    one, other = model.yes([in_context(images), in_context(images[[3, 1, 2, 0, 4]])])
    assert abs(one - other) > 1e-3


@every_family
def test_text_forges_neither_images_nor_turns(untuned: Made, family: str) -> None:
    model: HuggingFaceModel = untuned(family)
    processor, profile = model.speaker.processor, model.profile
    words = [token for token in model.tokenizer.get_added_vocab() if token.strip()]
    forged = "say" + "no".join([*words, *profile.turns]) + "now"
    image = images_for(model, 1)[0]
    honest, tried = (model.speaker.read([[image, text]], longest=1)["input_ids"][0] for text in ("say now", forged))
    special = torch.tensor([model.tokenizer.get_vocab()[word] for word in words])
    counts = [(ids[:, None] == special).sum(0) for ids in (honest, tried)]
    assert torch.equal(*counts), "as many of every control token as without"
    for turn in profile.turns:
        texts = [asking.rendered(processor, [text], profile.mark, profile.turns) for text in ("say", forged)]
        assert texts[0].count(turn) == texts[1].count(turn)
    # What is left when a token is taken out makes no new one.
    nested = words[0][:2] + words[0] + words[0][2:]
    assert words[0] not in asking.plain(model.tokenizer, nested)


@every_family
def test_a_prompt_that_does_not_fit_is_named(untuned: Made, family: str) -> None:
    model: HuggingFaceModel = untuned(family)
    with pytest.raises(
        ModelError, match=r"a prompt of \d+ tokens .* do not fit into the 2048 tokens of .* fewer images"
    ):
        model.ask([["x " * 2048]], draws=0, seed=0, longest=8)


def test_words_that_the_tokenizer_cuts_are_weighed_whole() -> None:
    """The embedded model has no token for yes."""
    mini = HuggingFaceModel("mini", MINI / "base", None, "cpu")
    image = np.full((128, 128, 3), 90, np.uint8)
    prompts: list[Sequence[Part]] = [["a:", image, "\nis it dark? "], ["b: is it?"]]
    ids: Any = [torch.tensor(mini.tokenizer(word, add_special_tokens=False)["input_ids"]) for word in ("yes", "no")]
    assert len(ids[0]) > 1
    for prompt, found in zip(prompts, mini.yes(prompts), strict=True):
        inputs = mini.speaker.read([prompt], longest=1)
        told = []
        for word in ids:
            whole = {**inputs, "input_ids": torch.cat([inputs["input_ids"], word[None]], dim=1)}
            whole.pop("attention_mask")
            with torch.inference_mode():
                logits = mini.model(**whole).logits[0, -len(word) - 1 : -1].log_softmax(-1)
            told.append(float(logits.gather(-1, word[:, None]).sum()))
        assert found == pytest.approx(told[0] - told[1], abs=1e-3)


# Difference tokens.


@every_family
def test_words_about_a_difference_need_an_adapter(untuned: Made, family: str) -> None:
    model: HuggingFaceModel = untuned(family)
    assert model.skills == {"chat"} and model.card is None
    difference = difference_for(model, 1)
    for call in (lambda: model.write(difference, 0, 0), lambda: model.score(["b: x\n"], difference)):
        with pytest.raises(ModelError, match="has no difference projector; give --adapter"):
            call()


@every_family
def test_the_placeholder_is_a_token_of_the_vocabulary(untuned: Made, family: str) -> None:
    model: HuggingFaceModel = untuned(family)
    before = model.model.get_input_embeddings().weight.shape[0]
    assert 0 <= model.placeholder < len(model.tokenizer) <= before
    assert model.tokenizer.convert_ids_to_tokens(model.placeholder) in PROFILES[family].placeholders


@every_family
def test_claims_score_as_the_whole_sequence_does(untuned: Made, family: str) -> None:
    model: HuggingFaceModel = untuned(family)
    model.ask([in_context(images_for(model, 5))], draws=0, seed=0, longest=1)  # leaves nothing behind
    made = torch.Generator().manual_seed(0)
    tokens = torch.randn(2, 3, 64, generator=made, requires_grad=True)
    prompt = model.prompt(2, 3)
    claims = [[11], [12, 13, 14, 15], [12, 13, 17]]
    padded, mask = torch.zeros(6, 4, dtype=torch.long), torch.zeros(6, 4, dtype=torch.bool)
    for row in range(6):
        ids = claims[row % 3]
        padded[row, : len(ids)], mask[row, : len(ids)] = torch.tensor(ids), True
    found = claim_log_likelihoods(model.model, model.placeholder, tokens, prompt, padded, mask)

    def plainly(one: torch.Tensor, claim: list[int]) -> torch.Tensor:
        ids = torch.cat([prompt[:1], torch.tensor([claim])], dim=1)
        with injected(model.model.get_input_embeddings(), model.placeholder, one[None]):
            logits = model.model(input_ids=ids, use_cache=False).logits.log_softmax(-1)[0, prompt.shape[1] - 1 : -1]
        told: torch.Tensor = logits.gather(-1, torch.tensor(claim)[:, None]).sum()
        return told

    wanted = torch.stack([torch.stack([plainly(one, claim) for claim in claims]) for one in tokens])
    torch.testing.assert_close(found, wanted, atol=1e-3, rtol=0)
    if model.profile.attends_to_all:
        shared = shared_log_likelihoods(model.model, model.placeholder, tokens, prompt, ClaimTree.of(claims))
        torch.testing.assert_close(shared, wanted, atol=1e-3, rtol=0)
    assert (found[0] - found[1]).abs().max() > 1e-3, "the tokens are read"
    (gradient,) = torch.autograd.grad(found[1, 1], tokens)
    (also,) = torch.autograd.grad(wanted[1, 1], tokens)
    torch.testing.assert_close(gradient, also, atol=1e-3, rtol=1e-2)
    assert gradient[0].abs().sum() == 0 and (gradient[1].abs().sum(1) > 0).all()


@every_family
@pytest.mark.parametrize("ways", [{"num_beams": 3}, {"num_beams": 2, "num_return_sequences": 2}])
def test_beams_write_for_a_batch_what_they_write_alone(untuned: Made, family: str, ways: dict[str, int]) -> None:
    model: HuggingFaceModel = untuned(family)
    tokens = torch.randn(2, 3, 64, generator=torch.Generator().manual_seed(2))

    def written(rows: slice) -> list[list[int]]:
        prompt = model.prompt(len(tokens[rows]), 3)
        options: dict[str, Any] = {"attention_mask": torch.ones_like(prompt), "pad_token_id": 0, **ways}
        with injected(model.model.get_input_embeddings(), model.placeholder, tokens[rows]):
            ids = model.model.generate(input_ids=prompt, max_new_tokens=4, min_new_tokens=4, do_sample=False, **options)
        found: list[list[int]] = ids.tolist()
        return found

    assert written(slice(0, 2)) == written(slice(0, 1)) + written(slice(1, 2))


@every_family
def test_a_lora_touches_linear_layers_of_the_language_model_alone(trained: Made, family: str) -> None:
    model = trained(family).model
    touched = {name.partition(".lora_")[0] for name, _ in model.named_parameters() if ".lora_" in name}
    layers = model.config.get_text_config().num_hidden_layers
    assert touched and all(".layers." in name for name in touched)
    assert not any("vis" in name.replace("lora", "") for name in touched)
    for layer in range(layers):
        kinds = {name.rpartition(".")[2] for name in touched if f".layers.{layer}." in name}
        assert {"gate_proj", "up_proj", "down_proj"} < kinds
        assert kinds & {"q_proj", "in_proj_qkv"} and kinds & {"o_proj", "out_proj"}


@every_family
@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_training_step_reaches_the_lora_and_the_projector_alone(
    folder: Made, family: str, checkpointing: bool
) -> None:
    backend = HuggingFaceModel(family, folder(family), None, "cpu")
    difference = difference_for(backend, 2)
    learner = describer(backend, "lora", rank=2, checkpointing=checkpointing).train()
    claims = backend.tokenizer([line("b", "a b"), line("b", "c d")] * 2, add_special_tokens=False)["input_ids"]
    batch = {
        "rows": difference.rows,
        "counts": difference.counts,
        "targets": torch.tensor(claims[:2]),
        "judged": torch.arange(2),
        "claims": torch.tensor(claims),
        "mask": torch.ones(4, len(claims[0]), dtype=torch.bool),
    }
    loss, _ = learner.loss(batch)
    loss.backward()
    assert torch.isfinite(loss)
    moved = {name for name, weight in learner.named_parameters() if weight.grad is not None and weight.grad.any()}
    assert all(".lora_" in name or name.startswith("projector.") for name in moved)
    layers = backend.model.config.get_text_config().num_hidden_layers
    assert all(any(f".layers.{layer}." in name for name in moved) for layer in range(layers))
    assert any(name.startswith("projector.body") for name in moved), "through the whole language model"


@every_family
def test_an_adapter_comes_back_as_it_was_saved(trained: Made, tuned: Made, untuned: Made, family: str) -> None:
    before, after = trained(family), tuned(family)
    difference = difference_for(after, 2)
    claims = [line("b", "the images are darker"), line("b", "the images are brighter")]
    texts: Any = [after.tokenizer(claim, add_special_tokens=False)["input_ids"] for claim in claims * 2]
    padded = torch.nn.utils.rnn.pad_sequence([torch.tensor(ids) for ids in texts], batch_first=True)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones(len(ids)).bool() for ids in texts], batch_first=True)
    with torch.inference_mode():
        tokens = after.projector(difference) if after.projector else torch.zeros(0)  # saved in bfloat16
        prompt = after.prompt(*tokens.shape[:2])
        wanted = claim_log_likelihoods(before.model, after.placeholder, tokens, prompt, padded, mask)
        plainly = claim_log_likelihoods(untuned(family).model, after.placeholder, tokens, prompt, padded, mask)
    found = after.score(claims, difference)
    np.testing.assert_allclose(found, wanted.numpy(), atol=1e-2)
    assert np.abs(found - plainly.numpy()).max() > 0.1, "the LoRA does something"
    assert np.abs(found[0] - found[1]).max() > 1e-3, "so does the difference"


@every_family
def test_a_tuned_model_writes_of_a_difference_and_still_answers(
    tuned: Made, family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vlmdiff.models.huggingface.LONGEST", 12)
    model: HuggingFaceModel = tuned(family)
    assert model.skills == {"tokens", "chat"}
    difference = difference_for(model, 2)
    written = model.write(difference, draws=2, seed=1)
    assert [len(texts) for texts in written] == [3, 3] and model.write(difference, draws=2, seed=1) == written
    images = images_for(model, 5)
    assert np.isfinite(model.yes([in_context(images)])).all()
    assert model.write(difference, draws=0, seed=1) == [texts[:1] for texts in written], "whatever was asked between"


# Models of the hub.


def refusal(code: int) -> Any:
    client: Any = hub_utils.httpx  # type: ignore[attr-defined]  # whichever client that version has
    return client.Response(code, request=client.Request("GET", "https://hub"))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, folder: Made) -> dict[str, Any]:
    """A hub in place of the network: what its cache holds, what a download brings or raises, and what was asked."""
    state: dict[str, Any] = {"cache": None, "download": folder("idefics3"), "asked": []}

    def snapshot_download(name: str, allow_patterns: list[str], local_files_only: bool = False) -> str:
        state["asked"].append("cache" if local_files_only else "network")
        found = state["cache" if local_files_only else "download"]
        if found is None:
            raise LocalEntryNotFoundError("nothing of it is cached")
        if isinstance(found, Exception):
            raise found
        return str(found)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    return state


def test_a_model_of_the_hub_is_fetched_once(hub: dict[str, Any]) -> None:
    model = models.load("HuggingFaceTB/SmolVLM-256M-Instruct", device="cpu")
    assert model.info.name == "HuggingFaceTB/SmolVLM-256M-Instruct" and model.info.adapter is None
    assert hub["asked"] == ["cache", "network"]
    hub["cache"] = hub["download"]
    assert models.folder_of("HuggingFaceTB/SmolVLM-256M-Instruct") == hub["cache"]
    assert hub["asked"] == ["cache", "network", "cache"], "what is there is not asked for again"


def test_a_download_that_was_stopped_goes_on(hub: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model-1.safetensors").write_bytes(b"")
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    hub["cache"] = tmp_path
    assert models.folder_of("owner/name") == hub["download"]
    (tmp_path / "model-2.safetensors").write_bytes(b"")
    assert models.folder_of("owner/name") == tmp_path


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (LocalEntryNotFoundError("no network"), r"not in the local cache .*no network.*hf download owner/name.*folder"),
        (OfflineModeIsEnabled("HF_HUB_OFFLINE is set"), "HF_HUB_OFFLINE is set"),
        (
            GatedRepoError("403", response=refusal(403)),
            "is gated: accept its terms",
        ),
        (
            RepositoryNotFoundError("404", response=refusal(404)),
            "no model 'owner/name'",
        ),
    ],
)
def test_what_the_hub_does_not_give_is_said(hub: dict[str, Any], raised: Exception, said: str) -> None:
    hub["download"] = raised
    with pytest.raises(ModelError, match=said):
        models.load("owner/name", device="cpu")


def test_only_names_of_owners_and_models_go_to_the_hub(hub: dict[str, Any], tmp_path: Path) -> None:
    for name in (str(tmp_path / "no"), "./runs/no", "../no", "no", "a/b/c"):
        with pytest.raises(ModelError, match="no model at"):
            models.load(name, device="cpu")
    assert hub["asked"] == []
