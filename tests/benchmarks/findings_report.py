"""How well findings find what is planted: `make findings-report`.

Writes companies of several seeds with all, half and none of the plants, takes each through the product, and holds its
findings against its truth: per kind how many were found, how many with their dollars within a tenth, the ratios of dollars,
and what was found besides.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from pipelines.economics.finding import Finding
from pipelines.findings.detectors.company import Company, Limits
from pipelines.findings.gather import findings
from pipelines.landing.collect import find, ingest
from sample_data.generate import DEFAULT_ATTEMPTS, DEFAULT_WEEKS, generate
from sample_data.planted import Plants
from tests.workspace import Workspace
from warehouse.reader import Reader

NOBODYS = ("cut_streams", "malformed_lines", "double_logged_cache_hit")
"""Of the truth, and no finding: every company has the first two; the third is counted once by the models and costs nothing."""
TENTH = Decimal("0.1")
Truth = dict[str, Any]


@dataclass(frozen=True)
class Match:
    """One plant and the finding that tells of it, if any. `ratio`: its dollars over the plant's, None without dollars."""

    truth: Truth
    finding: Finding | None

    @property
    def ratio(self) -> Decimal | None:
        planted = self.truth["cost_usd"]
        if self.finding is None or self.finding.cost_usd is None or planted is None:
            return None
        return self.finding.cost_usd / Decimal(planted)

    @property
    def is_close(self) -> bool:
        """Found, and with its dollars within a tenth where it has dollars."""
        if self.finding is None or self.truth["cost_usd"] is None:
            return self.finding is not None
        return self.ratio is not None and abs(self.ratio - 1) <= TENTH


def is_below_floor(entry: Truth, company: Company) -> bool:
    """Cents that the floor leaves out on purpose: output of cut streams, which the truth has by feature."""
    if entry["cost_usd"] is None:
        return False
    days = date.fromisoformat(entry["from"]), date.fromisoformat(entry["to"])
    return not company.is_material(int(Decimal(entry["cost_usd"]).scaleb(12)), *days)


def matches(truth: Iterable[Truth], found: Sequence[Finding], company: Company) -> tuple[list[Match], list[Finding]]:
    """Every plant with the dearest finding of its kind, tenant and feature; and the findings that belong to no plant."""
    made: list[Match] = []
    used: list[Finding] = []
    for entry in truth:
        if entry["kind"] in NOBODYS or is_below_floor(entry, company):
            continue
        mine = [
            one
            for one in found
            if one.kind == entry["kind"]
            and one.feature == entry["feature"]
            and entry["tenant_id"] in (None, one.tenant_id)
        ]
        made.append(Match(entry, mine[0] if mine else None))
        used += mine
    return made, [one for one in found if one not in used]


def company_findings(
    root: Path, seed: int, plants: Plants, attempts: int, weeks: int
) -> tuple[list[Match], list[Finding]]:
    """Write, land, build and read one company under `root`; its plants beside what was found, and what was found besides."""
    generate(root / "sample", seed, attempts, weeks, plants=plants)
    workspace = Workspace(root)
    ingest(
        workspace.context,
        find([str(root / "sample" / name) for name in ("litellm", "canonical", "feeds")], workspace.settings.data_dir),
    )
    workspace.build()
    reader = Reader(workspace.settings.data_dir)
    try:
        found = findings(reader, Limits())
        company = Company.of(reader.spend_days(), Limits())
    finally:
        reader.close()
        workspace.control.close()
    assert company is not None
    truth = json.loads((root / "sample" / "truth.json").read_text(encoding="utf-8"))
    return matches(truth, found, company)


def table(results: dict[Plants, list[tuple[list[Match], list[Finding]]]]) -> str:
    """Markdown: a row for each kind, and what was found besides."""
    kinds = sorted({match.truth["kind"] for runs in results.values() for made, _ in runs for match in made})
    heads = [f"{plants.value}: found, within 10%, ratios" for plants in results if plants is not Plants.NONE]
    lines = ["| kind | " + " | ".join(heads) + " |", "|---|" + "---|" * len(heads)]
    for kind in kinds:
        cells: list[str] = []
        for plants, runs in results.items():
            if plants is not Plants.NONE:
                cells.append(_cell([match for made, _ in runs for match in made if match.truth["kind"] == kind]))
        lines.append(f"| `{kind}` | " + " | ".join(cells) + " |")
    for plants, runs in results.items():
        besides = ", ".join(str(len(extra)) for _, extra in runs)
        lines.append(f"\nFound besides, {plants.value}, by company: {besides}.")
        lines += [f"- {one.kind} {one.tenant_id or ''} {one.feature or ''} {one.model or ''} {one.since} "
                  f"{one.cost_usd}: {one.summary}" for _, extra in runs for one in extra]  # fmt: skip
    return "\n".join(lines)


def _cell(made: Sequence[Match]) -> str:
    ratios = sorted(match.ratio for match in made if match.ratio is not None)
    spread = f", {ratios[0]:.2f} to {ratios[-1]:.2f}" if ratios else ""
    return f"{sum(m.finding is not None for m in made)} of {len(made)}, {sum(m.is_close for m in made)}{spread}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.findings_report", description=__doc__)
    parser.add_argument("--seeds", default="101,102,103")
    parser.add_argument("--plants", default="full,half,none")
    parser.add_argument("--attempts", type=int, default=DEFAULT_ATTEMPTS)
    parser.add_argument("--weeks", type=int, default=DEFAULT_WEEKS)
    asked = parser.parse_args(arguments)
    results: dict[Plants, list[tuple[list[Match], list[Finding]]]] = defaultdict(list)
    for plants in (Plants(name) for name in asked.plants.split(",")):
        for seed in (int(text) for text in asked.seeds.split(",")):
            began = time.monotonic()
            with tempfile.TemporaryDirectory() as folder:
                made, extra = company_findings(Path(folder), seed, plants, asked.attempts, asked.weeks)
            results[plants].append((made, extra))
            missed = [
                f"{m.truth['kind']} {m.truth['feature']} {m.truth['cost_usd']} ratio {m.ratio}"
                for m in made
                if not m.is_close
            ]
            print(
                f"seed {seed}, {plants.value}: {sum(m.is_close for m in made)} of {len(made)} plants, {len(extra)} besides, "
                f"{time.monotonic() - began:.0f} s; not found or off: {'; '.join(missed) or 'none'}",
                file=sys.stderr, flush=True,
            )  # fmt: skip
    print(table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
