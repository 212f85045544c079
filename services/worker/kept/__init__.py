"""Executions that go on when their worker is restarted, and the worker that goes on with them."""
