"""What the names of images stand for, as far as a process has seen it."""

from dataclasses import replace
from datetime import timedelta

from shared.lifecycle import Task
from shared.planning.images import KnownImages
from tests.support.jobs.decided import NOW, running


def ran(image: str, digest: str | None) -> Task:
    _, task = running(definition={"image": image})
    return replace(task, image_digest=digest)


def test_a_name_is_stored_again_only_when_it_stands_for_another_image() -> None:
    images = KnownImages()
    tasks = [ran("a", "sha256:1"), ran("b", None), ran("c@sha256:3", "sha256:3")]
    assert images.new_of(tasks, NOW) == images.new_of(tasks, NOW) == {"a": "sha256:1"}
    images.add({"a": "sha256:1"})
    assert images.new_of(tasks, NOW) == {}
    assert images.new_of([ran("a", "sha256:2")], NOW) == {"a": "sha256:2"}


def test_a_name_is_stored_again_after_a_while_since_others_may_have_seen_it_change() -> None:
    images = KnownImages()
    tasks = [ran("a", "sha256:1")]
    images.new_of(tasks, NOW)
    images.add({"a": "sha256:1"})
    soon, later = (NOW + timedelta(minutes=minutes) for minutes in (9, 11))
    assert images.new_of(tasks, soon) == {}
    assert images.new_of(tasks, later) == {"a": "sha256:1"}
