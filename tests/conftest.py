"""Shared fixtures: the optional folder of real sample images."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("vlmdiff", deadline=None, derandomize=True)
settings.load_profile("vlmdiff")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real labelled image sets; the test is skipped where it is absent."""
    folder = Path(os.environ.get("VLMDIFF_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("sample images are not here (set VLMDIFF_DATA)")
    return folder
