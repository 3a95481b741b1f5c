"""Every method of proposing keeps the same promises, whatever it asks of the model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from eval.systems import loaded
from vlmdiff.describe import answer
from vlmdiff.errors import ModelError
from vlmdiff.findings import Hypothesis, Side
from vlmdiff.learn.tokens import with_summaries
from vlmdiff.models import prompts
from vlmdiff.models.base import Part, Skill
from vlmdiff.models.lines import NO_DIFFERENCE
from vlmdiff.models.scripted import ScriptedModel, cell_means
from vlmdiff.propose import JUDGES, METHODS, NEEDS, Look, Proposed, check
from vlmdiff.propose.from_captions import CAPTIONED
from vlmdiff.propose.from_images import IMAGES
from vlmdiff.propose.look import KEPT, RESAMPLES, few, some
from vlmdiff.propose.votes import balanced, merged

DARKER = "the images are darker"
BORDER = 128
"""Grey level between a dark image and a bright one."""
Prompt = Sequence[Part]
Pixels = NDArray[np.uint8]
SKILLS = get_args(Skill)
WAYS: list[tuple[str, Skill]] = [(method, skill) for method, skills in NEEDS.items() for skill in sorted(skills)]
every_way = pytest.mark.parametrize(("method", "skill"), WAYS)
asking = pytest.mark.parametrize(("method", "skill"), [way for way in WAYS if way[0] != "learned"])


def darker_rows(rows: torch.Tensor) -> list[str]:
    return [f"b: {DARKER}\n" if rows[-3].mean() < -0.5 else NO_DIFFERENCE + "\n"]


def of_sets(prompt: Prompt) -> tuple[list[Any], list[Any]]:
    """The images or captions of the first set in a prompt, and of the second."""
    second = next(i for i, part in enumerate(prompt) if isinstance(part, str) and part.strip() in ("b:", "Set B:"))
    shown = [[part for part in half if not isinstance(part, str)] for half in (prompt[:second], prompt[second:])]
    return shown[0], shown[1]


def looking(prompt: Prompt) -> str:
    """The answer of somebody who sees brightness: to images of two sets, to one image, or to captions of two sets."""
    images = [part for part in prompt if not isinstance(part, str)]
    if len(images) == 1:
        return "a dark picture" if images[0].mean() < BORDER else "a bright picture"
    if images:
        dark = [np.mean([image.mean() < BORDER for image in part]) for part in of_sets(prompt)]
    else:
        (text,) = prompt
        assert isinstance(text, str)
        first, second = (
            text.split("Set B:") if "Set B:" in text else (text.partition("\nb: ")[0], text.partition("\nb: ")[2])
        )
        dark = [part.count("dark picture") / max(1, part.count(" picture")) for part in (first, second)]
    if abs(dark[1] - dark[0]) < 0.5:
        return "no difference"
    return f"{'B' if dark[1] > dark[0] else 'A'}: {DARKER}"


@dataclass(frozen=True)
class Talker(ScriptedModel):
    """Answers every prompt by a rule, and remembers what it was asked."""

    answers: Callable[[Prompt], str] = looking
    asked: list[Prompt] = field(default_factory=list, compare=False)

    def ask(self, prompts: Sequence[Prompt], draws: int, seed: int, longest: int) -> list[list[str]]:
        self.asked.extend(prompts)
        texts = [[self.answers(prompt)] * (1 + draws) for prompt in prompts]
        self._words["read"] += sum(
            self.image_tokens if not isinstance(p, str) else len(p.split()) for q in prompts for p in q
        )
        self._words["said"] += sum(len(text.split()) for said in texts for text in said)
        return texts

    def yes(self, prompts: Sequence[Prompt]) -> NDArray[np.float32]:
        """Sees brightness too, and leans to yes; other claims it holds for as likely on all images."""
        self._words["read"] += sum(self.image_tokens + len(str(question).split()) for _, question in prompts)
        dark = [np.asarray(image).mean() < BORDER and DARKER in str(question) for image, question in prompts]
        return np.where(dark, 6, 2).astype(np.float32)


def talker(skill: Skill, answers: Callable[[Prompt], str] = looking, **options: Any) -> Talker:
    return Talker(
        says=options.pop("says", darker_rows),
        fits=lambda claim, rows: rows[:, -3].mean(-1) * (-1 if DARKER in claim else 0),
        skills=frozenset({skill}),
        answers=answers,
        **options,
    )


def grey(count: int, level: float, seed: int) -> Pixels:
    rng = np.random.default_rng(seed)
    return rng.normal(level, 12, (count, 32, 32, 3)).clip(0, 255).astype(np.uint8)


def look_at(a: Pixels, b: Pixels, groups: NDArray[np.int64] | None = None) -> Look:
    rows = [with_summaries(cell_means(pixels)) for pixels in (a, b)]
    return Look(rows[0], rows[1], a, b, groups)


BRIGHT, DARK = grey(12, 180, 1), grey(9, 70, 2)
SAME = grey(9, 180, 3)


def proposed(method: str, model: Talker, look: Look, seed: int = 0) -> Proposed:
    return METHODS[method](model, look, np.random.default_rng(seed))


def told(found: Proposed) -> list[tuple[Side, str, float]]:
    return [(h.side, h.text, h.votes) for h in found.hypotheses]


@every_way
def test_nothing_is_invented_where_nothing_is_said(method: str, skill: Skill) -> None:
    assert proposed(method, talker(skill), look_at(BRIGHT, SAME)) == Proposed(
        [], order="score" if method == "caption_rank" else "votes"
    )


@every_way
def test_the_side_is_right_in_both_orders(method: str, skill: Skill) -> None:
    forth = proposed(method, talker(skill), look_at(BRIGHT, DARK))
    back = proposed(method, talker(skill), look_at(DARK, BRIGHT))
    assert told(forth) == [("b", DARKER, 1.0)]
    assert told(back) == [("a", DARKER, 1.0)]
    assert not forth.warnings + back.warnings


@every_way
@pytest.mark.parametrize("images", [1, 2])
def test_few_images_are_enough(method: str, skill: Skill, images: int) -> None:
    assert told(proposed(method, talker(skill), look_at(BRIGHT[:images], DARK[:images]))) == [("b", DARKER, 1.0)]


@every_way
def test_the_seed_decides_all_chance(method: str, skill: Skill) -> None:
    def asked(seed: int) -> tuple[Proposed, list[list[bytes]]]:
        model = talker(skill)
        found = proposed(method, model, look_at(BRIGHT, DARK), seed)
        return found, [[p.encode() if isinstance(p, str) else p.tobytes() for p in prompt] for prompt in model.asked]

    assert asked(3) == asked(3)
    if method != "learned":
        assert asked(3)[1] != asked(4)[1]


@every_way
def test_tokens_are_counted(method: str, skill: Skill) -> None:
    model = talker(skill)
    proposed(method, model, look_at(BRIGHT, DARK))
    assert model.tokens_used > 0


@every_way
def test_votes_are_shares_whatever_is_said(method: str, skill: Skill) -> None:
    def chatter(prompt: Prompt) -> str:
        said = sum(part.sum() if not isinstance(part, str) else len(part) for part in prompt)
        return f"B: the images show thing {said % 3}\nA: the images show thing {said % 5}"

    model = talker(skill, chatter, says=lambda rows: [chatter([(rows * 1000).numpy()])])
    found = proposed(method, model, look_at(BRIGHT, DARK))
    assert all(0 < h.votes <= 1 for h in found.hypotheses)
    assert [h.votes for h in found.hypotheses] == sorted((h.votes for h in found.hypotheses), reverse=True)


@asking
def test_what_is_said_of_the_place_in_the_prompt_is_said_of_neither_set(method: str, skill: Skill) -> None:
    assert told(proposed(method, talker(skill, lambda prompt: f"B: {DARKER}"), look_at(BRIGHT, DARK))) == []


@asking
def test_answers_that_cannot_be_read_are_told(method: str, skill: Skill) -> None:
    def gibberish(prompt: Prompt) -> str:
        return "a picture" if sum(not isinstance(part, str) for part in prompt) == 1 else "Certainly! Let us look."

    found = proposed(method, talker(skill, gibberish), look_at(BRIGHT, DARK))
    assert found.hypotheses == []
    draws = 2 * 2 * RESAMPLES
    assert found.warnings == [f"{draws} of {draws} answers of the model named no difference in a form that is read"]


@asking
def test_no_prompt_holds_more_than_images_and_known_words(method: str, skill: Skill) -> None:
    model = talker(skill)
    proposed(method, model, look_at(BRIGHT, DARK))
    known = {"Set A:", "Set B:", prompts.IN_CONTEXT, prompts.CAPTION, "a:", "\nb:", "\n", "image:"}
    texts = {part for prompt in model.asked for part in prompt if isinstance(part, str)}
    assert all(text in known or "a bright picture" in text for text in texts)
    given = {image.tobytes() for image in (*BRIGHT, *DARK)}
    assert {p.tobytes() for prompt in model.asked for p in prompt if not isinstance(p, str)} <= given


@pytest.mark.parametrize("method", ["in_context", "caption_rank"])
def test_a_chat_model_proposes_and_judges_a_whole_report(method: str) -> None:
    found = answer(loaded([*grey(20, 180, 1)], [*grey(20, 70, 2)], 32, None), talker("chat"), method=method)
    assert [(f.side, f.text, f.verdict) for f in found.findings] == [("b", DARKER, "verified")]
    assert (found.findings[0].rate_a, found.findings[0].rate_b, found.findings[0].votes) == (0, 1, 1)
    assert found.settings["method"] == method
    images = talker("chat").image_tokens
    assert found.tokens is not None
    assert found.tokens > images * (40 + 2 * 20), "each image judged once, and at least each look image shown"


@pytest.mark.parametrize("method", ["in_context", "caption_rank"])
def test_what_a_method_warns_of_is_in_the_report(method: str) -> None:
    model = talker("chat", lambda prompt: "a picture" if len(prompt) == 2 else "Certainly!")
    found = answer(loaded([*grey(20, 180, 1)], [*grey(20, 70, 2)], 32, None), model, method=method)
    assert found.verdict == "different"
    assert found.findings == []
    assert [warning for warning in found.warnings if "answers of the model named no difference" in warning]


# What only one of them promises.


def test_images_in_one_prompt_are_few_and_drawn_anew() -> None:
    model = talker("chat")
    proposed("in_context", model, look_at(BRIGHT, DARK))
    assert len(model.asked) == 2 * RESAMPLES
    counts = {(len(first), len(second)) for first, second in map(of_sets, model.asked)}
    assert counts == {(8, 7), (7, 8)}, "at most IMAGES, and four fifths of nine"
    assert IMAGES == 8
    forth, back = model.asked[:RESAMPLES], model.asked[RESAMPLES:]
    for one, other in zip(forth, back, strict=True):
        assert [image.tobytes() for image in of_sets(one)[0]] == [image.tobytes() for image in of_sets(other)[1]]
    assert len({b"".join(image.tobytes() for image in of_sets(one)[1]) for one in forth}) > 1


def test_a_prompt_is_kept_within_the_context() -> None:
    """1,656 tokens less 656 for the words leave 1,000: two images a side of 200 tokens, none of 501."""
    model = talker("chat", context=1656, image_tokens=200)
    proposed("in_context", model, look_at(BRIGHT, DARK))
    assert {len(part) for prompt in model.asked for part in of_sets(prompt)} == {2}
    with pytest.raises(ModelError, match="reads 1656 tokens and an image costs 501: not one of each set fits in"):
        proposed("in_context", talker("chat", context=1656, image_tokens=501), look_at(BRIGHT, DARK))


def test_every_image_is_captioned_once_and_alone() -> None:
    model = talker("chat")
    proposed("caption_rank", model, look_at(BRIGHT, DARK))
    captioned = [prompt for prompt in model.asked if not isinstance(prompt[0], str)]
    assert sorted(part.tobytes() for prompt in captioned for part in prompt if not isinstance(part, str)) == sorted(
        image.tobytes() for image in (*BRIGHT, *DARK)
    )
    assert len(model.asked) == len(captioned) + 2 * RESAMPLES


def test_captions_have_a_bound_and_leave_out_what_cannot_be_read() -> None:
    def lost(prompt: Prompt) -> str:
        return "???" if not isinstance(prompt[0], str) and prompt[0][0, 0, 0] % 2 else looking(prompt)

    many = grey(CAPTIONED + 9, 180, 5)
    model = talker("chat", lost)
    found = proposed("caption_rank", model, look_at(many, DARK))
    assert sum(not isinstance(prompt[0], str) for prompt in model.asked) == CAPTIONED + len(DARK)
    (warning,) = found.warnings
    assert warning.endswith(f"of {CAPTIONED + len(DARK)} captions could not be read; their images were not compared")
    none = proposed("caption_rank", talker("chat", lambda prompt: "?"), look_at(BRIGHT, DARK))
    assert none.hypotheses == []
    assert none.warnings == ["21 of 21 captions could not be read; their images were not compared"]


def test_candidates_of_captions_go_on_by_how_well_they_separate() -> None:
    said = [Hypothesis("often said", "b", 0.9), Hypothesis("rarely said", "a", 0.2)]
    look = np.array([[0, 1], [2, 2], [1, 0], [3, -1]], np.float32)  # AUROC 3/4 for B, and 1 for A
    assert [h.text for h in merged(Proposed(said, order="score"), look, 2)] == ["rarely said", "often said"]
    assert [h.text for h in merged(Proposed(said), look, 2)] == ["often said", "rarely said"]


# Draws.


def test_votes_for_the_other_side_count_against() -> None:
    """Of eight draws, six name darker of B and one of A: 5/8; dim is said of both equally often."""
    dark: tuple[Side, str] = ("b", DARKER)
    draws: list[list[tuple[Side, str]]] = [[dark, ("a", "dim")], [dark, ("a", "dim")]]
    draws += [[("b", "Darker"), ("b", "dim")], [("b", "Darker"), ("b", "dim")]]
    draws += [[("b", "they are darker")], [("b", "they are darker")], [("a", DARKER)], []]
    assert balanced(draws, prompts.gist) == [Hypothesis(DARKER, "b", 0.625)]


def test_few_images_come_from_as_many_groups_as_there_are() -> None:
    rng = np.random.default_rng(0)
    groups = np.array([0] * 20 + [1, 2, 3])
    for _ in range(20):
        assert set(groups[some(groups, 4, rng)]) == {0, 1, 2, 3}
        assert len(few(groups, 99, rng)) == round(KEPT * 23)
    assert len(few(groups[:1], 8, rng)) == 1


# Which model can do what.


@every_way
def test_a_model_is_refused_what_it_cannot_do(method: str, skill: Skill) -> None:
    check(method, replace(talker(skill), skills=frozenset({skill, "tokens"})))
    others = frozenset(SKILLS) - NEEDS[method]
    assert others & JUDGES
    with pytest.raises(ModelError, match=f"cannot propose by method '{method}'"):
        check(method, replace(talker(skill), skills=others))


def test_a_refusal_names_what_the_model_can_do() -> None:
    with pytest.raises(ModelError, match="skills captions, chat; use --method learned, or give --model"):
        check("caption_rank", talker("tokens"))


def test_a_model_that_cannot_judge_need_not_propose() -> None:
    with pytest.raises(ModelError, match="neither reads difference tokens nor can be asked in words"):
        check("in_context", talker("in_context"))
