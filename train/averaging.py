"""`python -m train average`: adapters of one base become one, by the mean of their weights.

What a run learned and what it forgot of its start lie on the way between both: their mean often has the better of each
(Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022). Where it does not, their losses tell: try it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from vlmdiff.errors import UsageError
from vlmdiff.models import loading
from vlmdiff.models.base import CLAIMS_FILE
from vlmdiff.models.huggingface import JUDGE, OPPOSITES_FILE, SKILLS_FILE, HuggingFaceModel


def average(base: Path, adapters: Sequence[Path], out: Path) -> Path:
    """Write `out`, an adapter folder whose language model and projector are the mean of those of `adapters`.

    A LoRA counts as the weights that it makes. Claims, skills and the judge are those of the last adapter.

    Raises:
        UsageError: there are fewer than two adapters, or their projectors differ in size. ModelError: one is damaged.
    """
    if len(adapters) < 2:
        raise UsageError(f"{len(adapters)} adapters have no mean; give two or more")
    models = [HuggingFaceModel("mean", base, adapter, "cpu") for adapter in adapters]
    mean = models[-1]
    assert mean.projector is not None
    _settle(mean.model.get_decoder(), [model.model.get_decoder() for model in models])
    _settle(mean.projector, [model.projector for model in models if model.projector])
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    loading.save_language_model(mean.model, part)
    mean.projector.save(part)
    for name in (CLAIMS_FILE, OPPOSITES_FILE, SKILLS_FILE):
        if (adapters[-1] / name).is_file():
            shutil.copy(adapters[-1] / name, part)
    if (adapters[-1] / JUDGE).is_dir():
        shutil.copytree(adapters[-1] / JUDGE, part / JUDGE)
    shutil.rmtree(out, ignore_errors=True)
    part.rename(out)
    return out


def _settle(module: nn.Module, modules: Sequence[nn.Module]) -> None:
    """Give a module the mean weights of several."""
    states = [one.state_dict() for one in modules]
    shapes = [{name: weight.shape for name, weight in state.items()} for state in states]
    if any(shape != shapes[0] for shape in shapes):
        every = sorted(set().union(*shapes))
        name = next(name for name in every if any(shape.get(name) != shapes[0].get(name) for shape in shapes))
        sizes = " and ".join(str(tuple(shape[name])) if name in shape else "missing" for shape in shapes)
        raise UsageError(f"{name} of the adapters is {sizes}; give adapters of one kind, on one base")
    module.load_state_dict({name: torch.stack([s[name] for s in states]).mean(0) for name in states[0]})
