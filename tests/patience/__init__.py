"""What can only be shown by waiting: long outages and limits of minutes.

They do next to nothing meanwhile, so `make test` runs them beside everything else.
"""
