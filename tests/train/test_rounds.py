"""Rounds: what each learns from, and that a run which is killed again and again ends as one that was not."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_synth.config import PairConfig
from train import __main__ as jobs
from train import curriculum, rounds
from train.mix import Plan, Rounds
from train.pairs import CachedPair, PairCache
from train.rounds import Round, finished, from_json, next_state
from train.stopping import Reading
from vlmdiff.errors import UsageError
from vlmdiff.models.loading import sha256_of, weight_files

WITHIN = curriculum.widest(PairConfig(set_size=(8, 8)))
STATE = curriculum.started(WITHIN)

RUN = """
import os, signal, sys, time
from dataclasses import replace
from pathlib import Path

import torch

from data_synth.sources import Bank
from train import curriculum, lora, rounds, stopping
from train.mix import Plan
from train.language import make_base, make_processor, make_tokenizer, save_base
from train.loop import Schedule
from train.recipes import recipe
from vlmdiff.errors import InputError
from vlmdiff.models import huggingface
from vlmdiff.models.mini.tower import TowerConfig

torch.set_num_threads(1)
curriculum._FIRST, curriculum._TRIALS, curriculum._TRIALS_OF_NUMBERS, curriculum._PROBE_SIZE = 10, 1, 1, 4
stopping.PAIRS, stopping.JUDGED_PAIRS, stopping._SIZE = 2, 1, 4
huggingface.LONGEST = 6  # an untrained model finds no end
widest = curriculum.widest
curriculum.widest = lambda config: replace(widest(config), set_size=(8, 9))
home, quick = Path(sys.argv[1]), recipe("quick")
quick = replace(
    quick,
    pairs=replace(quick.pairs, sides=(48,), set_size=(8, 8)),
    pair_count=4,
    lora=Schedule(steps=4, lr=1e-3, warmup=1, save_every=1),
    lora_batch=8,
)


def train(out, seed=3, plan=Plan(rounds=2), start=None):
    tower = TowerConfig(image_size=32, widths=(8, 8, 16), blocks=(1, 1, 1))
    if not (home / "base").exists():
        torch.manual_seed(0)
        tokenizer = make_tokenizer()
        save_base(make_base(tokenizer, tower).eval(), make_processor(tokenizer, tower), home / "base")
    backend = huggingface.HuggingFaceModel("tiny", home / "base", None, "cpu")
    rounds.train(quick, backend, Bank.drawn_only(), out, seed, plan, lora.Means(workers=0), start)


def child(out, **other):
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        train(out, **other)
        code = 0
    except InputError as error:
        print(error)
        sys.stdout.flush()
        code = error.exit_code
    finally:
        os._exit(code)


def refused(**other):
    assert os.waitstatus_to_exitcode(os.waitpid(child(home / "killed", **other), 0)[1]) == InputError.exit_code


assert os.waitpid(child(home / "whole"), 0)[1] == 0
for sign in sys.argv[2:]:
    process = child(home / "killed")
    while not (home / "killed" / sign).exists():
        assert os.waitpid(process, os.WNOHANG) == (0, 0), f"ended before {sign}"
        time.sleep(0.002)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    refused(seed=4)
refused(start=home / "whole" / "lora")
refused(plan=Plan(rounds=2, patience=1))
for name in ("rounds.json", "lora.run.json"):
    (home / "killed" / name).rename(home / name)
    refused()
    (home / name).rename(home / "killed" / name)
