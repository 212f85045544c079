"""The workers: what they are, what they have room for, and what administrators say of them."""
