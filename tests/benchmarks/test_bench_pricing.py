"""The pricing benchmark on a few rows: that it runs, prices right and says what it found. Its times are not judged here."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.bench_pricing import measure


def test_the_benchmark_prices_what_it_wrote_and_agrees_with_the_calculator(tmp_path: Path) -> None:
    result = measure(tmp_path, rows=20_000, pairs=1, sample=500, max_models=120)
    assert (result.rows, result.models) == (20_000, 120)
    assert result.slices_hit >= 120
    assert result.sample == 500
    assert result.sample_equal >= 300
    assert result.sample_unequal == []
    assert min(result.sum_s, result.price_s, result.calculator_s, result.mart_s, result.peak_rss_mb) > 0
    text = "\n".join(result.lines())
    assert "price / sum" in text
    assert "calculator / price" in text
    assert "peak memory" in text
