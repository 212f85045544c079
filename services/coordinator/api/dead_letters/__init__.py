"""Dead letters: messages that could not be processed, listed, requeued and deleted."""
