"""ByteNite's API, on the rows that our own API shows."""
