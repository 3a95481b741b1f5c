"""What people and programs read: golden files, escaping, and the published schema."""

import json
import math
import os
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlmdiff.findings import Report
from vlmdiff.render import html, jsonout, terminal, wording

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


def test_terminal_text(report: Report) -> None:
    expect_golden("report.txt", terminal.text(report).plain + "\n")


def test_page(report: Report, pictures: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "__version__", "0.0.0")
    expect_golden("report.html", html.page(report, pictures))


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
