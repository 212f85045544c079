"""The client for asyncio. `make sdk` draws the blocking one from it."""
