"""The built-in programs. They run without site-packages: the standard library and each other are
all that they import. What they read and write passes through them in pieces."""
