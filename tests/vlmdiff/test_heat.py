"""Where a claim is seen: by hand, with a scripted judge of one cell, and with the embedded model on known places."""

import numpy as np
import pytest
import torch

from data_synth.catalog import FAMILIES
from data_synth.compose import Touch, draw_ground
from data_synth.config import PairConfig
from data_synth.lexicon import canonical
from data_synth.sources import Bank
from vlmdiff import models
from vlmdiff.findings import Exemplars, Finding
from vlmdiff.images.decode import fit
from vlmdiff.learn.heat import concentration, heat_maps, located, place, relative, windows
from vlmdiff.learn.tokens import Moments, with_summaries
from vlmdiff.models.base import VisionLanguageModel
from vlmdiff.models.lines import NO_DIFFERENCE
from vlmdiff.models.scripted import ScriptedModel


def sees_cell_five(claim: str, rows: torch.Tensor) -> torch.Tensor:
    return rows[:, 5, 0] if claim != NO_DIFFERENCE + "\n" else torch.zeros(len(rows))


SCRIPTED = ScriptedModel(says=lambda rows: [""], fits=sees_cell_five, knows=("it is bright",))


def at(*cells: tuple[int, int], side: int = 8) -> np.ndarray:
    """A map with heat 1 in these cells, given as (row, column)."""
    found = np.zeros((1, side, side), np.float32)
    for cell in cells:
        found[0][cell] = 1
    return found


def test_windows_of_a_grid_of_eight() -> None:
    """Four by four that tile it and three by three between them, of two by two cells each."""
    masks = windows(8)
    assert masks.shape == (25, 64)
    assert (masks.sum(1) == 4).all()
    covered = masks.sum(0).reshape(8, 8)
    assert covered[0, 0] == covered[0, 4] == 1 and covered[3, 4] == 2


@pytest.mark.parametrize("side", [4, 7, 9, 14, 27])
def test_windows_cover_every_cell_of_any_grid(side: int) -> None:
    assert (windows(side).sum(0) >= 1).all()


def test_heat_is_what_replacing_a_cell_costs() -> None:
    """The judge reads the standardised gap of cell 5 alone: all heat is there, as much as the gap; none where below."""
    grids = torch.randn(6, 16, 3, generator=torch.Generator().manual_seed(0))
    pool = Moments.of(with_summaries(grids))
    maps = heat_maps(SCRIPTED, "it is bright", grids, pool)
    assert maps is not None and maps.shape == (6, 4, 4)
    gaps = (grids - pool.mean[:16])[:, 5, 0] / (pool.variance[5, 0] + 0.01).sqrt()
    np.testing.assert_allclose(maps[:, 1, 1], gaps.clamp(min=0), atol=1e-5)
    maps[:, 1, 1] = 0
    np.testing.assert_allclose(maps, 0, atol=1e-5)


def test_cells_that_are_no_square_have_no_map() -> None:
    grids = torch.zeros(2, 15, 3)
    assert heat_maps(SCRIPTED, "it is bright", grids, Moments.of(with_summaries(grids))) is None


@pytest.mark.parametrize(
    ("maps", "where"),
    [
        (at((7, 0), (6, 1)), "bottom left"),
        (at((3, 4), (4, 3)), "centre"),
        (at(*((0, column) for column in range(8))), "top"),
        (at(*((row, 7) for row in range(8))), "right"),
        (at(*((row, column) for row in range(8) for column in range(8) if {row, column} & {0, 7})), "border"),
        (at(*((0, i) for i in range(0, 8, 2)), *((7, i) for i in range(0, 8, 2)), (3, 0), (4, 7)), "border"),
        (np.concatenate([at((1, 1)), at((6, 6)), at((1, 6)), at((4, 3))]), "different places"),
        (np.ones((3, 8, 8), np.float32), "everywhere"),
        (np.zeros((3, 8, 8), np.float32), "everywhere"),
    ],
)
def test_places(maps: np.ndarray, where: str) -> None:
    assert place(maps) == where


