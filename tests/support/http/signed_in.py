"""Pages that have signed in: what their browsers send."""

from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import Morsel
from typing import Any

from pydantic import SecretStr

from tests.support.http.api import Api
from tests.support.http.authenticated_api import PROTECTED, Headers

OPERATORS_PASSWORD = "the operator's password"
AUTH = PROTECTED.model_copy(update={"password": SecretStr(OPERATORS_PASSWORD)})
ANN = {"username": "ann", "password": "ann's password"}


@dataclass(frozen=True)
class Browser:
    """What a signed-in page sends. It keeps no cookies by itself."""

    api: Api
    cookie: str
    shown: Mapping[str, Any]

    @property
    def headers(self) -> Headers:
        return {"Cookie": f"conveyor_session={self.cookie}"}

    @property
    def proven(self) -> Headers:
        return {**self.headers, "X-CSRF-Token": self.shown["csrfToken"]}

    async def status(self, path: str = "/jobs") -> int:
        return (await self.api.raw("GET", path, headers=self.headers)).status


async def morsel_of(
    api: Api, credentials: Mapping[str, str], headers: Headers | None = None
) -> tuple[Morsel[str], Any]:
    response = await api.raw("POST", "/session", json=credentials, headers=headers)
    assert response.status == 200, await response.text()
    api.client.session.cookie_jar.clear()
    return response.cookies["conveyor_session"], await response.json()


async def sign_in(api: Api, credentials: Mapping[str, str], headers: Headers = {}) -> Browser:  # noqa: B006 - never changed
    morsel, shown = await morsel_of(api, credentials, headers)
    return Browser(api, morsel.value, shown)
