"""The API's description as a fuzzer can walk it: without the endless part.

Tasks stand in tasks without end, and every field of every kind of task is the same again; walking
all of that takes for ever and finds nothing new. So a job's own tasks are described in full, the
tasks within them may be anything, and each way to submit a job is fuzzed in one of the languages.
"""

from typing import Any

_INNER = ("InnerTask", "SubjobTask")
_LANGUAGES = {"/jobs": "application/json", "/scheduled-jobs": "text/yaml"}
_ANYTHING: dict[str, Any] = {}


def bounded(document: dict[str, Any]) -> dict[str, Any]:
    """`document`, changed in place."""
    schemas = document["components"]["schemas"]
    for name in _INNER:
        schemas[name]["properties"] = dict.fromkeys(schemas[name]["properties"], _ANYTHING)
    schemas["ScheduledJobSpec"]["properties"]["tasks"] = _ANYTHING  # a job's are fuzzed already
    for path, language in _LANGUAGES.items():
        content = document["paths"][path]["post"]["requestBody"]["content"]
        document["paths"][path]["post"]["requestBody"]["content"] = {language: content[language]}
    return document
