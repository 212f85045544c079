"""Unit, contract, integration and end-to-end tests."""
