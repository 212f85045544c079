"""What a running expression sees: the names in scope, `let` variables, and `#`."""

from collections.abc import Callable, Mapping

from shared.expressions.budget import Meter
from shared.expressions.errors import ExpressionError


class Frame:
    __slots__ = ("acc", "index", "item", "locals", "meter", "names")

    def __init__(self, names: Mapping[str, object], meter: Meter, local_count: int) -> None:
        self.names = names
        self.meter = meter
        self.locals: list[object] = [None] * local_count
        self.item: object = None
        self.index = 0
        self.acc: object = None


Code = Callable[[Frame], object]


def placed(column: int, code: Code) -> Code:
    """The same code, whose errors know their column."""

    def run(frame: Frame) -> object:
        try:
            return code(frame)
        except ExpressionError as error:  # told where, then passed on
            raise error.at(column) from None

    return run
