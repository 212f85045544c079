"""The zone database may be updated while a service runs."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.jobspec.cron import parse_cron
from shared.jobspec.cron.zones import database_contents, database_stamp, parse_zone
from tests.support.zones import update, zones_in

MIDNIGHT = datetime(2026, 6, 1, tzinfo=UTC)


def next_nine(zone: str) -> str:
    return f"{parse_cron('0 9 * * *', zone, MIDNIGHT).next_after(MIDNIGHT):%d %H:%M}"


def test_a_zone_that_was_updated_is_read_again(tmp_path: Path) -> None:
    with zones_in(tmp_path):
        update(tmp_path, "Europe/Berlin", "Europe/Berlin")
        assert next_nine("Europe/Berlin") == "01 07:00"
        before = database_stamp(), database_contents()
        assert (database_stamp(), database_contents()) == before
        update(tmp_path, "Europe/Berlin", "America/New_York")
        assert next_nine("Europe/Berlin") == "01 13:00"
        assert database_stamp() != before[0]
        assert database_contents() != before[1]
    assert next_nine("Europe/Berlin") == "01 07:00"


def test_an_update_may_bring_new_zones(tmp_path: Path) -> None:
    with zones_in(tmp_path):
        with pytest.raises(ValueError, match="must be the name of a time zone"):
            parse_zone("Mars/Olympus")
        update(tmp_path, "Mars/Olympus", "Asia/Tokyo")
        assert next_nine("Mars/Olympus") == "02 00:00"
