"""The embedded kind of model with random weights, small enough to build in a test: loading, hooks, likelihoods."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor, PreTrainedTokenizerFast

from train.describer import describer, save_adapter
from train.language import make_base, make_processor, make_tokenizer, save_base
from train.tower import to_pixels
from vlmdiff import models
from vlmdiff.errors import ModelError, UsageError
from vlmdiff.learn.tokens import SUMMARY_ROWS, between, with_summaries
from vlmdiff.models import loading
from vlmdiff.models.asking import drawing_from
from vlmdiff.models.base import CLAIMS_FILE
from vlmdiff.models.difference import (
    PROJECTOR_CONFIG,
    PROJECTOR_FILE,
    ClaimTree,
    Difference,
    DifferenceProjector,
    claim_log_likelihoods,
    injected,
)
from vlmdiff.models.huggingface import DIFFERENCE_TOKEN, LONGEST, HuggingFaceModel
from vlmdiff.models.lines import line
from vlmdiff.models.mini.tower import TowerConfig
from vlmdiff.models.profiles import MINI, PROFILES

SIZE = 32
CELLS = (SIZE // 16) ** 2
TARGETS = PROFILES["llava"].lora_targets


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return make_tokenizer()


@pytest.fixture(scope="module")
def folders(tokenizer: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A base with random weights and an adapter with a random LoRA and projector, as the jobs write them."""
    root = tmp_path_factory.mktemp("model")
    tower = TowerConfig(image_size=SIZE, widths=(8, 8, 16), blocks=(1, 1, 1))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = make_base(tokenizer, tower)
        save_base(model.eval(), make_processor(tokenizer, tower), root / "base")
        trained = describer(HuggingFaceModel("base", root / "base", None, "cpu"), "lora", rank=2)
        for name, weight in trained.named_parameters():
            if "lora_B" in name or "place" in name:
                torch.nn.init.normal_(weight, std=0.1)
        save_adapter(trained, root / "adapter")
    return root / "base", root / "adapter"


def base(folder: Path) -> Any:
    model: Any = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    return model.eval()


@pytest.fixture(scope="module")
def plain(folders: tuple[Path, Path]) -> Any:
    return base(folders[0])


@pytest.fixture(scope="module")
def mini(folders: tuple[Path, Path]) -> HuggingFaceModel:
    return HuggingFaceModel("mini", *folders, "cpu")


@pytest.fixture
def copies(folders: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """The two folders, to be damaged."""
    for folder in folders:
        shutil.copytree(folder, tmp_path / folder.name)
    return tmp_path / "base", tmp_path / "adapter"


@pytest.fixture(autouse=True)
def same_chance() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        yield


def difference_of(batch: int, seed: int = 0) -> Difference:
    """Differences of random feature rows, each of six images against five."""
    made = torch.Generator().manual_seed(seed)
    rows = [with_summaries(torch.randn(11, CELLS, 16, generator=made)) for _ in range(batch)]
    return Difference.stack([between(one[:6], one[6:] + 0.5) for one in rows])


# The base, as any transformers user meets it.


def test_the_base_is_a_model_for_the_auto_classes(folders: tuple[Path, Path], plain: Any) -> None:
    processor: Any = AutoProcessor.from_pretrained(folders[0], local_files_only=True)
    rng = np.random.default_rng(0)
    images = [Image.fromarray(rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8)) for _ in range(2)]
    inputs = processor(text="a:<image>\nb:<image>\n", images=images, return_tensors="pt")
    assert int((inputs["input_ids"] == plain.config.image_token_id).sum()) == 2 * CELLS
    generate = {"max_new_tokens": 5, "do_sample": False}
    written = plain.generate(**inputs, **generate)
    assert written.shape[1] > inputs["input_ids"].shape[1]
    inputs["pixel_values"] = -inputs["pixel_values"]
    logits = [plain(**{**inputs, "pixel_values": sign * inputs["pixel_values"]}).logits for sign in (1, -1)]
    assert not torch.allclose(*logits), "the images are looked at"


