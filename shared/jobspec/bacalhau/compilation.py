"""From a job of Bacalhau to the definition that every service reads: one placed task."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, cast

from shared import definition as d
from shared.definition.placement import Operator, PlacementKind
from shared.expressions import quoted
from shared.jobspec import file_rules
from shared.jobspec.bacalhau import BUNDLE, amounts
from shared.jobspec.bacalhau import models as m
from shared.jobspec.bacalhau import storages as s
from shared.jobspec.bacalhau.engines import Docker, Wasm, engine_of, variable
from shared.jobspec.bacalhau.publishers import S3Publisher, publisher_of
from shared.jobspec.bacalhau.rules import PREFERENCE

PREFIX = "BACALHAU"
"""Of the variables that tell an execution what it is."""
BATCH_RETRY = d.Retry(
    limit=3,
    initial_delay=d.Duration(1, "1s"),
    scaling_factor=2,
    max_delay=d.Duration(60, "1m"),
)
"""Of a batch job that doesn't say. The exit code of its program is no failure, unless it says so:
what is tried again is what failed around it."""
_ARCHIVE = "data:application/gzip"
_ALL_TARGETS = "0.0.0.0"  # noqa: S104 - as Bacalhau has it


def compile_job(job: m.Job, name: str) -> d.JobDefinition:
    """`job` is checked; `name` is what it is called without a name of its own."""
    total = job.task.timeouts.total_timeout
    return d.JobDefinition(
        name=job.name or name,
        tasks=(_task(job),),
        timeout=amounts.seconds(total) if total and _ends(job) else None,
        budget=job.budget,
    )


def _ends(job: m.Job) -> bool:
    return job.type not in m.KEPT_RUNNING


def _literal(text: str) -> str:
    """What looks like an expression of ours is none here."""
    return quoted(text) if "{{" in text else text


def _literals(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(_literal, texts))


def _task(job: m.Job) -> d.TaskDefinition:
    task = job.task
    engine = engine_of(task)
    execution = task.timeouts.execution_timeout
    return d.TaskDefinition(
        name=_literal(task.name),
        env={name: _literal(value) for name, value in _env(engine, task)},
        sources=tuple(_source(source, engine) for source in task.input_sources),
        artifacts=_artifacts(job),
        publish=_publications(job),
        bundle=BUNDLE if _is_kept(job) else None,
        timeout=amounts.seconds(execution) if execution and _ends(job) else None,
        queue_timeout=_queue_timeout(job),
        retry=_retry(job),
        network=_network(task.network),
        placement=_placement(job),
        **_program(engine),
        **_success(job.success_codes),
    )


def _program(engine: Docker | Wasm) -> dict[str, Any]:
    if isinstance(engine, Wasm):
        return {"wasm": _wasm(engine), "cmd": _literals(engine.parameters)}
    return {
        "image": _literal(engine.image),
        "entrypoint": tuple(engine.entrypoint),
        "cmd": _literals(engine.parameters),
        "workdir": engine.working_directory or None,
    }


def _wasm(engine: Wasm) -> d.Wasm:
    imports = {module: module for module in engine.import_modules}
    entrypoint = {"entrypoint": engine.entrypoint} if engine.entrypoint else {}
    return d.Wasm(module=engine.entry_module, imports=imports, **entrypoint)


def _success(codes: Sequence[int] | None) -> dict[str, Any]:
    return {"any_exit_code": True} if codes is None else {"success_codes": tuple(codes)}


def _env(engine: Docker | Wasm, task: m.Task) -> Iterator[tuple[str, str]]:
    """What the task says comes last: it stands before what its engine says."""
    if isinstance(engine, Docker):
        yield from map(variable, engine.environment_variables)
    else:
        yield from engine.environment_variables.items()
    yield from task.env.items()


def _retry(job: m.Job) -> d.Retry | None:
    if (given := job.retry) is None:
        return BATCH_RETRY if job.type == "batch" else None
    return d.Retry(
        limit=given.limit,
        initial_delay=_duration(given.initial_delay),
        max_delay=_duration(given.max_delay),
        scaling_factor=given.scaling_factor or None,
        reset_after=_duration(given.reset_after),
    )


def _duration(text: str) -> d.Duration | None:
    return amounts.duration(text) if text else None


def _queue_timeout(job: m.Job) -> d.Duration | None:
    """0 doesn't wait at all. What runs on all nodes has no queue."""
    if job.type in m.ON_ALL_NODES:
        return None
    return amounts.seconds(job.task.timeouts.queue_timeout)


def _placement(job: m.Job) -> d.Placement:
    wishes = tuple(_constraint(c) for c in job.constraints if c.key.startswith(PREFERENCE))
    return d.Placement(
        type=cast(PlacementKind, job.type),
        count=1 if job.type in m.ON_ALL_NODES else job.count or 0,
        constraints=tuple(
            _constraint(c) for c in job.constraints if not c.key.startswith(PREFERENCE)
        ),
        prefer=(d.Preference(constraints=wishes),) if wishes else (),
        resources=_resources(job.task.resources),
        one_per_node=bool(job.one_per_node),
        priority=job.priority,
        update=_update(job.update_policy),
        prefix=PREFIX,
    )


