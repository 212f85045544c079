"""Many rows of a table by one statement, for tests of tables at scale."""

from collections.abc import Mapping

_DEFAULTS: Mapping[str, Mapping[str, str]] = {
    "jobs": {
        "id": "'job' || n",
        "state": "'RUNNING'",
        "name": "'a job'",
        "task_count": "1",
        "created_at": "now()",
        "search": "job_search('a job', NULL, '{}')",
    },
    "tasks": {
        "id": "'task' || n",
        "job_id": "'job' || n",
        "position": "1",
        "state": "'COMPLETED'",
        "name": "'a'",
        "queue": "'default'",
        "priority": "0",
        "retry": "'{}'",
        "definition": """'{"name": "a"}'""",
        "created_at": "now()",
    },
}


def bulk_rows(table: str, source: str, **columns: str) -> str:
    """Adds a row for each `n` of `source`. `columns` are SQL; the required others have defaults."""
    values = {**_DEFAULTS[table], **columns}
    made = ", ".join(values.values())
    return f"INSERT INTO {table} ({', '.join(values)}) SELECT {made} FROM {source}"


def numbers(first: int | str, last: int | str) -> str:
    return f"generate_series({first}, {last}) AS n"