assert os.waitpid(child(home / "killed"), 0)[1] == 0
"""
KILLED_AT = (
    "pairs/round-000/pairs.jsonl",  # while pairs are encoded
    "rounds/000",  # while validation pairs are read
    "checkpoints/lora/checkpoint-3/MANIFEST.json",  # in the middle of the second round
)


def reading(described: float, step: int = 0) -> Reading:
    return Reading(step, 1.0, described, 0.5)


@pytest.mark.timeout(400)
def test_a_run_killed_at_any_moment_goes_on_as_it_was_begun_and_only_so(tmp_path: Path) -> None:
    """It ends with the same states, caches and weights; after each kill calls that mean another run are refused."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path), *KILLED_AT],
        cwd=Path(__file__).parents[2],
        env={"OMP_NUM_THREADS": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    seed, start, plan, rounds_lost, note_lost = done.stdout.splitlines()[len(KILLED_AT) - 1 :]
    assert done.stdout.splitlines()[: len(KILLED_AT)] == [seed] * len(KILLED_AT), "also before anything is learned"
    remedy = "; to go on give what it was begun with, else choose another --out"
    assert seed == f"{killed} holds another run: seed is 3 there and 4 here{remedy}"
    used = sha256_of(weight_files(whole / "lora"))[:12]
    assert start == f"{killed} holds another run: start is none there and {used} here{remedy}"
    assert plan == f"{killed} holds another run: plan.patience is 5 there and 1 here{remedy}"
    assert "checkpoint-3 is of round 1" in rounds_lost and "rounds.json tells of 0 rounds before it" in rounds_lost
    assert "is there, but not lora.run.json" in note_lost
    same = ["rounds.json", "lora.run.json", "levels.svg"]
    same += ["lora/adapter_model.safetensors", "lora/difference_projector.safetensors"]
    same += [f"pairs/round-{k:03}/{name}" for k in (0, 1) for name in ("pairs.jsonl", "features.bin", "made_of.json")]
    for name in same:
        assert (killed / name).read_bytes() == (whole / name).read_bytes(), name
    told = [from_json(one) for one in json.loads((whole / "rounds.json").read_text())["rounds"]]
    assert [one.reading.step for one in told] == [2, 4]
    within = replace(curriculum.widest(PairConfig(families=told[0].state.config(WITHIN).families)), set_size=(8, 9))
    assert told[1].state.standings.keys() > told[0].state.standings.keys(), "a family has entered"
    moved = curriculum.advanced(told[0].state, told[0].successes, within)
    assert moved.standings == told[1].state.standings
    claims = json.loads((whole / "lora" / "claims.json").read_text())
    assert "the images are darker" in claims["brightness"]
    assert "pets" not in claims, "this bank has no pets"


def test_states_follow_from_what_rounds_found() -> None:
    first = next_state([], Plan(), WITHIN)
    assert first == STATE
    done = [Round(first, {"differences": 1.0}, reading(0.1))]
    assert next_state(done, Plan(), WITHIN).differences == 2.5
    assert next_state(done, Plan("uniform"), WITHIN) == replace(curriculum.uniform(WITHIN), round=1)
    assert from_json(json.loads(json.dumps(done[0].as_json()))) == done[0]


def test_it_stops_for_want_of_anything_better_but_not_before_all_families_are_in() -> None:
    plan = Plan(rounds=6, patience=2)
    full = replace(STATE, waiting=())
    criteria = [0.5, 0.4, 0.3]
    assert finished([Round(full, {}, reading(value)) for value in criteria], plan)
    assert not finished([Round(STATE, {}, reading(value)) for value in criteria], plan)
    assert finished([Round(STATE, {}, reading(0.1))] * 6, plan), "no round is left"


def test_rounds_share_the_steps() -> None:
    assert Plan(rounds=3).ends(10) == (3, 6, 10)


class Named(PairCache):
    """A cache of one pair."""

    @property
    def pairs(self) -> list[CachedPair]:
        return [CachedPair((), 0, np.zeros((4, 0), bool), 2, 0)]


def test_a_round_learns_from_its_own_pairs_from_earlier_ones_and_from_real_sets() -> None:
    caches = tuple(Named(Path(str(k)), 1) for k in range(3))
    items = Rounds(caches, Named(Path("real"), 1), Plan(rounds=3, replay=0.5, concepts=0.2), (4, 8, 12), None, 0, 2)
    rng = np.random.default_rng(0)

    def shares(now: int) -> dict[str, float]:
        drawn = [items._pair(now, rng)[0].folder.name for _ in range(2000)]
        return {name: drawn.count(name) / 2000 for name in ("0", "1", "2", "real")}

    assert shares(0) == pytest.approx({"0": 0.8, "1": 0, "2": 0, "real": 0.2}, abs=0.03)
    assert shares(2) == pytest.approx({"0": 0.2, "1": 0.2, "2": 0.4, "real": 0.2}, abs=0.03)
    alone = replace(items, concepts=None)
    assert {alone._pair(0, rng)[0].folder.name for _ in range(50)} == {"0"}


def test_an_index_belongs_to_the_round_of_its_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two items a step, rounds of four steps: item 8 is the first of step 4, with which the second round begins."""
    rounds_asked: list[int] = []

    class Stop(Exception):
        pass

    def noted(self: Rounds, now: int, rng: np.random.Generator) -> None:
        rounds_asked.append(now)
        raise Stop

    monkeypatch.setattr(Rounds, "_pair", noted)
    items = Rounds((), None, Plan(rounds=3), (4, 8, 12), None, 0, 2)
    for index in (0, 7, 8, 15, 16):
        with pytest.raises(Stop):
            items[index]
    assert rounds_asked == [0, 0, 1, 1, 2]


def test_several_processes_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="without a launcher"):
        rounds.train(None, None, None, tmp_path, 0, Plan(), None)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="2 steps are no 3 rounds; give --steps 3 or more, or --rounds"):
        jobs.curriculum(out=tmp_path, recipe="quick", rounds=3, steps=2)
