"""`conveyor cancel` and `conveyor restart`."""

from cli.api_command import action

cancel = action(
    "cancel",
    "cancelled",
    "Cancel active jobs by their ids. Their running tasks are stopped.\n\n"
    "Exit code 3: the API rejected at least one; the others are cancelled.",
    lambda api, id_: api.act_on_job(id_, "cancel"),
    "JOB...",
)
restart = action(
    "restart",
    "restarted",
    "Restart failed or cancelled jobs by their ids, each from where it stopped.\n\n"
    "Exit code 3: the API rejected at least one; the others are restarted.",
    lambda api, id_: api.act_on_job(id_, "restart"),
    "JOB...",
)
