"""/users, /roles and /keys: who may use the API. Everyone handles their own keys, an admin all."""

import asyncio

from aiohttp import web

from services.coordinator.api.access.authenticator import authentication
from services.coordinator.api.access.principal import Principal, principal
from services.coordinator.api.access.schemas import (
    Key,
    NewKeyRequest,
    NewKeyShown,
    NewPassword,
    NewRole,
    NewUser,
    Role,
    RoleSlugs,
    User,
    UserChange,
    read_body,
)
from services.coordinator.api.errors import BadRequest, Forbidden, NotFound
from services.coordinator.api.replies import Status, reply
from services.coordinator.api.requests import path_id, ports
from services.coordinator.api.route import DONE, Route, RouteGroup, Scope, error, response
from services.coordinator.credentials import hash_password, new_key
from services.coordinator.store import access
from services.coordinator.store.access import (
    NamedUser,
    NewKey,
    NewUserRow,
    UserRow,
    add_key,
    add_role,
    add_user,
    roles,
    roles_named,
    set_password,
    set_roles,
    users,
    users_named,
)
from services.coordinator.store.rows import GUEST, user_id
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
    _require_long(request, new.password)
    operator = authentication(request).settings.user
    if new.username.lower() == operator.lower():
        raise BadRequest(f'username: "{new.username}" is not allowed: it is the operator\'s')
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


def _require_long(request: web.Request, password: str) -> None:
    """Raises BadRequest."""
    least = authentication(request).settings.password_min_length
    if len(password) < least:
        raise BadRequest(f"password: must have at least {least} characters")


def _shown(row: UserRow) -> User:
    return User(
        id=user_id(row.identity),
        username=row.username,
        name=row.name,
        created_at=row.created_at,
        disabled=row.disabled or None,
        roles=list(row.roles),
    )


@_USERS.route(
    "PATCH /users/{username}",
    "Rename, disable or enable a user",
    response("The user as they are now.", User),
    body=UserChange,
    example={"disabled": True},
)
async def change_user(request: web.Request) -> web.Response:
    """A disabled user's password and keys are refused from the next request on."""
    change = await read_body(request, UserChange)
    user = await _user(request)
    if user.username == GUEST:
        raise BadRequest(f"{GUEST} cannot be changed: jobs without a creator belong to this user")
    if change.disabled and user.username == principal(request).user:
        raise BadRequest("disabled: you cannot disable yourself")
    row = await ports(request).run(
        access.change_user, user.username, change.name, disabled=change.disabled
    )
    if row is None:
        raise NotFound(_NO_USER)  # deleted since
    return reply(_shown(row))


@_USERS.route("DELETE /users/{username}", "Delete a user and their keys; their jobs stay", DONE)
async def delete_user(request: web.Request) -> web.Response:
    user = await _user(request)
    if user.username == GUEST:
        raise BadRequest(f"{GUEST} cannot be deleted: jobs without a creator belong to this user")
    if not await ports(request).run(access.delete_user, user.username):
        raise NotFound(_NO_USER)  # by another since
    return reply(Status())


@_USERS.route(
    "PUT /users/{username}/password",
    "Change a password: your own, or as an admin that of any user",
    DONE,
    {403: error("It is another user's, or `oldPassword` is wrong.")},
    scope=Scope.OPERATE,
    body=NewPassword,
    example={"oldPassword": "a long password", "password": "a longer password"},
)
async def change_password(request: web.Request) -> web.Response:
    """Keys stay as they are. Streams that were opened with the old password end."""
    identity = await _whose_password(request)
    new = await read_body(request, NewPassword)
    _require_long(request, new.password)
    await _require_old(request, new.old_password)
    password_hash = await asyncio.to_thread(hash_password, new.password)
    if not await ports(request).run(set_password, identity, password_hash):
        raise NotFound(_NO_USER)  # deleted since
    return reply(Status())


async def _whose_password(request: web.Request) -> str:
    """The identity of the user. Raises Forbidden whether the other user exists or not."""
    who = principal(request)
    if who.is_admin:
        return (await _user(request)).identity
    if who.user is None or who.account is None or who.user.lower() != _name(request).lower():
        raise Forbidden("only an admin can change the password of another user")
    return who.account


async def _require_old(request: web.Request, password: str | None) -> None:
    """Raises BadRequest, Forbidden, TooManyRequests unless it is an admin or has the old one."""
    who = principal(request)
    if who.is_admin or who.user is None:
        return
    if password is None:
        raise BadRequest("oldPassword: is required")
    if not await authentication(request).is_own_password(request, who.user, password):
        raise Forbidden("oldPassword: is not your password")


@_USERS.route(
    "PUT /users/{username}/roles",
    "Replace the roles of a user; `admin` allows everything",
    DONE,
    body=RoleSlugs,
    example=["operations"],
)
async def set_user_roles(request: web.Request) -> web.Response:
    slugs = set((await read_body(request, RoleSlugs)).root)
    user = await _user(request)
    known = await ports(request).run(roles_named, slugs)
    if missing := slugs - known.keys():
        raise BadRequest(f"no such role: {', '.join(sorted(missing))}")
    if not await ports(request).run(set_roles, user.username, set(known.values())):
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


def _name(request: web.Request) -> str:
    """Raises NotFound for what nobody can be called."""
    username = request.match_info["username"]
    if "\x00" in username:
        raise NotFound(_NO_USER)
    return username


async def _user(request: web.Request) -> NamedUser:
    """In whatever case the path spells the name. Raises NotFound."""
    name = _name(request)
    found = await ports(request).run(users_named, {name})
    if name not in found:
        raise NotFound(_NO_USER)
    return found[name]


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
    named = await ports(request).run(users_named, {asked.user} if asked.user else set())
    owner = named.get(asked.user) if asked.user else None
    row = await ports(request).run(
        add_key,
        NewKey(
            id=made.id,
            name=asked.name,
            digest=made.digest,
            scopes=sorted(set(asked.scopes)),
            username=(owner.username if owner else asked.user) or who.user,
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
    if asked.user is not None and asked.user.lower() != who.user.lower():
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
    change_user,
    delete_user,
    change_password,
    set_user_roles,
    create_role,
    list_roles,
    create_key,
    list_keys,
    delete_key,
)
