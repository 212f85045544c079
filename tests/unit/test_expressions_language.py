"""What each built-in and operator answers, beyond the reference vectors."""

import pytest

from shared.expressions import ExpressionError, evaluate, render, to_text

ENV = {
    "inputs": {"n": "3", "source": "s3://b/k", "run": "true"},
    "item": {"index": "1", "value": {"start": 0, "length": 5, "tags": ["a", "b"]}},
}


def text(source: str) -> str:
    return render("{{ " + source + " }}", ENV)


@pytest.mark.parametrize(
    ("source", "printed"),
    [
        ("9223372036854775807 * 2", "-2"),
        ("-5 % 3", "-2"),
        ("-2 ** 2", "-4"),
        ("2 ** 3 ** 2", "512"),
        ("1 < 2 < 3", "true"),
        ("not true == false", "true"),
        ("nil ?? 1 ?? 2", "1"),
        ("1 | string() + 'a'", "1a"),
        ("true ?: 2", "true"),
        ("true && inputs.n", "3"),
        ("false && inputs.n", "false"),
        ("1; 2", "2"),
        ("let a = 1; let b = a + 1; [a, b]", "[1 2]"),
        ("if false { 1 } else if true { 3 } else { 2 }", "3"),
        ("inputs.nope?.x.y", "<nil>"),
        ("inputs?.n", "3"),
        ("$env.inputs.n", "3"),
        ("{a: 1, a: 2}", "map[a:1]"),
        ("'日本'[0:1] + '日本'[1:3]", "日"),
        ("'héllo'[0:2]", "h\ufffd"),
        ("inputs.source[-1]", "107"),
        ("[1, 2] == [1, 2.0]", "true"),
        ("{a: 1} == {a: 1.0}", "false"),
        ("uniq([1, 1.0, '1'])", "[1 1]"),
        ("flatten([1, [2, [3]]])", "[1 2 3]"),
        ("concat([1], ['a'])", "[1 a]"),
        ("take([1, 2, 3], 2)", "[1 2]"),
        ("sortBy([3, 1, 2], -#)", "[3 2 1]"),
        ("reduce([1, 2, 3], #acc + #index, 0)", "3"),
        ("map([1, 2], {{k: #}})", "[map[k:1] map[k:2]]"),
        ("find([1, 2], # > 5)", "<nil>"),
        ("findIndex([1, 2], # > 5)", "<nil>"),
        ("groupBy([1, 2, 3], # % 2)[1]", "[1 3]"),
        ("fromPairs([['a', 1]]).a", "1"),
        ("len(toPairs({a: 1}))", "1"),
        ("mean([1, 2])", "1.5"),
        ("median([4, 1, 2, 3])", "2.5"),
        ("max([1, [5, 2]])", "5"),
        ("sum(1..4, # * 2)", "20"),
        ("one([1, 2], # > 1)", "true"),
        ("round(0.49999999999999994)", "0"),
        ("ceil(-0.5)", "-0"),
        ("bitushr(-8, 1)", "9223372036854775804"),
        ("bitnand(6, 3)", "4"),
        ("int(1e30)", "-9223372036854775808"),
        ("float('0x1p-2')", "0.25"),
        ("string(123456789.0)", "1.23456789e+08"),
        ("string(0.00001)", "1e-05"),
        ("toJSON('<é>')", '"\\u003cé\\u003e"'),
        ("splitAfter('a,b', ',')", "[a, b]"),
        ("replace('aaa', 'a', 'b', 2)", "bba"),
        ("indexOf('日本', '本')", "3"),
        ("upper('ß')", "ß"),
        ("get([1], 5)", "<nil>"),
        ("type(now())", "time.Time"),
        ("duration('1h') * 2", "2h0m0s"),
        ("duration('90m').Hours()", "1.5"),
        ("date('2024-01-31').AddDate(0, 1, 0)", "2024-03-02 00:00:00 +0000 UTC"),
        ("date('2024-03-31 02:30', '2006-01-02 15:04', 'Europe/Berlin')",
         "2024-03-31 03:30:00 +0200 CEST"),
        ("date('2024-01-02').Format('Mon Jan _2 2006')", "Tue Jan  2 2024"),
        ("date('2024-01-02').Weekday()", "Tuesday"),
        ("sequence(1, 4)", "[1 2 3]"),
        ("::len('a')", "1"),
    ],
)  # fmt: skip
def test_an_expression_prints(source: str, printed: str) -> None:
    assert text(source) == printed


@pytest.mark.parametrize(
    ("source", "column"),
    [
        ("1 +", 3),
        ("'a' + 1", 5),
        ("1 == '1'", 3),
        ("(1", 2),
        ("unknown", 1),
        ("1 + foo()", 5),
        ("inputs.n + 1", 10),
        ("inputs.nope.x", 13),
        ("[1, 2][5]", 7),
        ("'\\q'", 2),
        ("'abc' matches '('", 15),
        ("filter([1], #index > 0)", 13),
        ("let len = 1; len", 5),
    ],
)
def test_an_error_tells_the_column_it_is_at(source: str, column: int) -> None:
    with pytest.raises(ExpressionError) as raised:
        evaluate(source, ENV)
    assert raised.value.column == column
    assert raised.value.source == source


@pytest.mark.parametrize(
    "source",
    ["1 / 0", "fromPairs([])", "{a: fromPairs([])}", "0 / 0", "inputs.__class__.__mro__",
     "''.__class__", "[].append(1)", "{}.keys()", "inputs.get('n')", "countBy([1], #)"],
)  # fmt: skip
def test_what_json_cannot_hold_or_python_would_allow_is_refused(source: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(source, ENV)


def test_times_come_back_as_json_does_and_print_as_go_does() -> None:
    assert evaluate("date('2024-01-02')", ENV) == "2024-01-02T00:00:00Z"
    assert evaluate("duration('1s')", ENV) == 1_000_000_000


def test_values_print_as_go_prints_them() -> None:
    assert to_text({"b": [1, 2.5, None], "a": True}) == "map[a:true b:[1 2.5 <nil>]]"
    assert [to_text(number) for number in (1e20, 1e21, 2.5, 5.0, 5)] == [
        "1e+20", "1e+21", "2.5", "5", "5",
    ]  # fmt: skip
