"""The routes of users, roles and keys."""

from services.coordinator.api.access import keys, users
from services.coordinator.api.access.bodies import NewKeyRequest, NewRole, NewUser, RoleSlugs
from services.coordinator.api.access.schemas import Key, NewKeyShown, Role, User
from services.coordinator.api.route import DONE, Route, RouteGroup, error, response
from services.coordinator.api.scopes import Scope

_NO_USER = error("There is no such user.")

_USERS = RouteGroup(
    group="users",
    tag="access",
    scope=Scope.ADMIN,
    path_meanings={"username": "What the user logs in with."},
)
_KEYS = RouteGroup(
    group="keys", tag="access", scope=Scope.OPERATE, path_meanings={"id": "The key's id."}
)

ACCESS_ROUTES: tuple[Route, ...] = (
    _USERS.route(
        "POST",
        "/users",
        users.create_user,
        "Create a user",
        {200: response("The new user.", User)},
        body=NewUser,
        example={"username": "ann", "name": "Ann", "password": "a long password"},
    ),
    _USERS.route(
        "GET",
        "/users",
        users.list_users,
        "List the users",
        {200: response("All users.", list[User])},
    ),
    _USERS.route(
        "DELETE",
        "/users/{username}",
        users.delete_user,
        "Delete a user and their keys; their jobs stay",
        {200: DONE, 404: _NO_USER},
    ),
    _USERS.route(
        "PUT",
        "/users/{username}/roles",
        users.set_user_roles,
        "Replace the roles of a user; `admin` allows everything",
        {200: DONE, 404: _NO_USER},
        body=RoleSlugs,
        example=["operations"],
    ),
    _USERS.route(
        "POST",
        "/roles",
        users.create_role,
        "Create a role",
        {200: response("The new role.", Role)},
        body=NewRole,
        example={"slug": "operations", "name": "Operations"},
    ),
    _USERS.route(
        "GET",
        "/roles",
        users.list_roles,
        "List the roles",
        {200: response("All roles.", list[Role])},
    ),
    _KEYS.route(
        "POST",
        "/keys",
        keys.create_key,
        "Create an API key; only this answer shows it",
        {200: response("The new key.", NewKeyShown)},
        body=NewKeyRequest,
        example={"name": "ci", "scopes": ["read", "submit"]},
    ),
    _KEYS.route(
        "GET",
        "/keys",
        keys.list_keys,
        "List your API keys; an admin sees all",
        {200: response("Keys, newest first.", list[Key])},
        scope=Scope.READ,
    ),
    _KEYS.route(
        "DELETE",
        "/keys/{id}",
        keys.delete_key,
        "Revoke an API key",
        {200: DONE, 404: error("There is no such key.")},
    ),
)
