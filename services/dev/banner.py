"""What `conveyor dev` prints on a terminal when it is up: its address and what to do next."""

import shutil
import sys
from pathlib import Path

_DEFAULT_URL = "http://127.0.0.1:8000"
_TEXT = """
  Conveyor is running at {url}

  In another terminal:

{exports}    conveyor examples hello | conveyor submit - --follow   runs an example
    conveyor list                                          lists the jobs
    conveyor examples                                      lists more examples

  {url}/docs documents the API. Ctrl-C stops Conveyor.

"""


def print_banner(url: str) -> None:
    """Only on a terminal: elsewhere, every line is a line of the log."""
    if sys.stderr.isatty():
        exports = "".join(f"    export {each}\n" for each in exports_for(url))
        sys.stderr.write(_TEXT.format(url=url, exports=exports))


def exports_for(url: str) -> list[str]:
    """What another terminal needs so that `conveyor` is found and finds this Conveyor."""
    programs = Path(sys.executable).parent
    is_hidden = shutil.which("conveyor") is None and (programs / "conveyor").exists()
    path = [f"PATH={programs}:$PATH"] if is_hidden else []
    return path if url == _DEFAULT_URL else [*path, f"CONVEYOR_URL={url}"]
