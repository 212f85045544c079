"""The public HTTP API as a program sees it: who asks whom, the calls, what is read of answers."""
