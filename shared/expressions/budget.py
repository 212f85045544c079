"""What one expression may cost. Every bomb ends here, within milliseconds, as an ExpressionError.

A step is about one node of the tree, evaluated once. Work done inside one built-in is charged as
steps too (a character of text or an element of a list costs a fraction of one), so a single number
bounds time and memory. Sizes are checked before anything is allocated.
"""

from shared.expressions.errors import ExpressionError

MAX_SOURCE = 16_384  # characters of one expression
MAX_NODES = 2_000  # nodes of one tree
MAX_NESTING = 50  # brackets, unary operators and branches open at once: the parser recurses
MAX_HEIGHT = 150  # of a tree; 1+1+1+… is as high as it is long, and evaluating recurses
MAX_STEPS = 250_000  # for one evaluation
MAX_TEXT = 1 << 20  # characters of a text that an expression makes
MAX_LIST = 50_000  # elements of a list or map that an expression makes
MAX_DEPTH = 100  # lists within lists, in values
MAX_PATTERN = 1_000  # characters of a regular expression
MAX_PATTERN_BYTES = 1 << 20  # memory of one compiled regular expression

_STEPS_TO_START = 200  # about what one costs that was never compiled before
_CHARACTERS_PER_STEP = 64
_ELEMENTS_PER_STEP = 4
_STEPS_PER_VISIT = 3  # of one element, in a walk through a whole value


class Meter:
    """What is left of one evaluation's budget."""

    __slots__ = ("left",)

    def __init__(self, steps: int = MAX_STEPS) -> None:
        self.left = steps

    @property
    def used(self) -> int:
        """Steps spent so far, a charge that was refused included."""
        return MAX_STEPS - self.left

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise ExpressionError(f"takes more than {MAX_STEPS} steps")

    def text(self, characters: int) -> None:
        """Called before a text of that many characters is made or read through."""
        if characters > MAX_TEXT:
            raise ExpressionError(f"makes a text of more than {MAX_TEXT} characters")
        self.spend(characters // _CHARACTERS_PER_STEP + 1)

    def elements(self, count: int) -> None:
        """Called before a list or map of that many elements is made."""
        if count > MAX_LIST:
            raise ExpressionError(f"makes a list of more than {MAX_LIST} elements")
        self.spend(count // _ELEMENTS_PER_STEP + 1)

    def descend(self, depth: int) -> None:
        """Called for every list, map or leaf that a walk through a value visits."""
        if depth > MAX_DEPTH:
            raise ExpressionError(f"a value is nested more than {MAX_DEPTH} deep")
        self.left -= _STEPS_PER_VISIT
        if self.left < 0:
            self.spend(0)


class Allowance:
    """What several evaluations may take together."""

    __slots__ = ("_most", "used")

    def __init__(self, most: int) -> None:
        self._most = most
        self.used = 0
        """Steps."""

    def take(self, meter: Meter) -> None:
        """One of them has taken so much, whether it gave a value or failed."""
        self.used += meter.used + _STEPS_TO_START

    def require(self) -> None:
        """Raises ExpressionError when more was taken than may be."""
        if self.used > self._most:
            raise ExpressionError(f"all expressions together take more than {self._most} steps")
