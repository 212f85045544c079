"""The RabbitMQ servers and queue types that everything is tested on."""

from dataclasses import dataclass

from tests.support.servers.rabbitmq_installations import INSTALLED, VERSIONS

CLASSIC, QUORUM = "classic", "quorum"
QUEUE_TYPES = (CLASSIC, QUORUM)


@dataclass(frozen=True, slots=True)
class RabbitKind:
    version: str = INSTALLED
    queues: str = CLASSIC

    def __str__(self) -> str:
        return f"rabbitmq-{self.version}-{self.queues}"

    @property
    def is_quorum(self) -> bool:
        return self.queues == QUORUM


RABBIT_KINDS = tuple(RabbitKind(version, queues) for version in VERSIONS for queues in QUEUE_TYPES)
