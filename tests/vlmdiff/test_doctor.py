"""The checks of this machine: what is missing is named with its remedy."""

import sys
from pathlib import Path

import pytest

from vlmdiff import doctor


def by_name(checks: list[doctor.Check]) -> dict[str, doctor.Check]:
    return {check.name: check for check in checks}


def test_the_packages_of_this_environment_are_well() -> None:
    found = by_name(doctor.checks())
    for name in ("python", "torch", "transformers", "peft", "device", "pictures"):
        assert found[name].ok, found[name].detail
    assert "JPEG" in found["pictures"].detail
    assert set(doctor.READERS) <= set(found)


def test_to_lack_the_medical_readers_is_no_fault_but_to_have_them_broken_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(doctor, "READERS", {"DICOM": ("there_is_no_such_reader",)})
    absent = doctor._reader("DICOM")
    assert absent.ok and "there_is_no_such_reader: pip install 'vlmdiff[medical]'" in absent.detail
    (tmp_path / "there_is_no_such_reader.py").write_text("raise RuntimeError('broken')\n")
    monkeypatch.syspath_prepend(tmp_path)
    broken = doctor._reader("DICOM")
    assert not broken.ok and "broken" in broken.detail


def test_a_torchvision_that_cannot_be_imported_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    broken = tmp_path / "torchvision.py"
    broken.write_text("raise RuntimeError('operator torchvision::nms does not exist')\n")
    monkeypatch.syspath_prepend(tmp_path)
    check = doctor._torchvision()
    assert not check.ok
    assert "uninstall it" in check.detail


def test_missing_weights_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "MINI", tmp_path)
    monkeypatch.setattr(doctor, "weight_files", lambda: [])
    (check,) = doctor._weights()
    assert not check.ok and "reinstall" in check.detail


def test_weights_are_listed_with_size_and_hash(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "a.safetensors").write_bytes(b"abc")
    monkeypatch.setattr(doctor, "MINI", tmp_path)
    monkeypatch.setattr(doctor, "weight_files", lambda: sorted(tmp_path.rglob("*.safetensors")))
    (check,) = doctor._weights()
    assert check.ok
    # SHA-256 of "abc", FIPS 180-2 appendix B.1.
    assert "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" in check.detail


def test_a_package_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    check = doctor._imported("torch")
    assert not check.ok and "reinstall" in check.detail
    assert not doctor._installed("no-such-package").ok
