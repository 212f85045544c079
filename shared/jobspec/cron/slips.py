"""What an expression may say, and hardly anybody means."""

from collections.abc import Iterator

from shared.definition.quantities import parse_duration
from shared.jobspec.cron.fields import lonely_steps
from shared.jobspec.cron.parsing import every_of, fields_of


def slips_of(text: str) -> Iterator[str]:
    """`text` is a cron expression that is not refused."""
    every = every_of(text)
    if every is None:
        for item, value in lonely_steps(fields_of(text)):
            yield f"{item} is the same as {value}: the step is longer than the range"
    elif (seconds := parse_duration(every).total_seconds()) % 1:
        yield f"@every counts whole seconds: {every} is counted as {max(int(seconds), 1)}s"
