"""What makes a run the one it is, noted in its folder before its first step; a call that means another is refused.

Checkpoints are only weights: they load as well into a run that was started from another adapter, whose card would then
leave out what the first one had seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from data_synth.sources import Bank
from train.pairs import digest
from train.recipes import Recipe
from vlmdiff.errors import InputError
from vlmdiff.models.loading import sha256_of, weight_files
from vlmdiff.render.files import write_whole

NOTE = ".run.json"
"""What the note of a run is called, after its name."""
_NAMED = 4
"""Differences that a message names."""
_SHOWN = 40
"""Characters of a value in a message."""


def identity(
    recipe: Recipe, base: str | None, bank: Bank, seed: int, start: Path | None, **more: Any
) -> dict[str, Any]:
    """All that decides which weights and which card a run ends with; hashes are SHA-256 in hex.

    Args:
        base: hash of the weights under an adapter; None: the run makes its base.
        start: the folder whose weights training goes on from.
        more: what else a kind of run depends on.
    """
    return {
        "base": base,
        "start": weights_of(start) if start else None,
        "bank": digest(bank),
        "seed": seed,
        **more,
        "recipe": asdict(recipe),
    }


def weights_of(folder: Path) -> str:
    """SHA-256 (hex) over the weights of a base or an adapter."""
    return sha256_of(weight_files(folder))


def claim(folder: Path, name: str, run: dict[str, Any], made: Sequence[Path] = ()) -> None:
    """Note in `folder`/NAME.run.json what the run of that name is, or see that it is the one begun there.

    Args:
        run: what it depends on, as JSON can tell it.
        made: files that only a run of this kind leaves, beside its checkpoints: where one lies, a note must.

    Raises:
        InputError: the folder holds another run, or one of which nobody knows what it is.
    """
    note = folder / f"{name}{NOTE}"
    run = json.loads(json.dumps(run))
    if note.exists():
        try:
            known = json.loads(note.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{note} is damaged ({error}); put it back as it was, or choose another --out") from error
        if differing := list(_differing(known, run)):
            more = f", and {len(differing) - _NAMED} more" if len(differing) > _NAMED else ""
            raise InputError(
                f"{folder} holds another run: {', '.join(differing[:_NAMED])}{more}; "
                "to go on give what it was begun with, else choose another --out"
            )
        return
    left = [*sorted((folder / "checkpoints" / name).glob("checkpoint-*")), *(path for path in made if path.exists())]
    if left:
        raise InputError(
            f"{left[0]} is there, but not {note.name}: nobody knows what that run was begun with; "
            f"put {note.name} back, or choose another --out"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(note, json.dumps(run, indent=1) + "\n")


def _differing(known: Any, asked: Any, name: str = "") -> Iterator[str]:
    """Names of the values that differ, and both; what one of them lacks is none."""
    if isinstance(known, dict) or isinstance(asked, dict):
        known, asked = known or {}, asked or {}
        for key in dict.fromkeys([*asked, *known]):
            yield from _differing(known.get(key), asked.get(key), f"{name}.{key}" if name else key)
    elif known != asked:
        yield f"{name} is {_shown(known)} there and {_shown(asked)} here"


def _shown(value: Any) -> str:
    if isinstance(value, str) and len(value) == 64:
        return value[:12]
    text = "none" if value is None else json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