def test_the_processor_sees_what_training_and_the_library_see(folders: tuple[Path, Path], mini: Any) -> None:
    processor: Any = AutoProcessor.from_pretrained(folders[0], local_files_only=True)
    image = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    pixels = processor(text="<image>", images=[Image.fromarray(image)], return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(pixels, to_pixels(torch.from_numpy(image)[None]))
    with torch.no_grad():
        grids = mini.model.model.vision_tower(pixels).last_hidden_state
    torch.testing.assert_close(mini.features(image[None]), grids, atol=1e-5, rtol=1e-4)


def test_a_lora_comes_back_as_it_was_saved(folders: tuple[Path, Path], plain: Any, tmp_path: Path) -> None:
    ids = torch.arange(20, 32)[None]
    before = plain(input_ids=ids).logits
    adapted: Any = get_peft_model(
        base(folders[0]), LoraConfig(r=2, target_modules=TARGETS, init_lora_weights=False)
    ).eval()
    after = adapted(input_ids=ids).logits
    assert not torch.allclose(before, after, atol=1e-3)
    adapted.save_pretrained(tmp_path)
    again: Any = PeftModel.from_pretrained(base(folders[0]), tmp_path).eval()
    assert torch.equal(again(input_ids=ids).logits, after)
    torch.testing.assert_close(again.merge_and_unload()(input_ids=ids).logits, after, atol=1e-4, rtol=1e-4)


def test_the_lora_leaves_the_tower_and_the_head_alone(folders: tuple[Path, Path]) -> None:
    adapted: Any = get_peft_model(base(folders[0]), LoraConfig(r=2, target_modules=TARGETS))
    touched = {name.split(".lora_")[0] for name, _ in adapted.named_parameters() if "lora_" in name}
    assert len(touched) == 4 * 7
    assert all(".language_model." in name for name in touched)


# Difference tokens.


@pytest.fixture
def placed(plain: Any, tokenizer: PreTrainedTokenizerFast) -> tuple[Any, int, torch.Tensor]:
    """The model, the placeholder, and a prompt of two rows with three placeholders and two words."""
    placeholder = tokenizer.get_vocab()[DIFFERENCE_TOKEN]
    return plain, placeholder, torch.tensor([[1, *[placeholder] * 3, 30, 31]] * 2)


def logits_with(model: Any, placeholder: int, prompt: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    with injected(model.get_input_embeddings(), placeholder, tokens):
        logits: torch.Tensor = model(input_ids=prompt).logits
    return logits


def test_tokens_take_the_place_of_placeholders(placed: tuple[Any, int, torch.Tensor]) -> None:
    model, placeholder, prompt = placed
    tokens = torch.randn(2, 3, 256)
    embedded = model.get_input_embeddings()(prompt).detach()
    embedded[:, 1:4] = tokens
    inside = logits_with(model, placeholder, prompt, tokens)
    torch.testing.assert_close(inside, model(inputs_embeds=embedded).logits)
    outside = model(input_ids=prompt).logits
    assert not torch.allclose(inside[:, 1:], outside[:, 1:], atol=1e-3)
    torch.testing.assert_close(inside[:, 0], outside[:, 0])  # what comes before them cannot know
    assert not model.get_input_embeddings()._forward_hooks, "nothing stays behind"


def test_the_gradient_reaches_the_tokens(placed: tuple[Any, int, torch.Tensor]) -> None:
    model, placeholder, prompt = placed
    tokens = torch.randn(2, 3, 256, requires_grad=True)
    logits_with(model, placeholder, prompt, tokens)[0, -1, 40].backward()
    assert tokens.grad is not None
    assert (tokens.grad[0].abs().sum(1) > 0).all()
    assert tokens.grad[1].abs().sum() == 0, "samples do not mix"


def test_an_expanded_batch_repeats_the_tokens_of_each_sample(placed: tuple[Any, int, torch.Tensor]) -> None:
    model, placeholder, prompt = placed
    tokens = torch.randn(2, 3, 256)
    one = logits_with(model, placeholder, prompt, tokens)
    expanded = logits_with(model, placeholder, prompt.repeat_interleave(3, dim=0), tokens)
    torch.testing.assert_close(expanded, one.repeat_interleave(3, dim=0))


@pytest.mark.parametrize("ways", [{"num_beams": 3}, {"num_beams": 2, "num_return_sequences": 2}])
def test_beams_write_for_a_batch_what_they_write_alone(
    placed: tuple[Any, int, torch.Tensor], ways: dict[str, int]
) -> None:
    model, placeholder, prompt = placed
    tokens = torch.randn(2, 3, 256)

    def written(rows: slice) -> list[list[int]]:
        with injected(model.get_input_embeddings(), placeholder, tokens[rows]):
            ids = model.generate(
                input_ids=prompt[rows],
                attention_mask=torch.ones_like(prompt[rows]),
                max_new_tokens=6,
                min_new_tokens=6,
                do_sample=False,
                **ways,
            )
        found: list[list[int]] = ids.tolist()
        return found

    assert written(slice(0, 2)) == written(slice(0, 1)) + written(slice(1, 2))


def test_a_step_without_placeholders_is_left_alone(placed: tuple[Any, int, torch.Tensor]) -> None:
    model, placeholder, _ = placed
    ids = torch.tensor([[30, 31]])
    torch.testing.assert_close(
        logits_with(model, placeholder, ids, torch.randn(1, 3, 256)), model(input_ids=ids).logits
    )


@pytest.mark.parametrize(
    "row_lengths", [(2, 2), (4, 4), (2, 4)], ids=["too few", "too many", "right in total, wrong by row"]
)
def test_a_wrong_number_of_placeholders_is_an_error(
    placed: tuple[Any, int, torch.Tensor], row_lengths: tuple[int, int]
) -> None:
    model, placeholder, _ = placed
    prompt = torch.tensor([[1, *[placeholder] * n, *[30] * (5 - n)] for n in row_lengths])
    with pytest.raises(ValueError, match="placeholders a prompt do not fit"):
        logits_with(model, placeholder, prompt, torch.randn(2, 3, 256))


def test_tokens_for_three_do_not_fit_a_batch_of_two(placed: tuple[Any, int, torch.Tensor]) -> None:
    model, placeholder, prompt = placed
    with pytest.raises(ValueError, match="placeholders a prompt do not fit"):
        logits_with(model, placeholder, prompt, torch.randn(3, 3, 256))


def test_the_projector_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    projector = DifferenceProjector(rows=CELLS + SUMMARY_ROWS, inputs=48, hidden=32, width=24)
    difference = difference_of(3)
    assert projector(difference).shape == (3, projector.tokens, 32)
    projector.save(tmp_path)
    again = DifferenceProjector.load(tmp_path)
    torch.testing.assert_close(again(difference), projector(difference), atol=0.05, rtol=0.05)  # bfloat16
    again.save(tmp_path / "..")
    assert (tmp_path / PROJECTOR_FILE).read_bytes() == (tmp_path.parent / PROJECTOR_FILE).read_bytes()


def test_the_projector_tells_one_image_from_many() -> None:
    projector = DifferenceProjector(rows=1, inputs=3, hidden=8)
    rows = torch.zeros(1, 1, 3)
    one, two = (projector(Difference(rows, torch.tensor([[9.0, n]]))) for n in (1.0, 2.0))
    assert torch.equal(one[:, :1], two[:, :1])
    assert not torch.allclose(one[:, 1], two[:, 1])


# Likelihoods of claims.


def plain_log_likelihood(
    model: Any, placeholder: int, tokens: torch.Tensor, prompt: torch.Tensor, claim: list[int]
) -> torch.Tensor:
    """The whole sequence at once, one claim of one sample, without cache or padding."""
    ids = torch.cat([prompt, torch.tensor([claim])], dim=1)
    logits = logits_with(model, placeholder, ids, tokens).log_softmax(-1)[0, prompt.shape[1] - 1 : -1]
    return logits.gather(-1, torch.tensor(claim)[:, None]).sum()


def test_claims_score_as_the_whole_sequence_does(placed: tuple[Any, int, torch.Tensor]) -> None:
    model, placeholder, _ = placed
    prompt = torch.tensor([[1, *[placeholder] * 3]] * 2)
    tokens = torch.randn(2, 3, 256, requires_grad=True)
    claims = [[40], [41, 50, 60, 70, 80], [42, 43, 44]]
    padded = torch.zeros(6, 5, dtype=torch.long)
    for row in range(6):
        padded[row, : len(claims[row % 3])] = torch.tensor(claims[row % 3])
    mask = torch.tensor([[i < len(claims[row % 3]) for i in range(5)] for row in range(6)])
    found = claim_log_likelihoods(model, placeholder, tokens, prompt, padded, mask)
    expected = torch.stack(
        [
            torch.stack([plain_log_likelihood(model, placeholder, one[None], prompt[:1], claim) for claim in claims])
            for one in tokens
        ]
    )
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=0)
    (gradient,) = torch.autograd.grad(found[1, 1], tokens, retain_graph=True)
    (wanted,) = torch.autograd.grad(expected[1, 1], tokens)
    torch.testing.assert_close(gradient, wanted, atol=1e-4, rtol=1e-3)
    assert gradient[0].abs().sum() == 0
    padded[~mask] = 77
    torch.testing.assert_close(claim_log_likelihoods(model, placeholder, tokens, prompt, padded, mask), found)


# The backend.


def test_writing_is_a_function_of_the_seed(mini: HuggingFaceModel) -> None:
    difference = difference_of(2)
    state = torch.get_rng_state()
    first = mini.write(difference, draws=3, seed=5)
    assert [len(texts) for texts in first] == [4, 4]
    assert torch.equal(torch.get_rng_state(), state), "the caller's chance is left alone"
    torch.rand(9)
    assert mini.write(difference, draws=3, seed=5) == first
    other = mini.write(difference, draws=3, seed=6)
    assert [texts[0] for texts in other] == [texts[0] for texts in first], "the likeliest does not depend on it"
    assert other != first
    assert mini.write(difference, draws=0, seed=5) == [texts[:1] for texts in first]


def test_texts_are_those_of_transformers_own_loops(mini: HuggingFaceModel) -> None:
    difference = difference_of(5)
    with torch.inference_mode():
        tokens = mini._tokens(mini.reader, difference)
        prompt = mini.prompt(*tokens.shape[:2])
        plain = {"attention_mask": torch.ones_like(prompt), "suppress_tokens": [mini.placeholder]}
        with injected(mini.model.get_input_embeddings(), mini.placeholder, tokens), drawing_from(5):
            best = mini.model.generate(prompt, do_sample=False, max_new_tokens=LONGEST, **plain)
            drawn = mini.model.generate(prompt, do_sample=True, max_new_tokens=LONGEST, num_return_sequences=2, **plain)
    texts = [mini.tokenizer.batch_decode(ids[:, prompt.shape[1] :], skip_special_tokens=True) for ids in (best, drawn)]
    wanted = [[text, *texts[1][2 * i : 2 * i + 2]] for i, text in enumerate(texts[0])]
    assert mini.write(difference, draws=2, seed=5) == wanted


def test_scores_do_not_depend_on_the_batch(mini: HuggingFaceModel) -> None:
    claims = [line("b", text) for text in ("the images are darker", "the images have text at the top left", "x")]
    difference = difference_of(40)
    together = mini.score(claims, difference)
    assert together.shape == (40, 3)
    assert together.dtype == np.float32
    alone = np.concatenate(
        [mini.score(claims, Difference(difference.rows[i : i + 1], difference.counts[i : i + 1])) for i in (0, 17, 39)]
    )
    np.testing.assert_allclose(together[[0, 17, 39]], alone, atol=1e-3)
    np.testing.assert_allclose(mini.score(claims[2:], difference)[:, 0], together[:, 2], atol=1e-3)
    assert together[:, 0].std() > 1e-3, "the difference is read"


def test_tokens_are_counted_as_they_are_read_and_written(mini: HuggingFaceModel) -> None:
    difference = difference_of(3)
    read = 3 * (1 + 1 + difference.rows.shape[1])  # the start, the set sizes, the rows
    before = mini.tokens_used
    mini.score(["a b", "a b c d e"], difference)
    longest = len(mini.tokenizer("a b c d e", add_special_tokens=False)["input_ids"])
    assert mini.tokens_used - before == read + 3 * (longest - 1), "the first claim is how the second begins"
    before = mini.tokens_used
    mini.write(difference, draws=0, seed=0)
    greedy = mini.tokens_used - before
    assert read < greedy <= read + 3 * LONGEST
    mini.write(difference, draws=2, seed=0)
    assert 2 * greedy < mini.tokens_used - before <= greedy + read + 9 * LONGEST, "draws read nothing again"


def test_features_do_not_depend_on_the_batch(mini: HuggingFaceModel) -> None:
    images = np.random.default_rng(0).integers(0, 256, (70, SIZE, SIZE, 3), np.uint8)
    together = mini.features(images)
    assert together.shape == (70, CELLS, 16)
    torch.testing.assert_close(mini.features(images[66:]), together[66:], atol=1e-4, rtol=1e-4)


def test_the_shipped_adapter_says_what_it_was_taught(mini: HuggingFaceModel) -> None:
    assert mini.card is None
    shipped = HuggingFaceModel("mini", MINI / "base", MINI / "adapter", "cpu")
    claims = json.loads((MINI / "adapter" / "claims.json").read_text())
    assert shipped.card is not None and "brightness" in shipped.card.families
    assert set(shipped.card.families) <= set(claims) and not shipped.card.held_out


def test_siblings_are_other_claims_the_nearest_first(mini: HuggingFaceModel) -> None:
    claim = "the images have a small red rectangle at the top left"
    siblings = mini.siblings(claim, 8)
    assert len(siblings) == len(set(siblings)) == 8
    assert claim not in siblings
    known = json.loads((mini.adapter / CLAIMS_FILE).read_text()) if mini.adapter else {}
    assert all(near in known["shape"] for near in siblings[:4])
    assert all(len(set(near.split()) ^ set(claim.split())) <= 2 for near in siblings[:4])
    families = [name for other in siblings[4:] for name, claims in known.items() if other in claims]
    assert len(set(families)) == 4
    assert "shape" not in families


def test_a_claim_without_others_of_its_kind_is_held_against_other_kinds(mini: HuggingFaceModel) -> None:
    for claim in ("the images have a watermark", "something nobody taught it"):
        siblings = mini.siblings(claim, 8)
        assert len(siblings) == len(set(siblings)) == 8
        assert claim not in siblings


def test_the_identity_covers_every_weight(folders: tuple[Path, Path], copies: tuple[Path, Path], mini: Any) -> None:
    assert mini.info.name == "mini"
    assert mini.info.adapter == "adapter"
    assert HuggingFaceModel("x", *copies, "cpu").info.weights_sha256 == mini.info.weights_sha256
    projector = DifferenceProjector.load(copies[1])
    with torch.no_grad():
        projector.place.add_(1)
    projector.save(copies[1])
    assert HuggingFaceModel("x", *copies, "cpu").info.weights_sha256 != mini.info.weights_sha256


def test_a_base_alone_has_features_but_no_words_for_a_difference(folders: tuple[Path, Path]) -> None:
    model = models.load(str(folders[0]), device="cpu")
    assert model.info.adapter is None
    assert model.features(np.zeros((1, SIZE, SIZE, 3), np.uint8)).shape == (1, CELLS, 16)
    with pytest.raises(ModelError, match="has no difference projector; give --adapter"):
        model.write(difference_of(1), draws=0, seed=0)


def test_no_path_of_the_machine_that_trained_is_in_the_adapter(folders: tuple[Path, Path]) -> None:
    config = json.loads((folders[1] / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "base"
    assert not list(folders[1].glob("*.md"))


# What is refused.


@pytest.mark.parametrize("where", ["base", "adapter"])
@pytest.mark.parametrize("name", ["pytorch_model.bin", "x.pt", "x.pkl", "x.ckpt"])
def test_formats_that_can_run_code_are_refused(copies: tuple[Path, Path], where: str, name: str) -> None:
    (copies[0].parent / where / name).write_bytes(b"")
    with pytest.raises(ModelError, match=f"holds {name}; expected safetensors only"):
        HuggingFaceModel("x", *copies, "cpu")


def test_absent_folders_are_named(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=f"no model at {tmp_path / 'no'}; expected a folder"):
        models.load(str(tmp_path / "no"))
    with pytest.raises(ModelError, match=f"no adapter at {tmp_path / 'no'}; expected a folder"):
        models.load(str(folders[0]), adapter=tmp_path / "no")
    with pytest.raises(ModelError, match="no adapter at"):
        models.load(str(folders[0]), adapter=tmp_path)


@pytest.mark.parametrize(
    "file",
    ["config.json", "tokenizer.json", "model.safetensors", PROJECTOR_CONFIG, PROJECTOR_FILE, "adapter_config.json"],
)
def test_damaged_files_are_model_errors(copies: tuple[Path, Path], file: str) -> None:
    (path,) = [folder / file for folder in copies if (folder / file).exists()]
    path.write_bytes(b'{"cut off')
    with pytest.raises(ModelError, match=r"cannot be loaded \(.+\)"):
        HuggingFaceModel("x", *copies, "cpu")


def test_missing_weights_are_never_made_up(copies: tuple[Path, Path]) -> None:
    (copies[1] / "adapter_model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"adapter_model\.safetensors is missing"):
        HuggingFaceModel("x", *copies, "cpu")
    (copies[0] / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="cannot be loaded"):
        HuggingFaceModel("x", copies[0], None, "cpu")


def test_unknown_families_and_devices_are_named(copies: tuple[Path, Path]) -> None:
    config = copies[0] / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"model_type": "llava_next"}))
    with pytest.raises(ModelError, match=r"'llava_next' are not supported; known are .*llava, qwen"):
        models.load(str(copies[0]), device="cpu")
    with pytest.raises(UsageError, match="device 'tpu' is unknown; expected auto, cpu or cuda"):
        models.load(device="tpu")


def test_claims_that_begin_alike_share_their_beginnings() -> None:
    tree = ClaimTree.of([[7, 8, 9], [7, 8], [7, 5], [8]])
    assert tree.ids == [7, 8, 9, 5, 8]
    assert tree.parents == [-1, 0, 1, 0, -1]
    assert tree.ends == [[0, 1, 2], [0, 1], [0, 3], [4]]
    assert tree.read == [0, 1], "a last token need not be read to be foretold"
    assert tree.above.int().tolist() == [[1, 0], [1, 1]]


def test_a_slip_in_a_path_does_not_ask_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run" / "base").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loading, "from_hub", lambda name: pytest.fail("asked the hub"))
    with pytest.raises(ModelError, match="no model at run/bse"):
        models.load("run/bse", device="cpu")
    assert loading.is_hub_name("Qwen/Qwen3-VL-2B-Instruct")


def test_a_report_names_the_folder_of_a_model_and_not_where_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(MINI / "base", tmp_path / "jane doe" / "ours")
    assert models.load(str(tmp_path / "jane doe" / "ours"), device="cpu").info.name == "ours"
    (tmp_path / "mini").mkdir()
    monkeypatch.chdir(tmp_path)
    assert models.load("mini", device="cpu").info.name == "mini", "whatever lies beside it"
