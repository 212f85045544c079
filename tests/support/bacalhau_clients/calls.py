"""Calls of Bacalhau's clients, which block, from a test's event loop."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from bacalhau_apiclient.api.ops_api import OpsApi
from bacalhau_apiclient.api.orchestrator_api import OrchestratorApi
from bacalhau_apiclient.api_client import ApiClient
from bacalhau_apiclient.configuration import Configuration
from bacalhau_sdk.jobs import Jobs
from yarl import URL

SdkJobs = Jobs
"""The SDK's own class, which this package makes importable."""


async def blocking(call: Callable[..., Any], *args: object, **given: object) -> Any:
    return await asyncio.to_thread(call, *args, **given)


def api_client(url: URL, headers: Mapping[str, str] | None = None) -> ApiClient:
    configuration = Configuration()
    configuration.host = str(url).rstrip("/")
    client = ApiClient(configuration)
    for name, value in (headers or {}).items():
        client.set_default_header(name, value)
    return client


def orchestrator(url: URL, headers: Mapping[str, str] | None = None) -> OrchestratorApi:
    return OrchestratorApi(api_client(url, headers))


def agent(url: URL, headers: Mapping[str, str] | None = None) -> OpsApi:
    return OpsApi(api_client(url, headers))


def sdk_jobs(url: URL, monkeypatch: pytest.MonkeyPatch, home: str) -> Jobs:
    """As a script of a user finds its server: by the environment."""
    monkeypatch.setenv("BACALHAU_API_HOST", str(url.host))
    monkeypatch.setenv("BACALHAU_API_PORT", str(url.port))
    monkeypatch.setenv("BACALHAU_DIR", home)
    return Jobs()
