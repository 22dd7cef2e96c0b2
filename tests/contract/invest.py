#!/usr/bin/env python3
"""Invests with the Python client that openapi-python-client generates from the platform's document.

    PYTHONPATH=CLIENT invest.py URL

CLIENT is the folder of the generated client, URL a platform that runs on its sample prices. Each
answer must have the status and the type that the document promises.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from decimal import Decimal
from typing import Any, TypeVar
from uuid import uuid4

import sextant_client
from sextant_client import AuthenticatedClient, Client, models
from sextant_client.api.backtest import backtest
from sextant_client.api.customers import register
from sextant_client.api.portfolios import (
    open_portfolio,
    portfolio_holdings,
    portfolio_performance,
)
from sextant_client.api.report import report
from sextant_client.api.sessions import sign_in
from sextant_client.api.trades import list_trades, trade
from sextant_client.api.wallet import deposit, list_wallet_entries, withdraw
from sextant_client.types import Response

T = TypeVar("T")
URL = sys.argv[1]
PASSWORD = "correct horse battery"


def main() -> None:
    """Registers, signs in and invests."""
    client = signed_in(f"python-{uuid4()}@example.com")
    portfolio_id = invest(client)
    read_back(client, portfolio_id)
    research(client)
    read_pages(client)
    be_refused(client)


def answer(response: Response[Any], status: int, model: type[T]) -> T:
    """The body of a response, which must have this status and type."""
    if response.status_code != status or not isinstance(response.parsed, model):
        raise AssertionError(f"expected {status} {model.__name__}, got {response}")
    return response.parsed


def signed_in(email: str) -> AuthenticatedClient:
    """A client with the token of a new customer."""
    public = Client(URL)
    person = models.RegistrationRequest(email, "Ada", "Lovelace", PASSWORD)
    customer = answer(register.sync_detailed(client=public, body=person), 201, models.Customer)
    credentials = models.SignInRequest(email, PASSWORD)
    session = answer(sign_in.sync_detailed(client=public, body=credentials), 201, models.NewSession)
    assert session.customer.id == customer.id
    return AuthenticatedClient(URL, session.token)


def invest(client: AuthenticatedClient) -> Any:
    """Deposits money and buys shares; returns the id of the portfolio."""
    amount = models.TransferRequest(amount="10000.00")
    sent = {"client": client, "body": amount, "idempotency_key": "deposit"}
    first = answer(deposit.sync_detailed(**sent), 201, models.WalletEntry)
    again = deposit.sync_detailed(**sent)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert answer(again, 201, models.WalletEntry) == first

    plan = models.PortfolioRequest(name="Retirement", type_=models.PortfolioType.IRA)
    portfolio = answer(
        open_portfolio.sync_detailed(client=client, body=plan), 201, models.Portfolio
    )
    order = models.TradeRequest(side=models.OrderSide.BUY, symbol="AAPL", quantity="2")
    preview = trade.sync_detailed(portfolio.id, client=client, body=order, dry_run=True)
    bought = trade.sync_detailed(portfolio.id, client=client, body=order, idempotency_key="order")
    execution = answer(bought, 201, models.Trade)
    assert answer(preview, 200, models.TradePreview).amount == execution.amount
    paid = Decimal(first.balance) - Decimal(execution.cash_after)
    assert paid == Decimal(execution.amount) + Decimal(execution.fee)
    return portfolio.id


def read_back(client: AuthenticatedClient, portfolio_id: Any) -> None:
    """Reads the value of the portfolio, and how it came about."""
    held = portfolio_holdings.sync_detailed(portfolio_id, client=client)
    holdings = answer(held, 200, models.PortfolioHoldings)
    assert [item.symbol for item in holdings.items] == ["AAPL"]
    measured = portfolio_performance.sync_detailed(portfolio_id, client=client, benchmark="MSFT")
    performance = answer(measured, 200, models.PortfolioPerformance)
    assert performance.series[-1].value == holdings.value


def research(client: AuthenticatedClient) -> None:
    """Runs a backtest and reads the report on it."""
    rule = models.BacktestRequest(symbol="AAPL", buy="close < sma(50)", sell="close > sma(200)")
    run = answer(backtest.sync_detailed(client=client, body=rule), 201, models.BacktestRun)
    assert run.trades
    said = report.sync_detailed("AAPL", client=client, backtest=run.id)
    assert answer(said, 200, models.ReportResponse).metrics == run.metrics


def read_pages(client: AuthenticatedClient) -> None:
    """Reads a list page by page."""
    cursor, entries = None, []
    while cursor or not entries:
        page = list_wallet_entries.sync_detailed(client=client, limit=1, cursor=cursor)
        found = answer(page, 200, models.PageWalletEntry)
        entries += found.items
        cursor = found.next_cursor
    assert [entry.type_ for entry in entries] == ["buy", "deposit"]


def be_refused(client: AuthenticatedClient) -> None:
    """Gets problems: without a key, without money, without a portfolio and without a token."""
    too_much = models.TransferRequest(amount="10000000.00")
    refused = withdraw.sync_detailed(client=client, body=too_much)
    assert answer(refused, 400, models.Problem).code == "idempotency_key_required"
    refused = withdraw.sync_detailed(client=client, body=too_much, idempotency_key="withdrawal")
    assert answer(refused, 409, models.Problem).code == "insufficient_funds"
    nothing = list_trades.sync_detailed(uuid4(), client=client)
    assert answer(nothing, 404, models.Problem).code == "not_found"
    stranger = AuthenticatedClient(URL, "no-token")
    refused = list_wallet_entries.sync_detailed(client=stranger)
    assert answer(refused, 401, models.Problem).code


def import_all() -> None:
    """Loads every module of the client, also those that this program does not call."""
    for module in pkgutil.walk_packages(sextant_client.__path__, "sextant_client."):
        importlib.import_module(module.name)


if __name__ == "__main__":
    import_all()
    main()
