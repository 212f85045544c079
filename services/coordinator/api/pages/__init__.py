"""Static pages of the API."""
