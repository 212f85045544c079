"""`python -m cli` is the `conveyor` command, for a tree that isn't installed."""

from cli.main import main

main()
