"""What arrives by a download: whole under its name, or not at all."""

import hashlib
import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from conveyor import Damaged
from conveyor.contents import SHA256, Saving
from conveyor.parts import place_of, unpack

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


def answer(content: bytes, sha256: str = DIGEST) -> dict[str, str]:
    return {
        "Content-Length": str(len(content)),
        "Content-Disposition": "attachment; filename*=UTF-8''x",
        **({SHA256: sha256, "ETag": f'"{sha256}"'} if sha256 else {}),
    }


def receive(saving: Saving, content: bytes, error: Exception | None = None) -> Path:
    with saving:
        saving.add(content)
        saving.write(content)
        if error:
            raise error
        saving.check()
        return saving.publish()


def begun(target: Path, sha256: str = DIGEST) -> Saving:
    saving = Saving(target)
    assert saving.begin(200, answer(CONTENT, sha256))
    return saving


def test_a_download_that_broke_off_goes_on_where_it_was(tmp_path: Path) -> None:
    target = tmp_path / "new" / "x"
    with pytest.raises(OSError, match="cut"):
        receive(begun(target), CONTENT[:5], OSError("cut"))
    again = Saving(target)
    assert not again.begin(200, answer(CONTENT))
    headers = again.headers()
    assert (headers["Range"], headers["If-Range"]) == ("bytes=5-", f'"{DIGEST}"')
    assert again.begin(206, answer(CONTENT[5:]))

    assert receive(again, CONTENT[5:]) == target
    assert [path.name for path in target.parent.iterdir()] == ["x"]
    assert target.read_bytes() == CONTENT


def test_of_a_download_that_is_damaged_or_can_not_go_on_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(Damaged):
        receive(begun(tmp_path / "x"), b"12345678")
    with pytest.raises(OSError, match="cut"):
        receive(begun(tmp_path / "x", ""), CONTENT, OSError("cut"))

    assert list(tmp_path.iterdir()) == []


def test_two_downloads_of_the_same_do_not_write_into_one_another(tmp_path: Path) -> None:
    one, two = begun(tmp_path / "x"), begun(tmp_path / "y")

    for saving in (two, one):
        receive(saving, CONTENT)

    assert [(tmp_path / name).read_bytes() for name in ("x", "y")] == [CONTENT, CONTENT]
    assert len(list(tmp_path.iterdir())) == 2


def test_an_archive_becomes_a_directory_with_its_links_and_programs(tmp_path: Path) -> None:
    made = [(member("a/b.sh", mode=0o4777), b"1"), (member("a/l", tarfile.SYMTYPE, "b.sh"), b""),
            (member("e", tarfile.DIRTYPE), b"")]  # fmt: skip
    old = tmp_path / "out"
    (old / "a").mkdir(parents=True)
    (old / "a/b.sh").write_text("0")
    (old / "other").write_text("stays")

    unpack(tar_of(tmp_path / "part", made), old)

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
        unpack(part, tmp_path / "out")

    assert [path.name for path in tmp_path.iterdir()] == ["part"]


@pytest.mark.parametrize(
    ("name", "saved"),
    [("a ä.csv", "a ä.csv"), ("../../etc/passwd", "passwd"), ("..", "download"),
     ("a\nb", "download"), ("", "download")],
)  # fmt: skip
def test_a_file_is_saved_in_the_directory_that_was_chosen(
    tmp_path: Path, name: str, saved: str
) -> None:
    assert place_of(tmp_path, name) == tmp_path / saved
    assert place_of(tmp_path / "new", name) == tmp_path / "new"
