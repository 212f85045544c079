"""What a test does when a service it needs can't run here."""

import os
import sys
from typing import NoReturn

import pytest


class Unavailable(Exception):
    """What a test needs can't be had on this machine; the text says why."""


def unavailable(reason: str) -> NoReturn:
    """Say so plainly and skip; with CI set, fail: there a skipped test would hide a gap."""
    text = f"NOT TESTED HERE: {reason}"
    sys.stderr.write(f"{text}\n")
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)
