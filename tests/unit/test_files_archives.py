"""Trees of files as tar: what is kept of them, what of a stranger's is refused, and the index."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from conveyor.extensions.files import FilesError, ObjectMismatch, ObjectRefused
from shared.files import archives
from shared.files.archives import ArchiveIndex, Checked, Member, read_tar, write_tar
from shared.files.archives.members import leads_out
from shared.files.directory.store import DirectoryStore
from tests.support.files.tars import (
    file_info,
    files_in,
    in_chunks,
    joined,
    made_tar,
    tar_info,
    tar_of_files,
)

MEGABYTE = 1024 * 1024
LONG = "/".join(["n" * 250] * 15)
FORMATS = [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]


async def rewritten(data: bytes, left_out: list[str] | None = None, chunk: int = 1000) -> bytes:
    leave_out = None if left_out is None else left_out.append
    return await joined(write_tar(Checked(read_tar(in_chunks(data, chunk)), leave_out)))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("chunk", [7, 512, MEGABYTE])
async def test_a_tree_comes_back_as_it_was(format: int, chunk: int) -> None:
    data = made_tar(
        tar_info("./", tarfile.DIRTYPE),
        tar_info("./empty/", tarfile.DIRTYPE),
        file_info("./a", b"first"),
        file_info("./ünï/日本.txt", b"x" * 100_000, mode=0o755),
        file_info(LONG, b"long"),
        tar_info("ünï/link", tarfile.SYMTYPE, "../a"),
        tar_info("hard", tarfile.LNKTYPE, "./a"),
        file_info("nothing", b""),
        format=format,
    )

    written = await rewritten(data, chunk=chunk)

    assert files_in(written) == {
        "empty": b"/",
        "a": b"first",
        "ünï/日本.txt": b"x" * 100_000,
        LONG: b"long",
        "ünï/link": b"-> ../a",
        "hard": b"first",
        "nothing": b"",
    }
    with tarfile.open(fileobj=io.BytesIO(written)) as tar:
        infos = list(tar)
    assert {(i.mtime, i.uid, i.gid, i.uname) for i in infos} == {(315_532_800, 0, 0, "")}
    assert [i.mode for i in infos][:3] == [0o755, 0o640, 0o755]


async def test_the_same_tree_is_the_same_tar_whoever_made_it() -> None:
    files = [file_info("a", b"1"), file_info("b/c", b"2")]
    as_made = made_tar(*files, format=tarfile.GNU_FORMAT)
    files[0][0].mtime, files[1][0].uid, files[1][0].uname = 5, 7, "someone"

    assert await rewritten(as_made) == await rewritten(made_tar(*files))


def sparse() -> bytes:
    info = tar_info("sparse", tarfile.GNUTYPE_SPARSE)
    return made_tar(info, format=tarfile.GNU_FORMAT)


def pax(**headers: str) -> bytes:
    info = tar_info("a")
    info.pax_headers = headers
    return made_tar(info)


def pax_link(target: str) -> bytes:
    info = tar_info("a", tarfile.SYMTYPE)
    info.pax_headers = {"linkpath": target}
    return made_tar(info)


def huge_header() -> bytes:
    info = tar_info("a", tarfile.XHDTYPE)
    info.size = 2**40
    return info.tobuf(tarfile.GNU_FORMAT)


HOSTILE: dict[str, tuple[bytes, str]] = {
    "absolute": (tar_of_files({"/etc/passwd": b""}), "'/etc/passwd' leads out of the directory"),
    "upward": (tar_of_files({"a/../../b": b""}), "leads out of the directory"),
    "twice": (made_tar(file_info("a", b"1"), file_info("./a", b"2")), "'a' is there twice"),
    "below a file": (tar_of_files({"a": b"", "a/b": b""}), "'a/b' lies below 'a'"),
    "below a link": (
        made_tar(tar_info("a", tarfile.SYMTYPE, "b"), file_info("a/c", b"")),
        "lies below 'a', which is no directory",
    ),
    "absolute link": (made_tar(tar_info("a", tarfile.SYMTYPE, "/etc")), "may lead out"),
    "link upward": (made_tar(tar_info("a/b", tarfile.SYMTYPE, "../../c")), "may lead out"),
    "link by a link": (made_tar(tar_info("a", tarfile.SYMTYPE, "b/c/../..")), "may lead out"),
    "hard link to nothing": (made_tar(tar_info("a", tarfile.LNKTYPE, "b")), "no file before it"),
    "hard link upward": (made_tar(tar_info("a", tarfile.LNKTYPE, "../b")), "leads out"),
    "device": (made_tar(tar_info("a", tarfile.BLKTYPE)), "neither file, directory nor link"),
    "pipe": (made_tar(tar_info("a", tarfile.FIFOTYPE)), "neither file, directory nor link"),
    "unknown type": (made_tar(tar_info("a", b"Z")), "neither file, directory nor link"),
    "sparse": (sparse(), "is a sparse file"),
    "sparse by name": (pax(**{"GNU.sparse.major": "1"}), "is a sparse file"),
    "long name": (tar_of_files({"n" * 256: b""}), "is too long"),
    "long path": (tar_of_files({"n/" * 2100 + "a": b""}), "is too long"),
    "link to NUL": (pax_link("a\0b"), "'a' to 'a.x00b' is not valid UTF-8, too long"),
    "link too far": (pax_link("b/" * 2100), "is not valid UTF-8, too long"),
    "link of noise": (made_tar(tar_info("a", tarfile.SYMTYPE, "\udce9")), "is not valid UTF-8"),
    "not UTF-8": (tar_of_files({"caf\udce9": b""}), "is not valid UTF-8"),
    "size of words": (pax(size="many"), "has the size 'many'"),
    "huge header": (huge_header(), "a header of the archive has 1099511627776 bytes"),
    "cut short": (tar_of_files({"a": b"x" * 5000})[:2000], "ends in the middle"),
    "without an end": (tar_of_files({"a": b"x" * 512})[:1024], "ends in the middle"),
    "noise": (b"noise" * 500, "is no tar archive"),
    "file for a root": (made_tar(file_info("./", b"x")), "'' is there twice"),
}


@pytest.mark.parametrize("case", HOSTILE)
async def test_what_a_hostile_tar_wants_is_refused(case: str) -> None:
    data, reason = HOSTILE[case]
    with pytest.raises(ObjectRefused, match=reason):
        await rewritten(data)


async def test_what_no_artifact_can_have_may_be_left_out() -> None:
    links = [("out", "/etc"), ("in", "a"), ("up", "..")]
    data = made_tar(
        file_info("a", b"1"),
        *(tar_info(name, tarfile.SYMTYPE, target) for name, target in links),
        tar_info("pipe", tarfile.FIFOTYPE),
    )
    left_out = list[str]()

    assert files_in(await rewritten(data, left_out)) == {"a": b"1", "in": b"-> a"}
    assert left_out == [
        "the link 'out' to '/etc' may lead out of the directory",
        "the link 'up' to '..' may lead out of the directory",
        "'pipe' is neither file, directory nor link",
    ]


async def test_a_hard_link_to_a_link_is_a_link_and_to_what_is_left_out_is_left_out() -> None:
    data = made_tar(
        file_info("a", b"1"),
        tar_info("in", tarfile.SYMTYPE, "a"),
        tar_info("again", tarfile.LNKTYPE, "in"),
        tar_info("pipe", tarfile.FIFOTYPE),
        tar_info("pipe2", tarfile.LNKTYPE, "pipe"),
    )
    left_out = list[str]()

    assert files_in(await rewritten(data, left_out)) == {"a": b"1", "in": b"-> a", "again": b"-> a"}
    assert left_out[1:] == ["'pipe2' is one with 'pipe', which is left out"]


@pytest.mark.parametrize(
    ("path", "target", "leads"),
    [
        *(("a", "b", False), ("a", "./b/c", False), ("a/b", "../c", False), ("a/b/c", "..", False)),
        *(("a", "..", True), ("a/b", "../..", True), ("a/b", "c/..", True), ("a/b", "./..", True)),
        *(("a", "", True), ("a", "/b", True), ("a/b", "../c/../d", True), ("a/b", "..c", False)),
    ],
)
def test_a_link_may_go_up_first_and_then_down(path: str, target: str, leads: bool) -> None:
    assert leads_out(path, target) is leads


async def test_a_tree_is_put_under_another_root_and_taken_from_it() -> None:
    data = made_tar(
        file_info("a/b", b"1"),
        tar_info("a/link", tarfile.SYMTYPE, "b"),
        tar_info("a/hard", tarfile.LNKTYPE, "a/b"),
        file_info("ab", b"2"),
    )

    moved = await joined(write_tar(archives.under("000/x", read_tar(in_chunks(data)))))
    taken = await joined(write_tar(archives.below("000/x/a", read_tar(in_chunks(moved)))))

    assert files_in(moved)["000/x/a/hard"] == b"1"
    assert files_in(taken) == {"b": b"1", "link": b"-> b", "hard": b"1"}


async def stored(store: DirectoryStore, data: bytes) -> str:
    with ArchiveIndex() as index:
        members = Checked(read_tar(in_chunks(data)))
        archive = await store.put("o", write_tar(members, index.add))
        chunks = index.chunks(archive.size, archive.sha256)
        return (await store.put(archives.index_name("o"), chunks)).sha256


async def test_the_index_says_where_each_file_is(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    data = made_tar(
        file_info("a", b"first"),
        file_info("d/e", b"x" * 70_000, mode=0o755),
        tar_info("link", tarfile.SYMTYPE, "a"),
        tar_info("hard", tarfile.LNKTYPE, "d/e"),
    )

    sha256 = await stored(store, data)

    async with archives.opened_index(store, "o", sha256) as (head, found):
        entries = {entry.path: entry async for entry in found}
    info = await store.stat("o")
    assert (head.files, head.size) == (3, 70_005)
    assert (head.archive_size, head.archive_sha256) == (info.size, info.sha256)
    assert entries["link"].target == "a"
    for path, content in {"a": b"first", "d/e": b"x" * 70_000, "hard": b"x" * 70_000}.items():
        async with store.get("o", entries[path].span) as span:
            assert await joined(span) == content
    assert await archives.find_entry(store, "o", "d/e") == entries["d/e"]
    directory = await archives.find_entry(store, "o", "d")
    assert directory is not None
    assert directory.kind == "directory"
    assert await archives.find_entry(store, "o", "nowhere") is None
    with pytest.raises(ObjectMismatch):
        async with archives.opened_index(store, "o", "0" * 64) as (_, found):
            [entry async for entry in found]


async def test_the_checksum_of_a_directory_is_that_of_its_content(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    first = await stored(store, tar_of_files({"a": b"1"}))

    assert await stored(store, made_tar(file_info("./a", b"1"), format=tarfile.GNU_FORMAT)) == first
    assert await stored(store, tar_of_files({"a": b"2"})) != first


def made_zip(
    fill: Callable[[zipfile.ZipFile], object], compression: int = zipfile.ZIP_DEFLATED
) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        fill(archive)
    return made.getvalue()


def zip_link(archive: zipfile.ZipFile, name: str, target: str) -> None:
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    archive.writestr(info, target)


def _usual(archive: zipfile.ZipFile) -> None:
    archive.mkdir("empty")
    archive.writestr("d/a", b"1")
    archive.writestr("big", b"x" * 3 * MEGABYTE)
    zip_link(archive, "link", "d/a")


async def unzipped(data: bytes, most_bytes: int = 100 * MEGABYTE) -> bytes:
    return await joined(write_tar(archives.unpacked(io.BytesIO(data), most_bytes)))


@pytest.mark.parametrize("kind", ["tar", "gzip", "zip"])
async def test_archives_are_unpacked_whatever_they_are_called(kind: str) -> None:
    data = made_zip(_usual)
    if kind != "zip":
        data = await unzipped(data)
    if kind == "gzip":
        data = gzip.compress(data[: len(data) // 2]) + gzip.compress(data[len(data) // 2 :])

    expected = {"empty": b"/", "d/a": b"1", "big": b"x" * 3 * MEGABYTE, "link": b"-> d/a"}
    assert files_in(await unzipped(data)) == expected


def encrypted() -> bytes:
    data = bytearray(made_zip(lambda archive: archive.writestr("a", b"1")))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    data[6] |= 1
    return bytes(data)


BOMB = gzip.compress(bytes(101 * MEGABYTE))
REFUSED: dict[str, tuple[bytes, str]] = {
    "upward": (made_zip(lambda archive: archive.writestr("../a", b"1")), "leads out"),
    "link out": (made_zip(lambda archive: zip_link(archive, "a", "/etc")), "may lead out"),
    "encrypted": (encrypted(), "can't be unpacked: .*password required"),
    "cut zip": (made_zip(_usual)[:-30], "can't be unpacked: File is not a zip file"),
    "cut gzip": (gzip.compress(tar_of_files({"a": b"1"}))[:-9], "can't be unpacked"),
    "zip bomb": (made_zip(lambda a: a.writestr("a", bytes(101 * MEGABYTE))), "more than 104857600"),
    "gzip bomb": (gzip.compress(tar_of_files({"a": bytes(101 * MEGABYTE)})), "more than 104857600"),
    "bomb of nothing": (BOMB, "more than 104857600|no tar"),
    "text": (b"a,b\n1,2\n", "it is no archive: extract takes .tar, .tar.gz and .zip"),
    "empty": (b"", "it is no archive"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_cannot_be_unpacked_is_refused_with_the_reason(case: str) -> None:
    data, reason = REFUSED[case]
    with pytest.raises(ObjectRefused, match=reason):
        await unzipped(data)


BROKEN = {
    "bzip2": made_zip(_usual, zipfile.ZIP_BZIP2),
    "lzma": made_zip(_usual, zipfile.ZIP_LZMA),
    "stored": made_zip(lambda archive: archive.writestr("é", b"1")),
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_of_a_zip_that_is_broken_anywhere_it_is_said_so(kind: str) -> None:
    whole, refused = BROKEN[kind], 0
    for at in range(0, len(whole), max(len(whole) // 200, 1)):
        broken = whole[:at] + b"\xff" * 4 + whole[at + 4 :]
        try:
            await unzipped(broken)
        except FilesError:
            refused += 1
    assert refused > 50


async def test_content_that_is_shorter_than_its_header_says_is_no_archive() -> None:
    async def short() -> AsyncIterator[Member]:
        yield archives.file_member("a", 5, in_chunks(b"123"))

    with pytest.raises(FilesError, match="'a' ended after 3 bytes"):
        await joined(write_tar(short()))


async def test_ten_thousand_files_pass_through(tmp_path: Path) -> None:
    async def many() -> AsyncIterator[Member]:
        for number in range(10_000):
            yield archives.file_member(f"d{number % 100}/{number}", 3, in_chunks(b"abc"))

    store = DirectoryStore(tmp_path)
    with ArchiveIndex() as index:
        checked = Checked(read_tar(write_tar(many())))
        archive = await store.put("o", write_tar(checked, index.add))
        await store.put("o.index", index.chunks(archive.size, archive.sha256))
    async with archives.opened_index(store, "o") as (head, _):
        assert (head.files, head.size) == (10_000, 30_000)
