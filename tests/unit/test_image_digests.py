"""What is told of the image that an attempt has run."""

import pytest

from services.worker.phases import Phases, note_image, phases_of_attempt
from services.worker.runtimes.containers.images import digest_among

ID = "sha256:" + "1" * 64


@pytest.mark.parametrize(
    ("digests", "name", "digest"),
    [
        (["alpine@sha256:2"], "alpine:3", "sha256:2"),
        (["lab/a@sha256:2", "docker.io/library/alpine@sha256:3"], "alpine:3", "sha256:3"),
        (["lab/a@sha256:2"], "localhost:5000/b", "sha256:2"),
        (["b@sha256:2", "a@sha256:3"], "localhost:5000/lab/a:1", "sha256:3"),
        ([], "made-here", ID),
    ],
)
def test_an_image_is_known_by_its_digest_in_the_registry_or_else_by_its_id(
    digests: list[str], name: str, digest: str
) -> None:
    assert digest_among(digests, ID, name) == digest
    assert digest_among([], ID.removeprefix("sha256:"), name) == ID  # as Podman tells it


def test_an_attempt_that_outlives_its_worker_still_knows_its_image() -> None:
    note_image("sha256:0")  # of no attempt
    with phases_of_attempt(phases := Phases()):
        note_image("sha256:1")
    taken_over = Phases()
    taken_over.restore(phases.saved(), 0.0)
    assert taken_over.image_digest == "sha256:1"
    before = Phases()
    before.restore({"started_at": 0, "past": []}, 0.0)
    assert before.image_digest is None
