"""Muon (Jordan et al., 2024): momentum whose matrices are orthogonalised by a Newton-Schulz iteration before the step.

torch.optim.Muon takes matrices alone; convolutions are matrices too once their kernels are laid flat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch


def orthogonalised(matrix: torch.Tensor, iterations: int = 5) -> torch.Tensor:
    """The nearest matrix with singular values near 1, by the quintic iteration with the authors' coefficients."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x: torch.Tensor = matrix.bfloat16()
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.T if tall else x).to(matrix.dtype)


class Muon(torch.optim.Optimizer):
    """For weights of two or more dimensions; the step's size is matched to AdamW's, so one rate serves both."""

    def __init__(self, params: Iterable[Any], lr: float, momentum: float = 0.95, weight_decay: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, group)

    def _move(self, weight: torch.Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(weight)
        state["momentum"].mul_(group["momentum"]).add_(weight.grad)
        nesterov = weight.grad + group["momentum"] * state["momentum"]
        step = orthogonalised(nesterov.flatten(1)).view_as(weight)
        rows, columns = weight.flatten(1).shape
        weight.mul_(1 - group["lr"] * group["weight_decay"])
        weight.add_(step, alpha=-group["lr"] * 0.2 * max(rows, columns) ** 0.5)


class MuonWithAdamW(Muon):
    """Muon for the matrices, AdamW without decay for all else, in one: transformers.Trainer takes one optimiser."""

    def __init__(self, params: Iterable[torch.Tensor], lr: float, weight_decay: float) -> None:
        weights = list(params)
        matrices = {"params": [w for w in weights if w.ndim > 1], "weight_decay": weight_decay}
        others = {"params": [w for w in weights if w.ndim <= 1], "betas": (0.9, 0.98), "eps": 1e-8}
        super().__init__([group for group in (matrices, others) if group["params"]], lr)

    def _move(self, weight: torch.Tensor, group: dict[str, Any]) -> None:
        if "betas" not in group:
            super()._move(weight, group)
            return
        state, (first, second) = self.state[weight], group["betas"]
        if not state:
            state |= {"step": torch.tensor(0.0), "mean": torch.zeros_like(weight), "square": torch.zeros_like(weight)}
        assert weight.grad is not None
        state["step"] += 1
        state["mean"].lerp_(weight.grad, 1 - first)
        state["square"].mul_(second).addcmul_(weight.grad, weight.grad, value=1 - second)
        steps = int(state["step"])
        spread = (state["square"] / (1 - second**steps)).sqrt_().add_(group["eps"])
        weight.addcdiv_(state["mean"], spread, value=-group["lr"] / (1 - first**steps))
