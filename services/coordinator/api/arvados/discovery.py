"""What Arvados' clients build themselves from: a description of the API in Google's form."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from services.coordinator.api.arvados.groups import OPEN, PREFIX
from services.coordinator.api.replies import reply
from services.coordinator.api.route import response

Tree = dict[str, Any]

_PATH = {"uuid": {"type": "string", "location": "path", "required": True}}
_LISTS = {
    "filters": "array",
    "where": "object",
    "order": "array",
    "select": "array",
    "distinct": "boolean",
    "limit": "integer",
    "offset": "integer",
    "count": "string",
}
_CREATES = {"allow_duplicate": "boolean", "find_or_create": "boolean", "select": "array"}


def _in_query(types: Mapping[str, str]) -> Tree:
    return {name: {"type": kind, "location": "query"} for name, kind in types.items()}


def _method(verb: str, resource: str, name: str, path: str, **more: Any) -> Tree:  # noqa: ANN401 - JSON
    by_id = "{uuid}" in path
    return {
        "id": f"arvados.{resource}.{name}",
        "path": path,
        "httpMethod": verb,
        "parameters": (_PATH if by_id else {}) | more.pop("parameters", {}),
        "parameterOrder": ["uuid"] if by_id else [],
        "response": {"$ref": more.pop("returns", "Job")},
        "scopes": [],
        **more,
    }


def _reads(resource: str, schema: str) -> Tree:
    """What every resource has."""
    listed = {"parameters": _in_query(_LISTS), "returns": f"{schema}List"}
    select = _in_query({"select": "array"})
    return {
        "get": _method(
            "GET", resource, "get", f"{resource}/{{uuid}}", parameters=select, returns=schema
        ),
        "list": _method("GET", resource, "list", resource, **listed),
        "index": _method("GET", resource, "index", resource, **listed),
    }


def _jobs() -> Tree:
    job = {"request": {"required": True, "properties": {"job": {"$ref": "Job"}}}}
    listed = {"parameters": _in_query(_LISTS), "returns": "JobList"}
    of_one = {
        "update": _method("PUT", "jobs", "update", "jobs/{uuid}", **job),
        "delete": _method("DELETE", "jobs", "delete", "jobs/{uuid}"),
        "lock": _method("POST", "jobs", "lock", "jobs/{uuid}/lock"),
        "cancel": _method(
            "POST", "jobs", "cancel", "jobs/{uuid}/cancel",
            parameters=_in_query({"cascade": "boolean"}),
        ),
        "log_tail_follow": _method(
            "GET", "jobs", "log_tail_follow", "jobs/{uuid}/log_tail_follow",
            parameters=_in_query({"buffer_size": "integer"}),
        ),
    }  # fmt: skip
    return (
        _reads("jobs", "Job")
        | of_one
        | {
            "create": _method(
                "POST", "jobs", "create", "jobs", parameters=_in_query(_CREATES), **job
            ),
            "queue": _method("GET", "jobs", "queue", "jobs/queue", **listed),
            "queue_size": _method(
                "GET", "jobs", "queue_size", "jobs/queue_size", returns="QueueSize"
            ),
        }
    )


def _schema(name: str, types: Mapping[str, str]) -> Tree:
    properties: Tree = {field: {"type": kind} for field, kind in types.items()}
    for each in properties.values():
        if each["type"] == "array":
            each["items"] = {"type": "string"}
    return {"id": name, "type": "object", "properties": properties}


def _list_of(name: str) -> Tree:
    items = {"type": "array", "items": {"$ref": name}}
    properties = {"kind": {"type": "string"}, "items": items}
    return {"id": f"{name}List", "type": "object", "properties": properties}


_JOB = {
    "script": "string",
    "script_version": "string",
    "repository": "string",
    "script_parameters": "object",
    "runtime_constraints": "object",
    "description": "string",
    "priority": "integer",
    "nondeterministic": "boolean",
    "submit_id": "string",
}
_JOB_TASK = {
    "job_uuid": "string",
    "created_by_job_task_uuid": "string",
    "sequence": "integer",
    "qsequence": "integer",
    "parameters": "object",
    "output": "string",
    "progress": "number",
    "success": "boolean",
}
_NODE = {
    "hostname": "string",
    "crunch_worker_state": "string",
    "first_ping_at": "datetime",
    "last_ping_at": "datetime",
    "properties": "object",
}


_CONTAINER = {
    "command": "array",
    "container_image": "string",
    "cwd": "string",
    "environment": "object",
    "mounts": "object",
    "output_path": "string",
    "priority": "integer",
    "runtime_constraints": "object",
    "scheduling_parameters": "object",
    "state": "string",
}
_CONTAINER_REQUEST = _CONTAINER | {
    "name": "string",
    "description": "string",
    "properties": "object",
    "secret_mounts": "object",
    "container_count_max": "integer",
    "use_existing": "boolean",
    "output_name": "string",
    "output_ttl": "integer",
    "output_properties": "object",
}


def _container_requests() -> Tree:
    name, schema = "container_requests", "ContainerRequest"
    sent = {"required": True, "properties": {"container_request": {"$ref": schema}}}
    of_one, select = f"{name}/{{uuid}}", _in_query({"select": "array"})
    status = f"{of_one}/container_status"
    return _reads(name, schema) | {
        "create": _method(
            "POST", name, "create", name, parameters=select, request=sent, returns=schema
        ),
        "update": _method(
            "PUT", name, "update", of_one, parameters=select, request=sent, returns=schema
        ),
        "delete": _method("DELETE", name, "delete", of_one, returns=schema),
        "container_status": _method(
            "GET", name, "container_status", status, returns="ContainerStatus"
        ),
    }


def _job_tasks() -> Tree:
    name, schema = "job_tasks", "JobTask"
    sent = {"required": True, "properties": {"job_task": {"$ref": schema}}}
    return _reads(name, schema) | {
        "create": _method("POST", name, "create", name, request=sent, returns=schema),
        "update": _method("PUT", name, "update", f"{name}/{{uuid}}", request=sent, returns=schema),
        "delete": _method("DELETE", name, "delete", f"{name}/{{uuid}}", returns=schema),
    }


def _schemas() -> Tree:
    listed = {
        "Job": _JOB,
        "JobTask": _JOB_TASK,
        "Node": _NODE,
        "Container": _CONTAINER,
        "ContainerRequest": _CONTAINER_REQUEST,
    }
    single = {
        "ContainerStatus": {"container_state": "string", "scheduling_status": "string"},
        "QueueSize": {"queue_size": "integer"},
        "User": {"uuid": "string", "username": "string"},
    }
    found = {name: _schema(name, types) for name, types in (listed | single).items()}
    return found | {f"{name}List": _list_of(name) for name in listed}


def _resources() -> Tree:
    current = _method("GET", "users", "current", "users/current", returns="User")
    methods = {
        "jobs": _jobs(),
        "job_tasks": _job_tasks(),
        "nodes": _reads("nodes", "Node"),
        "containers": _reads("containers", "Container"),
        "container_requests": _container_requests(),
        "users": {"current": current},
    }
    return {name: {"methods": found} for name, found in methods.items()}


@OPEN.route(
    "GET /discovery/v1/apis/arvados/v1/rest",
    "Describe Arvados' API in the form that its clients read",
    response("The description.", Tree),
)
async def describe_arvados_api(request: web.Request) -> web.Response:
    root = f"{request.headers.get('X-Forwarded-Proto', request.scheme)}://{request.host}/"
    service = f"{PREFIX.removeprefix('/')}/"
    return reply(
        {
            "kind": "discovery#restDescription",
            "discoveryVersion": "v1",
            "id": "arvados:v1",
            "name": "arvados",
            "version": "v1",
            "title": "Arvados API",
            "protocol": "rest",
            "rootUrl": root,
            "servicePath": service,
            "baseUrl": f"{root}{service}",
            "basePath": f"/{service}",
            "batchPath": "batch",
            "parameters": {"alt": {"type": "string", "location": "query", "default": "json"}},
            "auth": {"oauth2": {"scopes": {}}},
            "schemas": _schemas(),
            "resources": _resources(),
        }
    )
