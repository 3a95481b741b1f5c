"""The index of a batch: its counts, its corrected p-values, and that no text in it can act."""

import base64
import csv
import hashlib
import io
import json
import math
import re
from html.parser import HTMLParser

from vlmdiff.findings import Report
from vlmdiff.render import jsonout
from vlmdiff.render.index import Entry, chance, entry, page, q_values, summary, table

HOSTILE = "<script>alert(1)</script>\x1b[31m{{ 7 * 7 }} \u202e\" onload='x'\r\n</style>"
SHOWN = "<script>alert(1)</script>{{ 7 * 7 }} \" onload='x' </style>"


def pair(row: int, p: float, verdict: str = "different", *verified: str, **more: object) -> Entry:
    made = Entry(
        folder=f"pair {row}",
        name=f"pair {row}",
        row=row,
        labels={"site": "Oslo"},
        verdict=verdict,
        verified=tuple(("b", text) for text in verified),
        auroc=0.9,
        auroc_ci=(0.8, 0.95),
        p_value=p,
        alpha=0.05,
        smallest=0.7,
        images=(20, 22),
    )
    return Entry(**{**made.__dict__, **more})


NOTHING = "no detectable difference"
FAILED = Entry("gone", "gone", 6, {"site": "Lyon"}, "failed", error=("InputError", "no such folder"))
BATCH = [
    pair(1, 0.01, "different", "the images are darker", "grainy", "blurred"),
    pair(2, 0.04),
    pair(3, 0.03, "different", "warmer"),
    pair(4, 0.6, NOTHING),
    pair(5, 0.02, "not enough images"),
    FAILED,
]


