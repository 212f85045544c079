"""How two texts that stand for a job differ."""

import difflib
from collections.abc import Mapping
from typing import Any

import yaml

_CONTEXT = 3


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """In the unified form, of YAML; empty when there are none."""
    before, after = (yaml.safe_dump(dict(one), sort_keys=True).splitlines() for one in (old, new))
    lines = difflib.unified_diff(before, after, "stored", "submitted", n=_CONTEXT, lineterm="")
    return "\n".join(lines)
