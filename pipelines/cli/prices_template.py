"""The commented price file that `margincall prices template` prints; its values are examples, commented out."""

TEMPLATE = """\
# What your company pays, where it differs from the public prices. Named in margincall.toml:
#   [pricing]
#   company_prices = "prices.toml"
# `margincall prices check` tells every problem at once. A change prices the days it touches anew with the next build.
#
# Prices are USD per 1,000,000 tokens; web_search, rerank_search and request are per 1,000, audio_time per hour. Write
# decimals as you would (2.5) or as text ("2.5"). Days are UTC, `to` is the first day that is out.

# A list price of your own: it replaces the components it names, or makes a model that no catalogue knows.
# [[override]]
# provider = "openai"
# model = "acme-tuned-large"
# input = "3.00"
# output = "12.00"
# cache_read = "0.30"
# from = 2026-01-01
# # Optional: to = 2027-01-01   currency = "EUR"   context = ["batch", "flex"]   above_input_tokens = 200000
# #           weekdays = ["sat", "sun"]   from_time = "22:00"   to_time = "06:00"   is_free = true (for prices of 0)
# #           cache_write_5m cache_write_1h reasoning input_audio output_audio input_image output_image
# #           audio_time   min_audio_seconds = 10 (the shortest audio that is billed)

# A negotiated price: the list price stays as it is, the contracted price stands beside it.
# [[discount]]
# provider = "anthropic"
# model = "claude-*"
# multiplier = "0.9"
# from = 2026-04-01
# # Instead of multiplier: uplift = "1.10", or prices like input = "2.70"
# # Optional: context = "batch"   component = ["input", "output"]   order = 2 (several follow each other in this order)

# What is bought or given for a sum of requests: a commitment, a free allowance, tiers by volume.
# [[drawdown]]
# id = "anthropic-2026"
# kind = "commitment"
# providers = ["anthropic"]
# models = ["*"]
# measure = "usd"
# window = "term"
# fee_usd = "90000"
# commit_usd = "100000"
# overage_multiplier = "1"
# from = 2026-01-01
# to = 2027-01-01

# [[drawdown]]
# id = "free-searches"
# kind = "allowance"
# providers = ["google"]
# models = ["*"]
# measure = "requests"
# window = "month"
# free = 1500
# from = 2026-01-01
# to = 2027-01-01

# GPUs of your own: what they cost, and how much of them a token takes.
# [[gpu_pool]]
# id = "h100-eu"
# models = ["acme-llama-*"]
# gpu_hourly_usd = "2.40"
# gpus = 8
# prefill_tokens_per_s = 40000
# decode_tokens_per_s = 9000
# utilisation = "0.55"
# from = 2026-01-01

# A name that your logs use for a priced model.
# [[alias]]
# provider = "openai"
# model = "our-assistant"
# means = "openai/gpt-4o"
# from = 2026-01-01

# Azure deployments of yours: any Azure provider's name on the left, the model on the right.
[azure_deployments]
# "our-gpt4o" = "gpt-4o"
"""
