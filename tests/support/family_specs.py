"""Random jobs of nested tasks, for property tests of the core."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from shared.lifecycle import PlannedTask, RetryPolicy, TaskKind


@dataclass(frozen=True)
class Spec:
    """A task as submitted. `inner` are the children of a parallel, the one of an each, or the list
    of a sub-job; `needs` (by place from 0) makes that a graph. A worker fails the first `failures`
    attempts at a task. `timeout` and `output` ("", "done" or "fails") are those of a sub-job."""

    kind: TaskKind = TaskKind.TASK
    inner: tuple["Spec", ...] = ()
    items: int = 0
    concurrency: int = 0
    required: int | None = None
    plans_as: str = "task"  # or "skipped", "failed"
    allow_failure: bool = False
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    needs: tuple[frozenset[int], ...] | None = None
    is_detached: bool = False
    failures: int = 0
    queue_timeout: timedelta | None = None
    task_timeout: timedelta | None = None
    timeout: timedelta | None = None
    output: str = ""

    def child(self, child_index: int) -> "Spec":
        return self.inner[child_index if self.kind is TaskKind.PARALLEL else 0]

    @property
    def planned(self) -> PlannedTask:
        queue = "default" if self.kind is TaskKind.TASK else ""
        return PlannedTask(
            name="t",
            queue=queue,
            kind=self.kind,
            allow_failure=self.allow_failure,
            retry=self.retry,
            queue_timeout=self.queue_timeout,
            timeout=self.task_timeout,
            definition={"spec": self},
        )


_common = {
    "plans_as": st.sampled_from(["task"] * 8 + ["skipped", "failed"]),
    "allow_failure": st.sampled_from([False, False, False, True]),
}
_retries = st.builds(
    RetryPolicy,
    limit=st.integers(0, 1),
    initial_delay=st.sampled_from([timedelta(), timedelta(seconds=1)]),
    on=st.sampled_from([None, None, frozenset({"1"}), frozenset({"lost", "timeout"})]),
)
_some_seconds = st.sampled_from([None, None, None, timedelta(seconds=60)])
_plain = st.builds(
    Spec,
    retry=_retries,
    failures=st.sampled_from([0, 0, 0, 1, 9]),
    queue_timeout=_some_seconds,
    task_timeout=_some_seconds,
    **_common,
)


def _made_of(inner: st.SearchStrategy[Spec]) -> st.SearchStrategy[Spec]:
    some = st.lists(inner, min_size=1, max_size=3).map(tuple)
    least = st.sampled_from([None, None, 1, 2])
    parallel = st.builds(
        Spec, kind=st.just(TaskKind.PARALLEL), inner=some, required=least, **_common
    )
    each = st.builds(
        Spec,
        kind=st.just(TaskKind.EACH),
        inner=inner.map(lambda spec: (spec,)),
        items=st.integers(0, 5),
        concurrency=st.integers(0, 2),
        required=least,
        **_common,
    )
    subjob = _lists_of(
        some,
        is_detached=st.sampled_from([False, False, True]),
        allow_failure=_common["allow_failure"],
    )
    return parallel | each | subjob


def _lists_of(
    some: st.SearchStrategy[tuple[Spec, ...]], **fields: st.SearchStrategy[Any]
) -> st.SearchStrategy[Spec]:
    return st.builds(
        _listed,
        some,
        st.lists(st.integers(0, 7)),
        st.booleans(),
        timeout=_some_seconds,
        output=st.sampled_from(["", "", "done", "fails"]),
        **fields,
    )


def _listed(inner: tuple[Spec, ...], seeds: list[int], is_graph: bool, **fields: Any) -> Spec:
    """A list of tasks; in a graph each may need any of those before it, by the bits of a seed."""
    bits = [*seeds, *[0] * len(inner)]
    needs = tuple(frozenset(n for n in range(p) if bits[p] >> n & 1) for p in range(len(inner)))
    return Spec(
        kind=TaskKind.SUBJOB,
        inner=inner,
        needs=needs if is_graph else None,
        **fields,
    )


_task = st.recursive(_plain, _made_of, max_leaves=6)
job_specs = _lists_of(st.lists(_task, min_size=1, max_size=3).map(tuple))
