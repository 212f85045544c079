"""With which arguments each sort of queue is declared; they must never change for a live queue."""

from shared.broker.protocol import queue_spec
from shared.broker.rabbitmq.topology import queue_arguments
from shared.messages.queues import COMPLETIONS, node_queue


def test_a_task_queue_has_priorities_and_no_limit_left_to_the_server() -> None:
    assert queue_arguments(queue_spec("default"), quorum=False) == {
        "x-queue-type": "classic",
        "x-max-priority": 9,
        "x-consumer-timeout": 1_800_000,
    }


def test_a_quorum_queue_drops_nothing_and_declares_no_priorities() -> None:
    assert queue_arguments(queue_spec("default"), quorum=True) == {
        "x-queue-type": "quorum",
        "x-delivery-limit": 1_000_000_000,
        "x-consumer-timeout": 1_800_000,
    }


def test_a_service_queue_has_no_priorities() -> None:
    assert "x-max-priority" not in queue_arguments(queue_spec(COMPLETIONS), quorum=False)


def test_the_queue_of_a_node_that_is_gone_goes_after_ten_minutes() -> None:
    assert queue_arguments(queue_spec(node_queue("n")), quorum=False)["x-expires"] == 600_000
