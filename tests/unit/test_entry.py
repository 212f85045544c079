"""What every service does before it begins."""

import subprocess
import sys

PROGRAM = """
import gc
from shared.process.entry import enter
from shared.process.run import Stop
from shared.process.settings import Settings

class Nothing(Settings):
    pass

async def serve(settings: Nothing, stop: Stop) -> None:
    print(gc.get_freeze_count() > len(gc.get_objects()), flush=True)

raise SystemExit(enter("nothing", Nothing, serve))
"""


def test_the_collector_never_looks_through_what_was_imported_again() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split()[-1] == "True"
