"""The RabbitMQ broker, on aiormq: the AMQP layer below aio-pika, three times as fast to publish."""

from shared.broker.rabbitmq.broker import RabbitBroker

__all__ = ["RabbitBroker"]
