"""How long the margin bridge of a large company takes, beside the same in a plain loop: `make bench-bridge`.

BENCH_CELLS tenants' features (5,000 unless told), 512 evaluations each. The loop works in fractions over a few of them, and its
time is scaled up. Exits with 1 where the two differ by more than a pico-dollar a model; never for time.
"""

from __future__ import annotations

import os
import sys
import time

import numpy as np

from pipelines.economics.bridge import FACTORS, cost_effects
from tests.benchmarks.plain_bridge import cell_effects, random_weeks

CELLS, SAMPLE, SEED = 5_000, 20, 20261122


def main() -> int:
    count = int(os.environ.get("BENCH_CELLS", CELLS))
    cells, parts = random_weeks(count, SEED)
    began = time.perf_counter()
    effects = cost_effects(cells, parts)
    vectorised_s = time.perf_counter() - began
    tried = range(min(SAMPLE, count))
    began = time.perf_counter()
    plain = [cell_effects(cells, parts, cell) for cell in tried]
    loop_s = (time.perf_counter() - began) * count / len(tried)
    print(f"{count:,} cells, {len(parts.cell):,} models in them, {len(tried)} cells in the loop, scaled up")
    print(f"vectorised {vectorised_s:9.2f} s")
    print(f"plain loop {loop_s:9.2f} s")
    print(f"ratio      {loop_s / vectorised_s:9.0f}")
    worst = 0.0
    for cell, wanted in zip(tried, plain, strict=True):
        mine = effects.parts[parts.cell == cell].sum(axis=0) + effects.lookups[cell]
        rows = int((parts.cell == cell).sum()) + 1
        differences = [abs(float(int(mine[n]) - wanted[n])) for n in range(len(FACTORS))]
        # The largest bar of every row also takes the rest of the row's rounding.
        worst = max(worst, max(differences) / (rows * len(FACTORS) / 2))
    print(f"largest difference, as a part of what rounding allows: {worst:.2f}")
    return 0 if worst <= 1 and np.isfinite(worst) else 1


if __name__ == "__main__":
    sys.exit(main())
