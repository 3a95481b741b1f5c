"""Chat models that are scored beside vlmdiff: asked how two contact sheets differ, then whether each image shows it."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from data_synth.family import Pixels
from data_synth.reference import REFERENCE_VERSION, reference_features
from eval import prompts
from eval.answers import Half, Said, answer, evidence
from eval.endpoint import Endpoint
from eval.systems import ALPHA, Groups, Options, loaded
from vlmdiff import __version__
from vlmdiff.errors import UsageError
from vlmdiff.findings import Report
from vlmdiff.images.decode import fit
from vlmdiff.models import card
from vlmdiff.models.card import RunCard
from vlmdiff.models.chat import ChatModel, open_local

LOOK_IMAGES = 16
"""Of each set on its contact sheet, 4 x 4: with TILE two images of 768 x 792 px, about 1,200 tokens together for a
model that makes a token of 32 x 32 px, and 200 of text."""
TILE = 192
"""Pixels a side of an image on a sheet."""
CHECK_IMAGES = 16
"""Of each set that are judged, each alone and once for each hypothesis: with 5 hypotheses 160 calls a pair beside the
one that proposes, each of about 150 tokens of image and 80 of text."""
JUDGED = 384
"""Pixels a side of a judged image."""
SIZE = 128
"""Pixels a side of the images that the two-sample test sees."""


@dataclass(frozen=True)
class Chat:
    """A chat model as proposer and judge; calls a pair: 1 + hypotheses x check images.

    A chat model has no features to test, so the two-sample test sees the reference features; it is the gate that
    vlmdiff has, so that null pairs are told apart by a test and not by a talkative model.
    """

    model: ChatModel
    card: RunCard | None = None
    check_images: int = CHECK_IMAGES

    @property
    def identity(self) -> dict[str, Any]:
        return {
            "name": "chat",
            "version": __version__,
            "alpha": ALPHA,
            "model": self.model.info.model_dump(),
            "reference": REFERENCE_VERSION,
            "prompts": prompts.fingerprint(),
            "hypotheses": prompts.MOST,
            "look_images": LOOK_IMAGES,
            "check_images": self.check_images,
        }

    def describe(
        self, images_a: Sequence[Pixels], images_b: Sequence[Pixels], seed: int, groups: Groups | None = None
    ) -> Report:
        def speaker(look: Half, check: Half, rng: np.random.Generator) -> Said:
            return self._said(images_a, images_b, look, check, rng)

        before = self.model.tokens_used
        pair = loaded(images_a, images_b, SIZE, groups)
        report = answer(pair, reference_features, speaker, model=self.model.info, name="chat", seed=seed)
        used = self.model.tokens_used - before
        asked = "propose and verify" in report.seconds
        return report.model_copy(update={"tokens": used if used or not asked else None})

    def _said(
        self, images_a: Sequence[Pixels], images_b: Sequence[Pixels], look: Half, check: Half, rng: np.random.Generator
    ) -> Said:
        look, check = some(look, LOOK_IMAGES, rng), some(check, self.check_images, rng)
        sheets = (
            contact_sheet("A", [images_a[row] for row in look.rows_a]),
            contact_sheet("B", [images_b[row] for row in look.rows_b]),
        )
        heard = prompts.read(self.model.ask(prompts.PROPOSE, sheets).text)
        warnings = [f"{heard.unread} lines of the proposal were not understood"] if heard.unread else []
        if not heard.hypotheses:
            return Said([], check, warnings)
        shown = [images_a[row] for row in check.rows_a] + [images_b[row] for row in check.rows_b]
        answers = np.array([self._answers(image, heard) for image in shown])
        kept_answers, kept_images = readable(answers)
        if lost := int(np.isnan(answers).sum()):
            warnings.append(
                f"{lost} of {answers.size} answers of the judge were not yes or no: {(~kept_answers).sum()} hypotheses "
                f"and {(~kept_images).sum()} check images were left out"
            )
        n_a = len(check.rows_a)
        checked = check.only(kept_images[:n_a], kept_images[n_a:])
        if not min(len(checked.rows_a), len(checked.rows_b)):
            return Said([], check, warnings)
        found = []
        for column in np.flatnonzero(kept_answers):
            hypothesis = heard.hypotheses[column]
            # A comparative has no border of its own, and some models say yes to everything: against the mean.
            scores = answers[kept_images, column] - answers[kept_images, column].mean()
            n = len(checked.rows_a)
            found.append(evidence(hypothesis.side, hypothesis.text, hypothesis.votes, scores[:n], scores[n:]))
        return Said(found, checked, warnings)

    def _answers(self, image: Pixels, heard: prompts.Read) -> list[float]:
        """To every hypothesis on one image; NaN where unreadable."""
        shown = np.asarray(fit(image, JUDGED), np.uint8)
        said = (self.model.yes(prompts.judge(hypothesis), [shown]) for hypothesis in heard.hypotheses)
        return [math.nan if value is None else value for value in said]


def some(half: Half, most: int, rng: np.random.Generator) -> Half:
    """At most this many images of each set, drawn, in order."""
    rows = [np.sort(rng.permutation(len(rows))[:most]) for rows in (half.rows_a, half.rows_b)]
    return half.only(rows[0], rows[1])


def contact_sheet(name: str, images: Sequence[Pixels]) -> Pixels:
    """The images in rows of a square, under a strip with the name of their set; places that are left stay grey."""
    columns = math.ceil(len(images) ** 0.5)
    rows = math.ceil(len(images) / columns)
    sheet = np.full((24 + rows * TILE, columns * TILE, 3), 128, np.uint8)
    sheet[:24] = 255
    cv2.putText(sheet, f"set {name}", (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1, cv2.LINE_AA)
    for number, image in enumerate(images):
        top, left = 24 + number // columns * TILE, number % columns * TILE
        sheet[top : top + TILE, left : left + TILE] = fit(image, TILE)
    return sheet


def readable(answers: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which hypotheses and which images are scored: unreadable is unscored, not no.

    A hypothesis that more than a tenth of the images have no answer to is left out; then every image that lacks an
    answer to one of the others. The sets do not enter.

    Args:
        answers: (images, hypotheses), NaN where unreadable.
    """
    missing = np.isnan(answers)
    hypotheses = missing.mean(0) <= 0.1
    images = ~missing[:, hypotheses].any(1) & hypotheses.any()
    return hypotheses, images


def open_chat(options: Options) -> Chat:
    """A chat model as a system; see `open_model`. The card of a model that we tuned lies in its folder."""
    model = open_model(options.model, options.adapter, options.endpoint)
    if options.endpoint:
        return Chat(model)
    cards = (card.read(Path(folder)) for folder in (options.adapter, options.model) if folder)
    return Chat(model, next(filter(None, cards), None))


def open_model(model: str, adapter: str | None = None, endpoint: str | None = None) -> ChatModel:
    """A chat model in a local folder, or behind an endpoint; the key to that is in OPENAI_API_KEY, if it needs one.

    Args:
        model: the folder, or where an endpoint is given the name that the model has there.

    Raises:
        UsageError: no model is named, or an adapter is to be put on one that runs elsewhere.
        ModelError: the model is missing, damaged, or cannot be asked in words.
    """
    if model == "mini":
        raise UsageError("mini cannot be asked in words; give --model FOLDER, or --endpoint URL and --model NAME")
    if endpoint is None:
        return open_local(Path(model), Path(adapter) if adapter else None)
    if adapter:
        raise UsageError("--adapter goes with a local --model; serve the tuned model at the endpoint instead")
    return Endpoint(endpoint, model, os.environ.get("OPENAI_API_KEY", ""))
