"""Fields that the job language does not have: which one was meant."""

from typing import Any

import pytest

from tests.support.jobs.submissions import refusal, with_task


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (with_task(comand=["x"]), "tasks[0].comand: unknown field, did you mean 'cmd'?"),
        (with_task(Timeout="5s"), "tasks[0].Timeout: unknown field, did you mean 'timeout'?"),
        (with_task(zzz=1), "tasks[0].zzz: unknown field"),
        (
            with_task() | {"autodelete": {"after": "1h"}},
            "autodelete: unknown field, did you mean 'autoDelete'?",
        ),
        (
            with_task(retry={"limit": 1, "initial_delay": "1s"}),
            "tasks[0].retry.initial_delay: unknown field, did you mean 'initialDelay'?",
        ),
        (with_task() | {"each": []}, "each: unknown field: 'each' is a field of tasks"),
    ],
)
def test_an_unknown_field_is_refused_with_a_guess(job: dict[str, Any], message: str) -> None:
    assert message in refusal(job).split("; ")


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ("environment variables env_vars envFrom", "env"),
        ("depends_on dependsOn depends-on dependencies after requires", "needs"),
        ("volumes volumeMounts binds", "mounts"),
        ("when condition only", "if"),
        ("script shell bash command", "run"),
        ("args arguments", "cmd"),
        ("services containers", "sidecars"),
        ("runs-on worker pool nodeSelector", "queue"),
        ("continue-on-error ignoreErrors", "allowFailure"),
        ("retries maxAttempts retryPolicy", "retry"),
        ("timeout-minutes activeDeadlineSeconds", "timeout"),
        ("forEach matrix withItems", "each"),
        ("before_script initContainers", "pre"),
        ("after_script", "post"),
        ("resources", "limits"),
        ("cpu", "limits.cpus"),
        ("mem", "limits.memory"),
        ("delay", "retry.initialDelay"),
        ("maxParallel", "each.concurrency"),
        ("register outputs", "var"),
        ("working_dir cwd", "workdir"),
        ("InputSources inputArtifacts download", "sources"),
        ("ResultPaths outputFiles upload-artifact persist", "artifacts"),
        ("Publisher publishers uploadTo", "publish"),
    ],
)
def test_the_words_of_other_tools_are_understood(words: str, field: str) -> None:
    for word in words.split():
        assert f"did you mean '{field}'?" in refusal(with_task(**{word: "x"}))


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (with_task(retry={"limit": 1, "delay": "1s"}), "did you mean 'initialDelay'?"),
        (with_task(command=["a", "b"]), "did you mean 'cmd'?"),
        (with_task(pre=[{"retry": {}}]), "unknown field: 'retry' is a field of tasks"),
        (with_task(sidecars=[{"when": "x"}]), "unknown field: 'if' is a field of tasks"),
        (with_task(sources=[{"params": {}}]), "a source names its kind itself: url, or s3 with"),
        (with_task(sources=[{"checksum": "x"}]), "did you mean 'sha256'?"),
        (with_task(sources=[{"s3": {"prefix": "x"}}]), "did you mean 'key'?"),
        (with_task(artifacts=[{"paths": ["x"]}]), "did you mean 'path'?"),
        (with_task(artifacts=[{"expire_in": "1d"}]), "artifacts stay as long as their job"),
        (with_task(cache={}), "tasks share no directory: artifacts keeps files"),
        (with_task() | {"artifacts": []}, "unknown field: 'artifacts' is a field of tasks"),
        (with_task(image_pull="always"), "a worker pulls each image that it does not have"),
        (with_task(secrets={"a": "b"}), "unknown field: 'secrets' is a field of the job"),
        (with_task() | {"steps": []}, "did you mean 'tasks'?"),
        (with_task() | {"environment": {}}, "unknown field: 'env' is a field of tasks"),
        (with_task() | {"timeouts": {}}, "did you mean 'timeout'?"),
        (with_task() | {"queue": "x"}, "did you mean 'defaults.queue'?"),
        (with_task() | {"cron": "@daily"}, "did you mean 'schedule'?"),
        (with_task() | {"apiVersion": "v1"}, "a job has no header as in Kubernetes"),
    ],
)
def test_a_field_of_another_place_is_led_to_its_own(job: dict[str, Any], message: str) -> None:
    assert message in refusal(job)
