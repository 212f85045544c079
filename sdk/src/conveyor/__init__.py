"""The Python client of Conveyor; `conveyor.extensions` has the protocols of extensions.

The client is imported by its first use: who needs the protocols alone does without its libraries.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conveyor._names import *  # noqa: F403 - its `__all__` has them
else:

    def __getattr__(name: str) -> object:
        names = import_module("conveyor._names")
        if name != "__all__" and name not in names.__all__:
            raise AttributeError(f"module 'conveyor' has no attribute {name!r}")
        globals()[name] = value = getattr(names, name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *import_module("conveyor._names").__all__})
