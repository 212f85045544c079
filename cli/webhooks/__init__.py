"""`conveyor webhooks`: webhook endpoints, their deliveries, and a receiver to try them with."""
