"""What runs an execution that may outlive its worker."""

from dataclasses import replace

from conveyor.extensions.runtimes import Execution, LogSink, ProgressSink, Runtime
from conveyor.extensions.tasks import TaskSpec
from services.worker.definition import Unsealed
from services.worker.files.execution import TaskFiles
from services.worker.kept.record import KeptExecution
from services.worker.runtimes.keeping import keeping_part


def execution_of(
    runtime: Runtime,
    kept: KeptExecution | None,
    log: LogSink,
    progress: ProgressSink,
    spec: TaskSpec,
) -> Execution:
    """By whatever runtime has it; as any other, where that can't be kept."""
    if kept is not None and (keeping := keeping_part(runtime)) is not None:
        execution = keeping.kept_execution(spec, log, progress, kept)
        if execution is not None:
            return execution
    return runtime.execution(spec, log, progress)


def files_of(unsealed: Unsealed, kept: KeptExecution | None) -> TaskFiles:
    """What one has that was left is there already."""
    is_left = kept is not None and kept.is_left
    return replace(unsealed.files, sources=()) if is_left else unsealed.files
