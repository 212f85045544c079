"""What /metrics tells of the files of a worker's tasks."""

from shared.process.metrics import Metrics, MetricSpec

_BYTES = MetricSpec(
    "file_bytes_total",
    "Bytes of files of tasks: `fetched` from where sources are, `brought` to tasks, `kept` in the "
    "store, `published`.",
    labels=("act",),
)
_CACHE = MetricSpec(
    "file_cache_requests_total",
    "Files that tasks needed: `hit` when the cache of the worker had them, else `miss`.",
    labels=("outcome",),
)
_FAILED = MetricSpec(
    "file_transfers_failed_total",
    "Attempts that failed because of a file: a source (`bring`), an artifact (`take`), `publish`.",
    labels=("act",),
)


class FileMetrics:
    def __init__(self, metrics: Metrics) -> None:
        counted, requests = metrics.counter(_BYTES), metrics.counter(_CACHE)
        self.fetched, self.brought = counted.labels("fetched"), counted.labels("brought")
        self.kept, self.published = counted.labels("kept"), counted.labels("published")
        self.hits, self.misses = requests.labels("hit"), requests.labels("miss")
        failed = metrics.counter(_FAILED)
        self.failed = {act: failed.labels(act) for act in ("bring", "take", "publish")}
