"""Prints the OpenAPI document, from which the types of web/ are generated."""

import sys

import orjson

from services.coordinator.api.openapi import openapi_document
from services.coordinator.api.routes import ROUTES
from services.coordinator.api.webhooks.sent_bodies import SENT_EVENTS

if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(openapi_document(ROUTES, SENT_EVENTS)))
