"""Where tasks run: container engines and the shell, behind one protocol."""