def test_concentration_and_shares_by_hand() -> None:
    assert concentration(np.ones((4, 4), np.float32)) == 0.25
    assert concentration(at((0, 0), (0, 1))[0]) == 1
    assert relative(np.array([[2, 1], [0, 0.5]], np.float32)) == [[1.0, 0.5], [0.0, 0.25]]


def finding(text: str, ids: list[str], shown: list[str]) -> Finding:
    return Finding(
        text=text,
        side="b",
        verdict="verified",
        auroc=0.9,
        auroc_ci=(0.8, 1.0),
        p_value=0.01,
        q_value=0.01,
        rate_a=0,
        rate_b=1,
        votes=1,
        exemplars=Exemplars(a=["A-0001"], b=ids, shown=shown),
    )


def test_only_exemplars_that_show_it_are_located_and_one_is_too_few() -> None:
    grids = torch.zeros(4, 16, 3)
    grids[1:, 5, 0] = torch.tensor([1.0, 2.0, 3.0])
    ids, pool = ["A-0001", "B-0001", "B-0002", "B-0003"], Moments.of(with_summaries(grids))
    found = located(SCRIPTED, finding("it is bright", ids[1:], ids[2:]), ids, grids, pool)
    assert list(found.heat) == ["B-0002", "B-0003"]
    assert found.where == "centre"  # the middle of row 1 of four lies at .375 of the height
    few = finding("it is bright", ids[1:], ids[3:])
    assert located(SCRIPTED, few, ids, grids, pool) == few


# The embedded model, on drawn images and changes whose place is known.


@pytest.fixture(scope="module")
def mini() -> VisionLanguageModel:
    torch.set_num_threads(1)
    return models.load("mini")


def painted(model: VisionLanguageModel, family: str, seed: int) -> tuple[str, torch.Tensor, np.ndarray]:
    """Claim, grids of 8 untouched and 8 changed images, and the share of each cell that changed: (8, 8, 8)."""
    rng = np.random.default_rng(seed)
    config = PairConfig(domains=("drawn/landscape",), world_share=0.0, sides=(128,))
    ground = draw_ground(config, Bank.drawn_only(), 16, rng)
    chosen = FAMILIES[family]
    touch = Touch(chosen, chosen.draw(rng), 0.95)
    before = ground.images[8:]
    after = [touch.paint(image, rng) for image in before]
    size = model.image_size
    pixels = np.stack([fit(image, size) for image in [*ground.images[:8], *after]]).astype(np.uint8)
    untouched = np.stack([fit(image, size) for image in before])
    changed = np.abs(pixels[8:].astype(int) - untouched).max(3) > 12
    cell = size // 8
    return canonical(touch.content), model.features(pixels), changed.reshape(8, 8, cell, 8, cell).mean((2, 4))


@pytest.mark.parametrize("family", ["timestamp", "logo", "checkerboard", "scale_bar"])
def test_the_heat_of_a_local_change_lies_on_it(mini: VisionLanguageModel, family: str) -> None:
    claim, grids, changed = painted(mini, family, seed=1)
    maps = heat_maps(mini, claim, grids[8:10], Moments.of(with_summaries(grids)))
    assert maps is not None
    there = changed[:2] > 0.02
    assert there.mean() < 0.25
    shares = [float(one[on].sum() / one.sum()) for one, on in zip(maps, there, strict=True)]
    assert np.mean(shares) > 2 * there.mean() and np.mean(shares) > 0.5


@pytest.mark.parametrize("family", ["jpeg", "gaussian_blur", "rain"])
def test_a_change_of_the_whole_image_is_everywhere(mini: VisionLanguageModel, family: str) -> None:
    claim, grids, _ = painted(mini, family, seed=2)
    maps = heat_maps(mini, claim, grids[8:11], Moments.of(with_summaries(grids)))
    assert maps is not None and place(maps) == "everywhere"
