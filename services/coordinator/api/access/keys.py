"""/keys: API keys. Everyone handles their own, an admin all."""

from aiohttp import web

from services.coordinator.api.access.bodies import NewKeyRequest, read_body
from services.coordinator.api.access.principal import Principal, principal
from services.coordinator.api.access.schemas import Key, NewKeyShown
from services.coordinator.api.errors import BadRequest, Forbidden, NotFound
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import path_id, ports
from services.coordinator.api.schemas import Status
from services.coordinator.credentials.api_keys import new_key
from services.coordinator.store import access_keys
from services.coordinator.store.access_keys import NewKey, add_key
from shared.definition.durations import parse_duration


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


async def list_keys(request: web.Request) -> web.Response:
    who = principal(request)
    if who.user is None and not who.is_admin:
        return reply([])
    rows = await ports(request).run(access_keys.keys, None if who.is_admin else who.user)
    return reply([Key.model_validate(row, from_attributes=True) for row in rows])


async def delete_key(request: web.Request) -> web.Response:
    who = principal(request)
    key_id = path_id(request, "key")
    mine = who.is_admin or who.user is not None
    owner = None if who.is_admin else who.user
    if not mine or not await ports(request).run(access_keys.delete_key, key_id, owner):
        raise NotFound("no such key")
    return reply(Status())
