"""The HTTP API under test, and clients and servers to test it with."""
