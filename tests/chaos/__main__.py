"""`make chaos`: one campaign, its plan and its table; exit code 1 when anything was found."""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

from rich.console import Console

from tests.chaos.books import Books
from tests.chaos.campaign import opened_campaign
from tests.chaos.faults import KINDS, LONG_KINDS
from tests.chaos.plan import Round, plan
from tests.chaos.report import make_console, print_plan, print_table
from tests.support.servers.rabbitmq_installations import INSTALLED, VERSIONS
from tests.support.servers.rabbitmq_versions import CLASSIC, QUEUE_TYPES, RabbitKind

_ROUNDS = len(KINDS) + 10
_JOBS = 26


async def main(arguments: argparse.Namespace) -> int:
    console = make_console()
    seed = SystemRandom().randrange(10**6) if arguments.seed is None else arguments.seed
    rounds = plan(seed, arguments.rounds or len(arguments.kinds) or _ROUNDS, arguments.kinds)
    kind = RabbitKind(arguments.rabbitmq, arguments.queues)
    print_plan(console, seed, rounds)
    directory = Path(tempfile.mkdtemp(prefix="conveyor-chaos-"))
    system, all_books = await _run(console, seed, rounds, arguments.jobs, directory, kind)
    print_table(console, f"Chaos, seed {seed}, {system}", all_books)
    if any(books.findings for books in all_books):
        kinds = f' KINDS="{" ".join(arguments.kinds)}"' if arguments.kinds else ""
        server = f"RABBITMQ={kind.version} QUEUES={kind.queues}"
        again = f"make chaos {server} SEED={seed} ROUNDS={len(rounds)}{kinds}"
        console.print(f"again with: {again}; logs: {directory}", soft_wrap=True)
        return 1
    shutil.rmtree(directory, ignore_errors=True)
    return 0


async def _run(
    console: Console, seed: int, rounds: list[Round], jobs: int, directory: Path, kind: RabbitKind
) -> tuple[str, list[Books]]:
    """On what it ran, and the books."""

    def tell(books: Books) -> None:
        said = "; ".join(books.findings) or "nothing found"
        console.print(f"  {books.title}: {said}", highlight=False, soft_wrap=True)

    async with opened_campaign(seed, directory, kind) as campaign:
        return str(campaign.system), await campaign.run(rounds, jobs, tell)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="of an earlier run, to do the same again")
    parser.add_argument("--rounds", type=int, help=f"how many ({_ROUNDS})")
    parser.add_argument("--jobs", type=int, default=_JOBS, help=f"in each round ({_JOBS})")
    parser.add_argument("--rabbitmq", choices=VERSIONS, default=INSTALLED, help="which server")
    parser.add_argument("--queues", choices=QUEUE_TYPES, default=CLASSIC, help="of which type")
    parser.add_argument(
        "kinds",
        nargs="*",
        metavar="KIND",
        help=f"faults of the first rounds: {', '.join(KINDS)}; "
        f"only where asked for: {', '.join(LONG_KINDS)}",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(_arguments())))
