"""A small report and its pictures, shared by the tests of the command and of the renderers."""

import pytest

from vlmdiff.findings import (
    Exemplars,
    Finding,
    Images,
    ModelInfo,
    Report,
    SideImages,
    Skipped,
    TwoSampleTest,
)


@pytest.fixture
def report() -> Report:
    """Two verified findings, one unverified, two skipped files and a warning."""
    darker = Finding(
        text="the images are darker",
        side="b",
        verdict="verified",
        auroc=0.93,
        auroc_ci=(0.86, 0.98),
        p_value=0.0001,
        q_value=0.0004,
        rate_a=0.09,
        rate_b=0.78,
        votes=0.8,
        exemplars=Exemplars(a=["A-0003"], b=["B-0007", "B-0001"]),
    )
    warmer = darker.model_copy(
        update={
            "text": "the colours are warmer",
            "side": "a",
            "auroc": 0.77,
            "auroc_ci": (0.62, 0.89),
            "p_value": 0.009,
            "q_value": 0.018,
            "rate_a": 0.61,
            "rate_b": 0.25,
            "exemplars": Exemplars(a=["A-0001"], b=[]),
        }
    )
    zoomed = darker.model_copy(
        update={
            "text": "the images are zoomed in",
            "verdict": "unverified",
            "auroc": 0.58,
            "auroc_ci": (0.41, 0.73),
            "p_value": 0.17,
            "q_value": 0.26,
        }
    )
    return Report(
        verdict="different",
        test=TwoSampleTest(
            auroc=0.97, auroc_ci=(0.93, 0.99), p_value=0.001, n_a=32, n_b=30, smallest_detectable_auroc=0.71
        ),
        findings=[darker, warmer, zoomed],
        images=Images(
            a=SideImages(read=32, skipped=[], sha256="1a" * 32),
            b=SideImages(
                read=30,
                sha256="2b" * 32,
                skipped=[Skipped(file="B-0031", reason="truncated"), Skipped(file="B-0032", reason="not an image")],
            ),
        ),
        model=ModelInfo(name="mini", adapter=None, weights_sha256="0f" * 32),
        settings={"method": "learned", "max_images": None, "seed": 0, "alpha": 0.05},
        seconds={"read": 0.81, "total": 6.2},
        warnings=["2 images of B were skipped"],
    )


@pytest.fixture
def pictures() -> dict[str, bytes]:
    """Bytes in place of PNG thumbnails; B-0001 has none."""
    return {name: b"\x89PNG " + name.encode() for name in ("A-0001", "A-0003", "B-0007")}
