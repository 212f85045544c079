"""Settings: where they come from, and what is said about a bad one."""

from pathlib import Path

import pytest
from pydantic import Field

from cli.settings import SETTINGS, settings_reference
from services.coordinator.settings import CoordinatorSettings
from services.worker.settings import WorkerSettings
from shared.process.sealing import generate_key
from shared.process.settings.blocks import (
    Block,
    BrokerSettings,
    HealthSettings,
    LogSettings,
    PostgresSettings,
    SealingSettings,
)
from shared.process.settings.loading import RENAMED, Settings, SettingsError, load, settings_of


class DemoBlock(Block):
    lease_seconds: float = Field(30, ge=5, description="How long a lease lasts.")


class DemoSettings(Settings):
    log: LogSettings = LogSettings()
    broker: BrokerSettings
    postgres: PostgresSettings
    health: HealthSettings = HealthSettings(address="127.0.0.1:8002")
    encryption: SealingSettings = SealingSettings()
    demo: DemoBlock = DemoBlock()


DSN = "postgresql://conveyor:hunter2@127.0.0.1/conveyor"
URL = "amqp://guest:hunter2@127.0.0.1/"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment with what is required and nothing else of ours."""
    import os

    for name in list(os.environ):
        if name.startswith("CONVEYOR_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CONVEYOR_POSTGRES_DSN", DSN)
    monkeypatch.setenv("CONVEYOR_BROKER_URL", URL)
    return monkeypatch


def problems() -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(DemoSettings)
    return list(caught.value.problems)


def test_a_setting_comes_from_its_variable(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CONVEYOR_POSTGRES_POOL_MAX_CONNECTIONS", "3")
    environment.setenv("CONVEYOR_LOG_LEVEL", "debug")
    settings = load(DemoSettings)
    assert settings.postgres.pool_max_connections == 3
    assert settings.postgres.dsn.get_secret_value() == DSN
    assert settings.log.level == "debug"
    assert settings.demo.lease_seconds == 30


def test_the_environment_wins_over_the_file(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "conveyor.toml"
    file.write_text('[log]\nlevel = "error"\nformat = "json"\n[worker]\nqueues = "default:4"\n')
    environment.setenv("CONVEYOR_CONFIG", str(file))
    environment.setenv("CONVEYOR_LOG_LEVEL", "debug")
    settings = load(DemoSettings)
    assert (settings.log.level, settings.log.format) == ("debug", "json")


def test_a_block_with_its_own_default_is_changed_field_by_field(
    environment: pytest.MonkeyPatch,
) -> None:
    assert load(DemoSettings).health.port == 8002
    environment.setenv("CONVEYOR_HEALTH_ADDRESS", "[::1]:9000")
    health = load(DemoSettings).health
    assert (health.host, health.port) == ("::1", 9000)


def test_every_bad_value_is_named_with_its_rule(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CONVEYOR_DEMO_LEASE_SECONDS", "1")
    environment.setenv("CONVEYOR_LOG_LEVEL", "loud")
    environment.setenv("CONVEYOR_HEALTH_ADDRESS", "8001")
    assert problems() == [
        "CONVEYOR_LOG_LEVEL='loud': input should be 'debug', 'info', 'warning' or 'error'",
        "CONVEYOR_HEALTH_ADDRESS='8001': must be host:port, for instance 127.0.0.1:8001 or "
        "0.0.0.0:8001",
        "CONVEYOR_DEMO_LEASE_SECONDS='1': input should be greater than or equal to 5",
    ]


def test_a_missing_value_is_named_with_its_meaning(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("CONVEYOR_POSTGRES_DSN")
    assert problems() == [
        "CONVEYOR_POSTGRES_DSN is missing: Address of Postgres: "
        "`postgresql://user:password@host:5432/database`."
    ]
    environment.setenv("CONVEYOR_POSTGRES_POOL_MAX_CONNECTIONS", "3")
    assert problems()[0].startswith("CONVEYOR_POSTGRES_DSN is missing")


def test_a_bad_secret_is_not_shown(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CONVEYOR_ENCRYPTION_KEY", "hunter2")
    environment.setenv("CONVEYOR_POSTGRES_DSN", "mysql://root:hunter2@127.0.0.1/")
    assert problems() == [
        "CONVEYOR_POSTGRES_DSN=(hidden): must start with postgresql:// or postgres://",
        "CONVEYOR_ENCRYPTION_KEY=(hidden): a key is 32 bytes in URL-safe base64 (44 characters)",
    ]


def test_secrets_do_not_show_when_settings_are_printed(environment: pytest.MonkeyPatch) -> None:
    assert "hunter2" not in repr(load(DemoSettings))


def test_a_slip_in_a_name_gets_a_guess(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CONVEYOR_POSTGRES_DNS", DSN)
    environment.setenv("CONVEYOR_BORKER_URL", URL)
    assert problems() == [
        "CONVEYOR_BORKER_URL: there is no such setting; did you mean CONVEYOR_BROKER_URL?",
        "CONVEYOR_POSTGRES_DNS: there is no such setting; did you mean CONVEYOR_POSTGRES_DSN?",
    ]


def test_a_name_that_does_not_exist_gives_one_line(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "conveyor.toml"
    file.write_text("[runtime]\nshel_allowed = true\n")
    environment.setenv("CONVEYOR_CONFIG", str(file))
    with pytest.raises(SettingsError) as caught:
        load(WorkerSettings)
    assert caught.value.problems == (
        "[runtime] shel_allowed: there is no such setting; did you mean [runtime] shell_allowed?",
    )


def test_a_slip_in_the_file_gets_a_guess(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "conveyor.toml"
    file.write_text("[demo]\nlease_second = 10\n")
    environment.setenv("CONVEYOR_CONFIG", str(file))
    assert problems() == [
        "[demo] lease_second: there is no such setting; did you mean [demo] lease_seconds?"
    ]


@pytest.fixture
def renamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RENAMED, "CONVEYOR_DEMO_PATIENCE", "CONVEYOR_DEMO_LEASE_SECONDS")
    monkeypatch.setitem(RENAMED, "CONVEYOR_WORKER_SLEEP", "CONVEYOR_WORKER_HEARTBEAT_SECONDS")


@pytest.mark.usefixtures("renamed")
def test_the_old_name_of_a_setting_is_answered_with_its_new_one(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.setenv("CONVEYOR_DEMO_PATIENCE", "7")
    environment.setenv("CONVEYOR_WORKER_SLEEP", "7")  # of another service, which says it itself
    assert problems() == ["CONVEYOR_DEMO_PATIENCE has a new name: CONVEYOR_DEMO_LEASE_SECONDS"]
    environment.delenv("CONVEYOR_DEMO_PATIENCE")
    file = tmp_path / "conveyor.toml"
    file.write_text("[demo]\npatience = 7\n")
    environment.setenv("CONVEYOR_CONFIG", str(file))
    assert problems() == ["[demo] patience has a new name: [demo] lease_seconds"]


def test_every_renamed_setting_exists_under_its_new_name_alone() -> None:
    known = {s.variable for class_ in SETTINGS.values() for s in settings_of(class_)}
    assert set(RENAMED.values()) <= known
    assert not set(RENAMED) & known


def test_settings_of_other_services_and_kubernetes_are_left_alone(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("CONVEYOR_WORKER_QUEUES", "default:4")
    environment.setenv("CONVEYOR_BROKER_SERVICE_HOST", "10.0.0.1")
    environment.setenv("CONVEYOR_BROKER_PORT", "tcp://10.0.0.1:5672")
    environment.setenv("CONVEYOR_BROKER_PORT_5672_TCP_ADDR", "10.0.0.1")
    assert load(DemoSettings)


def test_a_file_that_cannot_be_used_is_named(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.setenv("CONVEYOR_CONFIG", str(tmp_path / "none.toml"))
    assert problems() == [
        f"CONVEYOR_CONFIG: can't read {tmp_path}/none.toml: No such file or directory"
    ]
    (tmp_path / "bad.toml").write_text("[log\n")
    environment.setenv("CONVEYOR_CONFIG", str(tmp_path / "bad.toml"))
    assert problems()[0].startswith(f"CONVEYOR_CONFIG: {tmp_path}/bad.toml is not TOML: ")


def test_several_keys_are_separated_by_commas(environment: pytest.MonkeyPatch) -> None:
    new, old = generate_key(), generate_key()
    environment.setenv("CONVEYOR_ENCRYPTION_KEY", f"{new}, {old}")
    assert load(DemoSettings).encryption.keys == (new, old)


def test_the_reference_page_has_a_row_for_each_setting() -> None:
    page = settings_reference({"demo": DemoSettings})
    assert "## postgres\n\nRead by: demo.\n" in page
    assert (
        "| `CONVEYOR_DEMO_LEASE_SECONDS` | `[demo] lease_seconds` | number ≥ 5 | `30` "
        "| How long a lease lasts. |"
    ) in page
    assert "| `[postgres] dsn` | text | required |" in page
    assert "| `[health] address` | text | `127.0.0.1:8002` |" in page
    assert "`debug`, `info`, `warning`, `error`" in page


def test_every_setting_of_the_shared_blocks_has_a_meaning() -> None:
    for block in (LogSettings, BrokerSettings, PostgresSettings, HealthSettings, SealingSettings):
        for name, field in block.model_fields.items():
            assert field.description, f"{block.__name__}.{name}"


def test_the_api_must_be_at_a_port_that_clients_can_know(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("CONVEYOR_API_ADDRESS", "127.0.0.1:0")
    with pytest.raises(SettingsError, match="must name a port"):
        load(CoordinatorSettings)
