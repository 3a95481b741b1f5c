"""What people and programs read: golden files, escaping, and the published schema."""

import csv
import io
import json
import math
import os
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vlmdiff.findings import Claim, Column, Estimate, Explained, Left, Report, Within
from vlmdiff.render import folder, html, jsonout, markdown, overlay, sheet, terminal, wording

GOLDEN = Path(__file__).with_name("golden")
SCHEMA = Path(__file__).parents[2] / "docs" / "report-schema.json"
HOSTILE = "<script>alert(1)</script>\x1b[31m red \x1b]0;title\x07{{ 7 * 7 }} \u202e[bold]\" onload='x'\r\nline"


def expect_golden(name: str, text: str) -> None:
    """Compare with a file; VLMDIFF_UPDATE_GOLDEN=1 writes it instead."""
    file = GOLDEN / name
    if os.environ.get("VLMDIFF_UPDATE_GOLDEN"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def with_text(report: Report, text: str) -> Report:
    """The report with one text in every place that a model or a file system fills."""
    report = report.model_copy(deep=True)
    findings = [finding.model_copy(update={"text": text}) for finding in report.findings]
    skipped = [item.model_copy(update={"file": text, "reason": text}) for item in report.images.b.skipped]
    images = report.images.model_copy(update={"b": report.images.b.model_copy(update={"skipped": skipped})})
    model = report.model.model_copy(update={"name": text, "adapter": text})
    changed = {"findings": findings, "images": images, "model": model, "warnings": [text], "settings": {"where": text}}
    return report.model_copy(update=changed)


@pytest.fixture
def full(report: Report) -> Report:
    """The report with all that may be in one: a place, counter-examples, prevalence, metadata, what is explained."""
    darker, warmer, zoomed = report.findings
    heat = {"B-0007": [[0.0, 0.1], [0.2, 1.0]]}
    darker = darker.model_copy(
        update={
            "exemplars": darker.exemplars.model_copy(update={"against": ["B-0009"], "shown": ["B-0007", "B-0001"]}),
            "where": "bottom right",
            "heat": heat,
            "prevalence_a": Estimate(value=0.04, interval=(0.0, 0.12)),
            "prevalence_b": Estimate(value=0.81, interval=(0.62, 0.95)),
            "within": [Within(column="site", strata=2, images=24, auroc=0.55, p_value=0.31)],
            "confounded_by": "site",
        }
    )
    warmer = warmer.model_copy(update={"about": "sets"})
    zoomed = zoomed.model_copy(update={"explained_by": 1, "adjusted_p_value": 0.4})
    columns = [
        Column(
            name=name, kind="categorical", auroc=auroc, p_value=p, q_value=p, separates=p < 0.05, levels=2, missing=1
        )
        for name, auroc, p in (("site", 0.98, 0.0002), ("age", 0.52, 0.6))
    ]
    left = Left(auroc=0.71, auroc_ci=(0.58, 0.82), p_value=0.004)
    explained = Explained(share=Estimate(value=0.62, interval=(0.4, 0.8)), reason=None, left=left)
    changed = {"findings": [darker, warmer, zoomed], "columns": columns, "explained": explained}
    return report.model_copy(update=changed)


def claimed(report: Report, judge: str = "taught", verdict: str = "verified", side: str | None = None) -> Report:
    """A report of `vlmdiff test`."""
    claim = Claim.model_validate(
        {"text": "the images are darker", "side": side, "judge": judge, "nearest": ["the images are dim"]}
    )
    finding = report.findings[0].model_copy(update={"verdict": verdict})
    return report.model_copy(update={"claim": claim, "findings": [finding]})


class Outline(HTMLParser):
    """Tags and attribute names in order, attribute values, and the visible text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.values: list[tuple[str, str]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.values += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_terminal_text(full: Report) -> None:
    expect_golden("report.txt", terminal.text(full).plain + "\n")


def test_markdown(full: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(markdown, "__version__", "0.0.0")
    expect_golden("report.md", markdown.text(full))


def test_sheet(full: Report) -> None:
    expect_golden("findings.csv", sheet.findings(full))


def test_page(full: Report, pictures: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "__version__", "0.0.0")
    monkeypatch.setattr(overlay, "png", lambda shares: b"drawn " + json.dumps(shares).encode())
    expect_golden("report.html", html.page(full, pictures))


def test_a_folder_holds_the_report_four_times(full: Report, pictures: Mapping[str, bytes]) -> None:
    texts = folder.texts(full, pictures)
    assert set(texts) == {"report.html", "report.json", "report.md", "findings.csv"}
    assert Report.model_validate_json(texts["report.json"]) == full


def test_metadata_that_tell_the_sets_apart_come_before_the_findings(full: Report) -> None:
    for text in (terminal.text(full).plain, markdown.text(full), Outline(html.page(full, {})).text):
        told = "The column site alone tells A from B"
        assert text.index(told) < text.rindex("the images are darker")
        assert "The column age" not in text
        assert "among images alike in site it vanishes" in text


def test_what_is_explained_and_what_is_left_is_said(full: Report) -> None:
    for text in (terminal.text(full).plain, markdown.text(full).replace("\\", ""), Outline(html.page(full, {})).text):
        assert "The verified findings explain 62 % [40 %, 80 %] of what tells A from B" in text
        assert "A and B also differ in a way that the model could not put into words (AUROC 0.71" in text
        assert "finding 1 explains it (the images are darker)" in text.lower() or "Finding 1 explains it" in text
    assert full.explained and full.explained.left
    nothing = full.explained.model_copy(
        update={"left": full.explained.left.model_copy(update={"p_value": 0.5}), "share": None, "reason": "too few"}
    )
    quiet = full.model_copy(update={"explained": nothing})
    assert "Beyond the findings nothing was detected" in terminal.text(quiet).plain
    assert "cannot be told: too few." in terminal.text(quiet).plain


def test_what_is_left_where_nothing_was_verified_is_not_said_to_come_on_top(full: Report) -> None:
    findings = [one.model_copy(update={"verdict": "unverified"}) for one in full.findings]
    mute = full.model_copy(update={"findings": findings})
    told = "A and B differ in a way that the model could not put into words (AUROC 0.71"
    assert told in terminal.text(mute).plain and "also" not in terminal.text(mute).plain
    assert full.explained and full.explained.left
    left = full.explained.left.model_copy(update={"p_value": 0.5})
    quiet = mute.model_copy(update={"explained": full.explained.model_copy(update={"left": left})})
    assert "The check images alone, half of all, are not told apart (AUROC 0.71" in terminal.text(quiet).plain
    assert "Beyond the findings" not in terminal.text(quiet).plain


def test_why_scores_that_separate_the_sets_do_not_verify(full: Report) -> None:
    first = full.findings[0]
    cases: dict[str, dict[str, Any]] = {
        "named too rarely to count": {"votes": 0.2, "q_value": 1.0},
        "no more images of B are judged to show it": {
            "votes": 0.9,
            "q_value": 1.0,
            "rate_b": 0.0,
            "auroc_ci": (0.5, 0.9),
        },
        "named too rarely beside a verified finding": {"votes": 0.4, "q_value": 0.01},
        "": {"votes": 0.9, "q_value": 1.0},  # of so many hypotheses
    }
    for why, changed in cases.items():
        other = first.model_copy(update={"verdict": "unverified", "confounded_by": None, "p_value": 0.01, **changed})
        (*doubts,) = wording.doubts(full.model_copy(update={"findings": [first, other]}), other)
        assert len(doubts) == bool(why) and all(doubt.startswith(why) for doubt in doubts)
        assert wording.doubts(full, first) == wording.doubts(full.model_copy(update={"findings": [first]}), first)
    far = first.model_copy(update={"verdict": "unverified", "confounded_by": None, "votes": 0.1, "p_value": 0.4})
    assert wording.doubts(full, far) == [], "its votes, which are shown, are not what it fails for"
    alone = first.model_copy(update={"verdict": "unverified", "confounded_by": None, "votes": 0.4, "q_value": 0.01})
    assert wording.doubts(full.model_copy(update={"findings": [alone]}), alone) == []


def test_a_map_lies_over_its_picture_and_a_flat_one_is_not_drawn(full: Report, pictures: Mapping[str, bytes]) -> None:
    outline = Outline(html.page(full, pictures))
    assert ("alt", "Heat map of image B-0007") in outline.values
    assert sum(value == "heat" for name, value in outline.values if name == "class") == 1
    assert "Seen at the bottom right." in outline.text
    flat = full.findings[0].model_copy(update={"where": "everywhere", "heat": {}})
    page = html.page(full.model_copy(update={"findings": [flat]}), pictures)
    assert 'class="heat"' not in page and "Seen all over the images" in Outline(page).text


def test_an_overlay_is_clear_where_cold_and_dense_where_hot() -> None:
    shares = [[0.0] * 4, [0.0] * 4, [0.0] * 4, [0.0, 0.0, 0.0, 1.0]]
    drawn = np.asarray(Image.open(io.BytesIO(overlay.png(shares))))
    assert drawn.shape == (overlay.SIDE, overlay.SIDE, 4)
    assert drawn[4, 4, 3] == 0
    assert drawn[-5, -5, 3] > 150
    assert drawn[-5, -5, :3].astype(int).sum() > 500, "the hottest is the lightest"


@pytest.mark.parametrize(("size", "square"), [((200, 100), "50.0"), ((90, 120), "75.0"), ((64, 64), "100.0")])
def test_a_map_covers_the_square_that_the_model_sees(full: Report, size: tuple[int, int], square: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", size).save(out, "PNG")
    assert f"--square: {square}%" in html.page(full, {"B-0007": out.getvalue()})


def test_pictures_that_are_left_out_on_purpose_are_explained(full: Report) -> None:
    private = full.model_copy(update={"settings": {**full.settings, "dicom_pictures": False}})
    assert "--dicom-pictures puts them in" in Outline(html.page(private, {})).text
    assert "--dicom-pictures" not in Outline(html.page(full, {})).text


def test_the_answer_to_a_claim_of_ones_own(report: Report) -> None:
    cases = {
        "Verified: “the images are darker” fits B better than A.": claimed(report),
        "Not verified: “the images are darker” does not fit either set clearly better.": claimed(
            report, verdict="unverified"
        ),
        "Not verified: “the images are darker” does not fit B clearly better.": claimed(
            report, verdict="unverified", side="b"
        ),
        "Cannot be verified: the model was never taught the words of “the images are darker”.": claimed(
            report, "untaught", "unverified"
        ),
        "There are not enough images to test “the images are darker”.": claimed(report).model_copy(
            update={"findings": []}
        ),
    }
    for sentence, told in cases.items():
        assert wording.answer(told) == sentence
        assert sentence in Outline(html.page(told, {})).text
        assert markdown.text(told).startswith(f"# {sentence}")
    assert "It was taught, nearest: the images are dim." in terminal.text(claimed(report, "untaught")).plain
    assert "(two-sided)" in terminal.text(claimed(report)).plain
    assert "(one-sided)" in terminal.text(claimed(report, side="b")).plain
    assert "noticed by this classifier, whatever the claim says (four" in terminal.text(claimed(report)).plain
    unverified = Outline(html.page(claimed(report, verdict="unverified"), {})).text
    assert "Said, but not verified" not in unverified and "draws" not in unverified.split("How to read")[0]


@pytest.mark.parametrize("text", ["=1+1", "+1 2", "-x", "@SUM(A1)", "\t=1", "\uff1d1+1"])
def test_no_cell_is_a_formula(report: Report, text: str) -> None:
    found = list(csv.DictReader(io.StringIO(sheet.findings(with_text(report, text)))))
    assert [row["finding"][0] for row in found] == ["'"] * 3
    assert float(found[0]["auroc"]) == 0.93


@pytest.mark.parametrize(
    "text", ["<img src=x onerror=alert(1)>", "[a](http://b.c)", "**x** `y` | z", "![](x)", "www.evil.example", "# h"]
)
def test_markdown_shows_texts_as_they_are(report: Report, text: str) -> None:
    lines = [line for line in markdown.text(with_text(report, text)).splitlines() if "in **B**" in line]
    for line in lines:
        said = line.split(": ", 1)[1]
        assert re.sub(r"\\(.)", r"\1", said) == text
        assert not re.search(r"(?<!\\)[<>\[\]`*|]", said) and "www." not in said and "http:" not in said


class Accessibility(HTMLParser):
    """What a screen reader goes by."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.faults: list[str] = []
        self.found: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found |= {tag} | ({f"lang={given.get('lang')}"} if tag == "html" else set())
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "img" and "alt" not in given:
            self.faults.append("picture without alt")
        if tag == "svg" and not (given.get("role") == "img" and given.get("aria-label")):
            self.faults.append("drawing without label")
        if tag == "th" and "scope" not in given:
            self.faults.append("heading of a table without scope")


def test_the_page_can_be_read_aloud(full: Report, pictures: Mapping[str, bytes]) -> None:
    read = Accessibility(html.page(full, pictures))
    assert read.faults == []
    assert {"lang=en", "main", "title"} <= read.found
    assert read.headings[0] == 1 and read.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(read.headings, read.headings[1:], strict=False))


