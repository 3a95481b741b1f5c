"""What `vlmdiff describe` costs: seconds and memory of the whole process, against a bare import and against reading.

    python benchmarks/describe.py [--images 32] [--runs 3]

The ratio to the bare import (torch, transformers, peft), taken in turns in one run, is what compares between machines;
of large sets (--images 5000 --runs 1) it is the ratio of all that is done to decoding and encoding alone.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from data_synth import procedural

PIXELS = 512


@dataclass(frozen=True)
class Cost:
    """Of one finished process."""

    wall: float
    cpu: float
    peak_mib: float
    stdout: str


def cost_of(command: list[str]) -> Cost:
    """Run a command to its end."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 10):
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Cost(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output)


def draw_sets(folder: Path, images: int) -> tuple[Path, Path]:
    """Two folders of drawn scenes as JPEG files; those of B are darker. Of many, scenes are shifted and used again."""
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (folder / name).mkdir()
        scenes = [procedural.draw("landscape", rng, PIXELS) for _ in range(min(images, 500))]
        for i in range(images):
            image = np.roll(scenes[i % len(scenes)], int(rng.integers(PIXELS)), axis=1)
            if name == "b":
                image = (image * 0.7).astype(np.uint8)
            cv2.imwrite(str(folder / name / f"{i:05}.jpg"), image[..., ::-1])
    return folder / "a", folder / "b"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--images", type=int, default=32, help="of a set")
    told = parser.parse_args()
    runs, images = told.runs, told.images
    vlmdiff = [sys.executable, "-m", "vlmdiff"]
    bare = [sys.executable, "-c", "import torch, peft; from transformers import AutoModelForImageTextToText"]
    with tempfile.TemporaryDirectory() as folder:
        a, b = draw_sets(Path(folder), images)
        describe = [*vlmdiff, "describe", str(a), str(b), "--json", "--quiet"]
        cost_of(describe)  # warms the file cache
        pairs = [(cost_of(describe), cost_of(bare)) for _ in range(runs)]
        helps = [cost_of([*vlmdiff, "--help"]) for _ in range(runs)]
    after_load, alone = [], []
    for cost, _ in pairs:
        seconds = json.loads(cost.stdout)["seconds"]
        after_load.append(sum(value for stage, value in seconds.items() if stage != "load model"))
        alone.append(seconds["read images"] + seconds["features"])
    rows = {
        "describe, whole process, s": median(cost.wall for cost, _ in pairs),
        "describe, after the model is loaded, s": median(after_load),
        "decoding and encoding alone, s": median(alone),
        "describe / decoding and encoding, after load": median(x / y for x, y in zip(after_load, alone, strict=True)),
        "describe, peak memory, MiB": median(cost.peak_mib for cost, _ in pairs),
        "bare import, whole process, s": median(cost.wall for _, cost in pairs),
        "describe / bare import, wall": median(one.wall / other.wall for one, other in pairs),
        "vlmdiff --help, CPU s": median(cost.cpu for cost in helps),
    }
    print(f"| 2 x {images} images of {PIXELS} px, median of {runs} | |\n|---|---|")
    for name, value in rows.items():
        print(f"| {name} | {value:.2f} |")


if __name__ == "__main__":
    main()
