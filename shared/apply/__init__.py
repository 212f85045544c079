"""One transaction: lock, decide, answer, write; and the batches these come in."""
