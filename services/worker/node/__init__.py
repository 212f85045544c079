"""What a worker says of itself, so that executions can be placed on it."""
