"""Jobs of the tests: submitted, decided, played to their end."""
