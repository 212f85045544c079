"""`conveyor why`: for each node, why what waits of a job can't have it."""

from tests.support.http.command_line import run_command
from tests.support.http.fake_api import fake_api

ID = "0123456789abcdef" * 2
NODES = [
    {"id": "n1", "name": "w1", "reasons": ["3.5 of 8 CPUs free, 4 wanted", "port 80 is in use"]},
    {"id": "n2", "name": "w2", "reasons": []},
]
GROUP = {"name": "web", "taskIds": ["a", "b"], "message": "1 node: is cordoned", "nodes": NODES}


async def test_why_names_each_node_with_all_that_is_in_the_way() -> None:
    async with fake_api() as api:
        api.answers[f"GET /jobs/{ID}"] = {"id": ID, "waiting": {"message": "retry 1 in 9 s"}}
        api.answers[f"GET /jobs/{ID}/placement"] = {"waiting": [GROUP]}
        done = await run_command(api.url, "why", ID)
        assert done.exit_code == 0
        assert "web  2 executions  1 node: is cordoned" in done.stdout
        assert "w1    3.5 of 8 CPUs free, 4 wanted; port 80 is in use" in done.stdout
        assert "w2    fits" in done.stdout
        api.answers[f"GET /jobs/{ID}/placement"] = {"waiting": []}
        assert (await run_command(api.url, "why", ID)).stdout == "waiting: retry 1 in 9 s\n"
