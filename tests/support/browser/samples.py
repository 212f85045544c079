"""A Conveyor in the midst of its work, for pictures of the page and for checks of all of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

from tests.support.browser.stack import ROOT, Stack

REPORT = """
name: nightly report
description: Sales of the day, by region
tags: [nightly, finance]
inputs: {day: "2026-11-28", region: europe}
tasks:
  - name: fetch orders
    var: orders
    run: |
      echo "reading orders of 2026-11-28"
      printf '1284' > "$TORK_OUTPUT"
  - name: write report
    env: {ORDERS: "{{ tasks.orders }}"}
    run: |
      printf '\\033[1mReport\\033[0m of %s orders: \\033[32mcomplete\\033[0m\\n' "$ORDERS"
      echo 'rates of the day before are used' >&2
      mkdir -p out && printf 'region,orders\\neurope,%s\\n' "$ORDERS" > out/report.csv
    artifacts: [{name: report, path: out}]
output: "{{ tasks.orders }} orders"
webhooks: [{url: "RECEIVER/hook"}]
"""
BUILD = """
name: build and ship
tags: [release, v2.14.0]
tasks:
  - {name: checkout, needs: [], run: "echo at 4f2c91d"}
  - {name: compile, needs: [checkout], run: "echo 214 modules; sleep 0.4"}
  - {name: unit tests, needs: [compile], run: "echo 1204 passed; sleep 0.3"}
  - {name: lint, needs: [checkout], run: "echo clean"}
  - {name: package, needs: [unit tests, lint], run: "echo 48 MB"}
  - {name: deploy to staging, needs: [package], run: "echo waits for its turn; WAIT"}
  - {name: publish notes, needs: [package], run: "echo published"}
"""
THUMBNAILS = """
name: thumbnails of the spring catalogue
tags: [catalogue, images]
tasks:
  - name: one for each picture
    each:
      list: "{{ sequence(1, 120) }}"
      concurrency: 4
      minSuccess: 90%
      task:
        name: picture {{ item.value }}.jpg
        env: {N: "{{ item.value }}"}
        run: |
          test "$N" -ne 17 || { echo 'not a JPEG: starts with 0x89 0x50' >&2; exit 1; }
          test "$N" -lt 40 || { WAIT; }
"""
IMPORT = """
name: import of customers — Zürich & Genève
tags: [import]
tasks:
  - name: read the file
    run: echo '18,204 rows'
  - name: load into the warehouse
    retry: {limit: 1, initialDelay: 100ms}
    run: |
      echo 'row 11902: checking'
      echo 'Traceback (most recent call last):' >&2
      echo '  File "load.py", line 88, in <module>' >&2
      echo "ValueError: row 11902: 'Genève' is no country code" >&2
      exit 3
  - {name: refresh the views, run: "true"}
"""
TRAINING = """
name: train the forecast
tags: [forecast, gpu]
tasks: [{name: train, queue: gpu, run: python train.py --epochs 40}]
"""
PARENT = """
name: quarter end
tags: [finance]
tasks:
  - name: for each region
    parallel:
      tasks:
        - {name: north, run: "sleep 0.2; echo 812"}
        - {name: south, run: "echo 1033"}
  - name: consolidate
    subjob: {name: consolidation, tasks: [{name: sum up, run: "echo 1845"}]}
"""
SCHEDULES = (
    'name: nightly report\nschedule: {cron: "30 2 * * *", timezone: Europe/Berlin}\n'
    "tags: [nightly]\ntasks: [{name: report, run: echo}]\n",
    'name: shop stock\nschedule: {cron: "*/15 * * * *"}\ntasks: [{name: count, run: echo}]\n',
    'name: invoices\nschedule: {cron: "0 6 1 * *"}\ntasks: [{name: invoices, run: "true"}]\n',
)
SECRETS = {
    "team-token": {"name": "The team's token", "expiresAt": "2020-01-01T00:00:00Z"},
    "archive": {"kind": "aws", "accessKey": "AKIAEXAMPLE", "expiresAt": "2100-01-01T00:00:00Z"},
}


TEMPLATE = "greeting"
"""That of the example."""


@dataclass(frozen=True)
class Samples:
    """The ids of what was made; what runs goes on until `release`."""

    stack: Stack
    job_ids: dict[str, str]
    schedule_ids: list[str]
    endpoint_ids: list[str]

    def release(self) -> None:
        _gate(self.stack).touch()

    @property
    def node_id(self) -> str:
        return str(self.stack.call("GET", "/nodes")[0]["id"])


@contextmanager
def samples_on(stack: Stack) -> Iterator[Samples]:
    with _running_receiver() as url:
        samples = Samples(stack, {}, [_schedule(stack, text) for text in SCHEDULES], [])
        stack.call("PUT", f"/scheduled-jobs/{samples.schedule_ids[-1]}/pause")
        samples.endpoint_ids.extend(_endpoint(stack, url, *each) for each in _ENDPOINTS)
        template = (ROOT / "examples/template.yaml").read_text(encoding="utf-8")
        stack.call("POST", "/templates", content=template, headers={"Content-Type": "text/yaml"})
        for secret_id, secret in SECRETS.items():
            stack.call("PUT", f"/secrets/{secret_id}", json=secret | {"secret": "of samples"})
        _submit_jobs(samples, url)
        try:
            yield samples
        finally:
            samples.release()


_ENDPOINTS = (
    ("all ends, to the data team", "/hook", "job.state in ['COMPLETED', 'FAILED']"),
    ("failures, to the on-call chat", "/gone", "job.state == 'FAILED'"),
)


def _submit_jobs(samples: Samples, receiver: str) -> None:
    stack = samples.stack
    wait = f"until test -e {_gate(stack)}; do sleep 0.2; done"
    texts = {
        "report": REPORT,
        "parent": PARENT,
        "import": IMPORT,
        "build": BUILD,
        "thumbnails": THUMBNAILS,
        "training": TRAINING,
    }
    for name, text in texts.items():
        samples.job_ids[name] = stack.submit(
            text.replace("WAIT", wait).replace("RECEIVER", receiver)
        )
    for name in ("report", "parent", "import"):
        stack.until(samples.job_ids[name])
    cancelled = samples.job_ids["cancelled"] = stack.submit(
        f"name: reindex of the search\ntags: [search]\ntasks: [{{name: reindex, run: '{wait}'}}]\n"
    )
    stack.until(cancelled, "RUNNING")
    stack.call("PUT", f"/jobs/{cancelled}/cancel")
    thumbnails = f"/jobs/{samples.job_ids['thumbnails']}/tasks"
    stack.eventually(lambda: stack.call("GET", thumbnails, params={"state": "FAILED"})["items"])


def _gate(stack: Stack) -> Path:
    return stack.directory / "gate"


def _schedule(stack: Stack, text: str) -> str:
    headers = {"Content-Type": "text/yaml"}
    return str(stack.call("POST", "/scheduled-jobs", content=text, headers=headers)["id"])


def _endpoint(stack: Stack, receiver: str, description: str, path: str, condition: str) -> str:
    new = {
        "description": description,
        "url": receiver + path,
        "events": ["job.StateChange"],
        "filter": condition,
    }
    return str(stack.call("POST", "/webhooks", json=new)["id"])


class _Receiver(BaseHTTPRequestHandler):
    statuses: ClassVar = {"/hook": 200}

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.statuses.get(self.path, 410))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """What was asked is of no interest."""


@contextmanager
def _running_receiver() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Receiver) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
