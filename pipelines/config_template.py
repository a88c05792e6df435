"""The configuration file that `margincall init` writes: every setting, with its default, commented."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pipelines import sources
from pipelines.settings import ScoredMapping, Sources
from pipelines.sources import Source

USUAL = ("tenant_id", "task_id", "feature", "environment")
"""The columns that companies look for in other places most often."""
_SCORES = """\
# outcome_names = ["resolved"]      # the scores that judge a task; default: all of them
# outcome_threshold = "0.5"         # a number of at least this is a success; default: numbers judge nothing
# outcome_success = ["success", "pass", "correct", "resolved", "thumbs_up"]   # words; booleans speak for themselves
# outcome_failure = ["failure", "fail", "incorrect", "unresolved", "thumbs_down"]
# outcome_inverted = ["hallucination", "toxicity"]    # scores of which true, or a high number, is bad
"""


def mapping_section(source: Source, columns: Sequence[str] = USUAL) -> str:
    """The section of the settings that says where this source keeps what companies log differently, with its defaults."""
    lines = [f"# {column} = {json.dumps(source.mapping[column])}\n" for column in columns]
    is_scored = isinstance(Sources.model_fields[source.name].default, ScoredMapping)
    return f"[sources.{source.name}]\n{''.join(lines)}{_SCORES if is_scored else ''}"


_GENERAL = """\
# Margincall. Every setting is optional; what is commented out shows its default.
# An environment variable overrides any of them: MARGINCALL_REPORTING__ZONE=Europe/Berlin
config_version = 1

# Where the lake, the warehouse, the published marts and the control database live. Relative to this file.
data_dir = "var"

# What `margincall run` ingests: files, folders and globs. Relative to this file.
logs = ["logs"]
# feeds = ["feeds"]
# Both also take s3://, gs:// and az:// names; see [[litellm_databases]] and [[sql_feeds]] below for databases.

# Tells two deployments of one gateway apart whose request ids may be equal.
# instance = "default"

[reporting]
# zone = "UTC"                      # dates and weeks of every report
# first_day_of_week = "monday"      # or "sunday"

[environments]
# production = ["production", "prod", "live"]   # cost of goods; every other environment is R&D. None named: production

[users]
# service_accounts = ["svc-*"]      # end users that are no persons: left out of active users and their cost

[free_tier]
# plans = ["free"]                  # plans that nobody pays for
# cost = "cogs"                     # or "sales_marketing": what they cost is then no cost of goods and counts in CAC

[tasks]
# max_span_days = 30                # a task id that runs on for longer is no task; its cost shows as untasked

[pricing]
# gateway_lookup_usd = "0"          # what one lookup of the gateway's response cache costs
# company_prices = "prices.toml"    # your own prices, contracts, commitments and names: `margincall prices template`
# litellm_prices = "model_prices_and_context_window.json"   # LiteLLM's file, for models that genai-prices does not know

[revenue]
# usage_unit = "none"               # what contracts count: requests, tokens, input_tokens, output_tokens, tasks or
                                    # successful_tasks. Overage then accrues by the day until it is invoiced
# accrue_outcomes = false           # true: an outcome's value_usd is revenue until an outcome line covers its day

# The share of bought credits that is expected never to be burned, from that day on. None: earned when they lapse.
# [[revenue.expected_breakage]]
# since = 2026-01-01
# share = "0.10"

[model_tiers]                       # shell patterns over model names, tried small, large, mid
# small = ["*-mini*", "*nano*", "*haiku*", "*flash*"]
# large = ["*opus*", "*-pro*", "gpt-5*"]
# mid = ["*sonnet*", "gpt-4o*"]

[targets]                           # shares as fractions of one; leave out a target to see the row without a verdict
# cost_share_of_revenue_max = "0.15"
# gross_margin_min = "0.68"
# gateway_cache_hit_rate_min = "0.30"
# small_or_mid_share_min = "0.60"
# top20_cost_share_of_mrr_max = "0.40"
# ltv_cac_min = "3"
# success_rate_min = "0.90"
# cost_per_active_user_max_usd = "2.50"
# cost_per_successful_task_max_usd = "0.20"
# month_cost_plan_usd = "10000"

[gate]                              # `margincall gate`: the largest worsening that passes, as fractions of the baseline
# max_success_drop = "0.02"         # in points: 82% may fall to 80%
# max_cost_per_success_increase = "0.05"
# max_cost_per_task_increase = "0.05"   # default of this and the next two: shown without a verdict
# max_tokens_increase = "0.10"      # of tokens per successful task
# max_p95_increase = "0.20"         # of the 95th percentile of task time
# decide_by = "estimate"            # or "interval": beyond a limit passes while the interval reaches back over it
# repeat_separator = "#"            # case-7#2 is the second try of case-7

