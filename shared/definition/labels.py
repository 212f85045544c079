"""What a label of a node can be: the rules of Kubernetes, and so of Bacalhau."""

import re

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_LONGEST_PREFIX = 253
_RULE = "must be 1 to 63 letters, digits, '-', '_' or '.', with a letter or digit at both ends"


def label_key_error(key: str) -> str | None:
    """Why `key` can't be the key of a label, or None when it can."""
    prefix, slash, name = key.rpartition("/")
    if slash and not (_PREFIX.fullmatch(prefix) and len(prefix) <= _LONGEST_PREFIX):
        return f"label key {key!r}: what is before the / must be a DNS name such as example.com"
    if not _NAME.fullmatch(name):
        return f"label key {key!r}: {_RULE}"
    return None


def label_value_error(value: str) -> str | None:
    """The same of a value, which may be empty."""
    if value and not _NAME.fullmatch(value):
        return f"label value {value!r}: {_RULE}, or be empty"
    return None


def as_label_value(text: str) -> str:
    """What of `text` can be a value: `NVIDIA A100` as `NVIDIA-A100`."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-_.")[:63].rstrip("-_.")


def parse_labels(text: str) -> dict[str, str]:
    """`region=eu,service=WebService` as a mapping. Raises ValueError with the rule it breaks."""
    labels: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = (part.strip() for part in entry.partition("="))
        if not equals:
            raise ValueError(f"{entry!r}: must be KEY=VALUE, such as region=eu")
        if error := label_key_error(key) or label_value_error(value):
            raise ValueError(error)
        if key in labels:
            raise ValueError(f"label key {key!r} is set twice")
        labels[key] = value
    return labels
