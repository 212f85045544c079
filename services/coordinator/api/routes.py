"""The table of all routes: one group of each door, and Conveyor's own."""

from services.coordinator.api.access.routes import ACCESS_ROUTES
from services.coordinator.api.dead_letters.routes import DEAD_LETTER_ROUTES
from services.coordinator.api.events import EVENT_ROUTES
from services.coordinator.api.health import HEALTH_ROUTE
from services.coordinator.api.route import Route
from services.coordinator.api.schedules.routes import SCHEDULE_ROUTES
from services.coordinator.api.tork.routes import TORK_ROUTES

ROUTES: tuple[Route, ...] = (
    *TORK_ROUTES,
    *EVENT_ROUTES,
    *SCHEDULE_ROUTES,
    *DEAD_LETTER_ROUTES,
    HEALTH_ROUTE,
    *ACCESS_ROUTES,
)
