"""The strength curves as a plot and as a page."""

from dataclasses import replace
from pathlib import Path

from data_synth.calibrate import CURVES, Calibration, curve, read
from data_synth.catalog import EVERY
from data_synth.curves import by_group, markdown, plot
from data_synth.reference import REFERENCE_VERSION

FOUND = Calibration(
    REFERENCE_VERSION,
    250,
    0,
    {
        "rain": curve([(0.2, 0.7), (1.0, 0.99)], (0.4, 0.86)),
        "brightness": curve([(0.2, 0.6), (1.0, 0.8)], None),
        "sepia": curve([(0.2, 0.7), (1.0, 0.99)], (0.4, 0.89)),
    },
)


def test_groups_come_in_the_order_of_the_catalog() -> None:
    assert by_group(FOUND.curves) == {"colour": ["brightness", "sepia"], "overlays": ["rain"]}


def test_the_page_counts_what_is_off_and_what_is_faint() -> None:
    page = markdown(FOUND, "strength.svg")
    assert "within 0.03 of 0.85 for 1;\n1 are farther off; 1 never reach it" in page
    assert "| rain | 0." in page and "| 0.400 | " in page
    assert "| brightness |" in page and "| 0.80 |" in page
    assert page.count("held out") == 1
    assert "painted in full" not in page


def test_the_page_names_what_is_seen_better_on_the_way() -> None:
    swap = {"channel_swap": curve([(0.25, 0.87), (1.0, 0.78)], None)}
    page = markdown(replace(FOUND, curves={**FOUND.curves, **swap}), "strength.svg")
    assert "below it in full: channel_swap. From strength 0.5 on it is painted in full." in page
    assert "| channel_swap | 0." in page and "| 1.000 | 1.000 |  | 0.78 |" in page


def test_the_plot_is_the_same_file_every_time(tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        plot(FOUND, tmp_path / name)
    one, two = ((tmp_path / name).read_bytes() for name in ("one.svg", "two.svg"))
    assert one == two
    assert one.count(b'<g id="axes_') == 2, "a panel a group"


def test_the_page_in_the_docs_is_of_the_shipped_curves() -> None:
    shipped = read(CURVES)
    page = CURVES.parent.parent / "docs" / "strength.md"
    assert page.read_text() == markdown(shipped, "strength.svg")
    assert set(shipped.curves) == set(EVERY)
