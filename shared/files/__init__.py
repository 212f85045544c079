"""Objects outside the database: one protocol, and the stores and sources that implement it."""
