"""The models, imported when the first of them is used: what only passes JSON on starts faster."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conveyor import models as models
else:

    class _Models:
        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has
            import conveyor.models

            return getattr(conveyor.models, name)

    models = _Models()
