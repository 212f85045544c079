"""The job of the demo: its file, with an image for the tasks that name none."""

from pathlib import Path

import yaml

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "hello.yaml"


class JobFileError(Exception):
    """The file can't be read."""


def read_job_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise JobFileError(f"can't read {path}: {error.strerror}") from None


def with_image(job_text: str, image: str) -> str:
    """The same job with `image` set on each of its tasks that names none."""
    job = yaml.safe_load(job_text)
    for task in job["tasks"]:
        task.setdefault("image", image)
    return yaml.safe_dump(job, sort_keys=False, allow_unicode=True)


def wants_image(job_text: str) -> bool:
    """Whether `with_image` changes anything. What is not a job is left for the API to reject."""
    try:
        job = yaml.safe_load(job_text)
    except yaml.YAMLError:
        return False  # the API's answer says what is wrong with it
    tasks = job.get("tasks") if isinstance(job, dict) else None
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        return False
    return any("image" not in task for task in tasks)
