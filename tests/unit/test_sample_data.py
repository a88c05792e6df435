"""The sample company: the same seed writes the same bytes, and its truth is what its logs say."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from sample_data.__main__ import main
from sample_data.generate import Summary, generate
from sample_data.invoices import InvoiceLine
from sample_data.planted import Plants
from sample_data.prices import Usage, cost_of, decimal_usd

SEED, ATTEMPTS, WEEKS = 11, 17_500, 10
SMALL = {"attempts": 1_800, "weeks": 1}
START_S, END_S = (datetime(2026, *day, tzinfo=UTC).timestamp() for day in ((9, 7), (11, 16)))


@dataclass(frozen=True)
class Sample:
    folder: Path
    summary: Summary
    litellm: list[dict[str, Any]]
    canonical: list[dict[str, Any]]
    unreadable: list[str]
    truth: list[dict[str, Any]]

    def feed(self, name: str) -> list[dict[str, str]]:
        with (self.folder / "feeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def planted(self, kind: str) -> list[dict[str, Any]]:
        return [entry for entry in self.truth if entry["kind"] == kind]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return written(tmp_path_factory.mktemp("sample"), SEED, ATTEMPTS)


def written(folder: Path, seed: int, attempts: int, weeks: int = WEEKS, plants: Plants = Plants.FULL) -> Sample:
    """Generate a sample and read back what it put on disk."""
    summary = generate(folder, seed, attempts, weeks, plants=plants)
    records: dict[str, list[dict[str, Any]]] = {"litellm": [], "canonical": []}
    unreadable: list[str] = []
    for source, found in records.items():
        for line in lines_of(folder / source):
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError:
                unreadable.append(line)
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    return Sample(folder, summary, records["litellm"], records["canonical"], unreadable, truth)


def lines_of(folder: Path) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        yield from body.decode().splitlines()


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def good_canonical(sample: Sample) -> list[dict[str, Any]]:
    return [r for r in sample.canonical if not r["source_record_id"].endswith("-spoilt")]


def usage_of(record: dict[str, Any]) -> Usage:
    """Tokens of a LiteLLM record, read from its usage object."""
    usage = record["metadata"]["usage_object"]
    prompt = usage.get("prompt_tokens_details") or {}
    written = prompt.get("cache_creation_token_details") or {}
    return Usage(
        usage["prompt_tokens"],
        prompt.get("cached_tokens", 0),
        written.get("ephemeral_5m_input_tokens", 0),
        written.get("ephemeral_1h_input_tokens", 0),
        usage["completion_tokens"],
        (usage.get("completion_tokens_details") or {}).get("reasoning_tokens", 0),
    )


def test_the_same_seed_writes_the_same_bytes_whatever_the_hash_seed(tmp_path: Path) -> None:
    for hash_seed in ("0", "4711"):
        command = [sys.executable, "-m", "sample_data", "--seed", "3", "--out", str(tmp_path / hash_seed)]
        command += ["--attempts", str(SMALL["attempts"]), "--weeks", str(SMALL["weeks"])]
        root = Path(__file__).parents[2]
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run(command, check=True, capture_output=True, cwd=root, env=environment)
    first = digests(tmp_path / "0")
    assert first == digests(tmp_path / "4711")
    assert {Path(name).parts[0] for name in first} == {
        ".margincall-sample",
        "litellm",
        "canonical",
        "feeds",
        "truth.json",
    }


def test_another_seed_writes_other_data(tmp_path: Path) -> None:
    for seed in (1, 2):
        generate(tmp_path / str(seed), seed, **SMALL)
    first, second = digests(tmp_path / "1"), digests(tmp_path / "2")
    assert first.keys() == second.keys()
    alike = {".margincall-sample", "feeds/features.csv", "feeds/fx.csv"}
    assert {name for name in first if first[name] == second[name]} == alike


def test_a_second_run_replaces_the_first(tmp_path: Path) -> None:
    generate(tmp_path, 1, attempts=3_600, weeks=2)
    generate(tmp_path, 1, **SMALL)
    generate(tmp_path / "fresh", 1, **SMALL)
    again = {name: digest for name, digest in digests(tmp_path).items() if not name.startswith("fresh")}
    assert again == digests(tmp_path / "fresh")


def test_every_line_on_disk_is_counted(sample: Sample) -> None:
    litellm = sum(1 for _ in lines_of(sample.folder / "litellm"))
    canonical = sum(1 for _ in lines_of(sample.folder / "canonical"))
    summary = sample.summary
    assert (summary.litellm_lines, summary.canonical_lines) == (litellm, canonical)
    assert litellm + canonical == summary.attempts + summary.malformed_lines + summary.double_logged_lines
    assert ATTEMPTS <= summary.attempts < ATTEMPTS + 60


def test_there_is_one_gateway_file_a_day_and_one_service_file_a_week(sample: Sample) -> None:
    litellm = sorted(path.name for path in (sample.folder / "litellm").iterdir())
    canonical = sorted(path.name for path in (sample.folder / "canonical").iterdir())
    assert (len(litellm), litellm[0], litellm[-1]) == (70, "2026-09-07.jsonl.gz", "2026-11-15.jsonl")
    assert [name for name in litellm if name.endswith(".gz")] == litellm[:21]
    assert (len(canonical), canonical[0], canonical[-1]) == (10, "2026-09-07.jsonl", "2026-11-09.jsonl")


def test_every_record_starts_within_the_period(sample: Sample) -> None:
    starts = [r["startTime"] for r in sample.litellm]
    starts += [datetime.fromisoformat(r["started_at"]).timestamp() for r in sample.canonical]
    assert min(starts) >= START_S
    assert max(starts) < END_S
    assert all(r["endTime"] >= r["startTime"] for r in sample.litellm)


def test_outcomes_are_observed_at_most_two_days_after_the_period(sample: Sample) -> None:
    outcomes = sample.feed("task_outcomes")
    assert max(o["observed_at"] for o in outcomes) < "2026-11-18T00:00:00"
    assert {o["outcome"] for o in outcomes} == {"success", "failure", "escalated", "abandoned"}
    assert len({o["outcome_id"] for o in outcomes}) == len(outcomes)
    assert Counter(o["task_id"] for o in outcomes).most_common(1)[0][1] == 2


def test_cached_tokens_are_part_of_input_and_reasoning_is_part_of_output(sample: Sample) -> None:
    for record in sample.litellm:
        usage = usage_of(record)
        assert usage.cache_read + usage.cache_write_5m + usage.cache_write_1h <= usage.input
        assert usage.reasoning <= usage.output
        assert (usage.input, usage.output) == (record["prompt_tokens"], record["completion_tokens"])
    for record in good_canonical(sample):
        if "input_tokens" in record:
            cached = record["cache_read_input_tokens"] + record["cache_creation_input_tokens"]
            assert cached <= record["input_tokens"]
            assert record["reasoning_output_tokens"] <= record["output_tokens"]


def test_a_gateway_hit_costs_nothing_and_still_shows_a_breakdown(sample: Sample) -> None:
    hits = [r for r in sample.litellm if r["cache_hit"]]
    assert len(hits) > 100
    for hit in hits:
        assert "_cache_hit" in hit["id"]
        assert hit["response_cost"] == 0.0
        assert hit["cost_breakdown"]["total_cost"] == hit["saved_cache_cost"] > 0


def test_a_failed_try_is_a_record_of_its_own_under_the_call_id(sample: Sample) -> None:
    failures = [r for r in sample.litellm if r["status"] == "failure"]
    answers = {r["litellm_call_id"]: r for r in sample.litellm if r["status"] == "success"}
    assert all(r["id"] == r["litellm_call_id"] for r in failures)
    answered = Counter(r["litellm_call_id"] for r in failures if r["litellm_call_id"] in answers)
    assert answered
    for call_id, failed in answered.items():
        headers = answers[call_id]["hidden_params"]["additional_headers"]
        assert headers["x-litellm-attempted-retries"] + headers["x-litellm-attempted-fallbacks"] == failed


def test_some_tasks_run_over_the_week_border(sample: Sample) -> None:
    days: dict[str, set[int]] = {}
    for record in sample.litellm:
        if task_id := record["metadata"]["spend_logs_metadata"].get("task_id"):
            days.setdefault(task_id, set()).add(int((record["startTime"] - START_S) // (7 * 86_400)))
    assert sum(len(weeks) > 1 for weeks in days.values()) >= 9


def test_revenue_lines_are_whole_cents_and_credits_name_what_they_correct(sample: Sample) -> None:
    lines = sample.feed("revenue_lines")
    assert all(Decimal(line["amount"]).as_tuple().exponent == -2 for line in lines)
    assert {line["kind"] for line in lines} == {
        *("subscription", "seats", "usage", "credit_pack", "outcome", "credit_note", "one_off")
    }
    ids = {line["line_id"] for line in lines}
    for line in lines:
        assert (line["kind"] == "credit_note") == (Decimal(line["amount"]) < 0) == (line["corrects_line_id"] in ids)


def test_a_line_recognises_its_amount_day_by_day_without_a_rest() -> None:
    line = InvoiceLine("t", "subscription", 9_900, date(2026, 7, 1), date(2026, 8, 1), 1, usd_cents=9_900)
    days = [line.recognised_cents(date(2026, 7, day), date(2026, 7, day + 1)) for day in range(1, 12)]
    assert days == [319, 320, 319, 319, 320, 319, 319, 320, 319, 320, 319]
    assert line.recognised_cents(date(2026, 1, 1), date(2027, 1, 1)) == 9_900


@pytest.mark.parametrize(("input_tokens", "cost_usd"), [(200_000, "0.251000000000"), (200_001, "0.501502500000")])
def test_a_long_context_pays_the_higher_step_for_all_tokens(input_tokens: int, cost_usd: str) -> None:
    cost = cost_of("gemini-2.5-pro", "standard", Usage(input=input_tokens, output=100), date(2026, 10, 1))
    assert cost is not None
    assert decimal_usd(cost.total) == cost_usd


def test_every_plant_is_in_the_truth(sample: Sample) -> None:
    assert {entry["kind"] for entry in sample.truth} == {
        "ci_on_production_keys",
        "cut_streams",
        "double_logged_cache_hit",
        "long_context_cliff",
        "malformed_lines",
        "missing_logs",
        "oversized_model",
        "price_change",
        "prompt_growth",
        "retry_storm",
        "semantic_cache_regression",
        "tenant_at_10x",
        "under_water_tenant",
        "unpriced_model",
    }
    for entry in sample.truth:
        assert list(entry) == ["kind", "tenant_id", "feature", "from", "to", "cost_usd", "count"]
        assert entry["from"] < entry["to"]
        assert entry["cost_usd"] is None or Decimal(entry["cost_usd"]) > 0


def test_five_paying_tenants_are_under_water(sample: Sample) -> None:
    plans = {t["tenant_id"]: t["plan"] for t in sample.feed("tenants")}
    found = sorted(plans[entry["tenant_id"]] for entry in sample.planted("under_water_tenant"))
    assert found == ["pro", "starter", "starter", "starter", "starter"]


def test_the_cost_of_ci_on_production_keys_is_that_of_the_logs(sample: Sample) -> None:
    by_environment: dict[str, set[str]] = {}
    for record in sample.litellm:
        environment = record["metadata"]["spend_logs_metadata"]["environment"]
        by_environment.setdefault(environment, set()).add(record["metadata"]["user_api_key_hash"])
    shared = by_environment["ci"] & by_environment["production"]
    found = [
        record
        for record in sample.litellm
        if record["metadata"]["spend_logs_metadata"]["environment"] == "ci"
        and record["metadata"]["user_api_key_hash"] in shared
    ]
    (entry,) = sample.planted("ci_on_production_keys")
    assert entry["count"] == len(found)
    assert Decimal(entry["cost_usd"]) == sum(exact_cost(record) for record in found)


def test_the_cost_of_the_retry_storm_is_that_of_its_superseded_tries(sample: Sample) -> None:
    found = [
        r for r in sample.litellm if r["status"] == "failure" and r["error_information"]["error_class"] == "ReadError"
    ]
    (entry,) = sample.planted("retry_storm")
    assert entry["count"] == len(found)
    assert {r["metadata"]["spend_logs_metadata"]["tenant_id"] for r in found} == {entry["tenant_id"]}
    assert Decimal(entry["cost_usd"]) == sum(exact_cost(record) for record in found)


def exact_cost(record: dict[str, Any]) -> Decimal:
    """The cost of a record that was served at the standard price, from its tokens; a refusal costs nothing."""
    day = date(1970, 1, 1) + timedelta(days=record["startTime"] // 86_400)
    cost = cost_of(record["model"].partition("/")[2], "standard", usage_of(record), day)
    assert cost is not None
    return Decimal(decimal_usd(cost.total))


def test_malformed_lines_and_the_double_log_are_where_the_truth_says(sample: Sample) -> None:
    spoilt = [r for r in sample.canonical if r["source_record_id"].endswith("-spoilt")]
    (malformed,) = sample.planted("malformed_lines")
    assert (malformed["count"], malformed["cost_usd"], len(sample.unreadable), len(spoilt)) == (4, None, 2, 2)
    keys = Counter((r["id"].partition("_cache_hit")[0], r["trace_id"], r["startTime"]) for r in sample.litellm)
    ids = Counter(r["id"] for r in sample.litellm if r["status"] == "success")
    assert [count for count in keys.values() if count > 1] == [2]
    assert max(ids.values()) == 1
    assert sample.planted("double_logged_cache_hit")[0]["count"] == 1


def test_the_model_without_a_price_looks_free_to_the_gateway(sample: Sample) -> None:
    unpriced = [r for r in sample.litellm if r["model"] == "openai/acme-rerank-exp-1" and r["status"] == "success"]
    assert unpriced
    assert {r["response_cost"] for r in unpriced} == {0.0}
    assert sum(entry["count"] for entry in sample.planted("unpriced_model")) == len(unpriced)


def test_a_wish_that_cannot_be_met_is_refused_with_what_can(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "1", "--out", str(tmp_path), "--attempts", "100"]) == 2
    assert "attempts is 100; the planted problems alone need 17500 in 10 weeks" in capsys.readouterr().err
    (tmp_path / "mine.txt").write_text("keep", encoding="utf-8")
    assert main(["--seed", "1", "--out", str(tmp_path)]) == 2
    assert "is not empty and holds no earlier sample" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