def luminance(colour: str) -> float:
    """Relative luminance of #rrggbb or #rgb (WCAG 2)."""
    digits = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_stands_out_by_day_by_night_and_in_print(report: Report) -> None:
    """4.5 to 1 for text (WCAG 2.2, 1.4.3), whatever the theme."""
    page = html.page(report, {})
    themes = [dict(re.findall(r"--([\w-]+): #(\w+)", block)) for block in re.findall(r":root \{(.*?)\}", page, re.S)]
    assert len(themes) == 3
    on = {"ink": ("paper", "card", "b-wash"), "soft": ("paper", "card"), "a": ("a-wash",), "b": ("b-wash",)}
    for theme in themes:
        for text, grounds in on.items():
            for ground in grounds:
                light, dark = sorted((luminance(theme[text]), luminance(theme[ground])), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)


def test_page_holds_all_it_needs_and_runs_nothing(report: Report, pictures: Mapping[str, bytes]) -> None:
    page = html.page(report, pictures)
    outline = Outline(page)
    assert ("content", "default-src 'none'; img-src data:; style-src 'unsafe-inline'") in outline.values
    assert not {"script", "iframe", "object", "form", "base"} & {tag for tag, _ in outline.tags}
    assert "http:" not in page and "https:" not in page and "url(" not in page and "@import" not in page
    sources = [value for name, value in outline.values if name in ("src", "href")]
    assert all(value.startswith("data:") for value in sources)
    # The empty icon, and the pictures of the two verified findings but for B-0001, shown by its id alone.
    assert len(sources) == 1 + 3
    assert outline.text.count("no picture") == 1 and "B-0001" in outline.text


