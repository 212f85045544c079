"""The unruly broker: what it does to messages, and that it does nothing while it behaves."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from shared.broker.protocol import Outgoing
from shared.broker.rabbitmq.broker import RabbitBroker
from tests.chaos.unruly import SWITCH_VARIABLE, UnrulyBroker

_MESSAGES = [Outgoing("completions", b"", f"{number}") for number in range(20)]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of what the broker below was given, in their order."""
    ids: list[str] = []

    async def publish(self: RabbitBroker, messages: Sequence[Outgoing]) -> None:
        ids.extend(message.message_id for message in messages)

    monkeypatch.setattr(RabbitBroker, "publish", publish)
    return ids


async def sent_all(switch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH_VARIABLE, str(switch))
    broker = UnrulyBroker("amqp://127.0.0.1", quorum=False, confirm_timeout_seconds=1)
    await broker.publish(_MESSAGES)
    await broker.close()


async def test_an_unruly_broker_sends_each_message_twice_and_in_another_order(
    sent: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "unruly").touch()
    await sent_all(tmp_path / "unruly", monkeypatch)
    ids = [message.message_id for message in _MESSAGES]
    assert Counter(sent) == Counter(ids * 2)
    assert sent not in (ids * 2, sorted(ids * 2))


async def test_a_broker_that_is_not_unruly_sends_what_it_is_given(
    sent: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sent_all(tmp_path / "unruly", monkeypatch)
    assert sent == [message.message_id for message in _MESSAGES]
