"""The chaos suite: real services on real parts, broken on a seeded plan, and the books checked."""
