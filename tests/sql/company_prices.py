"""A company's own prices of every kind, and the exchange rates that some of them need."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

TOML = """
[[override]]
provider = "acme"
model = "euro-chat"
currency = "EUR"
input = 2.5
output = 7.123457
cache_read = 0.333333
web_search = 5

[[override]]
provider = "acme"
model = "yen-chat"
currency = "JPY"
input = 150
output = 601.5
request = 1.5

[[override]]
provider = "acme"
model = "week-chat"
input = 1
output = 2
weekdays = ["mon", "tue", "wed", "thu", "fri"]

[[override]]
provider = "acme"
model = "week-chat"
input = 0.5
output = 1
weekdays = ["sat", "sun"]

[[override]]
provider = "acme"
model = "night-chat"
input = 0.25
output = 1
weekdays = ["mon", "wed"]
from_time = "22:00"
to_time = "06:00"

[[override]]
provider = "acme"
model = "week-chat"
input = 3
above_input_tokens = 200000
weekdays = ["tue"]

[[override]]
provider = "acme"
model = "listens"
currency = "EUR"
input = 1
audio_time = "0.2"
min_audio_seconds = 10

[[discount]]
provider = "anthropic"
model = "*"
multiplier = "0.87654321"

[[discount]]
provider = "anthropic"
model = "claude-sonnet*"
component = ["cache_read", "output"]
multiplier = "0.9"
order = 1

[[discount]]
provider = "mistral"
model = "mistral-large*"
input = 0.123457
output = 0.654321
from = 2026-11-03

[[discount]]
provider = "deepseek"
model = "*"
context = "batch"
uplift = "1.1"

[[discount]]
provider = "cohere"
model = "command-r*"
input = 0.35
output = 1.234567
currency = "EUR"

[[drawdown]]
id = "anthropic-term"
kind = "commitment"
providers = ["anthropic"]
window = "term"
from = 2026-10-15
to = 2026-11-15
fee_usd = 300
commit_usd = 365
overage_multiplier = "1.05"

[[drawdown]]
id = "openai-free"
kind = "allowance"
providers = ["openai"]
measure = "tokens"
free = 40000000
from = 2026-01-01

[[drawdown]]
id = "google-volume"
kind = "volume_tiers"
providers = ["google"]
measure = "requests"
window = "month"
from = 2026-01-20
tier = [{ above = 20, multiplier = "0.9" }, { above = 55, multiplier = "0.654321" }]

[[drawdown]]
id = "mistral-volume"
kind = "volume_tiers"
providers = ["mistral"]
from = 2026-11-05
tier = [{ above = 10, multiplier = "0.9" }, { above = 25.5, multiplier = "0.777" }]

[[gpu_pool]]
id = "eu-gpus"
models = ["acme/llama-*"]
gpu_hourly_usd = "2.49"
gpus = 4
prefill_tokens_per_s = "9000"
decode_tokens_per_s = "700"
utilisation = "0.35"
cache_read_share = "0.1"

[[alias]]
provider = "acme"
model = "house-model"
means = "openai/gpt-4o"
to = 2026-11-05

[[alias]]
provider = "acme"
model = "house-model"
means = "anthropic/claude-sonnet-4-5"
from = 2026-11-08
"""
OWN = [
    ("acme", "euro-chat"),
    ("acme", "yen-chat"),
    ("acme", "week-chat"),
    ("acme", "night-chat"),
    ("acme", "listens"),
    ("vllm", "acme/llama-4"),
    ("acme", "house-model"),
]
"""Names that only this company logs."""
RATES = {
    (currency, date(2026, 10, 12) + timedelta(days=n)): rate
    for currency, some in (("EUR", ("1.0835", "1.123456789123", "0.9999999995")), ("JPY", ("0.0065", "0.00654321987")))
    for n in range(36)
    if (rate := (*some, None)[n % (len(some) + 1)]) is not None
}
"""USD for one unit by currency and day; every third or fourth day has none."""


def write(folder: Path) -> Path:
    path = folder / "prices.toml"
    path.write_text(TOML)
    return path


def fx_rows() -> list[dict[str, Any]]:
    return [
        {"date": str(day), "from_currency": currency, "to_currency": "USD", "rate": rate}
        for (currency, day), rate in RATES.items()
    ]
