"""Muon: steps are orthogonal matrices of a size that suits AdamW's rates."""

import pytest
import torch
from torch import nn

from train.muon import Muon, MuonWithAdamW, orthogonalised


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4), (1, 5), (64, 32)])
def test_singular_values_come_near_one_and_directions_stay(shape: tuple[int, int]) -> None:
    matrix = drawn(*shape)
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    inside = u.T @ orthogonalised(matrix) @ v.T
    values = inside.diagonal()
    assert 0.5 < values.min() <= values.max() < 1.35
    assert (inside - values.diag()).abs().max() < 0.1


def test_scale_does_not_matter_and_nothing_stays_nothing() -> None:
    matrix = drawn(5, 7)
    torch.testing.assert_close(orthogonalised(matrix * 1e-4), orthogonalised(matrix), atol=0.15, rtol=0)
    assert torch.equal(orthogonalised(torch.zeros(3, 4)), torch.zeros(3, 4))


def test_a_step_by_hand() -> None:
    """An orthogonal gradient of a weight 8 x 2 x 2 x 2: 8 by 8 laid flat, so the step is 0.1 * 0.2 * sqrt(8) of it."""
    weight = nn.Parameter(torch.ones(8, 2, 2, 2))
    direction = torch.linalg.qr(drawn(8, 8)).Q
    weight.grad = 3 * direction.view_as(weight)
    Muon([weight], lr=0.1, weight_decay=0.5).step()
    step = (0.95 - weight.detach()).flatten(1) / (0.1 * 0.2 * 8**0.5)
    torch.testing.assert_close(step / step.norm() * 8**0.5, direction, atol=0.06, rtol=0)
    assert 0.6 < step.norm() / 8**0.5 < 1.3


def test_momentum_carries_on_and_weights_without_gradient_stay() -> None:
    weight, other = nn.Parameter(torch.zeros(3, 3)), nn.Parameter(torch.ones(3, 3))
    optimiser = Muon([weight, other], lr=0.1, weight_decay=0.5)
    weight.grad = torch.eye(3)
    optimiser.step()
    after_one = weight.detach().clone()
    weight.grad = torch.zeros(3, 3)
    optimiser.step()
    assert weight.diagonal().max() < after_one.diagonal().max() < 0
    assert torch.equal(other, torch.ones(3, 3))


def test_it_minimises() -> None:
    goal, weight = drawn(6, 4), nn.Parameter(torch.zeros(6, 4))
    optimiser = Muon([weight], lr=0.1)
    for _ in range(100):
        optimiser.zero_grad()
        (weight - goal).square().sum().backward()
        optimiser.step()
    assert (weight - goal).norm() < goal.norm() / 5


def test_both_in_one_step_as_each_alone_and_come_back_from_disk() -> None:
    def weights() -> list[nn.Parameter]:
        return [nn.Parameter(drawn(4, 6)), nn.Parameter(drawn(6)), nn.Parameter(drawn(2, 3, 2))]

    ours, theirs = weights(), weights()
    both = MuonWithAdamW(ours, lr=0.05, weight_decay=0.1)
    apart = [
        Muon([theirs[0], theirs[2]], lr=0.05, weight_decay=0.1),
        torch.optim.AdamW([theirs[1]], lr=0.05, betas=(0.9, 0.98), weight_decay=0.0),
    ]
    for step in range(4):
        if step == 2:
            state = both.state_dict()
            both = MuonWithAdamW(ours, lr=1.0, weight_decay=1.0)
            both.load_state_dict(state)
        for one, other in zip(ours, theirs, strict=True):
            one.grad = drawn(*one.shape) * (step + 1)
            other.grad = one.grad.clone()
        for optimiser in (both, *apart):
            optimiser.step()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other)
