"""The table of the routes of ByteNite's API."""

from services.coordinator.api.bytenite.auth import BYTENITE_AUTH_ROUTES
from services.coordinator.api.bytenite.catalog import CATALOG_ROUTES
from services.coordinator.api.bytenite.data_source_tests import DATA_SOURCE_TEST_ROUTES
from services.coordinator.api.bytenite.dev import DEV_ROUTES
from services.coordinator.api.bytenite.estimation import ESTIMATION_ROUTES
from services.coordinator.api.bytenite.events import EVENT_ROUTES
from services.coordinator.api.bytenite.jobs import JOB_ROUTES
from services.coordinator.api.bytenite.links import LINK_ROUTES
from services.coordinator.api.bytenite.results import RESULT_ROUTES
from services.coordinator.api.bytenite.runs import RUN_ROUTES
from services.coordinator.api.bytenite.secrets import BYTENITE_SECRET_ROUTES
from services.coordinator.api.bytenite.tasks import TASK_ROUTES
from services.coordinator.api.bytenite.uploads import UPLOAD_ROUTES
from services.coordinator.api.bytenite.wallet import WALLET_ROUTES
from services.coordinator.api.route import Route

BYTENITE_ROUTES: tuple[Route, ...] = (
    *BYTENITE_AUTH_ROUTES,
    *BYTENITE_SECRET_ROUTES,
    *LINK_ROUTES,
    *DATA_SOURCE_TEST_ROUTES,
    *CATALOG_ROUTES,
    *TASK_ROUTES,
    *ESTIMATION_ROUTES,
    *JOB_ROUTES,
    *RUN_ROUTES,
    *UPLOAD_ROUTES,
    *RESULT_ROUTES,
    *EVENT_ROUTES,
    *DEV_ROUTES,
    *WALLET_ROUTES,
)
