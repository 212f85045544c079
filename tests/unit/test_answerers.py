"""The table of answerers in `shared.apply.answers`."""

from typing import get_args

from shared.apply.answers import ANSWERERS
from shared.lifecycle import Question


def test_every_kind_of_question_has_one_answerer() -> None:
    kinds = [answerer.kind for answerer in ANSWERERS]
    assert sorted(kinds, key=str) == sorted(get_args(Question), key=str)
