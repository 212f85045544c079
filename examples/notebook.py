"""A walk through the client, in cells: open it in an editor that knows them, or run it."""

# %% [markdown]
# # Estimate π on all workers
#
# `make run` starts Conveyor at http://127.0.0.1:8000; `CONVEYOR_URL` names another.

# %%
import json
import tempfile
from pathlib import Path

from conveyor import Client
from conveyor.jobs import Artifact, Each, Job, Source, Task

client = Client()
client.health().status

# %% [markdown]
# Throw darts at a square: each task throws some, and keeps what it counted as a file.

# %%
THROW = """
awk -v seed="$SEED" -v n="$DARTS" 'BEGIN {
  srand(seed); for (i = 0; i < n; i++) { x = rand(); y = rand(); if (x*x + y*y < 1) hits++ }
  printf "{\\"darts\\": %d, \\"hits\\": %d}\\n", n, hits
}' > counts.json
"""
throw = Task(
    name="throw {{ item.index }}",
    env={"SEED": "{{ item.value }}", "DARTS": "{{ inputs.darts }}"},
    run=THROW,
    artifacts=[Artifact(name="counts", path="counts.json")],
)

# %% [markdown]
# A last task takes the files of all of them, in a directory for each.

# %%
join = Task(
    name="join",
    sources=[Source(artifact="throws.counts", target="throws")],
    run="cat throws/*/counts.json > all.jsonl",
    artifacts=[Artifact(name="all", path="all.jsonl")],
)
pi = Job(
    name="estimate pi",
    inputs={"darts": 20_000, "seeds": list(range(8))},
    tasks=[
        Task(name="throw", var="throws", each=Each(list_="{{ inputs.seeds }}", task=throw)),
        join,
    ],
)

# %%
job = client.submit(pi)
for event in client.events(job.id):
    if event.kind == "task" and event.data["state"] == "COMPLETED":
        print("done:", event.data.get("name"))

# %% [markdown]
# What the job has kept, and the result.

# %%
[(kept.path, kept.size) for kept in client.files.list(job.id)]

# %%
path = client.files.download(job.id, "join/all", Path(tempfile.mkdtemp()))
counts = [json.loads(line) for line in path.read_text().splitlines()]
estimate = 4 * sum(c["hits"] for c in counts) / sum(c["darts"] for c in counts)
print(f"π is about {estimate:.3f}, from {len(counts)} tasks")

# %% [markdown]
# Once more with more darts: the same job with another input.

# %%
again = client.wait(client.run_again(job.id, inputs={"darts": 40_000}).id)
print(again.state)
