"""What a dry run says: memory falls with parts and checkpointing, hours follow from steps and pairs."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.train import tiny_run
from train import estimate, lora
from train.describer import describer
from vlmdiff.models.huggingface import HuggingFaceModel


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_run.make(tmp_path_factory.mktemp("tiny"))


def needs(home: Path, accumulate: int = 1, checkpointing: bool = False) -> estimate.Needs:
    backend = HuggingFaceModel("tiny", home / "base", None, "cpu")
    trained = describer(backend, "lora", 4, checkpointing=checkpointing)
    data = tiny_run.data(home, backend.tokenizer, items_a_step=4)
    return estimate.needs(trained, data, tiny_run.SCHEDULE, lora.Means(workers=0, accumulate=accumulate))


def test_memory_is_that_of_weights_states_and_what_is_kept_for_the_way_back(home: Path) -> None:
    whole, parts, thrifty = needs(home), needs(home, accumulate=4), needs(home, checkpointing=True)
    assert whole.weights == 4 * whole.parameters
    assert 8 * whole.trainable < whole.optimiser < 8.2 * whole.trainable, "few weights are vectors"
    assert whole.memory == whole.weights + whole.optimiser + whole.activations
    assert parts.activations == pytest.approx(whole.activations / 4, rel=0.35)
    assert thrifty.activations < whole.activations
    assert (parts.trainable, parts.parameters) == (whole.trainable, whole.parameters)
    rows = 4 + 3 + 1  # cells, summaries, sizes
    assert whole.tokens > 4 * (4 + 4) * (1 + rows)
    assert thrifty.tokens > whole.tokens, "each claim reads the difference tokens"


def test_hours_are_those_of_steps_and_of_pairs() -> None:
    found = estimate.Needs(
        trainable=5,
        parameters=7000,
        weights=2**20,
        optimiser=2**21,
        activations=2**22,
        tokens=900,
        seconds=7.2,
        making=6.0,
    )
    said = estimate.told(found, 1000, "drawn and encoded", pairs=1200, each=10, workers=2).splitlines()
    assert said == [
        "parameters  5 of 7,000 are trained",
        "memory      7 MiB a rank: weights 1 MiB, optimiser 2 MiB, activations 4 MiB",
        "tokens      900 a step",
        "pairs       1,200 drawn and encoded, 0.10 h once",
        "steps       1,000 of 7.20 s, 2.00 h",
        "hours       2.10 on this machine as it is now",
    ]
    slow = replace(found, making=30.0)
    live = estimate.told(slow, 1000, "drawn", pairs=None, each=10, workers=2).splitlines()
    assert live[3:] == [
        "pairs       drawn, 15.0 s a step beside it",
        "steps       1,000 of 7.20 s, 4.17 h",
        "hours       4.17 on this machine as it is now",
    ]
