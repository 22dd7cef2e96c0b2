// Invests with the types that openapi-typescript generates from the platform's document, and openapi-fetch.
//
//     node invest.js URL
//
// URL is a platform that runs on its sample prices. api.d.ts, beside this file, has the generated types.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import createClient, { type Client } from "openapi-fetch";
import type { components, paths } from "./api.js";

type Sextant = Client<paths>;
type Problem = components["schemas"]["Problem"];
type GatewayError = components["schemas"]["GatewayError"];

const baseUrl = process.argv[2]!;
const password = "correct horse battery";

/** What openapi-fetch gives: the body of a success or of a refusal, and the response. */
interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a response, which must have this status. */
function expect<T>({ data, error, response }: Answer<T>, status: number): NonNullable<T> {
  assert.equal(response.status, status, JSON.stringify(error));
  assert.ok(data);
  return data;
}

/** The problem of a refusal, which must have this status. */
function refused(
  { error, response }: { error?: Problem | GatewayError; response: Response },
  status: number,
): Problem {
  assert.equal(response.status, status);
  assert.ok(error && "code" in error);
  return error;
}

/** A client with the token of a new customer. */
async function signedIn(): Promise<Sextant> {
  const client = createClient<paths>({ baseUrl });
  const credentials = { email: `typescript-${randomUUID()}@example.com`, password };
  const person = { ...credentials, first_name: "Ada", last_name: "Lovelace" };
  const customer = expect(await client.POST("/customers", { body: person }), 201);
  const session = expect(await client.POST("/sessions", { body: credentials }), 201);
  assert.equal(session.customer.id, customer.id);
  return createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${session.token}` } });
}

/** Deposits money and buys shares. */
async function invest(client: Sextant): Promise<string> {
  const transfer = { body: { amount: "10000.00" }, params: { header: { "Idempotency-Key": "deposit" } } };
  const first = expect(await client.POST("/wallet/deposits", transfer), 201);
  const again = await client.POST("/wallet/deposits", transfer);
  assert.deepEqual(expect(again, 201), first);
  assert.equal(again.response.headers.get("Idempotency-Replayed"), "true");

  const portfolio = expect(await client.POST("/portfolios", { body: { name: "Retirement", type: "ira" } }), 201);
  const body = { side: "buy", symbol: "AAPL", quantity: "2" } as const;
  const path = { id: portfolio.id };
  const dryRun = { body, params: { path, query: { dry_run: true } } };
  const preview = expect(await client.POST("/portfolios/{id}/trades", dryRun), 200);
  const order = { body, params: { path, header: { "Idempotency-Key": "order" } } };
  const trade = expect(await client.POST("/portfolios/{id}/trades", order), 201);
  assert.equal(trade.amount, preview.amount);
  assert.equal(trade.position.quantity, "2");
  return portfolio.id;
}

/** Reads the value of the portfolio, and how it came about. */
async function readBack(client: Sextant, id: string): Promise<void> {
  const path = { id };
  const holdings = expect(await client.GET("/portfolios/{id}/holdings", { params: { path } }), 200);
  assert.deepEqual(holdings.items.map(({ symbol }) => symbol), ["AAPL"]);
  const params = { path, query: { benchmark: "MSFT" } };
  const performance = expect(await client.GET("/portfolios/{id}/performance", { params }), 200);
  assert.equal(performance.series?.at(-1)?.value, holdings.value);
}

/** Imports a CSV file of lots that are held elsewhere. */
async function importLots(client: Sextant, id: string): Promise<void> {
  const csv = "ticker_symbol,quantity,purchase_price,purchase_date\nIBM,10,130.90,2010-01-04\n";
  const request = {
    body: csv,
    bodySerializer: (body: unknown) => body,
    headers: { "Content-Type": "text/csv" },
    params: { path: { id } },
  };
  const report = expect(await client.POST("/portfolios/{id}/investments/import", request), 200);
  assert.equal(report.imported, 1);
}

/** Runs a backtest and reads the report on it. */
async function research(client: Sextant): Promise<void> {
  const body = { symbol: "AAPL", buy: "close < sma(50)", sell: "close > sma(200)" };
  const run = expect(await client.POST("/backtest", { body }), 201);
  assert.ok(run.trades !== undefined && run.trades.length > 0);
  const params = { path: { symbol: "AAPL" }, query: { backtest: run.id } };
  const report = expect(await client.GET("/report/{symbol}", { params }), 200);
  assert.deepEqual(report.metrics, run.metrics);
}

/** Reads a list page by page. */
async function readPages(client: Sextant): Promise<void> {
  const types: string[] = [];
  let cursor: string | null | undefined;
  do {
    const query = cursor ? { limit: 1, cursor } : { limit: 1 };
    const page = expect(await client.GET("/wallet/entries", { params: { query } }), 200);
    types.push(...page.items.map(({ type }) => type));
    cursor = page.next_cursor;
  } while (cursor);
  assert.deepEqual(types, ["buy", "deposit"]);
}

/** Gets problems: without a key, without money, without a portfolio and without a token. */
async function beRefused(client: Sextant): Promise<void> {
  const body = { amount: "10000000.00" };
  assert.equal(refused(await client.POST("/wallet/withdrawals", { body }), 400).code, "idempotency_key_required");
  const tooMuch = { body, params: { header: { "Idempotency-Key": "withdrawal" } } };
  assert.equal(refused(await client.POST("/wallet/withdrawals", tooMuch), 409).code, "insufficient_funds");
  const params = { path: { id: randomUUID() } };
  assert.equal(refused(await client.GET("/portfolios/{id}", { params }), 404).code, "not_found");
  const stranger = createClient<paths>({ baseUrl });
  assert.equal(refused(await stranger.GET("/wallet"), 401).code, "unauthenticated");
}

const client = await signedIn();
const id = await invest(client);
await readBack(client, id);
await readPages(client);
await importLots(client, id);
await research(client);
await beRefused(client);
