"""What a secret may look like, and what only looks like one."""

import base64
import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.process.redaction import REDACTED, Redactor

KEY = "-----BEGIN KEY-----\nMIIBabcdef1234/+x==\nZm9v\nab\n-----END KEY-----\n"
LOGIN = "user=ann\npassword=hunter2-long\n"
HARD = "pa\"ss\\wo/rd1 'é<&"


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("secrets", "text", "shown"),
    [
        (["s3cret-t0ken\n"], "s3cret-t0ken", REDACTED),
        ([LOGIN], "a password=hunter2-long b", f"a {REDACTED} b"),
        ([KEY], " ".join(KEY.split()), REDACTED),
        ([KEY], KEY, REDACTED),
        ([KEY], KEY.strip(), REDACTED),
        ([KEY], f"a\n{KEY}b\n", f"a\n{REDACTED}\nb\n"),
        ([KEY], "".join(KEY.split("\n")), REDACTED),
        ([KEY.replace("\n", "\r\n")], KEY.strip(), "\n".join([REDACTED] * 5)),
        ([KEY], "Zm9v\nab\nabc\n", f"{REDACTED}\n{REDACTED}\nabc\n"),
        (["abcdef", "defghi"], "abcdefghi", REDACTED),
        (["abcdef", "cd"], "abcdef cd", f"{REDACTED} {REDACTED}"),
        (["aXa"], "aXaXa aXa", f"aXaXa {REDACTED}"),
        (["aXaa"], "aXaaXaa", REDACTED),
        (["123"], "a 123.\n123\n1234 a123", f"a {REDACTED}.\n{REDACTED}\n1234 a123"),
        (["1", "true"], "1", REDACTED),
        (["ab1"], '{"k":"ab1"}', f'{{"k":"{REDACTED}"}}'),
        (["!"], "!", REDACTED),
        (["", " ", "\n"], " \n", " \n"),
        ([HARD], json.dumps({"p": HARD}), f'{{"p": "{REDACTED}"}}'),
        ([HARD], json.dumps({"p": HARD}, ensure_ascii=False), f'{{"p": "{REDACTED}"}}'),
        ([HARD], json.dumps(json.dumps({"p": HARD})), f'"{{\\"p\\": \\"{REDACTED}\\"}}"'),
        ([KEY], json.dumps({"key": KEY}), f'{{"key": "{REDACTED}\\n"}}'),
        ([HARD], f"?p={quote(HARD)}", f"?p={REDACTED}"),
        ([HARD], f"?p={quote(HARD, safe='')}&", f"?p={REDACTED}&"),
        ([HARD], f"?p={quote_plus(HARD)}", f"?p={REDACTED}"),
        (["a/b+c d"], "a%2fb%2bc%20d", REDACTED),
        (["it's hidden"], "+ echo 'it'\\''s hidden'", f"+ echo '{REDACTED}'"),
    ],
)
def test_a_secret_is_known_in_what_is_usually_made_of_it(
    secrets: list[str], text: str, shown: str
) -> None:
    assert Redactor(secrets).text(text) == shown


@given(
    st.text("ab:é/ \n", max_size=7), st.text("xyz?>", min_size=6, max_size=60), st.text(max_size=5)
)
def test_base64_hides_a_secret_wherever_it_begins_within(
    before: str, secret: str, after: str
) -> None:
    encoded = base64_of(before + secret + after)
    for text in (encoded, encoded.translate(str.maketrans("+/", "-_")).rstrip("=")):
        shown = Redactor([secret]).text(text)
        left, redacted, right = shown.partition(REDACTED)
        assert redacted
        assert len(left) + len(right) <= len(base64_of(before)) + len(base64_of(after)) + 4


@pytest.mark.parametrize("secret", ["ab1", "abcd", "abcdef", "s3cret-t0ken", KEY * 3])
@pytest.mark.parametrize("before", ["", "user:"])
def test_what_base64_prints_in_lines_is_hidden(secret: str, before: str) -> None:
    if before and len(secret) < 8:
        return  # too short to be told from other text
    encoded = base64.encodebytes(f"{before}{secret}\n".encode()).decode()
    shown = Redactor([secret]).text(f"a line\n{encoded}another\n")
    assert shown.startswith("a line\n")
    assert shown.endswith("another\n")
    assert len(shown) < len("a line\nanother\n") + 2 * len(REDACTED) + len(before)


def test_values_within_json_are_hidden_and_its_shape_stays() -> None:
    value = {"env": ["a s3cret b", 5, None, True, {"s3cret": "s3cret"}]}
    shown = {"env": [f"a {REDACTED} b", 5, None, True, {"s3cret": REDACTED}]}
    assert Redactor(["s3cret"]).value(value) == shown


@given(
    st.lists(st.integers(1, 40), max_size=60),
    st.sampled_from([(["abcdef", "defghi"], "x abcdefghi y"), ([KEY], KEY), (["12"], "a 12 b")]),
)
def test_pieces_of_a_log_show_no_more_than_the_whole(
    sizes: list[int], case: tuple[list[str], str]
) -> None:
    secrets, said = case
    text = f"{said}\n{base64.encodebytes((said * 9).encode()).decode()}{said} {said}\nend"
    redactor = Redactor(secrets)
    shown = rest = ""
    for size in sizes:
        rest, text = rest + text[:size], text[size:]
        leading, rest = redactor.leading(rest)
        shown += leading
    shown += redactor.text(rest + text)
    for secret in secrets:
        assert Redactor([secret]).text(shown) == shown
    assert "ghi" not in shown
    assert shown.endswith("\nend")


def test_text_that_repeats_a_secret_a_million_times_takes_no_longer() -> None:
    redactor = Redactor(["a" * 10_000, "ab" * 4_000, KEY])
    began = time.process_time()
    redactor.text("ab" * 500_000 + "a" * 1_000_000)
    assert time.process_time() - began < 5
