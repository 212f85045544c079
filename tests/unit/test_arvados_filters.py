"""What filters of Arvados' API compare, whatever a client sends."""

import threading

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from services.coordinator.api.arvados.listing import Tree, listing, page, reply_page
from services.coordinator.api.background import BACKGROUND, Background
from services.coordinator.api.errors import Unprocessable

OPERATORS = (
    *("=", "==", "!=", "<>", "<", "<=", ">", ">=", "like", "ilike", "in", "not in", "is_a"),
    *("exists", "contains"),
)
ITEM: Tree = {
    "priority": 5,
    "progress": 0.5,
    "description": "a" * 200 + "[*?]\n50%",
    "properties": {"of": "1"},
    "nodes": ["n1"],
    "finished_at": None,
}


def holds(attribute: str, operator: str, value: object) -> bool:
    asked = listing({"filters": [[attribute, operator, value]]}, ())
    return bool(page(asked, [ITEM])["items"])


def test_a_number_is_compared_with_what_a_text_says() -> None:
    assert holds("progress", ">", "0.25")
    assert not holds("progress", ">", "0.75")
    assert holds("priority", "<=", "5")
    assert holds("priority", ">", "-6")


@pytest.mark.parametrize("text", ["--5", "9" * 5000, "", "nan"])
def test_a_text_that_is_no_number_breaks_nothing(text: str) -> None:
    assert not holds("priority", ">", text)


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("value", [None, 1, 1.5, True, "1", [1], {"of": 1}, [[]], [{}], []])
def test_any_value_can_be_compared_with_any_attribute(operator: str, value: object) -> None:
    for attribute in (*ITEM, "any", "properties.of"):
        holds(attribute, operator, value)


def test_a_text_an_object_and_a_list_contain_what_is_in_them() -> None:
    assert holds("description", "contains", 50)
    assert holds("properties", "contains", ["of"])
    assert holds("nodes", "contains", "n1")
    assert not holds("properties", "exists", [])


def test_an_order_that_is_no_list_is_refused() -> None:
    with pytest.raises(Unprocessable, match="order: must be a list"):
        listing({"order": 5}, ())


def test_a_pattern_of_many_wildcards_takes_no_longer_than_another() -> None:
    assert not holds("description", "like", "%a" * 50 + "%b%")
    assert holds("description", "ilike", "%A" * 50 + "%")


def test_only_wildcards_of_sql_are_wildcards() -> None:
    assert holds("description", "like", "%a[*?]_50_")
    assert not holds("description", "like", "*")
    assert not holds("description", "like", "%[a]%")


def test_ten_thousand_items_are_made_distinct_in_one_look_at_each() -> None:
    asked = listing({"distinct": "true", "select": ["at"], "count": "exact"}, ())
    items: list[Tree] = [{"at": {"x": n // 2, "y": []}} for n in range(10_000)]
    assert page(asked, items)["items_available"] == 5_000


async def test_a_long_list_is_made_beside_the_event_loop() -> None:
    threads: list[threading.Thread] = []

    def show(number: int) -> Tree:
        threads.append(threading.current_thread())
        return {"uuid": str(number)}

    app = web.Application()
    app[BACKGROUND] = Background()
    request = make_mocked_request("GET", "/", app=app)
    answer = await reply_page(request, listing({"limit": 2}, ()), range(1000), show, "a list")
    assert isinstance(answer.body, bytes)
    assert b'"items_available":1000' in answer.body
    assert threading.current_thread() not in threads
    await app[BACKGROUND].close()
