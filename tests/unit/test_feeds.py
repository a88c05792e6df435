"""Business feeds: every format reads to the same exact table, and every problem of a file is told at once."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.feeds import FeedError, describe_feed, detect_feed, read_feed
from pipelines.feeds.bills import bill_readers
from warehouse.feed_schemas import FEEDS

Rows = list[dict[str, str]]

# Two rows of every feed, every column filled in the first and as few as may be in the second.
SAMPLES: dict[str, Rows] = {
    "tenants": [
        {
            "tenant_id": "acme",
            "name": "Acme, Inc.",
            "plan": "pro",
            "segment": "smb",
            "seats": "12",
            "started_on": "2026-01-31",
            "churned_on": "2026-11-01",
            "observed_at": "2026-11-01T08:00:00Z",
        },
        {"tenant_id": "beta"},
    ],
    "features": [
        {
            "feature": "support_reply",
            "owner": "support",
            "task_tier": "2",
            "is_async_eligible": "true",
            "risk_class": "low",
            "environment": "production",
            "success_definition": "no reply within 24 h",
            "observed_at": "2026-10-01T00:00:00Z",
        },
        {"feature": "chat"},
    ],
    "revenue_lines": [
        {
            "line_id": "L2",
            "tenant_id": "acme",
            "kind": "credit_note",
            "amount": "-63.87",
            "currency": "USD",
            "service_start": "2026-07-12",
            "service_end": "2026-08-01",
            "invoice_id": "I7",
            "invoiced_on": "2026-07-12",
            "quantity": "1",
            "corrects_line_id": "L1",
            "credits": "0",
            "expires_on": "2026-12-31",
            "observed_at": "2026-07-12T09:00:00Z",
        },
        {
            "line_id": "L1",
            "tenant_id": "acme",
            "kind": "subscription",
            "amount": "99.00",
            "currency": "USD",
            "service_start": "2026-07-01",
            "service_end": "2026-08-01",
        },
    ],
    "contracts": [
        {
            "tenant_id": "acme",
            "plan": "pro",
            "valid_from": "2026-05-01",
            "valid_to": "2027-05-01",
            "price_usd": "199",
            "seats": "5",
            "allowance": "1000",
            "allowance_scope": "pooled",
            "overage_rate": "0.02",
            "credit_rates": '{"chat":0.5,"extract":12}',
            "observed_at": "2026-05-01T00:00:00Z",
        },
        {"tenant_id": "beta", "plan": "free", "valid_from": "2026-05-01", "price_usd": "0"},
    ],
    "credit_burns": [
        {
            "tenant_id": "acme",
            "occurred_at": "2026-06-10T10:00:00.000001Z",
            "credits": "1200.5",
            "burn_id": "b1",
            "observed_at": "2026-06-11T00:00:00Z",
        },
        {"tenant_id": "acme", "occurred_at": "2026-06-10T10:00:00Z", "credits": "0"},
    ],
    "stale_reports": [
        {
            "request_id": "r1",
            "task_id": "t1",
            "reported_at": "2026-06-10T10:00:00Z",
            "kind": "disagrees",
            "observed_at": "2026-06-11T00:00:00Z",
        },
        {"task_id": "t2", "reported_at": "2026-06-10T10:00:00Z"},
    ],
    "task_outcomes": [
        {
            "outcome_id": "o1",
            "task_id": "t1",
            "workflow_key": "w1",
            "conversation_id": "c1",
            "attribution_window_hours": "48",
            "outcome": "success",
            "observed_at": "2026-11-10T10:00:00Z",
            "score": "0.97",
            "value_usd": "1.5",
            "source": "reviewer",
        },
        {"outcome_id": "o2", "workflow_key": "w2", "outcome": "failure", "observed_at": "2026-11-10T10:00:00Z"},
    ],
    "cost_events": [
        {
            "event_id": "e1",
            "occurred_at": "2026-11-10T10:00:00Z",
            "task_id": "t4",
            "tenant_id": "acme",
            "feature": "chat",
            "component": "human_review",
            "quantity": "1.5",
            "unit": "minutes",
            "amount": "0.75",
            "currency": "USD",
            "observed_at": "2026-11-11T00:00:00Z",
        },
        {
            "event_id": "e2",
            "occurred_at": "2026-11-10T10:00:00Z",
            "component": "tool",
            "amount": "0.000000000001",
            "currency": "EUR",
        },
    ],
    "cost_pools": [
        {
            "pool_id": "vectors",
            "period_start": "2026-10-01",
            "period_end": "2026-11-01",
            "component": "vector_store",
            "amount": "400",
            "currency": "USD",
            "driver": "fixed",
            "weights": '{"acme":2,"beta":1.5}',
            "observed_at": "2026-11-02T00:00:00Z",
        },
        {
            "pool_id": "support",
            "period_start": "2026-10-01",
            "period_end": "2026-11-01",
            "component": "support",
            "amount": "900.10",
            "currency": "USD",
            "driver": "requests",
        },
    ],
    "acquisition": [
        {
            "month": "2026-10-01",
            "segment": "smb",
            "sales_marketing_usd": "9000",
            "new_customers": "1",
            "observed_at": "2026-11-02T00:00:00Z",
        },
        {"month": "2026-10-01", "sales_marketing_usd": "0", "new_customers": "0"},
    ],
    "provider_bills": [
        {
            "provider": "openai",
            "period_start": "2026-10-01",
            "period_end": "2026-11-01",
            "line_item": "gpt-4o, input",
            "model": "gpt-4o",
            "token_type": "input",
            "service_tier": "batch",
            "account_id": "proj_1",
            "quantity": "1000",
            "unit": "tokens",
            "amount": "-0.000002500001",
            "currency": "USD",
            "invoice_id": "I1",
            "line_id": "1",
            "observed_at": "2026-11-02T00:00:00Z",
        },
        {
            "provider": "openai",
            "period_start": "2026-10-31",
            "period_end": "2026-11-01",
            "line_item": "other",
            "amount": "1",
            "currency": "USD",
        },
    ],
    "fx": [
        {
            "date": "2026-10-01",
            "from_currency": "EUR",
            "to_currency": "USD",
            "rate": "1.173412345678",
            "observed_at": "2026-10-02T00:00:00Z",
        },
        {"date": "2026-10-02", "from_currency": "EUR", "to_currency": "USD", "rate": "1.18"},
    ],
}


def write_csv(path: Path, rows: Rows) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


def json_line(feed_name: str, row: dict[str, str]) -> str:
    """Numbers, booleans and objects as JSON has them, with the digits of the text."""
    plain = {"money", "decimal", "integer", "boolean", "json"}
    cells = [
        f"{json.dumps(name)}: {cell if FEEDS[feed_name].column(name).kind in plain else json.dumps(cell)}"
        for name, cell in row.items()
    ]
    return "{" + ", ".join(cells) + "}"


def refused(feed_name: str, path: Path) -> list[str]:
    """What is said about the file, one line for each problem, without the folder."""
    with pytest.raises(FeedError) as caught:
        read_feed(feed_name, path)
    return [str(problem).replace(f"{path.parent}/", "") for problem in caught.value.problems]


def without_lines(table: pa.Table) -> pa.Table:
    return table.drop_columns(["source_line"])


@pytest.mark.parametrize("feed_name", FEEDS)
def test_every_feed_reads_to_the_same_table_from_csv_json_and_parquet(feed_name: str, tmp_path: Path) -> None:
    rows = SAMPLES[feed_name]
    assert set(rows[0]) == set(FEEDS[feed_name].column_names)
    from_csv = read_feed(feed_name, write_csv(tmp_path / "a.csv", rows))
    lines = [json_line(feed_name, row) for row in rows]
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "a.json").write_text("[" + ",\n".join(lines) + "]", encoding="utf-8")
    pq.write_table(without_lines(from_csv.table), tmp_path / "a.parquet")

    assert from_csv.table.schema.equals(FEEDS[feed_name].row_schema())
    assert (from_csv.feed_name, from_csv.rows_in, from_csv.duplicates, from_csv.notes) == (feed_name, 2, 0, ())
    assert from_csv.table["source_line"].to_pylist() == [2, 3]
    for other in ("a.jsonl", "a.json", "a.parquet"):
        found = read_feed(feed_name, tmp_path / other)
        assert without_lines(found.table).equals(without_lines(from_csv.table)), other
        assert found.table["source_line"].to_pylist() == [1, 2]


@pytest.mark.parametrize("feed_name", FEEDS)
def test_every_feed_is_recognised_by_its_name_and_by_its_columns(feed_name: str, tmp_path: Path) -> None:
    named = write_csv(tmp_path / f"{feed_name.replace('_', '-').upper()}-2026-10.csv", SAMPLES[feed_name])
    unnamed = write_csv(tmp_path / "export.csv", SAMPLES[feed_name])
    least = write_csv(tmp_path / "least.csv", SAMPLES[feed_name][1:])
    assert [detect_feed(named), detect_feed(unnamed), detect_feed(least)] == [feed_name] * 3


@pytest.mark.parametrize("feed_name", FEEDS)
def test_every_feed_describes_its_columns(feed_name: str) -> None:
    text = describe_feed(feed_name)
    feed = FEEDS[feed_name]
    assert text.startswith(f"{feed_name}: One row per ")
    assert all(column.description in text for column in feed.columns)
    assert [line.split()[0] for line in text.splitlines() if line.startswith("  ")] == list(feed.column_names)


@pytest.mark.parametrize("feed_name", FEEDS)
def test_the_stored_schema_ends_with_lineage_and_keys_are_columns(feed_name: str) -> None:
    feed = FEEDS[feed_name]
    schema = feed.arrow_schema()
    assert schema.names == [*feed.column_names, "source_file", "source_line", "landing_id"]
    assert schema.field("source_line").type == pa.int64()
    assert {*feed.key, *feed.any_of, *(name for pair in feed.intervals for name in pair)} <= set(feed.column_names)
    assert {schema.field(c.name).type for c in feed.columns if c.kind == "money"} <= {pa.decimal128(38, 12)}


def test_unknown_feed_lists_the_feeds() -> None:
    with pytest.raises(KeyError, match=r"Unknown feed 'revenue'\. Known feeds: tenants, features, revenue_lines"):
        read_feed("revenue", "x.csv")


# ---- exactness


def amounts(tmp_path: Path, name: str, content: str) -> list[Decimal]:
    (tmp_path / name).write_text(content, encoding="utf-8")
    return read_feed("acquisition", tmp_path / name).table["sales_marketing_usd"].to_pylist()


ACQUISITION = "month,segment,sales_marketing_usd,new_customers\n"


@pytest.mark.parametrize(
    ("written", "exact"),
    [
        ("0.1", "0.1"),
        ("0.300000000000", "0.3"),
        ("0.000000000001", "0.000000000001"),
        ("1.2345678901230000", "1.234567890123"),
        ("99999999999999999999999999.999999999999", "99999999999999999999999999.999999999999"),
        ("6e-06", "0.000006"),
        ("1.5E+3", "1500"),
        ("0.50000000000000000000000000000000000000000000", "0.5"),
    ],
)
def test_money_is_exact_as_text_and_as_a_json_number(written: str, exact: str, tmp_path: Path) -> None:
    from_csv = amounts(tmp_path, "a.csv", f"{ACQUISITION}2026-10,,{written},1\n")
    line = f'{{"month":"2026-10","sales_marketing_usd":{written},"new_customers":1}}'
    assert from_csv == amounts(tmp_path, "a.jsonl", line) == [Decimal(exact)]


def test_numbers_that_need_care_do_not_move_their_neighbours(tmp_path: Path) -> None:
    written = ["1", "2e-3", "", "4", f"5.{'0' * 40}", "6"]
    rows = [{"event_id": f"e{i}", "occurred_at": "2026-10-01", "component": "tool"} for i in range(6)]
    rows = [{**row, "amount": "1", "currency": "USD", "quantity": q} for row, q in zip(rows, written, strict=True)]
    found = read_feed("cost_events", write_csv(tmp_path / "a.csv", rows)).table["quantity"].to_pylist()
    assert found == [Decimal(1), Decimal("0.002"), None, Decimal(4), Decimal(5), Decimal(6)]


def test_a_tenth_and_two_tenths_are_three_tenths(tmp_path: Path) -> None:
    lines = [
        f'{{"month":"2026-1{i}","sales_marketing_usd":{amount},"new_customers":1}}'
        for i, amount in enumerate(("0.1", "0.2"))
    ]
    found = amounts(tmp_path, "a.jsonl", "\n".join(lines))
    assert sum(found) == Decimal("0.3")


@pytest.mark.parametrize("written", ["0.0000000000001", "0.30000000000000004", "1e-13", "1.0000000000005e0"])
def test_a_thirteenth_decimal_is_refused_and_never_rounded(written: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{ACQUISITION}2026-10,,{written},1\n")
    assert refused("acquisition", path) == [
        f"a.csv:2: column sales_marketing_usd: '{written}' has more than 12 decimals. "
        "At most 12 decimals, one pico-dollar; nothing is rounded silently, so round it at the source."
    ]


@pytest.mark.parametrize(
    "written",
    [
        "100000000000000000000000000",
        # Cast by pyarrow 26 this one wraps around to a negative amount.
        "630626116957220082619958225.050003499990",
        "1e26",
        "1e99999999",
        "9e999999999999999999999",
    ],
)
def test_money_that_does_not_fit_is_refused(written: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{ACQUISITION}2026-10,,{written},1\n")
    assert refused("acquisition", path)[0].endswith("is too large. At most 26 digits before the point.")


@pytest.mark.parametrize("written", ["$5", '"1,234.50"', "NaN", "inf", "1_000", "5 USD", "0x10", "--1", "."])
def test_what_is_no_plain_number_is_refused(written: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{ACQUISITION}2026-10,,{written},1\n")
    assert "is not a number. Digits with a decimal point" in refused("acquisition", path)[0]


def test_a_float_column_of_money_in_parquet_is_refused_by_name(tmp_path: Path) -> None:
    table = pa.table({"month": ["2026-10"], "sales_marketing_usd": [0.1], "new_customers": [1.0]})
    pq.write_table(table, tmp_path / "a.parquet")
    assert refused("acquisition", tmp_path / "a.parquet") == [
        "a.parquet: column sales_marketing_usd: is double, and a float cannot hold money exactly. "
        "Store it as DECIMAL(38,12), or as text."
    ]


def test_parquet_decimals_of_any_scale_are_kept_digit_by_digit(tmp_path: Path) -> None:
    for scale, written in ((2, "12.34"), (18, "0.000000000001000000")):
        cells = pa.array([Decimal(written)], pa.decimal256(50, scale))
        pq.write_table(
            pa.table({"month": ["2026-10"], "sales_marketing_usd": cells, "new_customers": [1]}), tmp_path / "a.parquet"
        )
        found = read_feed("acquisition", tmp_path / "a.parquet").table["sales_marketing_usd"].to_pylist()
        assert found == [Decimal(written)]


def test_a_frame_without_nullable_integers_is_read(tmp_path: Path) -> None:
    nan = float("nan")
    pq.write_table(pa.table({"tenant_id": ["a", "b"], "seats": [3.0, nan]}), tmp_path / "tenants.parquet")
    assert read_feed("tenants", tmp_path / "tenants.parquet").table["seats"].to_pylist() == [3, None]
    pq.write_table(pa.table({"tenant_id": ["a"], "seats": [3.5]}), tmp_path / "tenants.parquet")
    assert "'3.5' is not a whole number" in refused("tenants", tmp_path / "tenants.parquet")[0]


def test_parquet_dates_may_be_midnights_and_other_times_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "tenants.parquet"
    midnight, noon = datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 1, 31, 12, tzinfo=UTC)
    for kind in (pa.timestamp("ns"), pa.timestamp("us", "UTC")):
        pq.write_table(pa.table({"tenant_id": ["a"], "started_on": pa.array([midnight], kind)}), path)
        assert read_feed("tenants", path).table["started_on"].to_pylist() == [date(2026, 1, 31)]
        pq.write_table(pa.table({"tenant_id": ["a"], "started_on": pa.array([noon], kind)}), path)
        assert "is not a date. YYYY-MM-DD." in refused("tenants", path)[0]


def test_a_score_is_a_measurement_and_may_be_a_float(tmp_path: Path) -> None:
    base = {"outcome_id": ["o"], "task_id": ["t"], "outcome": ["success"], "observed_at": ["2026-10-01"]}
    pq.write_table(pa.table({**base, "score": [0.12345678901239]}), tmp_path / "a.parquet")
    assert read_feed("task_outcomes", tmp_path / "a.parquet").table["score"].to_pylist() == [Decimal("0.123456789012")]


# ---- times, defaults, aliases


def test_instants_become_utc_microseconds(tmp_path: Path) -> None:
    written = {
        "2026-10-25T00:30:00.123456789Z": datetime(2026, 10, 25, 0, 30, 0, 123456, UTC),
        "2026-10-25 02:30:00+02:00": datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        "2026-10-25 02:30:00-0130": datetime(2026, 10, 25, 4, 0, tzinfo=UTC),
        "2026-10-25T02:30": datetime(2026, 10, 25, 2, 30, tzinfo=UTC),
        "2026-10-25": datetime(2026, 10, 25, tzinfo=UTC),
    }
    rows = [{"tenant_id": "a", "occurred_at": text, "credits": "1"} for text in written]
    table = read_feed("credit_burns", write_csv(tmp_path / "a.csv", rows)).table
    assert table["occurred_at"].to_pylist() == list(written.values())


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("10/25/2026", "is not an instant"),
        ("1761350400", "is not an instant"),
        ("2026-02-30T00:00:00Z", "is no instant of the calendar"),
        ("2026-10-25T24:00:00Z", "is no instant of the calendar"),
        ("2026-10-25T", "is not an instant"),
    ],
)
def test_an_instant_of_another_form_is_refused(written: str, what: str, tmp_path: Path) -> None:
    rows = [{"tenant_id": "a", "occurred_at": written, "credits": "1"}]
    assert f"'{written}' {what}" in refused("credit_burns", write_csv(tmp_path / "a.csv", rows))[0]


def test_a_cell_that_could_not_be_read_is_one_problem_and_no_duplicate_follows(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"tenant_id":{},"plan":"x"}\n{"tenant_id":{},"plan":"y"}\n')
    assert [line.partition(". ")[0] for line in refused("tenants", tmp_path / "a.jsonl")] == [
        "a.jsonl:1: column tenant_id: '{}' is nested",
        "a.jsonl:2: column tenant_id: '{}' is nested",
    ]


def test_the_attribution_window_is_24_hours_where_none_is_given(tmp_path: Path) -> None:
    rows = SAMPLES["task_outcomes"]
    both = read_feed("task_outcomes", write_csv(tmp_path / "a.csv", rows)).table
    alone = read_feed("task_outcomes", write_csv(tmp_path / "b.csv", rows[1:])).table
    assert both["attribution_window_hours"].to_pylist() == [48, 24]
    assert alone["attribution_window_hours"].to_pylist() == [24]


def test_fx_may_say_from_and_to(tmp_path: Path) -> None:
    rows = [{"date": "2026-10-01", "from": "eur", "to": "USD", "rate": "1.17"}]
    row = read_feed("fx", write_csv(tmp_path / "fx.csv", rows)).table.to_pylist()[0]
    assert (row["from_currency"], row["to_currency"], row["rate"]) == ("EUR", "USD", Decimal("1.17"))


@pytest.mark.parametrize(
    ("header", "written", "start", "end"),
    [
        ("day", "2026-10-31", date(2026, 10, 31), date(2026, 11, 1)),
        ("period", "2026-12", date(2026, 12, 1), date(2027, 1, 1)),
        ("period", "2026-10-31", date(2026, 10, 31), date(2026, 11, 1)),
        ("period_start", "2026-10-31", date(2026, 10, 31), date(2026, 11, 1)),
    ],
)
def test_a_bill_is_of_a_day_or_of_a_period(header: str, written: str, start: date, end: date, tmp_path: Path) -> None:
    rows = [{"provider": "p", header: written, "line_item": "all", "amount": "1", "currency": "USD"}]
    path = write_csv(tmp_path / "unnamed.csv", rows)
    assert detect_feed(path) == "provider_bills"
    row = read_feed("provider_bills", path).table.to_pylist()[0]
    assert (row["period_start"], row["period_end"]) == (start, end)


def test_a_month_is_its_first_day(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{ACQUISITION}2026-10,,1,1\n2026-11-01,,1,1\n")
    assert read_feed("acquisition", path).table["month"].to_pylist() == [date(2026, 10, 1), date(2026, 11, 1)]
    path.write_text(f"{ACQUISITION}2026-10-02,,1,1\n")
    assert refused("acquisition", path) == [
        "a.csv:2: column month: '2026-10-02' is not the first day of a month. YYYY-MM, or the first day of the month."
    ]


# ---- problems


def test_all_problems_of_a_file_are_told_at_once_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "revenue.csv").write_text(
        "line_id,tenant_id,kind,amount,currency,service_start,service_end,invoice\n"
        "L1,acme,subscription,99.00,USD,2026-07-01,2026-07-01,\n"
        "L2,,subscribtion,1;2,US$,2026-02-30,2026-08-01,\n"
        "L3,acme,credit_note,5,USD,2026-07-01,2026-08-01,\n"
        "L4,acme,usage,-5,USD,2026-07-01,2026-08-01,\n"
        "L5,acme,usage,5,USD,2026-07-01\n"
        "L6,acme,credit_pack,5,USD,2026-07-01,2026-08-01,\n"
        "L7,acme,one_off,-5,USD,2026-07-01,2026-08-01,\n"
    )
    sign = "A credit_note is zero or negative; other kinds are zero or more, save one_off."
    assert refused("revenue_lines", tmp_path / "revenue.csv") == [
        "revenue.csv: column invoice: is unknown; did you mean 'invoice_id'? Columns of revenue_lines: "
        f"{', '.join(FEEDS['revenue_lines'].column_names)}.",
        "revenue.csv:2: column service_end: '2026-07-01' is not after service_start. "
        "A day after service_start; a last day is exclusive.",
        "revenue.csv:3: column tenant_id: is empty. Every row needs it: The customer, as in the request logs.",
        "revenue.csv:3: column kind: 'subscribtion' is not known; did you mean 'subscription'? "
        "One of subscription, seats, usage, overage, credit_pack, outcome, credit_note, one_off.",
        "revenue.csv:3: column amount: '1;2' is not a number. "
        "Digits with a decimal point: no thousands separator, no currency sign.",
        "revenue.csv:3: column currency: 'US$' is not an ISO 4217 currency. Three letters such as USD or EUR.",
        "revenue.csv:3: column service_start: '2026-02-30' is no day of the calendar. YYYY-MM-DD.",
        f"revenue.csv:4: column amount: '5' is positive in a credit_note. {sign}",
        f"revenue.csv:5: column amount: '-5' is negative. {sign}",
        "revenue.csv:6: has 6 cells. The header has 8 columns.",
        "revenue.csv:7: column credits: is empty in a credit_pack. "
        "The credits bought, bonus included: without them a credit has no price.",
    ]


def test_fifty_problems_are_printed_and_the_rest_counted(tmp_path: Path) -> None:
    rows = [{"tenant_id": f"t{i}", "seats": "-1"} for i in range(60)]
    path = write_csv(tmp_path / "tenants.csv", rows)
    with pytest.raises(FeedError) as caught:
        read_feed("tenants", path)
    lines = str(caught.value).splitlines()
    assert len(caught.value.problems) == 60
    assert lines[0] == "60 problems:"
    assert lines[50] == f"{path}:51: column seats: '-1' is negative. Zero or more."
    assert lines[51:] == ["… and 10 more problems."]


def test_a_long_value_is_shortened(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "tenants.csv", [{"tenant_id": "a", "seats": "x" * 500}])
    assert f"'{'x' * 59}…' is not a whole number" in refused("tenants", path)[0]


def test_missing_columns_are_named_once(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [{"outcome_id": "o1"}, {"outcome_id": "o2"}])
    assert [line.partition(".csv: ")[2].partition(". ")[0] for line in refused("task_outcomes", path)] == [
        "column task_id: is missing",
        "column outcome: is missing",
        "column observed_at: is missing",
    ]


def test_of_stand_ins_every_row_fills_at_least_one(tmp_path: Path) -> None:
    rows = [{"request_id": "r", "task_id": "", "reported_at": "2026-10-01"}, {"request_id": "", "task_id": " "}]
    rows[1]["reported_at"] = "2026-10-01"
    assert refused("stale_reports", write_csv(tmp_path / "a.csv", rows)) == [
        "a.csv:3: column request_id: is empty, and so are its stand-ins. At least one of request_id, task_id."
    ]


@pytest.mark.parametrize(
    ("feed_name", "changes", "said"),
    [
        ("features", {"task_tier": "4"}, "column task_tier: '4' is not known. One of 1, 2, 3."),
        ("features", {"is_async_eligible": "maybe"}, "'maybe' is neither true nor false. true, yes, 1, false, no, 0."),
        ("tenants", {"churned_on": "2026-01-30"}, "column churned_on: '2026-01-30' is before started_on"),
        ("contracts", {"price_usd": "-1"}, "column price_usd: '-1' is negative. Zero or more."),
        ("contracts", {"credit_rates": "[1]"}, "column credit_rates: '[1]' is not a JSON object"),
        ("contracts", {"credit_rates": '{"a":1,"a":2}'}, "is not a JSON object"),
        ("credit_burns", {"credits": "-0.1"}, "column credits: '-0.1' is negative"),
        ("task_outcomes", {"attribution_window_hours": "0"}, "'0' is not above zero"),
        ("task_outcomes", {"attribution_window_hours": "8785"}, "'8785' is more than a year"),
        ("cost_events", {"amount": "-1"}, "column amount: '-1' is negative"),
        ("cost_pools", {"weights": ""}, "column weights: is empty with the driver fixed"),
        ("cost_pools", {"weights": '{"acme":-1}'}, "column weights: '{\"acme\":-1}' does not share anything out"),
        ("cost_pools", {"weights": '{"acme":true}'}, "does not share anything out"),
        ("cost_pools", {"period_end": "2026-10-01"}, "column period_end: '2026-10-01' is not after period_start"),
        ("fx", {"rate": "0"}, "column rate: '0' is not above zero"),
        ("fx", {"to_currency": "EUR"}, "column to_currency: 'EUR' is from_currency again"),
        ("fx", {"to_currency": "EURO"}, "'EURO' is not an ISO 4217 currency"),
        ("fx", {"to_currency": "XYZ"}, "'XYZ' is not an ISO 4217 currency"),
        ("acquisition", {"new_customers": "1.5"}, "'1.5' is not a whole number"),
        ("acquisition", {"new_customers": "9223372036854775808"}, "is too large"),
    ],
)
def test_a_value_outside_its_set_is_refused(feed_name: str, changes: dict[str, str], said: str, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [{**SAMPLES[feed_name][0], **changes}])
    found = refused(feed_name, path)
    assert len(found) == 1
    assert said in found[0]


def test_an_unusual_component_is_taken_with_a_note(tmp_path: Path) -> None:
    row = {**SAMPLES["cost_events"][1], "component": "tools"}
    found = read_feed("cost_events", write_csv(tmp_path / "a.csv", [row]))
    assert found.table["component"].to_pylist() == ["tools"]
    assert len(found.notes) == 1
    assert found.notes[0].endswith(": tools.")


# ---- duplicates and versions


def test_identical_rows_are_counted_and_dropped(tmp_path: Path) -> None:
    row = {"tenant_id": "a", "occurred_at": "2026-06-10", "credits": "1.0"}
    same = {"tenant_id": " a ", "occurred_at": "2026-06-10T00:00:00Z", "credits": "1"}
    other = {**row, "tenant_id": "b"}
    found = read_feed("credit_burns", write_csv(tmp_path / "a.csv", [row, other, same, row]))
    assert (found.rows_in, found.duplicates) == (4, 2)
    assert found.table["source_line"].to_pylist() == [2, 3]


def test_one_key_with_two_contents_is_a_problem_naming_both_lines(tmp_path: Path) -> None:
    row = {"tenant_id": "a", "occurred_at": "2026-06-10", "credits": "1"}
    path = write_csv(tmp_path / "a.csv", [row, {**row, "tenant_id": "b"}, {**row, "credits": "2"}])
    assert refused("credit_burns", path) == [
        "a.csv:4: column tenant_id+occurred_at+burn_id: 'a, 2026-06-10 00:00:00+00:00' has the key of line 2 and says "
        "something else. Tell burns of one instant apart by burn_id, or date a correction in observed_at."
    ]
    told_apart = [{**row, "burn_id": "1"}, {**row, "credits": "2", "burn_id": "2"}]
    assert read_feed("credit_burns", write_csv(path, told_apart)).table.num_rows == 2


def test_a_later_observation_of_the_same_key_is_a_version_and_kept(tmp_path: Path) -> None:
    late = {"outcome_id": "o6", "task_id": "t6", "outcome": "success", "observed_at": "2026-11-18T00:00:00Z"}
    early = {**late, "outcome": "failure", "observed_at": "2026-11-12T00:00:00Z"}
    found = read_feed("task_outcomes", write_csv(tmp_path / "a.csv", [late, early]))
    assert (found.table["outcome"].to_pylist(), found.duplicates) == (["success", "failure"], 0)


# ---- files


def test_a_byte_order_mark_crlf_and_quoted_newlines_are_read_with_true_lines(tmp_path: Path) -> None:
    path = tmp_path / "tenants.csv"
    path.write_bytes(b'\xef\xbb\xbftenant_id,name\r\na,"two\r\nlines"\r\n\r\nb,"say ""hi"""\r\n,\r\n')
    table = read_feed("tenants", path).table
    assert table["tenant_id"].to_pylist() == ["a", "b"]
    assert table["name"].to_pylist() == ["two\r\nlines", 'say "hi"']
    assert table["source_line"].to_pylist() == [2, 5]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "json"])
