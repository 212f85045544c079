"""The objects of a source are dealt out to executions: each goes to exactly one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.worker.files.partitions import hash_of, is_own
from shared.definition import Execution, Partition, S3Object

PARTITIONS = [
    Partition(type="object"),
    Partition(type="regex", pattern=r"^([a-c]+)/.*?([0-9]+)"),
    Partition(type="regex", pattern=r"[0-9]+"),
    Partition(type="substring", start=1, end=4),
    Partition(type="date", date_format="2006-01-02"),
]
KEYS = st.lists(st.text("abc0129-/ü.", min_size=1, max_size=20), max_size=40, unique=True)


def owners(partition: Partition, count: int, key: str, prefix: str = "") -> list[int]:
    place = S3Object(bucket="b", key=prefix, partition=partition)
    executions = [Execution(type="batch", index=n, count=count) for n in range(count)]
    return [each.index for each in executions if is_own(place, each)(key)]


@given(st.sampled_from(PARTITIONS), st.integers(1, 7), KEYS)
def test_every_object_is_in_exactly_one_partition(
    partition: Partition, count: int, keys: list[str]
) -> None:
    for key in keys:
        assert len(owners(partition, count, f"in/{key}", "in/*")) == 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"", 0x811C9DC5), (b"a", 0xE40C292C), (b"foobar", 0xBF9CF968)],
)
def test_the_hash_is_that_of_fnv_1a(data: bytes, expected: int) -> None:
    assert hash_of(data) == expected


@pytest.mark.parametrize(
    ("partition", "key", "looked_at"),
    [
        (PARTITIONS[0], "in/a.csv", b"in/a.csv"),
        (Partition(type="regex", pattern=r"(\d{4})/(\d{2})"), "in/2024/01/f", b"2024\x1f01"),
        (Partition(type="regex", pattern=r"00\d"), "in/001.txt", b"001"),
        (Partition(type="regex", pattern=r"(a)|(b)"), "in/b", b"b"),
        (Partition(type="regex", pattern=r"in/"), "in/b", None),
        (Partition(type="substring", start=0, end=10), "in/2024-01-15-x.log", b"2024-01-15"),
        (Partition(type="substring", start=1, end=3), "in/\u00fc\u00e4\u00f6", "äö".encode()),
        (Partition(type="substring", start=0, end=10), "in/short", None),
        (Partition(type="date", date_format="2006-01-02"), "in/2024-01-15_x.tar", b"2024-01-15"),
        (Partition(type="date", date_format="2006-01-02"), "in//2024-01-15/x", b"2024-01-15"),
        (Partition(type="date", date_format="2006-01-02"), "in/2024-13-15", None),
    ],
)
def test_what_is_looked_at_decides_and_what_has_nothing_of_it_goes_to_the_first(
    partition: Partition, key: str, looked_at: bytes | None
) -> None:
    expected = 0 if looked_at is None else hash_of(looked_at) % 1009
    assert owners(partition, 1009, key, "in/*") == [expected]


def test_without_a_partition_or_with_one_execution_all_objects_are_brought() -> None:
    place = S3Object(bucket="b", key="in/", partition=PARTITIONS[0])
    assert is_own(place, None)("in/a")
    assert is_own(place, Execution(type="ops", index=0, count=1))("in/a")
    plain = S3Object(bucket="b", key="in/")
    assert is_own(plain, Execution(type="batch", index=2, count=3))("in/a")
