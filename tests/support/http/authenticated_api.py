"""A door where authentication is on, and who knocks: headers for each of them."""

import base64
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import SecretStr

from services.coordinator import credentials
from services.coordinator.auth_settings import AuthSettings
from tests.support.http.api import YAML, Api

OPERATORS_KEY = "the operator's own key"
OPERATOR = {"X-API-Key": OPERATORS_KEY}
PROTECTED = AuthSettings(type="any", key=SecretStr(OPERATORS_KEY))

Headers = Mapping[str, str]


def hash_cheaply(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that are not about how long a guess takes."""
    monkeypatch.setattr(credentials, "_COST", 2)
    monkeypatch.setattr(credentials, "_PASSES", 1)


def password_of(username: str) -> Headers:
    """What `add_user` lets in."""
    text = base64.b64encode(f"{username}:{username}'s password".encode()).decode()
    return {"Authorization": f"Basic {text}"}


async def add_user(api: Api, username: str, *roles: str) -> Headers:
    new = {"username": username, "name": username.title(), "password": f"{username}'s password"}
    await done(api, "POST", "/users", OPERATOR, json=new)
    await done(api, "PUT", f"/users/{username}/roles", OPERATOR, json=list(roles))
    return password_of(username)


async def add_key(api: Api, *scopes: str, user: str | None = None, **more: str) -> Headers:
    new = {"name": "test", "scopes": list(scopes), **more} | ({"user": user} if user else {})
    made = await done(api, "POST", "/keys", OPERATOR, json=new)
    return {"Authorization": f"Bearer {made['key']}"}


async def submit(api: Api, headers: Headers, yaml: str) -> Any:
    """The summary of a job that must be accepted."""
    return await done(api, "POST", "/jobs", headers, yaml=yaml)


async def status(api: Api, headers: Headers, path: str = "/jobs") -> int:
    """Of what GET is answered."""
    return (await api.answer("GET", path, headers=headers))[0]


async def done(api: Api, method: str, path: str, headers: Headers, **sent: Any) -> Any:
    """The JSON of an answer that must be 200; `json` or `yaml` is the body."""
    if "yaml" in sent:
        sent["data"] = sent.pop("yaml").encode()
        headers = {**headers, **YAML}
    status, body = await api.answer(method, path, headers=headers, **sent)
    assert status == 200, body
    return body
