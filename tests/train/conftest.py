"""Trainings of tests run on one thread, as in `tests.train.tiny_run`'s processes: sums round alike on any machine, and
threads that wait for busy cores cost more than they bring."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
