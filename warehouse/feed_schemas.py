"""The twelve business feeds: names, grain, keys and columns; readers, lake, documentation and `--help` follow it."""

# pyarrow ships no types: in this strict folder every value of it would be reported as unknown.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownParameterType=false, reportUnknownArgumentType=false
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import pyarrow as pa

Kind = Literal["text", "date", "timestamp", "integer", "money", "decimal", "boolean", "json"]
Sign = Literal["any", "non_negative", "positive"]
Format = Literal["plain", "currency", "month"]

# Money and every quantity that multiplies it: 26 digits before the point, 12 after it (one pico-dollar).
EXACT = pa.decimal128(38, 12)

ARROW_TYPES: Mapping[Kind, pa.DataType] = MappingProxyType(
    {
        "text": pa.string(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "integer": pa.int64(),
        "money": EXACT,
        "decimal": EXACT,
        "boolean": pa.bool_(),
        "json": pa.string(),
    }
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a feed.

    `allowed` closes the set of values, `known` only names the usual ones. `aliases` are other headers that are
    understood. `default` is the text that an empty cell stands for. `may_round` marks a measurement whose decimals past
    the twelfth are cut; anywhere else they are refused. A date of format `month` is the first of its month.
    """

    name: str
    kind: Kind
    description: str
    is_required: bool = False
    allowed: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    sign: Sign = "any"
    format: Format = "plain"
    default: str | None = None
    aliases: tuple[str, ...] = ()
    may_round: bool = False

    @property
    def arrow_type(self) -> pa.DataType:
        """The stored type."""
        return ARROW_TYPES[self.kind]


LINEAGE = (
    Column("source_file", "text", "File the row was read from.", True),
    Column(
        "source_line",
        "integer",
        "Line of the row in that file, counted from 1; for Parquet the number of the row.",
        True,
    ),
    Column("landing_id", "text", "Landing that wrote the row.", True),
)


@dataclass(frozen=True, slots=True)
class Feed:
    """One feed: what a row is, what names it, and its columns in stored order.

    Rows that share `key` are versions of one record: the latest `observed_at` wins, one without it is the oldest.
    `any_of` names columns of which at least one is filled. Of a pair in `intervals` the first date is the earlier.
    """

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    any_of: tuple[str, ...] = ()
    intervals: tuple[tuple[str, str], ...] = ()

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the feed's own columns, without lineage."""
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that every row fills."""
        return tuple(column.name for column in self.columns if column.is_required)

    @property
    def spellings(self) -> dict[str, str]:
        """Every header that is understood -> the column it means."""
        return {header: column.name for column in self.columns for header in (column.name, *column.aliases)}

    def column(self, name: str) -> Column:
        """The column of that name. Raises KeyError with the known names."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"Feed '{self.name}' has no column '{name}'. Columns: {', '.join(self.column_names)}.")

    def arrow_schema(self) -> pa.Schema:
        """The stored schema: the feed's columns, then source_file, source_line, landing_id."""
        return _arrow_schema((*self.columns, *LINEAGE))

    def row_schema(self) -> pa.Schema:
        """The schema of what is read from one file: the feed's columns, then source_line."""
        return _arrow_schema((*self.columns, LINEAGE[1]))


def _arrow_schema(columns: tuple[Column, ...]) -> pa.Schema:
    return pa.schema([pa.field(column.name, column.arrow_type, nullable=not column.is_required) for column in columns])


OBSERVED_AT = Column(
    "observed_at",
    "timestamp",
    "When the source held this version; of rows with the same key the latest wins. UTC where no zone is given.",
)
TENANT = Column("tenant_id", "text", "The customer, as in the request logs.", True)
CURRENCY = Column("currency", "text", "ISO 4217 code of the amount.", True, format="currency")
COMPONENTS = (
    "tool",
    "retrieval",
    "embedding",
    "rerank",
    "human_review",
    "vector_store",
    "support",
    "payment_fee",
    "hosting",
)
TOKEN_TYPES = (
    *("input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning"),
    *("input_audio", "output_audio", "input_image", "output_image"),
)

_ALL = (
    Feed(
        "tenants",
        "One row per tenant and version.",
        ("tenant_id",),
        (
            TENANT,
            Column("name", "text", "Name to show."),
            Column("plan", "text", "Plan the tenant is on."),
            Column("segment", "text", "Segment for comparisons, such as smb or enterprise."),
            Column("seats", "integer", "Seats in use.", sign="non_negative"),
            Column("started_on", "date", "First day as a customer."),
            Column("churned_on", "date", "First day no longer a customer; empty while active."),
            OBSERVED_AT,
        ),
    ),
    Feed(
        "features",
        "One row per feature and version.",
        ("feature",),
        (
            Column("feature", "text", "The feature, as in the request logs.", True),
            Column("owner", "text", "Team or role that answers for it."),
            Column("task_tier", "integer", "1 complex, 2 structured, 3 simple.", allowed=("1", "2", "3")),
            Column("is_async_eligible", "boolean", "Whether its answers may wait, so that batch prices apply."),
            Column("risk_class", "text", "Risk class of a wrong answer."),
            Column("environment", "text", "Environment, such as production; decides between cost of revenue and R&D."),
            Column("success_definition", "text", "When a task of this feature counts as a success."),
            OBSERVED_AT,
        ),
    ),
    Feed(
        "revenue_lines",
        "One row per invoice line and version.",
        ("line_id",),
        (
            Column("line_id", "text", "The invoice line.", True),
            TENANT,
            Column(
                "kind",
                "text",
                "What was sold. credit_note: amount zero or negative; one_off: either sign; the others: not negative.",
                True,
                ("subscription", "seats", "usage", "overage", "credit_pack", "outcome", "credit_note", "one_off"),
            ),
            Column("amount", "money", "Amount of the line without tax; a voided line is sent again with 0.", True),
            CURRENCY,
            Column("service_start", "date", "First day of service.", True),
            Column("service_end", "date", "Day after the last day of service.", True),
            Column("invoice_id", "text", "The invoice."),
            Column("invoiced_on", "date", "Date of the invoice; without it nothing is deferred or unbilled."),
            Column("quantity", "decimal", "Seats, units or packs sold."),
            Column("corrects_line_id", "text", "Line that this one corrects."),
            Column(
                "credits", "decimal", "Credits bought, bonus included; a credit_pack needs it.", sign="non_negative"
            ),
            Column("expires_on", "date", "Day on which credits not burned lapse."),
            OBSERVED_AT,
        ),
        intervals=(("service_start", "service_end"), ("service_start", "expires_on")),
    ),
    Feed(
        "contracts",
        "One row per tenant, plan, start of validity and version.",
        ("tenant_id", "plan", "valid_from"),
        (
            TENANT,
            Column("plan", "text", "The plan.", True),
            Column("valid_from", "date", "First day of validity.", True),
            Column("valid_to", "date", "Day after the last day of validity; empty while open."),
            Column("price_usd", "money", "Recurring price of a calendar month.", True, sign="non_negative"),
            Column("seats", "integer", "Seats agreed.", sign="non_negative"),
            Column("allowance", "decimal", "Units included in a calendar month.", sign="non_negative"),
            Column(
                "allowance_scope",
                "text",
                "Whether the allowance is of each seat or of all together.",
                allowed=("per_seat", "pooled"),
            ),
            Column("overage_rate", "money", "Price in USD of a unit above the allowance.", sign="non_negative"),
            Column("credit_rates", "json", "Object: what is used -> credits for one unit of it."),
            OBSERVED_AT,
        ),
        intervals=(("valid_from", "valid_to"),),
    ),
    Feed(
        "credit_burns",
        "One row per burn of credits and version.",
        ("tenant_id", "occurred_at", "burn_id"),
        (
            TENANT,
            Column("occurred_at", "timestamp", "When the credits were burned; UTC where no zone is given.", True),
            Column("credits", "decimal", "Credits burned.", True, sign="non_negative"),
            Column("burn_id", "text", "Tells burns of one tenant at one instant apart."),
            OBSERVED_AT,
        ),
    ),
    Feed(
        "stale_reports",
        "One row per report of a stale cached answer, or comparison of one with an answer that bypassed the cache.",
        ("request_id", "task_id", "reported_at"),
        (
            Column("request_id", "text", "Request whose cached answer was judged."),
            Column("task_id", "text", "Task whose cached answers were judged."),
            Column("reported_at", "timestamp", "When it was reported; UTC where no zone is given.", True),
            Column(
                "kind",
                "text",
                "stale: somebody said so. Of a bypass sample: whether the fresh answer agrees with the cached one or disagrees.",
                allowed=("stale", "agrees", "disagrees"),
                default="stale",
            ),
            OBSERVED_AT,
        ),
        any_of=("request_id", "task_id"),
    ),
    Feed(
        "task_outcomes",
        "One row per outcome and observation.",
        ("outcome_id",),
        (
            Column("outcome_id", "text", "Idempotency key of the outcome.", True),
            Column("task_id", "text", "The task."),
            Column(
                "workflow_key",
                "text",
                "Run of a workflow, where there is no task: its requests since the outcome before become the outcome's task.",
            ),
            Column(
                "conversation_id",
                "text",
                "Conversation, where there is neither a task nor a workflow; in the same way.",
            ),
            Column(
                "attribution_window_hours",
                "integer",
                "Requests of the workflow or conversation this long before the outcome belong to it; at most a year.",
                sign="positive",
                default="24",
            ),
            Column("outcome", "text", "What became of it.", True, ("success", "failure", "escalated", "abandoned")),
            Column(
                "observed_at",
                "timestamp",
                "When it was observed; the latest version wins. UTC where no zone is given.",
                True,
            ),
            Column("score", "decimal", "Score of the judge.", may_round=True),
            Column("value_usd", "money", "What the outcome is worth."),
            Column("source", "text", "Who judged: user, reviewer, evaluation, …"),
        ),
        any_of=("task_id", "workflow_key", "conversation_id"),
    ),
    Feed(
        "cost_events",
        "One row per variable cost other than model calls, and version.",
        ("event_id",),
        (
            Column("event_id", "text", "The event.", True),
            Column("occurred_at", "timestamp", "When the cost arose; UTC where no zone is given.", True),
            Column("task_id", "text", "Task that caused it."),
            Column("tenant_id", "text", "Tenant that caused it."),
            Column("feature", "text", "Feature that caused it."),
            Column("component", "text", "Kind of cost.", True, known=COMPONENTS),
            Column("quantity", "decimal", "How many units.", sign="non_negative"),
            Column("unit", "text", "Unit of the quantity."),
            Column(
                "amount",
                "money",
                "The cost; correct it with a later version, not with a negative one.",
                True,
                sign="non_negative",
            ),
            CURRENCY,
            OBSERVED_AT,
        ),
    ),
    Feed(
        "cost_pools",
        "One row per shared cost, start of period and version.",
        ("pool_id", "period_start"),
        (
            Column("pool_id", "text", "The pool; the same every period.", True),
            Column("period_start", "date", "First day of the period.", True),
            Column("period_end", "date", "Day after the last day of the period.", True),
            Column("component", "text", "Kind of cost.", True, known=COMPONENTS),
            Column("amount", "money", "Cost of the period.", True, sign="non_negative"),
            CURRENCY,
            Column(
                "driver",
                "text",
                "What shares it out; fixed needs weights.",
                True,
                ("even", "requests", "tokens", "cost", "fixed"),
            ),
            Column("weights", "json", "Object: tenant -> weight, not negative; for the driver fixed."),
            OBSERVED_AT,
        ),
        intervals=(("period_start", "period_end"),),
    ),
    Feed(
        "acquisition",
        "One row per month, segment and version.",
        ("month", "segment"),
        (
            Column("month", "date", "The month, as YYYY-MM or its first day.", True, format="month"),
            Column("segment", "text", "The segment; empty for all."),
            Column("sales_marketing_usd", "money", "Cost of sales and marketing.", True, sign="non_negative"),
            Column("new_customers", "integer", "Customers won.", True, sign="non_negative"),
            OBSERVED_AT,
        ),
    ),
    Feed(
        "provider_bills",
        "One row per bill line and version.",
        (
            *("provider", "period_start", "period_end", "line_item", "model", "token_type"),
            *("service_tier", "account_id", "invoice_id", "line_id"),
        ),
        (
            Column("provider", "text", "Who sent the bill.", True),
            Column(
                "period_start",
                "date",
                "First day billed. A header `day` (one day) or `period` (YYYY-MM) may stand in.",
                True,
            ),
            Column("period_end", "date", "Day after the last day billed; empty: the day after period_start."),
            Column("line_item", "text", "The line, as billed.", True),
            Column("model", "text", "Model billed."),
            Column("token_type", "text", "What was counted.", known=TOKEN_TYPES),
            Column("service_tier", "text", "Tier billed, such as batch."),
            Column("account_id", "text", "Project or workspace at the provider."),
            Column("quantity", "decimal", "How many units."),
            Column("unit", "text", "Unit of the quantity."),
            Column("amount", "money", "Amount of the line; credits are negative.", True),
            CURRENCY,
            Column("invoice_id", "text", "The invoice."),
            Column("line_id", "text", "Tells lines apart that are otherwise alike."),
            OBSERVED_AT,
        ),
        intervals=(("period_start", "period_end"),),
    ),
    Feed(
        "fx",
        "One row per day, pair of currencies and version.",
        ("date", "from_currency", "to_currency"),
        (
            Column("date", "date", "Day of the rate.", True),
            # `from` and `to` are words of SQL that DuckDB and Spark quote differently: hence the longer names.
            Column(
                "from_currency",
                "text",
                "Currency of which one unit is converted.",
                True,
                format="currency",
                aliases=("from",),
            ),
            Column("to_currency", "text", "Currency of the result.", True, format="currency", aliases=("to",)),
            Column("rate", "decimal", "Units of to_currency for one unit of from_currency.", True, sign="positive"),
            OBSERVED_AT,
        ),
    ),
)

FEEDS: Mapping[str, Feed] = MappingProxyType({feed.name: feed for feed in _ALL})
