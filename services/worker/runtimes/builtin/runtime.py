"""The builtin runtime: a task is a program that comes with the worker, in a process of its own."""

from dataclasses import replace

from conveyor.extensions.runtimes import Execution, LogSink, Outcome, ProgressSink
from conveyor.extensions.tasks import TaskSpec
from services.worker.runtimes.builtin.environment import BuiltinEnvironment
from services.worker.runtimes.shell.rooted import RootedRuntime


class BuiltinRuntime(RootedRuntime):
    def execution(self, spec: TaskSpec, log: LogSink, progress: ProgressSink) -> Execution:
        environment = BuiltinEnvironment(self._context, spec)

        def explain(outcome: Outcome) -> Outcome:
            verdict = environment.verdict
            return replace(outcome, reason=verdict) if verdict else outcome

        return self._run(environment, spec, log, progress, explain)
