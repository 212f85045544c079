"""The archive with a task's files: complete, and not a byte longer than that."""

import io
import tarfile

from conveyor.extensions.tasks import TaskSpec
from services.worker.runtimes.containers.layout import container_archive

SPEC = TaskSpec(task_id="t", job_id="j", node_id="n", run="cat note", files={"note": "hello\n"})


def test_the_archive_has_the_script_and_the_files() -> None:
    with tarfile.open(fileobj=io.BytesIO(container_archive(SPEC))) as tar:
        assert "tork/entrypoint" in tar.getnames()
        note = tar.extractfile("tork/workdir/note")
        assert note is not None
        assert note.read() == b"hello\n"


def test_nothing_follows_the_end_mark() -> None:
    """An engine that stops reading there would break the pipe under what follows."""
    archive = container_archive(SPEC)
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        last = tar.getmembers()[-1]
    blocks = -(-last.size // tarfile.BLOCKSIZE)
    end_mark = archive[last.offset_data + blocks * tarfile.BLOCKSIZE :]
    assert end_mark == bytes(2 * tarfile.BLOCKSIZE)
