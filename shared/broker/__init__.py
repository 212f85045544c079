"""One broker protocol, two implementations: RabbitMQ and in-process."""
