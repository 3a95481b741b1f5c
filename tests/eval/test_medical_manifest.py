"""Manifests: the shipped ones are whole and honest, and a wrong one is told by file, field, value and wish."""

from pathlib import Path

import pytest

from data_synth.lexicon import parse
from eval.medical.manifest import SHIPPED, Class, Manifest, read, read_all
from vlmdiff.errors import InputError

MINIMAL = """
name = "mine"
title = "My images"
licence = "none"
citation = "me"
get = "ask me"
folder = "mine"

[layout]
loader = "folders"

[classes]
sick = { labels = ["sick"] }
well = { labels = ["well", "fine"] }

[[comparisons]]
name = "well against sick"
a = "well"
b = "sick"

[[comparisons.known]]
side = "b"
text = "the images are darker"
source = "seen"
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_smallest_manifest_is_understood(tmp_path: Path) -> None:
    manifest = read(written(tmp_path, MINIMAL))
    assert manifest.comparisons[0].known[0].text == "the images are darker"
    assert (manifest.minimum, manifest.most, manifest.kinds) == (16, 64, ("known", "shortcut", "null", "verify"))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('side = "b"', 'side = "left"', r"comparisons\.0\.known\.0\.side is 'left'; expected: .*'a' or 'b'"),
        ('source = "seen"', "", r"comparisons\.0\.known\.0\.source is missing"),
        ('licence = "none"', 'lisence = "none"', r"licence is missing|no field lisence"),
        ('folder = "mine"', 'folder = "../mine"', r"folder is '\.\./mine'; expected: a path inside"),
        (
            'b = "sick"',
            'b = "ill"',
            r"expected: classes in comparison .*; 'ill' is not among sick, well",
        ),
        ('b = "sick"', 'b = "well"', "expected: two different classes"),
        ('loader = "folders"', 'loader = "zip"', r"layout is .*; expected: .*'folders'"),
        (
            'loader = "folders"',
            'loader = "folders"\ngroup = "(p"',
            r"layout\.folders\.group is .*; expected: a regular",
        ),
        ('loader = "folders"', 'loader = "folders"\ngroup = "(p\\\\d)"', "expected: group_is"),
        ("[classes]", "[classes", "is no TOML"),
        ('name = "mine"', 'name = "Mine!"', "name is 'Mine!'; expected"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    file = written(tmp_path, MINIMAL.replace(old, new, 1))
    with pytest.raises(InputError, match=told) as error:
        read(file)
    assert str(file) in str(error.value) and "\n" not in str(error.value)


def test_an_own_manifest_takes_the_place_of_a_shipped_one_of_its_name(tmp_path: Path) -> None:
    written(tmp_path, MINIMAL.replace('name = "mine"', 'name = "ham10000"', 1))
    found = {manifest.name: manifest for manifest in read_all([SHIPPED, tmp_path])}
    assert found["ham10000"].title == "My images" and len(found) == len(read_all([SHIPPED]))


def test_a_class_takes_what_has_one_of_its_labels_and_nothing_that_is_ruled_out() -> None:
    effusion = Class(labels=("Effusion", "Fluid"), without=("Devices",))
    assert effusion.takes(frozenset({"Effusion", "Edema"})) and effusion.takes(frozenset({"Fluid"}))
    assert not effusion.takes(frozenset({"Effusion", "Devices"})) and not effusion.takes(frozenset({"Edema"}))
    alone = Class(labels=("Effusion",), only=True)
    assert alone.takes(frozenset({"Effusion"})) and not alone.takes(frozenset({"Effusion", "Edema"}))


SHIPPED_ONES = read_all([SHIPPED])


@pytest.mark.parametrize("manifest", SHIPPED_ONES, ids=lambda manifest: manifest.name)
def test_shipped_manifests_state_their_terms_and_sources(manifest: Manifest) -> None:
    assert (SHIPPED / f"{manifest.name}.toml").is_file()
    assert manifest.licence and len(manifest.citation) > 20 and len(manifest.get) > 20
    for one in manifest.comparisons:
        for feature in one.known:
            assert not feature.text.endswith(".") and len(feature.source) >= len("plain to see")
            assert one.suite == "real-easy" or any(character.isdigit() for character in feature.source), feature


def test_what_was_asked_for_is_shipped_and_some_of_it_the_parser_reads() -> None:
    names = {manifest.name for manifest in SHIPPED_ONES}
    released = {"breastmnist", "ham10000", "nih_chest_xray", "chexpert", "oasis", "adni", "bbbc021", "raddiffbench"}
    here = {"chest_xray", "lung_histology", "breast_ultrasound", "blood_smear_bccd", "blood_wbc", "medical_modalities"}
    assert released | here <= names
    readable = [k for m in SHIPPED_ONES for c in m.comparisons for k in c.known if parse(k.text)]
    assert len(readable) >= 20
