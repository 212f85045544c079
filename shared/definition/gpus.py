"""`gpus` as docker's `--gpus` spells it: `all`, `2`, `device=0,1`, `count=1,capabilities=…`."""

import csv
from typing import Any

_FORM = 'must be as for docker --gpus: all, 2, device=0,1 or "count=2,capabilities=utility"'
_LISTS = ("device", "capabilities")
_KEYS = ("count", "driver", "options", *_LISTS)
ALL_GPUS = 1_000_000
"""More than any machine has."""


def device_requests(text: str) -> list[dict[str, Any]]:
    """What `HostConfig.DeviceRequests` takes. Raises ValueError."""
    given = _fields(text)
    if "count" in given and "device" in given:
        raise ValueError(f"gpus {text!r}: count and device exclude each other")
    request: dict[str, Any] = {"Capabilities": [[*given.get("capabilities", ()), "gpu"]]}
    if "device" in given:
        request["DeviceIDs"] = given["device"]
    else:
        request["Count"] = _count(text, given.get("count", ["1"])[0])
    if given.get("driver") == ["cdi"]:
        raise ValueError(f"gpus {text!r}: by the driver cdi any device could be reached")
    if "driver" in given:
        request["Driver"] = given["driver"][0]
    if "options" in given:
        request["Options"] = dict(o.partition("=")[::2] for o in given["options"])
    return [request]


def gpus_wanted(text: str) -> int:
    """How many; ALL_GPUS for all of them. Raises ValueError."""
    [request] = device_requests(text)
    count: int = request.get("Count") or len(request["DeviceIDs"])
    return ALL_GPUS if count < 0 else count


def _fields(text: str) -> dict[str, list[str]]:
    """A word without a key goes on with a list before it (`device=0,1`), or is the count."""
    given: dict[str, list[str]] = {}
    last = ""
    for word in next(csv.reader([text.strip().strip("'")]), []):
        key, equals, value = word.strip().partition("=")
        if not equals and last in _LISTS:
            given[last].append(key)
            continue
        last, value = (key, value) if equals else ("count", key)
        if last not in _KEYS or last in given or not value:
            raise ValueError(f"gpus {text!r}: {_FORM}")
        given[last] = value.split(",")
    if not given:
        raise ValueError(f"gpus {text!r}: {_FORM}")
    return given


def _count(text: str, value: str) -> int:
    if value == "all":
        return -1
    if not value.isascii() or not value.isdigit() or int(value) == 0:
        raise ValueError(f"gpus {text!r}: {_FORM}")
    return int(value)
