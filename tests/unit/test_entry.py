"""What every service does before it begins."""

import json
import subprocess
import sys
from functools import cache
from importlib.metadata import version

PROGRAM = """
import gc
from shared.process.run import enter
from shared.process.run import Stop
from shared.process.settings.loading import Settings

class Nothing(Settings):
    pass

async def serve(settings: Nothing, stop: Stop) -> None:
    print(gc.get_freeze_count() > len(gc.get_objects()), flush=True)

raise SystemExit(enter("nothing", Nothing, serve))
"""


@cache
def run() -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )


def test_the_log_begins_with_the_version_and_ends_with_the_end() -> None:
    lines = [json.loads(line) for line in run().stderr.splitlines()]
    assert [line["event"] for line in lines] == ["service_started", "service_stopped"]
    assert lines[0]["version"] == version("conveyor")


def test_the_collector_never_looks_through_what_was_imported_again() -> None:
    assert run().stdout.split()[-1] == "True"
