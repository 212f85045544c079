"""Live streams: who follows the feed of changes and log parts, and how it reaches them."""
