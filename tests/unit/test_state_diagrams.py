"""The drawn states are those of the tables."""

from pathlib import Path

from tests.support.state_diagrams import page

_STATES = Path(__file__).parents[2] / "docs" / "states.md"


def test_the_drawn_states_are_up_to_date() -> None:
    assert _STATES.read_text(encoding="utf-8") == page(), "run: make docs"