def test_unverified_findings_stand_below_the_verified_ones(report: Report, pictures: Mapping[str, bytes]) -> None:
    for text in (terminal.text(report).plain, Outline(html.page(report, pictures)).text):
        places = [text.rindex("the colours are warmer"), text.lower().index("not verified"), text.index("zoomed in")]
        assert places == sorted(places)


def test_a_hostile_text_is_only_text(report: Report) -> None:
    hostile = with_text(report, HOSTILE)
    page = html.page(hostile, {})
    assert Outline(page).tags == Outline(html.page(with_text(report, "plain"), {})).tags
    shown = "<script>alert(1)</script> red {{ 7 * 7 }} [bold]\" onload='x' line"
    assert shown in Outline(page).text
    plain = terminal.text(hostile).plain
    assert shown in plain
    assert plain.count("\n") == terminal.text(with_text(report, "plain")).plain.count("\n")
    assert json.loads(jsonout.dumps(hostile))["findings"][0]["text"] == HOSTILE
    assert jsonout.dumps(hostile).isascii() and "\x1b" not in jsonout.dumps(hostile)


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8")))
def test_clean_text_is_one_line_without_controls(text: str) -> None:
    clean = wording.clean(text)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2028\u2029]", clean)
    assert wording.clean(clean) == clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b]8;;file:///etc\x1b\\link\x1b]8;;\x07", "link"),
        ("\x1bcreset", "reset"),
        ("cut off \x1b[", "cut off"),
        ("\x1b]never closed", "never closed"),
        ("two\r\nlines\tand  spaces ", "two lines and spaces"),
        ("right\u202eto left\u200b", "rightto left"),
        ("größer, 更暗", "größer, 更暗"),
    ],
)
def test_escape_sequences_go_and_letters_stay(text: str, clean: str) -> None:
    assert wording.clean(text) == clean


