"""Keeps what the tests have imported out of the garbage collector's rounds, as a service does."""

import gc
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """All modules of tests are half a million objects, which a full round looks through. Importing
    makes hardly any garbage, but enough objects for one round after the other."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        _spare_what_is_here()


@pytest.fixture
def spared_heap() -> None:
    """For tests of how long something takes: what other tests have left is no part of it."""
    _spare_what_is_here()


def _spare_what_is_here() -> None:
    gc.collect()
    gc.freeze()
