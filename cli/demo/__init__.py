"""`conveyor demo`: one example job from start to end, shown as it happens."""
