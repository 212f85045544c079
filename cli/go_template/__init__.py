"""Templates of Go's text/template, as Bacalhau renders job files with them."""

from cli.go_template.errors import TemplateError
from cli.go_template.execution import render

__all__ = ["TemplateError", "render"]
