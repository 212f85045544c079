"""The key that `conveyor dev` makes for secrets."""

from pathlib import Path

from services.dev.settings import sealing_key
from shared.process.sealing import Sealer


def test_the_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    key = sealing_key(tmp_path)
    assert sealing_key(tmp_path) == key
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600]
    assert Sealer([key]).unseal(Sealer([key]).seal({"a": 1})) == {"a": 1}


def test_a_key_cut_off_by_a_crash_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "sealing.new").write_text("half a k")
    assert len(sealing_key(tmp_path)) == 44
