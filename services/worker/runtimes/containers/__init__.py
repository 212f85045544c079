"""The container runtime: tasks as containers of a Docker or Podman engine."""