def _update(given: m.UpdatePolicy | None) -> d.UpdatePolicy | None:
    if given is None:
        return None
    healthy_after = _duration(given.healthy_after)
    return d.UpdatePolicy(max_unavailable=given.max_unavailable, healthy_after=healthy_after)


def _constraint(constraint: m.Constraint) -> d.Constraint:
    return d.Constraint(
        key=constraint.key.removeprefix(PREFERENCE),
        operator=cast(Operator, constraint.operator),
        values=tuple(constraint.values),
    )


def _resources(resources: m.Resources) -> d.Resources:
    return d.Resources(
        cpus=amounts.cpus(resources.cpu or "0"),
        memory=amounts.memory(resources.memory or "0"),
        disk=amounts.disk(resources.disk or "0"),
        gpus=amounts.gpus(resources.gpu or "0"),
    )


_NetworkType = Literal["default", "none", "host", "bridge", "full", "http"]


def _network(network: m.Network) -> d.Network | None:
    if network.type == "Default":
        return None
    return d.Network(
        type=cast(_NetworkType, network.type.lower()),
        domains=tuple(network.domains),
        ports=tuple(
            d.Port(
                name=port.name,
                static=port.static or None,
                target=port.target or None,
                address=port.host_network or _ALL_TARGETS,
            )
            for port in network.ports
        ),
    )


def _source(source: m.InputSource, engine: Docker | Wasm) -> d.Source:
    """One file that has a name of its own is put into the target, unless the target is a module: of
    that it is the file itself."""
    modules = engine.modules if isinstance(engine, Wasm) else ()
    target = source.target
    storage = s.storage_of(source.source)
    if target not in modules and _has_name(storage):
        target = target.rstrip("/") + "/"
    return d.Source(target=_literal(target), **_origin(storage))


def _has_name(storage: s.Storage) -> bool:
    if isinstance(storage, s.S3) and not isinstance(storage, s.S3PreSigned):
        return file_rules.is_one_object(storage.key or "/")
    return isinstance(storage, s.UrlDownload | s.S3PreSigned)


def _origin(storage: s.Storage) -> dict[str, Any]:
    match storage:
        case s.Ipfs(cid=cid):
            return {"ipfs": cid}
        case s.UrlDownload(url=url) | s.S3PreSigned(pre_signed_url=url):
            return {"url": _literal(url)}
        case s.S3():
            checksum = storage.checksum_sha256
            sha256 = s.checksum_in_hex(checksum) if checksum else ""
            return {"s3": _objects(storage), "sha256": sha256}
        case s.Inline(url=url):
            return {"inline": url, "extract": url.startswith(_ARCHIVE)}
        case s.Local():
            return {
                "local": _literal(storage.source_path),
                "read_only": not storage.read_write,
                "writes": storage.read_write,
                "create": _CREATED.get(storage.create_as, ""),
            }


_CREATED = {"dir": "directory", "file": "file"}


def _objects(s3: s.S3) -> d.S3Object:
    return d.S3Object(
        bucket=s3.bucket,
        key=_literal(s3.key),
        filter=_literal(s3.filter),
        region=s3.region,
        endpoint=s3.endpoint,
        version_id=s3.version_id,
        partition=_partition(s3.partition),
    )


def _partition(given: s.Partition) -> d.Partition | None:
    if given.type in ("", "none"):
        return None
    return d.Partition(
        type=cast(Literal["object", "regex", "substring", "date"], given.type),
        pattern=given.pattern,
        start=given.start_index,
        end=given.end_index,
        date_format=given.date_format,
    )


def _is_kept(job: m.Job) -> bool:
    """Whether it leaves results: they are kept in our store of files, whatever the publisher."""
    return _ends(job) and job.task.publisher.type not in ("", "noop")


def _artifacts(job: m.Job) -> tuple[d.Artifact, ...]:
    """They are in the bundle of an execution, also of one that fails."""
    if not _is_kept(job):
        return ()
    return tuple(
        d.Artifact(name=result.name, path=_literal(result.path)) for result in job.task.result_paths
    )


def _publications(job: m.Job) -> tuple[d.Publication, ...]:
    """`local` and `s3managed` are our store of files, from which results are downloaded."""
    if not _is_kept(job):
        return ()
    match publisher_of(job.task.publisher):
        case S3Publisher() as s3:
            return (d.Publication(artifact=BUNDLE, s3=_target(s3)),)
    is_ipfs = job.task.publisher.type == "ipfs"
    return (d.Publication(artifact=BUNDLE, ipfs=True),) if is_ipfs else ()


def _target(s3: S3Publisher) -> d.S3Object:
    return d.S3Object(
        bucket=s3.bucket,
        key=_literal(s3.key),
        endpoint=s3.endpoint,
        region=s3.region,
        encoding="plain" if s3.encoding.lower() == "plain" else "gzip",
    )
