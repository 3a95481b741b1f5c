"""From rates to prevalences: only where the judge's errors are known, and with the errors that it has."""

from pathlib import Path

import numpy as np
import pytest

from vlmdiff.decide import decide
from vlmdiff.errors import ModelError
from vlmdiff.findings import Evidence, Finding, Hypothesis
from vlmdiff.models import accuracy
from vlmdiff.models.accuracy import ACCURACY_FILE, Accuracy, Counts
from vlmdiff.prevalence import corrected
from vlmdiff.sample import Part
from vlmdiff.stats import corrected_prevalence

DARK = "the images are darker"
HALF = Counts(shown=100, said=50, absent=100, denied=100)


def found(counts: Counts | None, groups: bool = False, images: int = 40) -> Finding:
    """Of as many check images a side: none of A and half of B are judged to be darker."""
    scores_a, scores_b = np.full(images, -1.0, np.float32), np.resize(np.array([2, -1], np.float32), images)
    evidence = [Evidence(Hypothesis(DARK, "b", 1.0), scores_a, scores_b)]
    ids = [f"{side}{i}" for side in "ab" for i in range(images)]
    findings = decide(evidence, ids[:images], ids[images:], alpha=0.05, rng=np.random.default_rng(0))
    of_four = np.concatenate([np.arange(images) // 4, 100 + np.arange(images) % 2 + np.arange(images) // 10 * 2])
    check = Part(np.arange(2 * images), images, of_four if groups else None)
    return corrected(findings, evidence, lambda text: counts if text == DARK else None, check)[0]


def test_a_judge_that_sees_every_second_one_saw_half_of_them() -> None:
    finding = found(HALF)
    assert (finding.rate_a, finding.rate_b) == (0, 0.5)
    assert finding.prevalence_a is not None
    assert finding.prevalence_b is not None
    assert finding.prevalence_a.value == 0
    assert finding.prevalence_a.interval[1] < 0.2
    assert finding.prevalence_b.value == pytest.approx(1.0, abs=0.02)
    assert finding.prevalence_b.interval[0] > 0.6


def test_images_that_belong_together_tell_less() -> None:
    alone, grouped = found(HALF).prevalence_b, found(HALF, groups=True).prevalence_b
    assert alone is not None
    assert grouped is not None
    assert grouped.interval[0] < alone.interval[0]


@pytest.mark.parametrize(
    "counts", [None, Counts(shown=0, said=0, absent=9, denied=9), HALF.model_copy(update={"denied": 50})]
)
def test_without_a_known_and_useful_judge_there_is_no_prevalence(counts: Counts | None) -> None:
    finding = found(counts)
    assert finding.prevalence_a is None
    assert finding.prevalence_b is None


def test_an_interval_that_leaves_everything_open_is_no_estimate() -> None:
    """Of four images none is judged to show it, by a judge who sees three in ten: all of them may."""
    counts = Counts(shown=33, said=10, absent=95, denied=91)
    assert corrected_prevalence(0, 4, (10, 33), (91, 95)) == (0, 0, 1)
    assert found(counts, images=4).prevalence_a is None
    assert found(counts).prevalence_a is not None


def test_the_file_of_an_adapter(tmp_path: Path) -> None:
    assert accuracy.read(tmp_path) is None
    told = Accuracy(weights_sha256="0", measured_on="drawn pairs", families={"darkness": HALF})
    (tmp_path / ACCURACY_FILE).write_text(told.model_dump_json())
    assert accuracy.read(tmp_path) == told
    (tmp_path / ACCURACY_FILE).write_text('{"families": 3}')
    with pytest.raises(ModelError, match="measure it again"):
        accuracy.read(tmp_path)
