"""The gallery page: whole, self-contained, safe, and showing what the families say."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from data_synth import gallery
from data_synth.__main__ import app
from data_synth.catalog import FAMILIES, SET_FAMILIES
from data_synth.facts import content
from data_synth.families.plain import PlainFamily
from data_synth.family import Pixels
from data_synth.gallery import SET_SIZE, SIDE, STRENGTHS, chosen, ground, page
from data_synth.sources import Bank, BaseImage
from vlmdiff.errors import UsageError

ON = ground(Bank.drawn_only())


class Tags(HTMLParser):
    """Every start tag with its attributes, and the ids in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.found if tag == name]


def test_all_families_are_chosen_or_those_named_and_those_of_a_group() -> None:
    assert chosen([], []) == [*FAMILIES, *SET_FAMILIES]
    colour = [name for name, family in FAMILIES.items() if family.group == "colour"]
    assert chosen(["jpeg"], ["colour"]) == [name for name in FAMILIES if name in {*colour, "jpeg"}]
    assert chosen([], ["sets"]) == list(SET_FAMILIES)


@pytest.mark.parametrize(("families", "groups"), [(["jpg"], []), ([], ["color"])])
def test_an_unknown_name_is_refused_with_the_known_ones(families: list[str], groups: list[str]) -> None:
    with pytest.raises(UsageError, match=r"'(jpg|color)' is unknown; expected some of .*(jpeg|colour)"):
        chosen(families, groups)


def test_the_page_holds_all_it_shows_and_allows_its_own_script_alone() -> None:
    html = page(["shape", "two_kinds"], ON)
    tags = Tags(html)
    assert "http:" not in html and "https:" not in html
    assert [entry["id"] for entry in tags.of("article")] == ["shape", "two_kinds"]
    images = tags.of("img")
    assert len(images) == 2 * len(STRENGTHS) + gallery.MOST_OTHERS + (len(gallery.SET_STRENGTHS) + 1) * 2 * SET_SIZE
    assert all(str(image["src"]).startswith("data:image/jpeg;base64,") and "alt" in image for image in images)
    [script] = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{allowed}'" in html and "default-src 'none'" in html


def test_a_row_starts_untouched_and_its_measure_grows() -> None:
    html = page(["brightness"], ON)
    rows = [[float(value) for value in re.findall(r"<small>([\d.e-]+)</small></td>", row)] for row in _rows(html)]
    assert len(rows) == 2
    for row in rows:
        assert len(row) == len(STRENGTHS)
        assert row == sorted(row) and row[0] == 0 and row[-1] > 0.05
    shown = FAMILIES["brightness"].contents()
    assert all(FAMILIES["brightness"].wordings(content)[0] in html for content in shown)


def _rows(html: str) -> list[str]:
    return re.findall(r"<tr>\s*(<td>.*?)</tr>", html, re.DOTALL)


def test_what_cannot_show_on_a_grey_image_says_so() -> None:
    assert page(["hue"], ON).count("on which it does not show") == 1
    assert page(["jpeg"], ON).count("on which it does not show") == 0


def test_held_out_families_are_marked() -> None:
    mark = '<span class="badge">held out</span></h3>'
    assert mark in page(["sepia"], ON) and mark in page(["two_kinds"], ON)
    assert mark not in page(["jpeg"], ON)


def test_wordings_cannot_put_markup_into_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    family = PlainFamily(
        "rogue", "colour", {content("rogue"): ("<b>bold</b>",)}, lambda image, params, amount, rng: 255 - image
    )
    monkeypatch.setitem(FAMILIES, "rogue", family)
    html = page(["rogue"], ON)
    assert "<b>" not in html and "&lt;b&gt;bold&lt;/b&gt;" in html


def _bank(*named: tuple[str, Pixels]) -> Bank:
    items = tuple(BaseImage(f"{domain}/{row}.png", domain, "", "test", "") for row, (domain, _) in enumerate(named))
    return Bank(np.stack([image for _, image in named]), items)


def test_the_first_images_of_a_bank_that_show_tone_and_colour_are_taken() -> None:
    rng = np.random.default_rng(0)
    coloured = rng.choice(np.array([0, 255], np.uint8), (16, 16, 3)).repeat(8, 0).repeat(8, 1)
    grey = np.repeat(coloured[..., :1], 3, axis=2)
    flat = np.full_like(grey, 120)
    on = ground(
        _bank(
            *(("imagenet_samples", image) for image in (flat, grey, coloured)),
            *(("chest_xray", image) for image in (flat, coloured, grey)),
        )
    )
    assert [base.source for base in on.bases] == ["imagenet_samples/2.png", "chest_xray/5.png"]
    assert all(base.image.shape == (SIDE, SIDE, 3) for base in on.bases)
    assert len(on.photographs) == 2 * SET_SIZE  # drawn ones stand in for those that are missing
    assert {base.source for base in ON.bases} == {"drawn landscape", "drawn xray"}


def test_the_command_writes_the_page(tmp_path: Path) -> None:
    out = tmp_path / "new" / "page.html"
    result = CliRunner().invoke(app, ["gallery", "--out", str(out), "--families", "sepia,jpeg"])
    assert result.exit_code == 0, result.output
    assert [entry["id"] for entry in Tags(out.read_text("utf-8")).of("article")] == ["sepia", "jpeg"]
