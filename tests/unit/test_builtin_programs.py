"""The built-in programs: what they make of what they are given, byte for byte."""

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from services.worker.runtimes.builtin.programs.main import PROGRAMS
from services.worker.runtimes.builtin.programs.task import Refused, Task
from shared.jobspec.partition.builtins import complete_params

Files = Mapping[str, bytes]


def run(tmp_path: Path, program: str, given: Files, **params: Any) -> dict[str, bytes]:
    """What it makes of the files, its own parameters completed."""
    source, made, results, output = (tmp_path / each for each in ("in", "made", "results", "out"))
    for folder in (source, made, results, output):
        folder.mkdir(parents=True)
    stage = program.partition(".")[0]
    into = {"partition": source, "assemble": results, "deliver": output}[stage]
    for path, content in given.items():
        (into / path).parent.mkdir(parents=True, exist_ok=True)
        (into / path).write_bytes(content)
    PROGRAMS[program](Task(complete_params(program, params), source, made, results, output))
    left = made if stage == "partition" else output
    files = (each for each in left.rglob("*") if each.is_file())
    return {str(each.relative_to(left)): each.read_bytes() for each in sorted(files)}


def chunks(tmp_path: Path, name: str, given: Files, **params: Any) -> list[bytes]:
    made = run(tmp_path, f"partition.{name}", given, **params)
    made.pop("chunks.jsonl", None)
    assert set(made) == {f"data_{n}.bin" for n in range(len(made))}
    return [made[f"data_{n}.bin"] for n in range(len(made))]


@pytest.mark.parametrize(
    ("name", "given", "params", "expected"),
    [
        ("passthrough", {"a": b"x\0y"}, {}, [b"x\0y"]),
        ("passthrough", {}, {}, [b""]),
        ("replicate", {"in/a": b"xy"}, {"count": 3}, [b"xy"] * 3),
        ("replicate", {}, {"count": 2}, [b"", b""]),
        ("bytes", {"b": b"3456", "a": b"\x0012"}, {"bytesPerChunk": 3}, [b"\x0012", b"345", b"6"]),
        ("bytes", {"a": b""}, {"bytesPerChunk": "1k"}, []),
        ("files", {"b/x": b"2", "a": b"", "c": b"3"}, {}, [b"", b"2", b"3"]),
        ("lines", {"a": b"1\n2\r\n3"}, {"linesPerChunk": 2}, [b"1\n2\r\n", b"3"]),
        ("lines", {"a": b"1", "b": b"2\n"}, {"linesPerChunk": 2}, [b"1\n2\n"]),
        ("lines", {"a": b"1\n2\n3\n4\n5\n"}, {"chunks": 2}, [b"1\n2\n", b"3\n4\n5\n"]),
        ("lines", {"a": b"1\n2\n"}, {"chunks": 9}, [b"1\n", b"2\n"]),
        ("lines", {"a": b""}, {"linesPerChunk": 2}, []),
        (
            "lines",
            {"a": b"h\n1\n2\n", "b": b"h\n3"},
            {"linesPerChunk": 2, "headerLines": 1},
            [b"h\n1\n2\n", b"h\n3"],
        ),
        (
            "csvRows",
            {"a.csv": b'\xef\xbb\xbfn,t\r\n1,"a\nb ""q"", c"\r\n2,it"s\r\n3,"x"\r\n'},
            {"rowsPerChunk": 2},
            [
                b'\xef\xbb\xbfn,t\r\n1,"a\nb ""q"", c"\r\n2,it"s\r\n',
                b'\xef\xbb\xbfn,t\r\n3,"x"\r\n',
            ],
        ),
        (  # as Excel writes a header with a line end in it
            "csvRows",
            {"a.csv": b'\xef\xbb\xbf"n\r\nm",t\r\n"1\r\n2",""\r\n\r\n"a","b""c"'},
            {"rowsPerChunk": 2},
            [
                b'\xef\xbb\xbf"n\r\nm",t\r\n"1\r\n2",""\r\n\r\n',
                b'\xef\xbb\xbf"n\r\nm",t\r\n"a","b""c"',
            ],
        ),
        (
            "csvRows",
            {"a": b"\xe9;1\n\xe8;2\n\xea;3"},
            {"chunks": 2, "delimiter": ";", "header": False},
            [b"\xe9;1\n", b"\xe8;2\n\xea;3"],
        ),
        (
            "jsonArray",
            {"a": b' [1 , {"k": [",]}", "\\"["]},\n"\xc3\xa9]",null]\n', "b": b"[]"},
            {"itemsPerChunk": 2},
            [b'[1,{"k": [",]}", "\\"["]}]', b'["\xc3\xa9]",null]'],
        ),
        ("jsonArray", {"a": b"[1,2,3]", "b": b"[4]"}, {"chunks": 2}, [b"[1,2]", b"[3,4]"]),
        ("jsonArray", {"a": b" [ ] "}, {"itemsPerChunk": 1}, []),
    ],
)
def test_a_source_is_split_byte_for_byte(
    tmp_path: Path, name: str, given: Files, params: dict[str, Any], expected: Sequence[bytes]
) -> None:
    assert chunks(tmp_path, name, given, **params) == expected


