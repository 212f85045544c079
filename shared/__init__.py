"""What the services share; never imports a service."""
