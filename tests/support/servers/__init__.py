"""RabbitMQ and Postgres of the tests, and what disturbs them."""
