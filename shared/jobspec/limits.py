"""What bounds a submission, for those who need nothing else of the job language: it is large."""

MAX_NAME = 256
MAX_TASKS = 5_000
"""In one list."""
MAX_NEEDS = 10_000
"""Of all tasks of a list together."""
MAX_DESCRIPTION = 10_000
MAX_TAGS = 64
MAX_SECRETS = 500
MAX_WEBHOOKS = 100
MAX_EXPRESSIONS = 1000
"""In one text."""
MAX_TAG = 128
MAX_KEY = 256
MAX_VAR = 64
MAX_WORKDIR = 256
MAX_URL = 8_000
"""In bytes, as the next."""
MAX_HEADER = 8_000
"""Of one value: receivers commonly take 8 KiB of a line."""
MAX_FILTER = 4_000
MAX_HEADERS = 50
MAX_STATUSES = 50
MAX_FILES = 100
"""Artifacts, sources or publications of a task, and uploads of a job."""
MAX_CONSTRAINTS = 100
"""In one list of them; of preferences, ports and domains, too."""
MAX_EXECUTIONS = 10_000
"""Of one placed task."""
MAX_GPUS = 1_000
"""Of one execution."""
MAX_OBJECT_KEY = 1_024
"""In bytes, as S3 has it."""
OWN_SECRETS = "conveyor."
"""How the names of secrets begin that a client did not name: they are never shown."""
ACCESS_KEY_SUFFIX = "_ACCESS_KEY"
"""How the name of a stored secret goes on where its access key is meant."""
MOST_FIRINGS = 100
"""Of a schedule, in an answer that shows the next ones."""
