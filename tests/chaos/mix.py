"""The jobs of the mix: each knows how it must end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Literal

from tests.chaos.repository import Repository
from tests.chaos.script import Scripts

Json = dict[str, Any]
Fate = Literal["kept", "banned", "deleted"]

ARVADOS = "/arvados/v1/jobs"


@dataclass(frozen=True, slots=True)
class Planned:
    """A job to submit under the name `key`, and its end: `state`, and `result` if it has one.

    One that `is_reusing` is submitted twice at once, and once more after it has ended and met its
    `fate`. After that comes `then`. `reused_tasks` end as others have.
    """

    key: str
    body: Mapping[str, Any]
    state: str = "COMPLETED"
    result: str | None = None
    is_cancelled: bool = False
    is_long: bool = False
    door: str = "/jobs"
    is_reusing: bool = False
    fate: Fate = "kept"
    reused_tasks: int = 0
    then: "Planned | None" = None


class Workshop:
    """Makes jobs. The same `random` makes the same jobs."""

    def __init__(
        self,
        scripts: Scripts,
        random: Random,
        webhook_url: str,
        *,
        newest: bool = True,
        repository: Repository | None = None,
    ) -> None:
        """`newest`: also jobs that the version before does not know; with `repository`, also jobs
        that have files: those of it, and others."""
        left_out = (*(() if newest else _NEWEST), *(() if repository else _WITH_FILES))
        self._kinds = [kind for kind in _KINDS if kind not in left_out]
        self._repository = repository
        self._scripts = scripts
        self._random = random
        self._webhook_url = webhook_url

    def job(self, number: int, prefix: str) -> Planned:
        """Every kind comes in turn, long ones more often; every second job has webhooks."""
        kind = self._kinds[number % len(self._kinds)]
        planned = kind(self, f"{prefix}{number}-{kind.__name__}")
        # Its webhooks would be called for the job of another submission: the audit counts by job.
        if planned.is_reusing or self._random.random() < 0.5:
            return planned
        hooks = [
            {"url": f"{self._webhook_url}/0"},
            {"url": f"{self._webhook_url}/1", "event": "task.StateChange"},
        ]
        return replace(planned, body={**planned.body, "webhooks": hooks})

    def probe(self, key: str, queue: str) -> Planned:
        """A job that only the worker of `queue` can do."""
        task = self._task(key, "printf '%s' here", "here") | {"queue": queue}
        return Planned(key, _body(key, [task], "{{ tasks.here }}"), result="here")

    def chain(self, key: str) -> Planned:
        given = {"GIVEN": "{{ tasks.a }}"}, {"GIVEN": "{{ tasks.b }}"}
        tasks = [
            self._task(key, f"printf '%s' {key}", "a"),
            self._task(key, "printf '%s' $GIVEN+2", "b") | {"env": given[0]},
            self._task(key, "printf '%s' $GIVEN+3", "c") | {"env": given[1]},
        ]
        return Planned(key, _body(key, tasks, "{{ tasks.c }}"), result=f"{key}+2+3")

    def each(self, key: str) -> Planned:
        count = self._random.randint(3, 6)
        child = self._task(key, "printf '%s' $((N * N))", "r{{ item.index }}")
        child["env"] = {"N": "{{ item.value }}"}
        concurrency = self._random.randint(0, 2)
        each = {"list": f"{{{{ sequence(0, {count}) }}}}", "concurrency": concurrency}
        tasks = [{"name": "all", "each": each | {"task": child}}]
        output = " ".join(f"{{{{ tasks.r{n} }}}}" for n in range(count))
        result = " ".join(str(n * n) for n in range(count))
        return Planned(key, _body(key, tasks, output), result=result)

    def parallel(self, key: str) -> Planned:
        children = [self._task(key, f"printf '%s' {name}", name) for name in "abc"]
        tasks = [{"name": "all", "parallel": {"tasks": children}}]
        output = "{{ tasks.a }}{{ tasks.b }}{{ tasks.c }}"
        return Planned(key, _body(key, tasks, output), result="abc")

    def graph(self, key: str) -> Planned:
        names = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}
        tasks = [
            self._task(key, f"printf '%s' {name}", name) | {"needs": needs}
            for name, needs in names.items()
        ]
        output = "".join(f"{{{{ tasks.{name} }}}}" for name in names)
        return Planned(key, _body(key, tasks, output), result="abcd")

    def placed(self, key: str) -> Planned:
        """Two partitions of a batch, beside a service that its job stops in the end."""
        run = self._scripts.script(key, "exec sleep 600")
        service = {"name": "up", "placement": {"type": "service"}, "run": run}
        batch = self._task(f"{key}-batch", "printf '%s' $CONVEYOR_PARTITION_INDEX", "parts")
        batch |= {"placement": {"count": 2}, "retry": {"limit": 3, "initialDelay": "200ms"}}
        return Planned(
            key, _body(key, [service, batch], "{{ join(tasks.parts, ' ') }}"), result="0 1"
        )

    def service(self, key: str) -> Planned:
        """On two nodes until it is cancelled; one of the two ends now and then."""
        work = "[ $CONVEYOR_PARTITION_INDEX = 0 ] && sleep 600; sleep 2"
        task = self._task(key, work, "x") | {"placement": {"type": "service", "count": 2}}
        body = _body(key, [task], "'never'")
        return Planned(key, body, state="CANCELLED", is_cancelled=True)

    def partition(self, key: str) -> Planned:
        """A chunk for each line; the first to run fails."""
        work = f"mkdir {self._scripts.mark(key)} && exit 3; tr 123 149"
        work += ' < "$TASK_DIR/data.bin" > "$TASK_RESULTS_DIR/square"'
        assemble = self._task(key, 'cat "$TASK_RESULTS_DIR"/*/square | paste -sd " "', "all")
        chunk = {"run": self._task(key, work, "x")["run"]}
        stages = {
            "split": {"builtin": "lines", "params": {"linesPerChunk": 1}},
            "task": chunk | {"retry": {"limit": 3, "initialDelay": "200ms"}},
            "assemble": {"run": assemble["run"]},
        }
        source = {"inline": "1\n2\n3\n", "target": "numbers"}
        tasks = [{"name": "all", "var": "all", "sources": [source], "partition": stages}]
        return Planned(key, _body(key, tasks, "{{ trim(tasks.all) }}"), result="1 4 9")

    def spawned(self, key: str) -> Planned:
        """The first makes three tasks and one that comes after them, and fails at its first start
        or is lost at it: what it made then never is."""
        lines = "printf '{\"parameters\": %d}\\n' 1 2 3; echo '{\"sequence\": 2}'"
        makes = f"{{ {lines}; }} > $TORK_SPAWN; sleep 2; "
        makes += f"mkdir {self._scripts.mark(key)} && exit 111"
        square = "sleep 2; n=$(cat $TORK_PARAMETERS); printf '%s' $((n * n))"
        cases = f"0) {makes} ;; 1) {square} ;; 2) printf '%s' end ;;"
        child = {"run": self._task(key, f"case $TORK_SEQUENCE in {cases} esac; true", "x")["run"]}
        child["retry"] = {"limit": 3, "initialDelay": "200ms", "on": [111, "lost"]}
        if self._random.random() < 0.5:
            child["placement"] = {"maxPerNode": 2}
        concurrency = self._random.randint(0, 2)
        spawn = {"concurrency": concurrency, "task": child}
        tasks = [{"name": "all", "var": "all", "spawn": spawn}]
        body = _body(key, tasks, "{{ join(tasks.all, ' ') }}")
        return Planned(key, body, result="1 4 9 end", is_long=True)

    def reused(self, key: str) -> Planned:
        """Ends in one way or the other; it is the answer to the same work only if it completes and
        is still there."""
        ways: tuple[Callable[[str], Planned], ...] = (
            lambda key: replace(self.long(key), fate="kept"),
            lambda key: replace(self.long(key), fate="banned"),
            lambda key: replace(self.long(key), fate="deleted"),
            self.failing,
            self.cancelled,
        )
        planned = self._random.choice(ways)(key)
        return replace(planned, body={**planned.body, "reuse": True}, is_reusing=True)

    def reused_tasks(self, key: str) -> Planned:
        """After it comes one whose list differs in one item."""
        child = self._task(key, "sleep 1; printf '%s' $((N * N))", "r{{ item.index }}")
        child["env"] = {"N": "{{ item.value }}"}

        def each(key: str, *numbers: int) -> Planned:
            tasks = [{"name": "all", "each": {"list": list(numbers), "task": child}}]
            output = " ".join(f"{{{{ tasks.r{place} }}}}" for place in range(len(numbers)))
            body = _body(key, tasks, output) | {"reuse": {"tasks": True}}
            result = " ".join(str(n * n) for n in numbers)
            return Planned(key, body, result=result, is_long=True, is_reusing=True)

        last = replace(each(f"{key}-then", 1, 2, 5, 4), reused_tasks=3)
        return replace(each(key, 1, 2, 3, 4), then=last)

    def arvados(self, key: str) -> Planned:
        """A script of the name `key`."""
        assert self._repository is not None
        pause = self._random.uniform(1, 5)
        work = f'{{ sleep {pause:.1f}; printf "%s" "$JOB_PARAMETER_WORD"; }} > $TORK_OUTPUT'
        commit = self._repository.commit(key, self._scripts.script(key, work))
        body = {
            "script": key,
            "script_version": commit,
            "repository": self._repository.name,
            "script_parameters": {"word": key},
        }
        return Planned(key, body, result=key, is_long=True, door=ARVADOS, is_reusing=True)

    def subjob(self, key: str) -> Planned:
        inner = [self._task(key, "printf '%s' inner", "x")]
        subjob = {"name": f"{key}-inner", "tasks": inner, "output": "{{ tasks.x }}"}
        tasks = [{"name": "sub", "subjob": subjob, "var": "sub"}, self._task(key, "echo", "last")]
        return Planned(key, _body(key, tasks, "{{ tasks.sub }}"), result="inner")

    def retried(self, key: str) -> Planned:
        """Fails at its first start, or is lost at it."""
        work = f"mkdir {self._scripts.mark(key)} && exit 3; printf '%s' again"
        task = self._task(key, work, "x")
        task |= {"retry": {"limit": 3, "initialDelay": "200ms"}}
        return Planned(key, _body(key, [task], "{{ tasks.x }}"), result="again")

    def failing(self, key: str) -> Planned:
        tasks = [self._task(key, "exit 7", "x"), self._task(key, "echo never", "y")]
        return Planned(key, _body(key, tasks, "'never'"), state="FAILED")

    def long(self, key: str) -> Planned:
        """About as long as two leases."""
        work = f"sleep {self._random.uniform(3, 8):.1f}; printf '%s' long"
        body = _body(key, [self._task(key, work, "x")], "{{ tasks.x }}")
        return Planned(key, body, result="long", is_long=True)

    def cancelled(self, key: str) -> Planned:
        body = _body(key, [self._task(key, "sleep 600", "x")], "'never'")
        return Planned(key, body, state="CANCELLED", is_cancelled=True)

    def _task(self, key: str, work: str, var: str) -> Json:
        """`work` prints the result. Most are short, as most tasks are."""
        pause = self._random.choice(("", "", "sleep 0.3; ", "sleep 1; "))
        run = self._scripts.script(key, f"{{ {pause}{work}; }} > $TORK_OUTPUT")
        return {"name": var, "var": var, "run": run}


_KINDS: tuple[Callable[[Workshop, str], Planned], ...] = (
    Workshop.chain,
    Workshop.long,
    Workshop.each,
    Workshop.reused,
    Workshop.spawned,
    Workshop.reused_tasks,
    Workshop.placed,
    Workshop.long,
    Workshop.arvados,
    Workshop.reused,
    Workshop.parallel,
    Workshop.service,
    Workshop.subjob,
    Workshop.partition,
    Workshop.long,
    Workshop.retried,
    Workshop.cancelled,
    Workshop.graph,
    Workshop.failing,
)
_WITH_FILES = (Workshop.partition, Workshop.arvados)
_NEWEST = (
    Workshop.placed,
    Workshop.service,
    Workshop.spawned,
    Workshop.reused,
    Workshop.reused_tasks,
)


def _body(key: str, tasks: list[Json], output: str) -> Json:
    return {"name": key, "tasks": tasks, "output": output}
