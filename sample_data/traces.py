"""How long real requests are and how they arrive: figures fitted from three public traces; no record of them is here.

| figures | trace | requests | span | licence |
|---|---|---|---|---|
| `CONVERSATION` | Azure LLM inference trace 2023, conversation | 19,366 | 58 min | Azure/AzurePublicDataset, CC-BY 4.0 |
| `CODE` | Azure LLM inference trace 2023, code | 8,819 | 57 min | Azure/AzurePublicDataset, CC-BY 4.0 |
| `LONG_CONVERSATION` | Mooncake conversation trace | 12,031 | 59 min | kvcache-ai/Mooncake, Apache-2.0 |

The Azure traces were recorded on 2023-11-16; Mooncake's gives no date (published 2024). All were read on 2026-11-21.

How each figure was obtained:

- Lengths are tables of quantiles at `PERCENTS`, in tokens: the value at rank round(p·(n−1)/100) of the sorted column.
  A log-normal does not fit: the Azure conversation lengths have two humps, and 36% of the code answers are 6 to 10 tokens.
- `rank_correlation` is Spearman's, between input and output of a request. It is so near to 0 that both are drawn alone.
- `mean_burst` is m = (d + 1) / 2, the mean size of bursts whose starts are Poisson and whose sizes are geometric, where d
  is the squared coefficient of variation of the gaps. Mooncake's times tick every 3 s, which makes gaps meaningless: there
  d is the variance of the counts per minute over their mean, to which the same formula applies.
- `REPEATED_PREFIX_PERCENTS` are quantiles over requests of the share of a request's 512-token blocks that an earlier
  request had as well; over all blocks it is `REPEATED_BLOCKS_PER_MILLE`.
"""

from __future__ import annotations

from typing import NamedTuple

PERCENTS = (0, 1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 100)


class Trace(NamedTuple):
    """Figures of one trace; lengths in tokens at `PERCENTS`."""

    requests: int
    input_tokens: tuple[int, ...]
    output_tokens: tuple[int, ...]
    rank_correlation: float
    dispersion: float
    mean_burst: float


CONVERSATION = Trace(
    requests=19_366,
    input_tokens=(2, 29, 181, 207, 387, 403, 703, 1_020, 1_071, 1_130, 1_315, 2_735, 4_083, 4_142, 14_050),
    output_tokens=(7, 16, 41, 54, 77, 91, 103, 129, 177, 384, 400, 424, 451, 601, 1_000),
    rank_correlation=0.073,
    dispersion=1.20,
    mean_burst=1.10,
)
CODE = Trace(
    requests=8_819,
    input_tokens=(3, 17, 75, 147, 386, 770, 1_075, 1_469, 1_909, 2_433, 3_192, 5_186, 7_302, 7_436, 7_437),
    output_tokens=(6, 6, 6, 7, 8, 9, 11, 13, 16, 20, 29, 55, 90, 252, 1_899),
    rank_correlation=-0.021,
    dispersion=172.96,
    mean_burst=86.98,
)
LONG_CONVERSATION = Trace(
    requests=12_031,
    input_tokens=(
        891, 894, 901, 964, 1_662, 3_263, 4_993, 6_909, 9_570, 13_196, 17_869, 27_367, 39_552, 85_401, 126_195,
    ),
    output_tokens=(1, 3, 10, 24, 100, 213, 291, 350, 399, 447, 504, 597, 698, 1_120, 2_000),
    rank_correlation=0.072,
    dispersion=2.85,
    mean_burst=1.92,
)  # fmt: skip
REPEATED_BLOCKS_PER_MILLE = 366
REPEATED_PREFIX_PERCENTS = (0, 0, 1, 2, 5, 8, 14, 33, 50, 50, 79, 92, 96, 99, 100)
