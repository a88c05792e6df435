"""The configuration file that `margincall init` writes: every setting, with its default, commented."""

TEMPLATE = """\
# Margincall. Every setting is optional; what is commented out shows its default.
# An environment variable overrides any of them: MARGINCALL_REPORTING__ZONE=Europe/Berlin
config_version = 1

# Where the lake, the warehouse, the published marts and the control database live. Relative to this file.
data_dir = "var"

# What `margincall run` ingests: files, folders and globs. Relative to this file.
logs = ["logs"]
# feeds = ["feeds"]
# Both also take s3://, gs:// and az:// names. Of a database the environment variable that holds its URL is named:
# litellm_databases = [{ name = "gateway", url_env = "LITELLM_DATABASE_URL", instance = "gateway", since = 2026-10-01 }]
# sql_feeds = [{ feed = "revenue_lines", url_env = "BILLING_DATABASE_URL", query = "select … from invoice_line" }]

# Tells two deployments of one gateway apart whose request ids may be equal.
# instance = "default"

[reporting]
# zone = "UTC"                      # dates and weeks of every report
# first_day_of_week = "monday"      # or "sunday"

[environments]
# production = ["production", "prod", "live"]   # cost of goods; every other environment is R&D. None named: production

[tasks]
# max_span_days = 30                # a task id that runs on for longer is no task; its cost shows as untasked

[pricing]
# gateway_lookup_usd = "0"          # what one lookup of the gateway's response cache costs
# company_prices = "prices.toml"    # your own prices, contracts, commitments and names: `margincall prices template`
# litellm_prices = "model_prices_and_context_window.json"   # LiteLLM's file, for models that genai-prices does not know

[model_tiers]                       # shell patterns over model names, tried small, large, mid
# small = ["*mini*", "*nano*", "*haiku*", "*flash*"]
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

# Where your records say who and what for; ordered, the first filled path wins. `tag:env` reads a request tag `env:…`.
[sources.litellm]
# tenant_id = ["metadata.spend_logs_metadata.tenant_id", "end_user", "metadata.user_api_key_team_id"]
# task_id = ["metadata.spend_logs_metadata.task_id"]
# feature = ["metadata.spend_logs_metadata.feature", "tag:feature"]
# environment = ["metadata.spend_logs_metadata.environment", "tag:environment", "tag:env"]

[sources.canonical]
# tenant_id = ["tenant_id", "workspace_id"]
"""
