"""/users, /roles and /keys: who may use the API. Everyone handles their own keys, an admin all."""

import asyncio

from aiohttp import web

from services.coordinator.api.access.principal import Principal, principal
from services.coordinator.api.access.schemas import (
    Key,
    NewKeyRequest,
    NewKeyShown,
    NewRole,
    NewUser,
    Role,
    RoleSlugs,
    User,
    read_body,
)
from services.coordinator.api.errors import BadRequest, Forbidden, NotFound
from services.coordinator.api.replies import Status, reply
from services.coordinator.api.requests import path_id, ports
from services.coordinator.api.route import DONE, Route, RouteGroup, Scope, response
from services.coordinator.credentials import hash_password, new_key
from services.coordinator.store import access
from services.coordinator.store.access import (
    NewKey,
    NewUserRow,
    UserRow,
    add_key,
    add_role,
    add_user,
    missing_roles,
    missing_users,
    roles,
    set_roles,
    users,
)
from services.coordinator.store.rows import user_id
from shared.definition.quantities import parse_duration

_NO_USER = "no such user"


_USERS = RouteGroup(
    group="users",
    tag="access",
    scope=Scope.ADMIN,
    path_meanings={"username": "What the user logs in with."},
    missing="There is no such user.",
)
_KEYS = RouteGroup(
    group="keys",
    tag="access",
    scope=Scope.OPERATE,
    path_meanings={"id": "The key's id."},
    missing="There is no such key.",
)


@_USERS.route(
    "POST /users",
    "Create a user",
    response("The new user.", User),
    body=NewUser,
    example={"username": "ann", "name": "Ann", "password": "a long password"},
)
async def create_user(request: web.Request) -> web.Response:
    new = await read_body(request, NewUser, any_type=True)
    user = NewUserRow(
        username=new.username,
        name=new.name or new.username,
        password_hash=await asyncio.to_thread(hash_password, new.password),
        disabled=new.disabled,
    )
    row = await ports(request).run(add_user, user)
    if row is None:
        raise BadRequest(f'username: "{new.username}" is taken')
    return reply(_shown(row))


@_USERS.route("GET /users", "List the users", response("All users.", list[User]))
async def list_users(request: web.Request) -> web.Response:
    rows = await ports(request).run(users)
    return reply([_shown(row) for row in rows])


def _shown(row: UserRow) -> User:
    return User(
        id=user_id(row.username),
        username=row.username,
        name=row.name,
        created_at=row.created_at,
        disabled=row.disabled or None,
        roles=list(row.roles),
    )


@_USERS.route("DELETE /users/{username}", "Delete a user and their keys; their jobs stay", DONE)
async def delete_user(request: web.Request) -> web.Response:
    if not await ports(request).run(access.delete_user, _username(request)):
        raise NotFound(_NO_USER)
    return reply(Status())


@_USERS.route(
    "PUT /users/{username}/roles",
    "Replace the roles of a user; `admin` allows everything",
    DONE,
    body=RoleSlugs,
    example=["operations"],
)
async def set_user_roles(request: web.Request) -> web.Response:
    username = _username(request)
    slugs = set((await read_body(request, RoleSlugs)).root)
    run = ports(request).run
    if await run(missing_users, {username}):
        raise NotFound(_NO_USER)
    if missing := await run(missing_roles, slugs):
        raise BadRequest(f"no such role: {', '.join(sorted(missing))}")
    if not await run(set_roles, username, slugs):
        raise NotFound(_NO_USER)  # deleted since
    return reply(Status())


@_USERS.route(
    "POST /roles",
    "Create a role",
    response("The new role.", Role),
    body=NewRole,
    example={"slug": "operations", "name": "Operations"},
)
async def create_role(request: web.Request) -> web.Response:
    new = await read_body(request, NewRole)
    if not await ports(request).run(add_role, new.slug, new.name):
        raise BadRequest(f'slug: "{new.slug}" is taken')
    return reply(Role(slug=new.slug, name=new.name))


@_USERS.route("GET /roles", "List the roles", response("All roles.", list[Role]))
async def list_roles(request: web.Request) -> web.Response:
    rows = await ports(request).run(roles)
    return reply([Role.model_validate(row, from_attributes=True) for row in rows])


def _username(request: web.Request) -> str:
    """Raises NotFound for what nobody can be called."""
    username = request.match_info["username"]
    if "\x00" in username:
        raise NotFound(_NO_USER)
    return username


@_KEYS.route(
    "POST /keys",
    "Create an API key; only this answer shows it",
    response("The new key.", NewKeyShown),
    body=NewKeyRequest,
    example={"name": "ci", "scopes": ["read", "submit"]},
)
async def create_key(request: web.Request) -> web.Response:
    """The only answer that ever shows the key."""
    who = principal(request)
    asked = await read_body(request, NewKeyRequest)
    _require_own(who, asked)
    made = new_key()
    row = await ports(request).run(
        add_key,
        NewKey(
            id=made.id,
            name=asked.name,
            digest=made.digest,
            scopes=sorted(set(asked.scopes)),
            username=asked.user or who.user,
            expires_in=parse_duration(asked.expires_in) if asked.expires_in else None,
            latest_end=who.expires_at,
        ),
    )
    if row is None:
        raise BadRequest(f'user: "{asked.user}" is not allowed: there is no such user')
    shown = Key.model_validate(row, from_attributes=True)
    return reply(NewKeyShown(**shown.model_dump(), key=made.text))


def _require_own(who: Principal, asked: NewKeyRequest) -> None:
    """Nobody gives away more than they have. Raises Forbidden."""
    if who.is_admin:
        return
    if who.user is None:
        raise Forbidden("a key without a user can create keys only if it is an admin key")
    if asked.user not in (None, who.user):
        raise Forbidden("only an admin can create keys for other users")
    if lacking := sorted(set(asked.scopes) - who.scopes):
        raise Forbidden(f"missing scope: {', '.join(lacking)}")


@_KEYS.route(
    "GET /keys",
    "List your API keys; an admin sees all",
    response("Keys, newest first.", list[Key]),
    scope=Scope.READ,
)
async def list_keys(request: web.Request) -> web.Response:
    who = principal(request)
    if who.user is None and not who.is_admin:
        return reply([])
    rows = await ports(request).run(access.keys, None if who.is_admin else who.user)
    return reply([Key.model_validate(row, from_attributes=True) for row in rows])


@_KEYS.route("DELETE /keys/{id}", "Revoke an API key", DONE)
async def delete_key(request: web.Request) -> web.Response:
    who = principal(request)
    key_id = path_id(request, "key")
    mine = who.is_admin or who.user is not None
    owner = None if who.is_admin else who.user
    if not mine or not await ports(request).run(access.delete_key, key_id, owner):
        raise NotFound("no such key")
    return reply(Status())


ACCESS_ROUTES: tuple[Route, ...] = (
    create_user,
    list_users,
    delete_user,
    set_user_roles,
    create_role,
    list_roles,
    create_key,
    list_keys,
    delete_key,
)