def test_the_answer_is_one_sentence_for_each_outcome(report: Report) -> None:
    _, second, third = report.findings
    cases = {
        "A and B differ in 2 verified ways, most clearly in B: the images are darker.": ("different", report.findings),
        "A and B differ in one verified way: in A, the colours are warmer.": ("different", [second, third]),
        "A and B differ, but no description of how they differ could be verified.": ("different", [third]),
        "No detectable difference between A and B.": ("no detectable difference", []),
        "There are not enough images to say whether A and B differ.": ("not enough images", []),
    }
    for sentence, (verdict, findings) in cases.items():
        changed = report.model_copy(update={"verdict": verdict, "findings": findings})
        assert wording.answer(changed) == sentence
        assert terminal.text(changed).plain.startswith(sentence)
        assert sentence in Outline(html.page(changed, {})).text


def test_what_would_have_been_noticed_is_said(report: Report) -> None:
    assert "With 32 + 30 images a difference with an AUROC of 0.71 or more" in terminal.text(report).plain
    blind = report.model_copy(update={"test": report.test.model_copy(update={"smallest_detectable_auroc": 1.0})})
    assert "even a clear difference could have gone unnoticed" in terminal.text(blind).plain


def test_how_many_images_would_do_is_said(report: Report) -> None:
    few = report.test.model_copy(update={"needed": 5, "n_a": 3, "n_b": 3})
    told = report.model_copy(update={"verdict": "not enough images", "test": few, "findings": []})
    sentence = "could not be told from chance; that takes at least 5 different images a set."
    for text in (terminal.text(told).plain, markdown.text(told), Outline(html.page(told, {})).text):
        assert f"With 3 + 3 images even a perfect difference {sentence}" in text


