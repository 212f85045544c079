"""Logging: one shape for every line, whoever writes it."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from structlog.typing import EventDict

from shared.process.logging import configure_logging
from shared.process.settings.blocks import LogSettings


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = handlers
    root.setLevel(level)


def hide_password(_: object, __: str, event: EventDict) -> EventDict:
    if "password" in event:
        event["password"] = "[REDACTED]"
    return event


def lines_of(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_our_lines_and_those_of_libraries_have_one_shape() -> None:
    stream = io.StringIO()
    configure_logging(LogSettings(format="json"), service="worker", stream=stream)
    structlog.contextvars.bind_contextvars(job_id="j1")
    structlog.get_logger().info("task started", task_id="t1")
    logging.getLogger("some.library").warning("lost %s", "connection")
    ours, theirs = lines_of(stream)
    assert ours.items() >= {
        "event": "task started", "task_id": "t1", "job_id": "j1", "service": "worker",
        "level": "info",
    }.items()  # fmt: skip
    assert theirs.items() >= {
        "event": "lost connection", "logger": "some.library", "job_id": "j1", "level": "warning",
    }.items()  # fmt: skip
    assert ours.keys() - {"task_id"} == theirs.keys() - {"logger"}


def test_a_line_of_json_begins_with_when_how_grave_who_and_what() -> None:
    stream = io.StringIO()
    configure_logging(LogSettings(format="json"), service="worker", stream=stream)
    structlog.get_logger().info("task started", task_id="t1")
    (line,) = lines_of(stream)
    assert list(line) == ["timestamp", "level", "service", "event", "task_id"]


def test_lines_below_the_level_are_not_written() -> None:
    stream = io.StringIO()
    configure_logging(LogSettings(format="json", level="warning"), service="s", stream=stream)
    structlog.get_logger().info("quiet")
    logging.getLogger("some.library").info("quiet")
    structlog.get_logger().warning("loud")
    assert [line["event"] for line in lines_of(stream)] == ["loud"]


def test_redaction_sees_every_line() -> None:
    stream = io.StringIO()
    configure_logging(LogSettings(format="json"), service="s", redact=hide_password, stream=stream)
    structlog.get_logger().info("login", password="hunter2")
    assert "hunter2" not in stream.getvalue()


def test_a_traceback_is_part_of_its_line() -> None:
    stream = io.StringIO()
    configure_logging(LogSettings(format="json"), service="s", stream=stream)
    try:
        raise ValueError("a bug")
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("some.library").exception("failed")
    for line in lines_of(stream):
        assert "ValueError: a bug" in str(line["exception"])


def test_a_value_without_json_does_not_break_the_line() -> None:
    stream = io.StringIO()
    configure_logging(LogSettings(format="json"), service="s", stream=stream)
    structlog.get_logger().info("odd", value=object(), by_number={1: 2})
    assert len(lines_of(stream)) == 1


def test_on_a_terminal_or_by_wish_lines_are_for_people() -> None:
    stream = io.StringIO()
    configure_logging(LogSettings(format="console"), service="s", stream=stream)
    structlog.get_logger().info("task started", task_id="t1")
    assert "task started" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


@pytest.mark.parametrize("format_", ["console", "json"])
def test_a_traceback_shows_no_local_variables_since_secrets_are_among_them(format_: str) -> None:
    stream = io.StringIO()
    settings = LogSettings.model_validate({"format": format_})
    configure_logging(settings, service="coordinator", stream=stream)
    secret = "".join(["hunter2", "-", "hunter2"])
    try:
        int("x")
    except ValueError:  # to be logged
        structlog.get_logger().exception("work failed")
    assert "ValueError" in stream.getvalue()
    assert secret not in stream.getvalue()
