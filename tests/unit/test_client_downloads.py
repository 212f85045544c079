"""What arrives by a download: whole under its name, or not at all."""

import hashlib
import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from conveyor import Damaged
from conveyor.parts import PartFile, publish, saved_name

CONTENT = b"abcdefgh"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def tar_of(path: Path, members: Iterable[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w:") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def member(
    name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644
) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname, made.mode = kind, link, mode
    return made


def receive(target: Path, digest: str, content: bytes, error: Exception | None = None) -> None:
    with PartFile.beside(target, digest) as part:
        part.write(content)
        if error:
            raise error
        part.check()
        publish(part.path, target, is_archive=False)


def test_a_download_that_broke_off_goes_on_where_it_was(tmp_path: Path) -> None:
    target = tmp_path / "new" / "x"
    with pytest.raises(OSError, match="cut"):
        receive(target, DIGEST, CONTENT[:5], OSError("cut"))
    with PartFile.beside(target, DIGEST) as part:
        assert part.rest() == {"Range": "bytes=5-", "If-Range": f'"{DIGEST}"'}
        part.write(CONTENT[5:])
        part.check()
        publish(part.path, target, is_archive=False)

    assert [path.name for path in target.parent.iterdir()] == ["x"]
    assert target.read_bytes() == CONTENT


def test_of_a_download_that_is_damaged_or_can_not_go_on_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(Damaged):
        receive(tmp_path / "x", DIGEST, b"other")
    with pytest.raises(OSError, match="cut"):
        receive(tmp_path / "x", "", CONTENT, OSError("cut"))

    assert list(tmp_path.iterdir()) == []


def test_two_downloads_of_the_same_do_not_write_into_one_another(tmp_path: Path) -> None:
    with (
        PartFile.beside(tmp_path / "x", DIGEST) as one,
        PartFile.beside(tmp_path / "y", DIGEST) as two,
    ):
        one.write(CONTENT[:4])
        two.write(CONTENT)
        one.write(CONTENT[4:])
        for part, name in (one, "x"), (two, "y"):
            part.check()
            publish(part.path, tmp_path / name, is_archive=False)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["x", "y"]


def test_an_archive_becomes_a_directory_with_its_links_and_programs(tmp_path: Path) -> None:
    made = [(member("a/b.sh", mode=0o4777), b"1"), (member("a/l", tarfile.SYMTYPE, "b.sh"), b""),
            (member("e", tarfile.DIRTYPE), b"")]  # fmt: skip
    old = tmp_path / "out"
    (old / "a").mkdir(parents=True)
    (old / "a/b.sh").write_text("0")
    (old / "other").write_text("stays")

    publish(tar_of(tmp_path / "part", made), old, is_archive=True)

    assert (old / "a/b.sh").read_text() == "1"
    assert (old / "a/b.sh").stat().st_mode & 0o7777 == 0o755
    assert (old / "a/l").readlink() == Path("b.sh")
    assert (old / "other").read_text() == "stays"
    assert (old / "e").is_dir()


@pytest.mark.parametrize(
    "bad",
    [
        [member("../x")],
        [member("/x")],
        [member("l", tarfile.SYMTYPE, "/etc")],
        [member("l", tarfile.SYMTYPE, "../..")],
        [member("l", tarfile.SYMTYPE, "."), member("l/../../x")],
        [member("l", tarfile.LNKTYPE, "/etc/passwd")],
        [member("f", tarfile.FIFOTYPE)],
    ],
)
def test_an_archive_that_leads_elsewhere_leaves_nothing(
    tmp_path: Path, bad: list[tarfile.TarInfo]
) -> None:
    part = tar_of(tmp_path / "part", [(each, b"") for each in [member("good"), *bad]])

    with pytest.raises(Damaged, match="archive"):
        publish(part, tmp_path / "out", is_archive=True)

    assert [path.name for path in tmp_path.iterdir()] == ["part"]


@pytest.mark.parametrize(
    ("disposition", "is_archive", "name"),
    [
        ("attachment; filename=\"a\"; filename*=UTF-8''a%20%C3%A4.csv", False, "a ä.csv"),
        ("attachment; filename*=UTF-8''out.tar", True, "out"),
        ("attachment; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd", False, "passwd"),
        ("attachment; filename*=UTF-8''..", False, "download"),
        ("attachment; filename*=UTF-8''a%0Ab", False, "download"),
        ("", False, "download"),
    ],
)
def test_a_file_is_saved_in_the_directory_that_was_chosen(
    disposition: str, is_archive: bool, name: str
) -> None:
    assert saved_name(disposition, is_archive=is_archive) == name
