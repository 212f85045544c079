"""What is done around every request, each in a module of its own; `application` has their order."""
