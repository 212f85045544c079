"""Jobs of Arvados: a script of a git repository at a commit."""
