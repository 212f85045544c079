"""Benchmarks, each printing one table."""
