"""What a service with a database stands on, opened and watched."""
