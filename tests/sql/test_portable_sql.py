"""The models stay within the SQL that DuckDB and Spark both read, and each says in its twin what one row of it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from pipelines.building.dbt import MODELS
from tests.sql.portable_sql import NULLS_ORDER, RULES, lint, lint_files

FOLDERS = ("staging", "intermediate", "marts")
MODEL_FILES = sorted(path for folder in FOLDERS for path in (MODELS / folder).glob("*.sql"))
GRAIN = re.compile(r"Grain: one row\b[^.]*\.\Z")

BAD: tuple[tuple[str, str], ...] = (
    ("engine_type", "cast(x as varchar)"),
    ("engine_type", "{{ sum_big('cast(x as hugeint)') }}"),
    ("float", "cast(cost_usd as double)"),
    ("float", "cost_usd::real"),
    ("star_without", "* exclude (tenant_id)"),
    ("star_without", "requests.* replace (1 as a)"),
    ("integer_division", "cost_pico // 2"),
    ("division", "cost_pico / requests"),
    ("division", "sum(cost_pico)/(requests + 1)"),
    ("average", "avg(cost_pico)"),
    ("percentile_of_money", "percentile_disc(0.5) within group (order by users.cost_pico)"),
    ("nested_type", "list_filter(x, y)"),
    ("nested_type", "struct_pack(a := 1)"),
    ("nested_type", "array_agg(x)"),
    ("hash", "hash(tenant_id)"),
    ("concat", "concat(tenant_id, end_user_id)"),
    ("engine_function", "epoch_ms(started_at)"),
    (NULLS_ORDER, "row_number() over (partition by a order by score desc)"),
    (NULLS_ORDER, "lag(x) over (order by record_key, lower(feature) asc)"),
)
GOOD = (
    "concat_ws(',', a, b)",
    "row_number() over (partition by a order by feed.observed_at desc nulls last, landing.seq desc nulls last)",
    "row_number() over (partition by (a, b) order by requests.version_at desc, row_hash desc)",
    "count(*) over (partition by week_start)",
    "sum(x) over (order by started_at, record_key rows between unbounded preceding and current row)",
    "'a double // of avg( / hash( in a value'",
    "cast(x as string) || md5(y) -- varchar // avg(",
    "{#- a / b as double -#}",
    "{% macro duckdb__int_div(a, b) -%} ({{ a }} // cast({{ b }} as hugeint)) {%- endmacro %}",
)


def test_models_and_macros_are_read_by_both_engines() -> None:
    checks = sorted((MODELS / "tests").rglob("*.sql"))
    macros = sorted((MODELS / "macros").glob("*.sql"))
    found = lint_files([*MODEL_FILES, *checks, *macros], MODELS)
    assert not found, "\n" + "\n".join(map(str, found))


@pytest.mark.parametrize(("rule", "snippet"), BAD)
def test_each_rule_finds_what_it_forbids_and_says_where(rule: str, snippet: str) -> None:
    found = lint(f"-- a comment\nselect\n    {snippet} as x\nfrom t\n", "marts/bad.sql")
    assert [(finding.rule, finding.line) for finding in found] == [(rule, 3)]
    assert str(found[0]).startswith(f"marts/bad.sql:3: {rule}: `")


def test_every_rule_has_a_snippet_that_breaks_it() -> None:
    assert {rule for rule, _ in BAD} == {*RULES, NULLS_ORDER}


@pytest.mark.parametrize("snippet", GOOD)
def test_what_both_engines_read_is_left_alone(snippet: str) -> None:
    assert lint(f"select {snippet} from t", "good.sql") == []


@pytest.mark.parametrize("path", MODEL_FILES, ids=lambda path: path.stem)
def test_a_model_has_a_twin_that_ends_with_its_grain(path: Path) -> None:
    twin = path.with_suffix(".yml")
    assert twin.exists(), f"{path.name} has no {twin.name} beside it"
    models = yaml.safe_load(twin.read_text())["models"]
    assert [model["name"] for model in models] == [path.stem]
    description = " ".join(models[0]["description"].split())
    assert GRAIN.search(description), f"{twin.name}: the description does not end with 'Grain: one row …'"


def test_no_twin_is_left_of_a_model_that_went() -> None:
    twins = {path.stem for folder in FOLDERS for path in (MODELS / folder).glob("*.yml")}
    assert twins == {path.stem for path in MODEL_FILES}
