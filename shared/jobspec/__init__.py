"""What a client may submit: the job language in YAML and JSON, every rule and every message."""
