"""/arvados/v1/users/current: who asks."""

from aiohttp import web

from services.coordinator.api.access.principal import principal
from services.coordinator.api.arvados.groups import ARVADOS, PREFIX
from services.coordinator.api.arvados.schemas import ArvadosUser
from services.coordinator.api.arvados.views import user_uuid
from services.coordinator.api.replies import reply
from services.coordinator.api.route import response
from services.coordinator.store.rows import GUEST


@ARVADOS.route(f"GET {PREFIX}/users/current", "Show who asks", response("The user.", ArvadosUser))
async def get_arvados_user(request: web.Request) -> web.Response:
    who = principal(request)
    name = (who.creator or GUEST).partition("~")[0]
    return reply(
        ArvadosUser(
            uuid=user_uuid(who.creator),
            username=name,
            full_name=name,
            email="",
            is_admin=who.is_admin,
        )
    )
