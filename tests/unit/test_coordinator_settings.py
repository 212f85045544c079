"""The coordinator's own settings: safe by default."""

import pytest
from pydantic import SecretStr, ValidationError

from services.coordinator.auth_settings import AuthSettings, CorsSettings
from services.coordinator.settings import ApiSettings, CoordinatorSettings
from services.dev.settings import DevSettings
from shared.process.run import BAD_SETTINGS, Stop, enter
from shared.process.settings.loading import Settings, load

REQUIRED = {
    "CONVEYOR_BROKER_URL": "amqp://127.0.0.1/",
    "CONVEYOR_POSTGRES_DSN": "postgresql://127.0.0.1/x",
}


async def never(settings: Settings, stop: Stop) -> None:
    raise AssertionError("it began with settings that are wrong")


@pytest.mark.parametrize("settings_class", [CoordinatorSettings, DevSettings])
def test_without_authentication_nothing_is_served_beyond_this_machine(
    settings_class: type[Settings],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in {**REQUIRED, "CONVEYOR_API_ADDRESS": "0.0.0.0:8000"}.items():
        monkeypatch.setenv(name, value)
    assert enter("any", settings_class, never) == BAD_SETTINGS
    said = capsys.readouterr().err
    assert "beyond this machine (CONVEYOR_API_ADDRESS=0.0.0.0:8000)" in said
    assert "CONVEYOR_AUTH_TYPE" in said
    assert "CONVEYOR_AUTH_NONE_ALLOWED=true" in said


@pytest.mark.parametrize(
    ("address", "is_beyond"),
    [
        ("127.0.0.1:8000", False),
        ("127.9.9.9:8000", False),
        ("[::1]:8000", False),
        ("localhost:8000", False),
        ("0.0.0.0:8000", True),
        ("[::]:8000", True),
        ("192.168.1.2:8000", True),
        ("example.com:8000", True),
    ],
)
def test_only_loopback_addresses_count_as_this_machine(address: str, is_beyond: bool) -> None:
    api = ApiSettings(address=address)
    assert api.is_beyond_loopback is is_beyond
    if is_beyond:
        with pytest.raises(ValidationError, match="beyond this machine"):
            DevSettings(api=api)
    else:
        assert DevSettings(api=api).auth.is_on is False


@pytest.mark.parametrize(
    "auth", [AuthSettings(type="key"), AuthSettings(type="basic"), AuthSettings(none_allowed=True)]
)
def test_authentication_or_the_flag_opens_it(auth: AuthSettings) -> None:
    assert DevSettings(api=ApiSettings(address="0.0.0.0:8000"), auth=auth).auth == auth


def test_a_key_that_nothing_would_ask_for_is_a_mistake() -> None:
    for kind in ("none", "basic"):
        with pytest.raises(ValidationError, match="CONVEYOR_AUTH_KEY"):
            AuthSettings(type=kind, key=SecretStr("hunter2"))
    assert "hunter2" not in repr(AuthSettings(type="key", key=SecretStr("hunter2")))


def test_a_password_that_nothing_would_ask_for_is_a_mistake() -> None:
    for kind in ("none", "key"):
        with pytest.raises(ValidationError, match="CONVEYOR_AUTH_PASSWORD"):
            AuthSettings(type=kind, password=SecretStr("hunter2"))
    assert AuthSettings(type="basic", password=SecretStr("hunter2")).user == "admin"
    with pytest.raises(ValidationError, match="pattern"):
        AuthSettings(type="basic", user="a:b")


def test_credentials_are_shared_with_named_origins_alone() -> None:
    with pytest.raises(ValidationError, match="must name the origins"):
        CorsSettings(origins="*", credentials=True)
    assert CorsSettings(origins="https://a.example", credentials=True).is_on


def test_what_clients_read_is_no_slip_in_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_KEY", "URL", "USER", "PASSWORD"):
        monkeypatch.setenv(f"CONVEYOR_{name}", "x")
    assert load(DevSettings).auth.type == "none"
