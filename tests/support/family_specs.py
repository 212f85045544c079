"""Random jobs of nested tasks, for property tests."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from shared.lifecycle import RetryPolicy, TaskKind


@dataclass(frozen=True)
class Spec:
    """A task as submitted. `inner` are the children of a parallel, the one of an each, or the list
    of a sub-job; `needs` (by place from 0) makes that a graph. A worker fails the first `failures`
    attempts at a task; each child of a spawn makes as many as it `spawns`. `timeout` and
    `output` ("", "done" or "fails") are those of a sub-job."""

    kind: TaskKind = TaskKind.TASK
    inner: tuple["Spec", ...] = ()
    items: int = 0
    concurrency: int = 0
    required: int | None = None
    finishes: bool = False
    plans_as: str = "task"  # or "skipped", "failed"
    allow_failure: bool = False
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    needs: tuple[frozenset[int], ...] | None = None
    is_detached: bool = False
    spawns: int = 0
    has_barrier: bool = True
    failures: int = 0
    queue_timeout: timedelta | None = None
    task_timeout: timedelta | None = None
    timeout: timedelta | None = None
    output: str = ""

    def child(self, index: int) -> "Spec":
        return self.inner[index if self.kind is TaskKind.PARALLEL else 0]

    def as_job(self) -> dict[str, Any]:
        """This list of tasks as a job that is submitted."""
        names = [f"{index} {task.name}" for index, task in enumerate(self.inner)]
        tasks = [task.as_task(name) for task, name in zip(self.inner, names, strict=True)]
        for task, needs in zip(tasks, self.needs or (), strict=False):
            task["needs"] = [names[needed] for needed in needs]
        job = {"name": "a job", "tasks": tasks, "output": _OUTPUTS[self.output]}
        return {**job, "timeout": _text(self.timeout)}

    @property
    def name(self) -> str:
        """It says what a worker must know, as nothing else of a task is shown to it unchanged."""
        return f"fails {self.failures}"

    def as_task(self, name: str) -> dict[str, Any]:
        return {
            "name": name,
            "if": _CONDITIONS[self.plans_as],
            "allowFailure": self.allow_failure,
            **self._made_of(),
        }

    def _made_of(self) -> dict[str, Any]:
        match self.kind:
            case TaskKind.PARALLEL:
                tasks = [task.as_task(task.name) for task in self.inner]
                return {"parallel": {"tasks": tasks, **self._tolerance(len(tasks))}}
            case TaskKind.EACH:
                [child] = self.inner
                each = {"list": [0] * self.items, "task": child.as_task(child.name)}
                more = self._tolerance(self.items)
                return {"each": {**each, "concurrency": self.concurrency, **more}}
            case TaskKind.SPAWN:
                [child] = self.inner
                task = child.as_task(f"spawns {self.spawns} {child.name}")
                spawn = {"concurrency": self.concurrency, "barrier": self.has_barrier}
                return {"spawn": {**spawn, "task": task}}
            case TaskKind.SUBJOB:
                return {"subjob": {**self.as_job(), "detached": self.is_detached}}
            case TaskKind.PLACED:
                raise NotImplementedError  # no family of the model has one yet
            case TaskKind.TASK:
                times = {
                    "timeout": _text(self.task_timeout),
                    "queueTimeout": _text(self.queue_timeout),
                }
                return {"run": "true", "retry": self._retry(), **times}

    def _tolerance(self, total: int) -> dict[str, Any]:
        """Said in both ways."""
        if self.finishes:
            most = max(total - self.required, 0) if self.required else None
            return {"maxFailed": most, "onFailure": "finish"}
        return {"minSuccess": min(self.required, total) or None if self.required else None}

    def _retry(self) -> dict[str, Any] | None:
        policy = self.retry
        if not policy.limit:
            return None
        on = [int(c) if c.isdigit() else c for c in sorted(policy.on)] if policy.on else None
        return {"limit": policy.limit, "initialDelay": _text(policy.initial_delay), "on": on}


_FAILS = "{{ fromJSON('no JSON') }}"
_CONDITIONS = {"task": None, "skipped": "{{ false }}", "failed": _FAILS}
_OUTPUTS = {"": None, "done": "{{ 'done' }}", "fails": _FAILS}


def _text(span: timedelta | None) -> str | None:
    return f"{span.total_seconds():g}s" if span else None


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
        Spec,
        kind=st.just(TaskKind.PARALLEL),
        inner=some,
        required=least,
        finishes=st.booleans(),
        **_common,
    )
    each = st.builds(
        Spec,
        kind=st.just(TaskKind.EACH),
        inner=inner.map(lambda spec: (spec,)),
        items=st.integers(0, 5),
        concurrency=st.integers(0, 2),
        required=least,
        finishes=st.booleans(),
        **_common,
    )
    spawn = st.builds(
        Spec,
        kind=st.just(TaskKind.SPAWN),
        inner=_plain.map(lambda spec: (spec,)),
        spawns=st.integers(0, 2),
        has_barrier=st.sampled_from([True, True, False]),
        concurrency=st.integers(0, 2),
        **_common,
    )
    subjob = _lists_of(
        some,
        is_detached=st.sampled_from([False, False, True]),
        allow_failure=_common["allow_failure"],
    )
    return parallel | each | spawn | subjob


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
