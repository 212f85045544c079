"""/v1/wallet: the balance of who asks, its transactions, and top-ups by an admin."""

import csv
import io
from typing import Annotated

from aiohttp import web
from pydantic import Field

from services.coordinator.api.access.principal import principal
from services.coordinator.api.bytenite.bodies import parsed_body
from services.coordinator.api.bytenite.groups import BYTENITE, INVALID
from services.coordinator.api.bytenite.schemas import Done, Pagination
from services.coordinator.api.bytenite.wallet_schemas import (
    AddTopUp,
    Balance,
    ExchangeRate,
    TransactionList,
    TransactionView,
)
from services.coordinator.api.errors import Conflict
from services.coordinator.api.replies import reply
from services.coordinator.api.requests import Query, ports, query
from services.coordinator.api.route import Response, Route, Scope, error, response
from services.coordinator.store import wallet
from services.coordinator.store.wallet import TopUp, TransactionRow
from shared.jobspec.problems import InvalidJob, Problem
from shared.lifecycle import NOTHING
from shared.planning.terms import NOBODY, Terms
from shared.store.wallets import read_wallets

OPERATOR = "operator"
"""Who is paid, and from whom top-ups come."""
_LONGEST = 200
_CSV = "text/csv"
_MOST = 1000


class TransactionsQuery(Query):
    """Which of them."""

    limit: Annotated[
        int, Field(alias="pagination.limit", ge=1, le=_MOST, description="At most so many.")
    ] = 100
    offset: Annotated[
        int,
        Field(alias="pagination.offset", ge=0, le=2**31, description="So many are left out first."),
    ] = 0


def _owner(request: web.Request) -> str:
    return principal(request).creator or NOBODY


@BYTENITE.route(
    "GET /v1/wallet/balance",
    "Show your balance",
    response("The balance, less what is held for jobs, too.", Balance),
)
async def get_balance(request: web.Request) -> web.Response:
    api, owner = ports(request), _owner(request)
    found = (await api.run(read_wallets, [owner]))[owner]
    debt = max(-found.balance, NOTHING)
    return reply(
        Balance(
            total_balance=float(found.balance),
            available_balance=float(found.available),
            amount_due=float(debt * api.terms.dollars_per_unit),
            unit=api.terms.unit,
            is_charged=api.terms.charges,
            grace_ends_at=api.terms.grace_ends_at(found),
        )
    )


@BYTENITE.route(
    "GET /v1/wallet/transactions",
    "List changes of your balance",
    response("A page of payments and top-ups.", TransactionList),
    query=TransactionsQuery,
)
async def list_transactions(request: web.Request) -> web.Response:
    asked, api = query(request, TransactionsQuery), ports(request)
    rows, total = await api.run(wallet.transactions, _owner(request), asked.limit, asked.offset)
    end = asked.offset + len(rows)
    pagination = Pagination(
        total=total,
        offset=asked.offset,
        has_previous=asked.offset > 0 and total > 0,
        has_next=end < total,
    )
    shown = [_shown(row, _owner(request), api.terms) for row in rows]
    return reply(TransactionList(pagination=pagination, data=shown))


@BYTENITE.route(
    "GET /v1/wallet/transactions/csv",
    "Download changes of your balance",
    Response("The same as a table, with a line of headings.", {_CSV: None}),
    query=TransactionsQuery,
)
async def download_transactions(request: web.Request) -> web.Response:
    asked, api = query(request, TransactionsQuery), ports(request)
    rows, _ = await api.run(wallet.transactions, _owner(request), asked.limit, asked.offset)
    table = io.StringIO()
    lines = csv.writer(table)
    lines.writerow(TransactionRow._fields)
    lines.writerows(rows)
    return web.Response(text=table.getvalue(), content_type=_CSV)


@BYTENITE.route(
    "GET /v1/wallet/exchange_rate",
    "Show what a unit is worth",
    response("Dollars for a unit.", ExchangeRate),
)
async def get_exchange_rate(request: web.Request) -> web.Response:
    terms = ports(request).terms
    return reply(ExchangeRate(exchange_rate=float(terms.dollars_per_unit), unit=terms.unit))


@BYTENITE.route(
    "POST /v1/wallet/top_up",
    "Add to the balance of an owner",
    response("It is added, or was with the same reference.", Done),
    {409: error("Another amount was added with the reference."), 422: INVALID},
    scope=Scope.ADMIN,
    body=AddTopUp,
    example={"owner": "ann", "amount": "100", "reference": "invoice-17"},
)
async def add_top_up(request: web.Request) -> web.Response:
    asked, api = await parsed_body(request, AddTopUp), ports(request)
    for name in ("owner", "reference"):
        if not 0 < len(getattr(asked, name)) <= _LONGEST:
            raise InvalidJob([Problem(name, f"must be 1 to {_LONGEST} characters")])
    by = principal(request).creator
    new = TopUp(asked.owner, asked.amount, api.terms.unit, asked.reference, by)
    if not await api.run(wallet.top_up, new):
        raise Conflict(f"another amount was added with the reference {asked.reference!r}")
    return reply(Done())


def _shown(row: TransactionRow, owner: str, terms: Terms) -> TransactionView:
    is_payment = row.kind == "payment"
    return TransactionView(
        id=str(row.id),
        type="payment" if is_payment else "top_up",
        account_from=owner if is_payment else OPERATOR,
        account_to=OPERATOR if is_payment else owner,
        amount=float(abs(row.amount)),
        unit=row.unit,
        exchange_rate=float(terms.dollars_per_unit),
        balance=float(row.balance),
        job_id=row.job_id,
        job_name=row.job_name,
        template_id=row.template,
        reference=row.reference,
        created_at=row.created_at,
    )


WALLET_ROUTES: tuple[Route, ...] = (
    get_balance,
    list_transactions,
    download_transactions,
    get_exchange_rate,
    add_top_up,
)
