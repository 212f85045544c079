"""Settings: the blocks they are made of, their names, how they are loaded, their reference page."""
