"""The routes of users, roles and keys."""

from services.coordinator.api import answers as a
from services.coordinator.api.access import keys, users
from services.coordinator.api.access.bodies import NewKeyRequest, NewRole, NewUser, RoleSlugs
from services.coordinator.api.access.principal import Scope
from services.coordinator.api.route import (
    BROKEN_RULE,
    TOO_LARGE,
    UNAVAILABLE,
    Route,
    answered,
    answered_error,
)
from shared.jobspec import JSON_TYPES

_USERNAME = {"username": "What the user logs in with."}
_NO_USER = answered_error("There is no such user.")
_DONE = answered("Done.", a.Status)

ACCESS_ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/users",
        group="users",
        scope=Scope.ADMIN,
        handler=users.create_user,
        summary="Create a user",
        tag="access",
        body=NewUser,
        body_types=JSON_TYPES,
        example={"username": "ann", "name": "Ann", "password": "a long password"},
        answers={
            200: answered("The new user.", a.User),
            400: BROKEN_RULE,
            413: TOO_LARGE,
            503: UNAVAILABLE,
        },
    ),
    Route(
        method="GET",
        path="/users",
        group="users",
        scope=Scope.ADMIN,
        handler=users.list_users,
        summary="List the users",
        tag="access",
        answers={200: answered("All users.", list[a.User]), 503: UNAVAILABLE},
    ),
    Route(
        method="DELETE",
        path="/users/{username}",
        group="users",
        scope=Scope.ADMIN,
        handler=users.delete_user,
        summary="Delete a user and their keys; their jobs stay",
        tag="access",
        path_meanings=_USERNAME,
        answers={200: _DONE, 404: _NO_USER, 503: UNAVAILABLE},
    ),
    Route(
        method="PUT",
        path="/users/{username}/roles",
        group="users",
        scope=Scope.ADMIN,
        handler=users.set_user_roles,
        summary="Give a user these roles and no others; `admin` lets them do everything",
        tag="access",
        path_meanings=_USERNAME,
        body=RoleSlugs,
        body_types=JSON_TYPES,
        example=["operations"],
        answers={
            200: _DONE,
            400: BROKEN_RULE,
            404: _NO_USER,
            413: TOO_LARGE,
            503: UNAVAILABLE,
        },
    ),
    Route(
        method="POST",
        path="/roles",
        group="users",
        scope=Scope.ADMIN,
        handler=users.create_role,
        summary="Create a role",
        tag="access",
        body=NewRole,
        body_types=JSON_TYPES,
        example={"slug": "operations", "name": "Operations"},
        answers={
            200: answered("The new role.", a.Role),
            400: BROKEN_RULE,
            413: TOO_LARGE,
            503: UNAVAILABLE,
        },
    ),
    Route(
        method="GET",
        path="/roles",
        group="users",
        scope=Scope.ADMIN,
        handler=users.list_roles,
        summary="List the roles",
        tag="access",
        answers={200: answered("All roles.", list[a.Role]), 503: UNAVAILABLE},
    ),
    Route(
        method="POST",
        path="/keys",
        group="keys",
        scope=Scope.OPERATE,
        handler=keys.create_key,
        summary="Make an API key; the answer is the only one that shows it",
        tag="access",
        body=NewKeyRequest,
        body_types=JSON_TYPES,
        example={"name": "ci", "scopes": ["read", "submit"]},
        answers={
            200: answered("The new key.", a.NewKeyShown),
            400: BROKEN_RULE,
            413: TOO_LARGE,
            503: UNAVAILABLE,
        },
    ),
    Route(
        method="GET",
        path="/keys",
        group="keys",
        scope=Scope.READ,
        handler=keys.list_keys,
        summary="List your API keys; an admin sees all",
        tag="access",
        answers={200: answered("Keys, newest first.", list[a.Key]), 503: UNAVAILABLE},
    ),
    Route(
        method="DELETE",
        path="/keys/{id}",
        group="keys",
        scope=Scope.OPERATE,
        handler=keys.delete_key,
        summary="Delete an API key: it opens nothing any more",
        tag="access",
        path_meanings={"id": "The key's id."},
        answers={200: _DONE, 404: answered_error("There is no such key."), 503: UNAVAILABLE},
    ),
)
