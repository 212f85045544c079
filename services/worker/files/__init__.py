"""What a task's files need: brought before it starts, taken when it has ended, published."""
