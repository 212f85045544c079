"""One broker protocol, two implementations: RabbitMQ and in-process."""

from shared.broker.protocol import (
    MAX_PRIORITY,
    Broker,
    BrokerUnavailable,
    Consumer,
    DeadLetterInfo,
    Delivery,
    OnMissing,
    Outgoing,
    QueueSpec,
    QueueStats,
    Subscription,
    queue_spec,
)

__all__ = [
    "MAX_PRIORITY",
    "Broker",
    "BrokerUnavailable",
    "Consumer",
    "DeadLetterInfo",
    "Delivery",
    "OnMissing",
    "Outgoing",
    "QueueSpec",
    "QueueStats",
    "Subscription",
    "queue_spec",
]