def test_groups_are_counted_and_never_named(report: Report) -> None:
    plain = terminal.text(report).plain
    assert "group" not in plain
    images = report.images.model_copy(
        update={
            "a": report.images.a.model_copy(update={"groups": 8}),
            "b": report.images.b.model_copy(update={"groups": 1}),
            "groups_in_both": 1,
        }
    )
    grouped = report.model_copy(update={"images": images})
    for text in (terminal.text(grouped).plain, Outline(html.page(grouped, {})).text):
        assert "32 read, in 8 groups" in text
        assert "30 read, in 1 group, 2 skipped" in text
        assert "With 32 + 30 images in 8 + 1 groups a difference" in text
        assert "permuted together; 1 group in both sets, compared within." in text
    assert "--groups tells which" in Outline(html.page(report, {})).text
    assert "--groups tells which" not in Outline(html.page(grouped, {})).text
    few = grouped.model_copy(update={"verdict": "not enough images"})
    assert "With 32 + 30 images in 8 + 1 groups even a perfect difference" in terminal.text(few).plain


def test_numbers_that_do_not_exist_are_dashes_and_null(report: Report) -> None:
    nan = math.nan
    test = report.test.model_copy(update={"auroc": nan, "auroc_ci": (nan, nan), "smallest_detectable_auroc": nan})
    finding = report.findings[0].model_copy(update={"auroc": nan, "auroc_ci": (nan, nan), "rate_a": nan})
    few = report.model_copy(update={"verdict": "not enough images", "test": test, "findings": [finding]})
    assert "AUROC - [-, -]" in terminal.text(few).plain
    assert "nan" not in html.page(few, {})
    assert json.loads(jsonout.dumps(few))["test"]["auroc"] is None


def test_relations() -> None:
    assert wording.relation("q", 0.0004) == "q < 0.001"
    assert wording.relation("q", 0.001) == "q = 0.001"
    assert wording.relation("p", 0.0491) == "p = 0.049"
    assert wording.percent(0.777) == "78 %"


def test_json_reads_back_as_the_same_report(report: Report) -> None:
    assert Report.model_validate_json(jsonout.dumps(report)) == report


def test_the_published_schema_is_that_of_the_types() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == Report.model_json_schema(), "run `make schema`"