class Outline(HTMLParser):
    """Tags with their attribute names in order, attribute values, and the texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.values: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.values += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.texts += [data.strip()] if data.strip() else []


def test_q_is_over_the_tested_pairs() -> None:
    # 4 tests, p .01 .03 .04 .6: .01 * 4, then .03 * 4 / 2 = .06 and .04 * 4 / 3 = .0533, which holds for both.
    q = q_values(BATCH)
    assert set(q) == {"pair 1", "pair 2", "pair 3", "pair 4"}
    assert [round(q[f"pair {i}"], 4) for i in (1, 2, 3, 4)] == [0.04, 0.0533, 0.0533, 0.6]
    assert q_values([FAILED]) == {}


def test_the_counts_and_what_chance_would_make() -> None:
    assert summary(BATCH) == (
        "6 pairs: 2 different with a verified finding, 1 different without a verified finding, "
        "1 with not enough images, 1 with no detectable difference; 1 failed."
    )
    assert chance(BATCH) == (
        "3 of 4 tested pairs are called different at alpha 0.05. Were no pair different, chance alone would make "
        "about 0.2 so. With all 4 tests counted in, 1 stands (q at most alpha; Benjamini-Hochberg)."
    )
    assert chance([FAILED]) is None and summary([]) == "0 pairs: none described."
    stricter = [*BATCH[:3], pair(4, 0.6, NOTHING, alpha=0.01)]
    assert "at the alpha of each pair" in str(chance(stricter)) and "about 0.16 so" in str(chance(stricter))


def test_an_entry_is_what_the_report_says(report: Report) -> None:
    made = entry("x", {"name": "n", "row": 3, "labels": {"site": "Oslo"}}, json.loads(jsonout.dumps(report)), {})
    assert (made.kind, made.verified) == ("verified", (("b", "the images are darker"), ("a", "the colours are warmer")))
    assert (made.auroc, made.p_value, made.images, made.skipped) == (0.97, 0.001, (32, 30), 2)
    blind = report.model_copy(update={"test": report.test.model_copy(update={"auroc": math.nan, "p_value": math.nan})})
    empty = entry("x", {}, json.loads(jsonout.dumps(blind)), {})
    assert math.isnan(empty.auroc) and not empty.is_tested and empty.name == "x"
    assert q_values([made, empty]) == {"x": 0.001}


def test_the_page_shows_what_matters_most_first() -> None:
    outline = Outline(page(BATCH))
    cells = [value for name, value in outline.values if name == "href" and value.endswith(".html")]
    assert cells == [f"pair%20{i}/report.html" for i in (1, 3, 2, 5, 4)]
    text = " ".join(outline.texts)
    for shown in (
        summary(BATCH),
        "no such folder",
        "the images are darker",
        "grainy",
        "and 1 more",
        "0.053",
        "20 + 22",
    ):
        assert shown in text
    assert "blurred" not in text  # the third finding is in the report
    assert "AUROC 0.70 or more would have shown" in text
    assert "not here yet" not in text and "not in the manifest" not in text
    more = " ".join(Outline(page(BATCH, pending=1, others=2)).texts)
    assert "1 pair of the manifest is not here yet" in more and "2 pairs here are not in the manifest" in more


def test_the_page_sorts_by_numbers_and_offers_labels() -> None:
    outline = Outline(page([pair(i, 0.5, NOTHING, labels={"week": f"week {i}"}) for i in (10, 9, 1)]))
    keys = [value for name, value in outline.values if name == "data-key"]
    assert keys[:5] == ["1", "4", "0.9", "0.5", "0.5"]
    assert [value for name, value in outline.values if name == "value"] == ["", "=week 1", "=week 9", "=week 10"]
    sorts = [tag for tag, names in outline.tags if "aria-sort" in names]
    assert sorts == ["th"] * 9
    one_site = Outline(page(BATCH[:3]))
    assert "select" not in {tag for tag, _ in one_site.tags}


def test_the_page_fetches_nothing_and_runs_its_own_script_only() -> None:
    made = page(BATCH)
    outline = Outline(made)
    (policy,) = (value for name, value in outline.values if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none'; img-src data:; ") and "unsafe" not in policy
    for kind in ("script", "style"):
        (inside,) = re.findall(f"<{kind}>(.*?)</{kind}>", made, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "http:" not in made and "https:" not in made and "url(" not in made and "@import" not in made
    assert not {"iframe", "object", "base", "link rel=stylesheet"} & {tag for tag, _ in outline.tags}
    assert "innerHTML" not in made and "style" not in {name for _, names in outline.tags for name in names}


def test_a_hostile_text_is_only_text() -> None:
    def filled(text: str) -> str:
        good = {**BATCH[0].__dict__, "name": text, "labels": {text: text, "other": "x"}, "verified": (("b", text),)}
        note = {"name": text, "row": 7, "labels": {text: "other", "other": text}}
        return page([Entry(**good), entry("bad", note, None, {"kind": text, "message": text})])

    hostile, plain = Outline(filled(SHOWN)), Outline(filled("plain" * 9))
    assert hostile.tags == plain.tags
    assert hostile.texts.count(SHOWN) == plain.texts.count("plain" * 9) >= 5
    failed = entry("bad", {"name": HOSTILE, "labels": {HOSTILE: HOSTILE}}, None, {"kind": "x", "message": HOSTILE})
    assert failed.name == failed.labels[SHOWN] == SHOWN and failed.error == ("x", SHOWN)


def test_the_bytes_depend_on_the_pairs_alone() -> None:
    again = [Entry(**{**item.__dict__, "labels": dict(item.labels)}) for item in BATCH]
    assert page(BATCH) == page(again) and table(BATCH) == table(again)


def test_the_table_has_a_line_a_pair() -> None:
    rows = [*csv.DictReader(io.StringIO(table(BATCH)))]
    assert [row["name"] for row in rows] == [item.name for item in BATCH]
    first, failed = rows[0], rows[-1]
    assert (first["verdict"], first["side"], first["finding"], first["verified_findings"]) == (
        *("different", "b", "the images are darker"),
        "3",
    )
    assert (first["p_value"], first["q_value"], first["images_b"], first["report"]) == (
        *("0.01", "0.04", "22"),
        "pair 1/report.html",
    )
    assert (rows[4]["verdict"], rows[4]["q_value"]) == ("not enough images", "")
    assert (failed["verdict"], failed["p_value"], failed["report"], failed["error"], failed["label_site"]) == (
        *("failed", "", "", "no such folder"),
        "Lyon",
    )


def test_a_text_is_no_formula_in_a_spreadsheet() -> None:
    labels = {"=x": "=1+1", "minus": "-5", "at": "@SUM(A1)", "plus": "+ more"}
    (row,) = csv.DictReader(io.StringIO(table([pair(1, 0.5, NOTHING, labels=labels)])))
    assert [row[f"label_{name}"] for name in labels] == ["'=1+1", "-5", "'@SUM(A1)", "'+ more"]