def test_gzip_is_read_and_a_truncated_one_refused(suffix: str, tmp_path: Path) -> None:
    text = {"csv": "tenant_id\na\n", "jsonl": '{"tenant_id":"a"}\n', "json": '[{"tenant_id":"a"}]'}[suffix]
    path = tmp_path / f"tenants.{suffix}.gz"
    path.write_bytes(gzip.compress(text.encode()))
    assert read_feed("tenants", path).table["tenant_id"].to_pylist() == ["a"]
    path.write_bytes(gzip.compress(text.encode() * 100)[:-9])
    assert "is a damaged or truncated gzip" in refused("tenants", path)[0]


FILES: dict[str, tuple[str, bytes, str]] = {
    "empty": ("a.csv", b"", "a.csv: is empty"),
    "blank": ("a.jsonl", b" \n", "a.jsonl: is empty"),
    "semicolons": ("a.csv", b"tenant_id;seats\na;1\n", "a.csv: is delimited by semicolons. Save it with commas"),
    "tabs": ("a.csv", b"tenant_id\tseats\na\t1\n", "a.csv: is delimited by tabs"),
    "latin 1": ("a.csv", b"tenant_id,name\na,b\nb,caf\xe9\n", "a.csv:3: has the byte 0xe9, which is not UTF-8"),
    "utf 16": ("a.csv", "tenant_id\n".encode("utf-16"), "a.csv: is UTF-16. Save it as UTF-8."),
    "open quote": ("a.csv", b'tenant_id\na\n"b\nc\n', "a.csv:3: is not CSV (unexpected end of data)"),
    "same header": ("a.csv", b"tenant_id,tenant_id\n", "a.csv:1: column tenant_id: appears twice"),
    "no header": ("a.csv", b"tenant_id,\na,\n", "a.csv:1: column number 2: has no name"),
    "broken line": ("a.jsonl", b'{"tenant_id":"a"}\n{"tenant_id":\n', "a.jsonl:2: is not JSON (Expecting value"),
    "repeated key": (
        "a.jsonl",
        b'{"tenant_id":"a","tenant_id":"b"}',
        "a.jsonl:1: names 'tenant_id' twice in one object",
    ),
    "no object": ("a.jsonl", b"[1.50]", "a.jsonl:1: '[1.50]' is not an object"),
    "nested": ("a.jsonl", b'{"tenant_id":{"x":1}}', "a.jsonl:1: column tenant_id: '{\"x\":1}' is nested"),
    "half": ("a.jsonl", b'{"tenant_id":"\\ud800"}', "a.jsonl:1: column tenant_id: \"'\\\\ud800'\" holds half of"),
    "cut array": ("a.json", b'[\n{"tenant_id":"a"},\n{"tenant_id":"b"}', "a.json:3: does not end with its array"),
    "broken array": ("a.json", b'[\n{"tenant_id":"a"},\n{"tenant_id"}]', "a.json:3: is not JSON"),
    "parquet": ("a.parquet", b"PAR1xxxx", "a.parquet: is not Parquet or is cut off"),
    "empty parquet": ("a.parquet", b"", "a.parquet: is empty"),
    "format": ("a.xlsx", b"PK", "a.xlsx: is of no known format. Files end in .csv, .jsonl"),
    "no suffix": ("a", b"x", "a: is of no known format"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_cannot_be_read_says_why(case: str, tmp_path: Path) -> None:
    name, content, said = FILES[case]
    (tmp_path / name).write_bytes(content)
    assert refused("tenants", tmp_path / name)[0].startswith(said)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert refused("tenants", tmp_path / "no.csv")[0].startswith("no.csv: does not exist")
    (tmp_path / "folder.csv").mkdir()
    assert refused("tenants", tmp_path / "folder.csv")[0].startswith("folder.csv: is a folder")


@pytest.mark.parametrize(("name", "content"), [("a.csv", "tenant_id,plan\n"), ("a.json", "[]")])
def test_a_feed_may_have_no_rows(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    found = read_feed("tenants", tmp_path / name)
    assert (found.rows_in, found.table.schema) == (0, FEEDS["tenants"].row_schema())


def test_a_column_may_turn_up_late_in_json_lines(tmp_path: Path) -> None:
    lines = [json.dumps({"tenant_id": f"t{i}"}) for i in range(20_000)] + ['{"tenant_id":"last","seats":7}']
    (tmp_path / "a.ndjson").write_text("\n".join(lines))
    table = read_feed("tenants", tmp_path / "a.ndjson").table
    assert (table.num_rows, table["seats"].null_count, table["seats"].to_pylist()[-1]) == (20_001, 20_000, 7)


def test_a_file_of_no_feed_lists_the_feeds_and_what_they_need(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    with pytest.raises(
        FeedError, match=r"has the columns of no feed: x, y.*fx \(date, from_currency, to_currency, rate\)"
    ):
        detect_feed(tmp_path / "a.csv")


# ---- the providers' own reports


def openai_page(*results: dict[str, Any], has_more: bool = False) -> dict[str, Any]:
    bucket = {"object": "bucket", "start_time": 1730419200, "end_time": 1730505600, "results": list(results)}
    return {"object": "page", "data": [bucket], "has_more": has_more, "next_page": None}


def openai_cost(value: object, item: str | None, **more: object) -> dict[str, Any]:
    amount = {"value": value, "currency": "usd"}
    return {"object": "organization.costs.result", "amount": amount, "line_item": item, "project_id": None, **more}


def anthropic_page(*results: dict[str, Any]) -> dict[str, Any]:
    bucket = {"starting_at": "2026-10-01T00:00:00Z", "ending_at": "2026-10-02T00:00:00Z", "results": list(results)}
    return {"data": [bucket], "has_more": False, "next_page": None}


def anthropic_cost(amount: str, **more: object) -> dict[str, Any]:
    return {"amount": amount, "currency": "USD", "description": None, "cost_type": None, "workspace_id": None, **more}


Write = Callable[[Any], Path]


@pytest.fixture
def report(tmp_path: Path) -> Write:
    def write(page: Any) -> Path:
        (tmp_path / "costs.json").write_text(page if isinstance(page, str) else json.dumps(page))
        return tmp_path / "costs.json"

    return write


def test_every_bill_reader_is_found_by_its_file() -> None:
    assert list(bill_readers()) == ["anthropic", "openai"]


def test_openai_costs_are_read_digit_by_digit(report: Write) -> None:
    page = json.dumps(
        openai_page(openai_cost("VALUE", "gpt-4o-2024-08-06, cached input", quantity=12, project_id="p1"))
    )
    path = report(page.replace('"VALUE"', "0.060000000001"))
    assert detect_feed(path) == "provider_bills"
    row = read_feed("provider_bills", path).table.to_pylist()[0]
    assert {name: cell for name, cell in row.items() if cell is not None} == {
        "provider": "openai",
        "period_start": date(2024, 11, 1),
        "period_end": date(2024, 11, 2),
        "line_item": "gpt-4o-2024-08-06, cached input",
        "model": "gpt-4o-2024-08-06",
        "token_type": "cache_read",
        "account_id": "p1",
        "quantity": Decimal(12),
        "amount": Decimal("0.060000000001"),
        "currency": "USD",
        "source_line": 1,
    }


@pytest.mark.parametrize(
    ("item", "model", "token_type", "tier"),
    [
        ("gpt-4o-2024-08-06, input", "gpt-4o-2024-08-06", "input", None),
        ("gpt-4o-audio-preview audio, output", "gpt-4o-audio-preview", "output_audio", None),
        ("gpt-image-1 text, cached input", "gpt-image-1", "cache_read", None),
        ("priority | gpt-5, output, long context", "gpt-5", "output", "priority"),
        ("web search tool calls", None, None, None),
        ("whisper-1, audio", None, None, None),
    ],
)
def test_an_openai_line_item_names_its_model_or_stays_whole(
    item: str, model: str | None, token_type: str | None, tier: str | None, report: Write
) -> None:
    row = read_feed("provider_bills", report(openai_page(openai_cost("1.5", item)))).table.to_pylist()[0]
    assert (row["line_item"], row["model"], row["token_type"], row["service_tier"]) == (item, model, token_type, tier)


def test_a_finer_openai_amount_is_rounded_and_told(report: Write) -> None:
    page = openai_page(openai_cost("0.1308043834030752600", "a, input"), openai_cost("0.0000000000005", "b, input"))
    found = read_feed("provider_bills", report(page))
    assert found.table["amount"].to_pylist() == [Decimal("0.130804383403"), Decimal(0)]
    # 0.130804383403 − 0.13080438340307526 = −0.00000000000007526, and 0 − 0.0000000000005.
    assert found.notes == (
        "amount: 2 finer than 12 decimals were rounded half to even, together by -0.0000000000005752600.",
    )


def test_an_ungrouped_page_with_more_to_come_says_so(report: Write) -> None:
    found = read_feed("provider_bills", report(openai_page(openai_cost(0.06, None), has_more=True)))
    assert found.table["line_item"].to_pylist() == ["all line items"]
    assert found.notes == ("has_more is true on the last page: the report goes on in pages that are not in this file.",)


def test_lines_that_only_their_amount_tells_apart_are_numbered_and_none_is_lost(report: Write) -> None:
    page = openai_page(*(openai_cost(value, "web search") for value in ("1", "1", "2")))
    found = read_feed("provider_bills", report(page))
    assert (found.table["line_id"].to_pylist(), found.duplicates) == ([None, "2", "3"], 0)
    assert sum(found.table["amount"].to_pylist()) == 4


def test_a_page_given_twice_counts_once(report: Write) -> None:
    page = openai_page(openai_cost("1", "a"), openai_cost("1", "a"))
    found = read_feed("provider_bills", report([page, page]))
    assert (found.rows_in, found.duplicates, found.table.num_rows) == (4, 2, 2)


def test_a_usage_page_is_not_taken_for_costs(report: Write) -> None:
    page = openai_page({"object": "organization.usage.completions.result", "input_tokens": 1})
    assert refused("provider_bills", report(page)) == [
        "costs.json:1: column amount: 'organization.usage.completions.result' is not a cost. "
        "Results of object organization.costs.result, with an amount."
    ]


def test_anthropic_amounts_are_cents(report: Write) -> None:
    page = anthropic_page(
        anthropic_cost("123.45"),
        anthropic_cost(
            "0.0000000001",
            description="Claude Sonnet Usage - Input Tokens",
            cost_type="tokens",
            model="claude-sonnet-4-5",
            token_type="cache_creation.ephemeral_1h_input_tokens",
            service_tier="batch",
            context_window="0-200k",
            workspace_id="wrkspc_1",
        ),
        anthropic_cost("0.00000000019", cost_type="web_search"),
    )
    path = report(page)
    assert detect_feed(path) == "provider_bills"
    found = read_feed("provider_bills", path)
    rows = found.table.to_pylist()
    assert [row["amount"] for row in rows] == [Decimal("1.2345"), Decimal("0.000000000001"), Decimal("0.000000000002")]
    assert rows[0]["line_item"] == "all costs"
    assert (rows[0]["period_start"], rows[0]["period_end"]) == (date(2026, 10, 1), date(2026, 10, 2))
    assert rows[1]["line_item"] == "Claude Sonnet Usage - Input Tokens [context_window 0-200k]"
    assert (rows[1]["token_type"], rows[1]["service_tier"]) == ("cache_write_1h", "batch")
    assert rows[1]["account_id"] == "wrkspc_1"
    assert rows[2]["line_item"] == "web_search"
    # 0.0000000000019 USD is 1.9 pico-dollars.
    assert found.notes == ("amount: 1 finer than 12 decimals were rounded half to even, together by 0.0000000000001.",)


def test_anthropic_costs_in_another_currency_or_by_the_hour_are_refused(report: Write) -> None:
    page = anthropic_page({**anthropic_cost("1"), "currency": "JPY"})
    page["data"][0]["starting_at"] = "2026-10-01T01:00:00Z"
    assert [line.partition(". ")[0] for line in refused("provider_bills", report(page))] == [
        "costs.json:1: column period_start: '2026-10-01T01:00:00Z' is not the start of a UTC day",
        "costs.json:1: column currency: 'JPY' is not USD",
    ]


def test_a_report_without_costs_has_no_rows(report: Write) -> None:
    assert read_feed("provider_bills", report(openai_page())).rows_in == 0
    assert read_feed("provider_bills", report(anthropic_page())).rows_in == 0
