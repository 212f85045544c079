"""What may stand around a task's container: mounts, pre, post, sidecars."""

import pytest

from shared.definition import Probe, decode_task, encode
from tests.support.jobs.definitions import task_definition
from tests.support.jobs.submissions import Json, refusal, submitted, with_task


@pytest.mark.parametrize(
    "mount",
    [
        {"type": "volume", "target": "/data"},
        {"type": "volume", "target": "/torkish"},
        {"type": "bind", "source": "/a/b-c_d.e=f g", "target": "/tmp"},
        {"type": "tmpfs", "target": "/tmp", "opts": {"size": "1m"}},
        {"type": "s3", "source": "bucket=some path=/x"},
        {"type": "s3", "target": "relative"},
    ],
)
def test_a_mount_is_kept_as_it_was_submitted(mount: Json) -> None:
    job = with_task(mounts=[mount])
    assert submitted(job).as_submitted() == job


@pytest.mark.parametrize(
    ("mount", "message"),
    [
        ({"target": "/a"}, "type: is required"),
        (
            {"type": "No Type", "target": "/a"},
            'type: "No Type" is not allowed: '
            "must be a name of small letters, digits, '_' and '-', a letter first",
        ),
        ({"type": "volume"}, "target: is required for a volume"),
        (
            {"type": "volume", "source": "/a", "target": "/b"},
            'source: "/a" is not allowed: a volume has no source',
        ),
        ({"type": "bind", "target": "/b"}, "source: is required for a bind"),
        ({"type": "bind", "source": "/a"}, "target: is required for a bind"),
        (
            {"type": "bind", "source": "../a", "target": "/b"},
            'source: "../a" is not allowed: must be an absolute path',
        ),
        (
            {"type": "bind", "source": "/srv/../etc", "target": "/b"},
            "source: \"/srv/../etc\" is not allowed: must not hold '..'",
        ),
        (
            {"type": "bind", "source": "/some#/a", "target": "/b"},
            'source: "/some#/a" is not allowed: '
            "must hold only letters, digits, spaces and the characters - / . _ =",
        ),
        ({"type": "tmpfs"}, "target: is required for a tmpfs"),
        (
            {"type": "tmpfs", "source": "/a", "target": "/b"},
            'source: "/a" is not allowed: a tmpfs has no source',
        ),
        (
            {"type": "tmpfs", "target": "/a:/b"},
            'target: "/a:/b" is not allowed: '
            "must hold only letters, digits, spaces and the characters - / . _ =",
        ),
        (
            {"type": "volume", "target": "data"},
            'target: "data" is not allowed: must be an absolute path',
        ),
        (
            {"type": "volume", "target": "/"},
            'target: "/" is not allowed: must not be the root directory',
        ),
    ],
)
def test_a_mount_that_cannot_be_made_is_refused(mount: Json, message: str) -> None:
    assert refusal(with_task(mounts=[mount])) == f"tasks[0].mounts[0].{message}"


@pytest.mark.parametrize("target", ["/tork", "/tork/", "//tork", "/./tork", "/tork/workdir"])
@pytest.mark.parametrize("kind", ["volume", "tmpfs", "s3"])
def test_nothing_is_mounted_over_the_files_of_the_task(kind: str, target: str) -> None:
    assert refusal(with_task(mounts=[{"type": kind, "target": target}])) == (
        f'tasks[0].mounts[0].target: "{target}" is not allowed: '
        "must not be /tork or below it, where a task's own files are"
    )


@pytest.mark.parametrize("place", ["pre", "post", "sidecars"])
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"workdir": "/x"}, "workdir: unknown field: 'workdir' is a field of tasks"),
        ({"mounts": []}, "mounts: is shared: set it on the task this belongs to"),
        (
            {"timeout": "x"},
            'timeout: "x" is not allowed: must be a duration such as 90s, 10m or 1h30m',
        ),
        ({"env": {"A=": "b"}}, "env.A=: must not hold '='"),
        (
            {"files": {"/x": "y"}},
            'files./x: "/x" is not allowed: must be a path below the working directory',
        ),
    ],
)
def test_what_runs_around_a_task_has_fewer_fields(place: str, fields: Json, message: str) -> None:
    assert refusal(with_task(**{place: [fields]})) == f"tasks[0].{place}[0].{message}"


@pytest.mark.parametrize(
    ("probe", "message"),
    [
        ({}, ".port: or command is required"),
        ({"command": []}, ".command: must have at least 1 entry"),
        ({"command": ["true"], "port": 80}, ".port: can't be combined with command"),
        ({"command": ["true"], "path": "/"}, ".path: can't be combined with command"),
        ({"path": "/"}, ".port: is required"),
        ({"path": "/", "port": 0}, ".port: 0 is not allowed: must be at least 1"),
        ({"path": "/", "port": 65536}, ".port: 65536 is not allowed: must be at most 65535"),
        (
            {"path": "health", "port": 80},
            ".path: \"health\" is not allowed: must be a path that starts with '/', without spaces",
        ),
        (
            {"path": "/", "port": 80, "timeout": "0s"},
            '.timeout: "0s" is not allowed: must be longer than zero',
        ),
    ],
)
def test_a_probe_says_what_to_ask(probe: Json, message: str) -> None:
    assert refusal(with_task(sidecars=[{"probe": probe}])) == (
        f"tasks[0].sidecars[0].probe{message}"
    )


@pytest.mark.parametrize(
    ("probe", "meant"),
    [
        ({"path": "/", "port": 80}, Probe(port=80, path="/")),
        ({"port": 5432}, Probe(port=5432, path=None)),
        ({"command": ["pg_isready"]}, Probe(path=None, command=("pg_isready",))),
    ],
)
def test_a_probe_asks_by_http_tcp_or_a_command(probe: Json, meant: Probe) -> None:
    task = task_definition({"sidecars": [{"image": "i", "probe": probe}]})
    assert decode_task(encode(task)).sidecars[0].probe == meant