[findings]                          # `margincall findings`: from where on something is told; shares as fractions of one
# least_share_of_spend = "0.0001"   # of what model calls cost in the days of the finding
# least_usd = "0"                   # and at least so many dollars
# least_cases = 10                  # calls, tries or prompts behind it
# storm_retries_per_call = "0.5"    # charged failures for each call of a day
# surge_factor = "3"                # times the tasks that a tenant did before
# prompt_growth = "0.05"            # of the median prompt of the version before
# cache_drop = "0.05"               # in points: from 34% to 29%
# simple_work_share = "0.02"        # of a tenant's calls of simple work, done by one large model
# anomaly_factor = "2"              # times what such a day usually costs
# anomaly_share_of_spend = "0.10"   # of the company's median day: what a day must cost beyond that
# provider_share = "0.80"           # of four weeks' spend, at one provider
# repeated_context_share = "0.67"   # of what a feature's tasks cost

[alerts]                            # `margincall alerts check`
# rules = ["limits", "metrics", "tenants", "findings"]
# limit_thresholds_percent = [50, 75, 90, 100]   # of targets.month_cost_plan_usd
# tenant_window = "week"            # or "month": over which stretch a tenant's margin is judged
# finding_min_usd = "10"            # a finding that is known to cost less is no alert
# cool_down_hours = 168             # a finding that goes on and was not acknowledged is told again after this long
# file = "alerts.jsonl"             # default of this and the next two: not there
# webhook_url_env = "ALERTS_WEBHOOK_URL"   # the variable that holds the URL of a Slack-compatible webhook
# prometheus_file = "/var/lib/node_exporter/margincall.prom"   # for the node exporter's textfile collector

# What was done to save, held against what came of it by `margincall savings`. One such section per change.
# [[changes]]
# id = "triage-on-a-small-model"
# what = "route"                    # route, cache, prompt, model or price
# since = 2026-10-19                # the first day on which everything went the new way
# until = 2026-12-31                # the first day on which it no longer did; default: it goes on
# tenant = "acme"                   # default of this and the next: all of them
# feature = "triage"
# claimed_weekly_usd = "1200"
# experiment = { control = "before", treatment = "small" }   # labels in the logs; default: weeks before and since

[landing]
# max_line_bytes = 16777216         # a longer line goes to quarantine unread
# keep_quarantined_bytes = false    # true keeps the raw bytes of rows that could not be read
# lease_s = 600                     # an unfinished landing may be taken over after this long without a sign of life

[privacy]
# hash_end_user_ids = false         # true stores a keyed hash in place of every end-user id
# hash_key_env = "END_USER_KEYS"    # the variable that holds the keys, the newest last; default: a file under data_dir

[retention]                         # what `margincall retention apply` removes; default: nothing
# request_days = 400                # requests that started longer ago; figures of closed months stay
# quarantine_days = 30              # what is kept of unreadable rows that landed longer ago

[control]
# url = "postgresql+psycopg://margincall@127.0.0.1/margincall"   # default: SQLite under data_dir

# A LiteLLM proxy's own PostgreSQL, whose table LiteLLM_SpendLogs is read. Of every database the environment variable that
# holds its URL is named here, never the URL: it holds a password. One such section per database.
# [[litellm_databases]]
# name = "gateway"                  # `margincall ingest litellm://gateway` reads it alone
# url_env = "LITELLM_DATABASE_URL"
# instance = "gateway"              # needed where several proxies are read
# since = 2026-10-01                # older rows are left alone; default: all are read
# look_back_hours = 24              # how long after its start a row may still be written and be found
# page_rows = 10000                 # rows of one query
# statement_timeout_s = 60          # of one query

# A business feed that is a query. One such section per feed.
# [[sql_feeds]]
# feed = "revenue_lines"
# name = "billing"                  # `margincall ingest sql://billing` runs it alone; default: the feed
# url_env = "BILLING_DATABASE_URL"
# query = "select line_id, tenant_id, kind, amount, currency, service_start, service_end from invoice_line"
# statement_timeout_s = 60

[sources]
# Of a call that several of them log, the first counts; those left out follow in this order. It is also the default.
# precedence = [
#   "litellm", "litellm_spend_logs", "portkey", "helicone", "canonical", "openai_response", "anthropic_message",
#   "langfuse", "otlp",
# ]
"""

_PLACES = """
# Where your records say who and what for: ordered, the first filled path wins. A path is dotted; `tag:env` reads a request
# tag `env:…`. Beside those shown, workflow_key, conversation_id, end_user_id, prompt_version and experiment can be set:
# `margincall sources NAME`.
"""

TEMPLATE = _GENERAL + _PLACES + "\n".join(mapping_section(source) for source in sources.discover().values())