@pytest.mark.parametrize(
    ("name", "given", "params", "told"),
    [
        ("passthrough", {"a": b"", "b": b""}, {}, "the source has 2 files"),
        ("lines", {"a": b"h\n1\n", "b": b"g\n"}, {"linesPerChunk": 1, "headerLines": 1}, "another"),
        ("csvRows", {"a": b'h\n1\n"2\n'}, {"rowsPerChunk": 1}, "row 3 opens a quote"),
        ("csvRows", {"a": b"\xff\xfeh\0"}, {"rowsPerChunk": 1}, "UTF-16"),
        ("jsonArray", {"a": b""}, {"itemsPerChunk": 1}, "it is empty"),
        ("jsonArray", {"a": b'{"a": 1}'}, {"itemsPerChunk": 1}, "must be an array"),
        ("jsonArray", {"a": b"x"}, {"itemsPerChunk": 1}, "neither a JSON array nor an object"),
        ("jsonArray", {"a": b"[1,,2]"}, {"itemsPerChunk": 1}, "member 2: it is empty"),
        ("jsonArray", {"a": b"[1,]"}, {"itemsPerChunk": 1}, "member 2: it is empty"),
        ("jsonArray", {"a": b"[1"}, {"itemsPerChunk": 1}, "member 1: the file ends within"),
        ("jsonArray", {"a": b"[[1}]"}, {"itemsPerChunk": 1}, "closes what is not open"),
        ("jsonArray", {"a": b"[1 2]"}, {"itemsPerChunk": 1}, "member 1: it is not valid JSON"),
        ("jsonArray", {"a": b"[NaN]"}, {"itemsPerChunk": 1}, "NaN is not JSON"),
        ("jsonArray", {"a": b"[1] 2"}, {"itemsPerChunk": 1}, "something follows the end"),
        ("bytes", {"a": b"x" * 6}, {"bytesPerChunk": 1}, "there are more than 5 chunks"),
    ],
)
def test_what_cannot_be_split_is_refused_by_name(
    tmp_path: Path,
    name: str,
    given: Files,
    params: dict[str, Any],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.worker.runtimes.builtin.programs.chunk_files.MOST_CHUNKS", 5)
    with pytest.raises(Refused, match=told):
        run(tmp_path, f"partition.{name}", given, **params)


def test_a_file_that_is_a_chunk_keeps_its_name_as_a_label(tmp_path: Path) -> None:
    made = run(tmp_path, "partition.files", {"a/b.mp4": b"1", "c.mp4": b"2"})
    listed = [json.loads(line) for line in made["chunks.jsonl"].splitlines()]
    labels = [("data_0.bin", "a/b.mp4"), ("data_1.bin", "c.mp4")]
    assert [(each["path"], each["label"]) for each in listed] == labels


@pytest.mark.slow
@pytest.mark.parametrize("block", [1, 3])
def test_where_blocks_end_makes_no_difference(
    tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Escapes, quotes and line ends may be torn apart."""
    base = "services.worker.runtimes.builtin.programs"
    monkeypatch.setattr(f"{base}.records._PIECE_BYTES", block)
    monkeypatch.setattr(f"{base}.json_members._BLOCK_BYTES", block)
    monkeypatch.setattr(f"{base}.json_members._CHECKED_BYTES", 4)
    values = [{'a"\\': ["]", "\\\\", {}]}, "long " * 5, [], -1.5e3, None, [[[]]], "\\"]
    text = json.dumps(values, indent=1).encode()
    made = chunks(tmp_path / "json", "jsonArray", {"a": text}, itemsPerChunk=1)
    assert [json.loads(each) for each in made] == [[value] for value in values]
    rows = [["n", "t"], ["1", 'a "quoted"\r\nline'], ["2", ""], ["3", ',"'], ["4", "plain\n"]]
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    given = {"a": written.getvalue().encode()}
    made = chunks(tmp_path / "csv", "csvRows", given, rowsPerChunk=1)
    read = [list(csv.reader(io.StringIO(each.decode(), newline=""))) for each in made]
    assert read == [[rows[0], row] for row in rows[1:]]


RESULTS = {
    "manifest.json": json.dumps(
        [{"index": 0, "state": "COMPLETED"}, {"index": 1, "state": "FAILED"}]
    ).encode(),
    "00/out.txt": b"h\n0\n",
    "00/d/x": b"dx",
    "01/out.txt": b"of one that failed",
    "02/out.txt": b"h\n2\n",
    "02/d": b"a file",
    "10/only": b"10",
}


def test_results_pass_through_and_clashes_get_the_index(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = run(tmp_path, "assemble.passthrough", RESULTS)
    assert made == {
        "0_out.txt": b"h\n0\n",
        "2_out.txt": b"h\n2\n",
        "2_d": b"a file",
        "d/x": b"dx",
        "only": b"10",
    }
    said = capsys.readouterr().out
    assert "1 chunk failed and left nothing: 1" in said
    assert "3 names clashed" in said
    assert "'d' of chunk 2 is '2_d'" in said


def test_results_become_one_zip_or_one_file_in_the_order_of_chunks(tmp_path: Path) -> None:
    made = run(tmp_path / "zip", "assemble.zip", RESULTS, name="all.zip")
    with zipfile.ZipFile(io.BytesIO(made["all.zip"])) as archive:
        assert archive.testzip() is None
        assert archive.read("2_out.txt") == b"h\n2\n"
        assert len(archive.namelist()) == 5
    params = {"files": "*.txt", "headerLines": 1, "separator": "--\n", "name": "all.txt"}
    made = run(tmp_path / "concat", "assemble.concat", RESULTS, **params)
    assert made == {"all.txt": b"h\n0\n--\n2\n"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([b"[1, 2]", b"[]", b'["a"]'], b'[1,2,"a"]\n'),
        ([b'{"a": 1, "b": {"x": 1}}', b'{"a" : [2]}'], b'{"b": {"x": 1},"a" : [2]}\n'),
        ([], b"[]\n"),
    ],
)
def test_json_results_are_merged(
    tmp_path: Path, given: Sequence[bytes], expected: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {f"{n}/r.json": content for n, content in enumerate(given)}
    assert run(tmp_path, "assemble.jsonMerge", files) == {"output.json": expected}
    told = "'a': that of '1/r.json' counts" in capsys.readouterr().out
    assert told == (b'"a" :' in expected)


def test_what_cannot_be_merged_or_delivered_is_refused(tmp_path: Path) -> None:
    mixed = {"0/a": b"[]", "1/a": b"{}"}
    with pytest.raises(Refused, match="'1/a' and '0/a' are not both arrays"):
        run(tmp_path / "mixed", "assemble.jsonMerge", mixed)
    with pytest.raises(Refused, match="empty_output"):
        run(tmp_path / "nothing", "deliver.deliver", {}, required=True)
    assert run(tmp_path / "none", "deliver.deliver", {}) == {}
    assert run(tmp_path / "some", "deliver.deliver", {"a": b"1"}, required=True) == {"a": b"1"}


@pytest.mark.parametrize(
    ("name", "params", "told"),
    [
        ("partition.lines", {}, "exactly one of linesPerChunk and chunks must be given"),
        ("partition.lines", {"linesPerChunk": 0}, "linesPerChunk: must be at least 1"),
        ("partition.lines", {"linesPerChunk": "2"}, "linesPerChunk: must be a whole number"),
        ("partition.bytes", {"bytesPerChunk": "much"}, "bytesPerChunk: "),
        ("partition.replicate", {}, "count: must be given"),
        ("partition.files", {"a": 1}, "a: must not be given: the program has no parameters"),
        ("partition.csvRows", {"chunks": 1, "delimiter": '"'}, "delimiter: must be an ASCII"),
        ("assemble.zip", {"name": "a/b"}, "name: must be the name of a file"),
        ("assemble.nothing", {}, "must be a built-in of this stage: passthrough, zip"),
        ("nothing", {}, "there is no such program"),
    ],
)
def test_bad_parameters_are_refused_by_name(name: str, params: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        complete_params(name, params)
