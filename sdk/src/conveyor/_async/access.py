"""Users, roles, API keys and stored secrets, and who asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conveyor._async.resources import AsyncResource
from conveyor._async.transport import items_of
from conveyor.lazy import models as m


class AsyncUsers(AsyncResource):
    async def list(self) -> Sequence[m.User]:
        return [m.User.of(user) for user in items_of(await self._call("GET", "/users"))]

    async def create(self, user: m.NewUser | Mapping[str, Any]) -> m.User:
        return m.User.of(await self._call("POST", "/users", body=user))

    async def change(self, username: str, change: m.UserChange | Mapping[str, Any]) -> m.User:
        """A change of `disabled` ends all their sessions."""
        answer = await self._call("PATCH", "/users/{username}", body=change, username=username)
        return m.User.of(answer)

    async def delete(self, username: str) -> None:
        """With their keys; their jobs stay."""
        await self._call("DELETE", "/users/{username}", username=username)

    async def change_password(
        self, username: str, change: m.NewPassword | Mapping[str, Any]
    ) -> None:
        await self._call("PUT", "/users/{username}/password", body=change, username=username)

    async def set_roles(self, username: str, roles: Sequence[str]) -> None:
        """These roles and no others."""
        await self._call("PUT", "/users/{username}/roles", body=list(roles), username=username)


class AsyncRoles(AsyncResource):
    async def list(self) -> Sequence[m.Role]:
        return [m.Role.of(role) for role in items_of(await self._call("GET", "/roles"))]

    async def create(self, role: m.NewRole | Mapping[str, Any]) -> m.Role:
        return m.Role.of(await self._call("POST", "/roles", body=role))


class AsyncKeys(AsyncResource):
    """API keys."""

    async def list(self) -> Sequence[m.Key]:
        return [m.Key.of(key) for key in items_of(await self._call("GET", "/keys"))]

    async def create(self, key: m.NewKeyRequest | Mapping[str, Any]) -> m.NewKeyShown:
        """Its text is in `key`, this once."""
        return m.NewKeyShown.of(await self._call("POST", "/keys", body=key))

    async def delete(self, key_id: str) -> None:
        await self._call("DELETE", "/keys/{id}", id=key_id)


class AsyncSecrets(AsyncResource):
    """Secrets that are kept apart from jobs, which name them by their ids."""

    async def list(self) -> Sequence[m.Secret]:
        """Those that you may use, without the secrets themselves."""
        return [m.Secret.of(one) for one in items_of(await self._call("GET", "/secrets"))]

    async def get(self, secret_id: str) -> m.Secret:
        return m.Secret.of(await self._call("GET", "/secrets/{id}", id=secret_id))

    async def put(self, secret_id: str, secret: m.NewStoredSecret | Mapping[str, Any]) -> m.Secret:
        """Store it, or replace the one with its id."""
        return m.Secret.of(await self._call("PUT", "/secrets/{id}", body=secret, id=secret_id))

    async def delete(self, secret_id: str) -> None:
        """Jobs that were submitted with it keep what they have."""
        await self._call("DELETE", "/secrets/{id}", id=secret_id)


class AsyncSession(AsyncResource):
    """Who asks; and a sign-in that lasts, as that of the page."""

    async def get(self) -> m.Session:
        return m.Session.of(await self._call("GET", "/session"))

    async def sign_in(self, credentials: m.SignIn | Mapping[str, Any]) -> m.Session:
        """With `username` and `password`, or with `key`. The client keeps the session's cookie,
        and goes on with it if it was given no key or password of its own."""
        session = m.Session.of(await self._call("POST", "/session", body=credentials))
        self._transport.send_always({"X-CSRF-Token": session.csrf_token or ""})
        return session

    async def sign_out(self) -> None:
        await self._call("DELETE", "/session")


class AsyncSessions(AsyncResource):
    """Sign-ins that have not ended: your own, as an admin those of the user who is named."""

    async def list(self, user: str = "") -> Sequence[m.OpenSession]:
        """Newest first."""
        found = await self._call("GET", "/sessions", query=_of(user))
        return [m.OpenSession.of(one) for one in items_of(found)]

    async def end(self, session_id: str, user: str = "") -> None:
        await self._call("DELETE", "/sessions/{id}", query=_of(user), id=session_id)

    async def end_all(self, user: str = "") -> int:
        """How many there were."""
        answer = await self._call("DELETE", "/sessions", query=_of(user))
        return m.EndedSessions.of(answer).ended


def _of(user: str) -> Mapping[str, str]:
    return {"user": user} if user else {}
