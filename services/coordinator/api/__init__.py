"""The HTTP door of the coordinator."""
