"""Price books over time: a newer price prices only what it touches anew, and what was known when stays answerable.

Prices in USD per million tokens, in and out: claude-haiku-4-5 1 and 5, claude-sonnet-4-5 3 and 15. A request here has 1,000
tokens in and 100 out, so it costs 0.0015 on Haiku, 0.0045 on Sonnet, and 0.0025 on Haiku with an input price of 2.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from pipelines.building.lock import Locked, build_lock
from pipelines.building.prices import books
from pipelines.building.prices.answers import PriceQuestionError, book_then, coverage, model_prices
from pipelines.building.prices.diff import diff, month_days, refresh
from pipelines.building.prices.repricing import Repriced
from pipelines.pricebook.errors import PriceBookError
from pipelines.pricebook.published import Catalogue, installed_catalogue, read_catalogue, write_catalogue
from pipelines.settings import Pricing, Settings
from tests.landers import FORK
from tests.workspace import Workspace, request
from warehouse import control as db
from warehouse import ledger_view
from warehouse.connection import warehouse
from warehouse.control import HEAD, MIGRATIONS, Control
from warehouse.reader import Reader

HAIKU, SONNET, TOMORROW = "claude-haiku-4-5", "claude-sonnet-4-5", "claude-haiku-4-5-acme"
HAIKU_DAYS = (date(2026, 10, 5), date(2026, 10, 6))
DAYS = tuple(date(2026, 10, day) for day in range(5, 20))
Change = Callable[[dict[str, Any]], None]


def one(model: str, day: date, **values: Any) -> dict[str, Any]:
    name = f"{model}-{day}"
    return request(source_record_id=name, task_id=name, response_model=model, started_at=f"{day}T12:00:00Z", **values)


def land_october(workspace: Workspace) -> None:
    """Haiku on two days, Sonnet on fifteen, two names without a price, and a day of November: October is complete."""
    last = request(source_record_id="november", task_id="november", started_at="2026-11-01T12:00:00Z")
    haiku, sonnet = [one(HAIKU, day) for day in HAIKU_DAYS], [one(SONNET, day) for day in DAYS]
    strange = [one(TOMORROW, DAYS[3]), one("zzzzzz", DAYS[4], provider_name="nobody")]
    workspace.land_records("october", [*haiku, *sonnet, *strange, last])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which October is built."""
    workspace = Workspace(tmp_path_factory.mktemp("october"))
    land_october(workspace)
    workspace.build()
    workspace.control.close()
    return workspace.root


@pytest.fixture
def october(built: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of it for one test."""
    shutil.copytree(built / "var", tmp_path / "var")
    workspace = Workspace(tmp_path)
    yield workspace
    workspace.control.close()


def changed(folder: Path, change: Change, model_id: str = HAIKU) -> Path:
    """The installed catalogue as a file, with one Anthropic model changed."""
    path = folder / "data.json"
    write_catalogue(installed_catalogue(), path)
    providers = json.loads(path.read_text())
    models = next(provider["models"] for provider in providers if provider["id"] == "anthropic")
    change(next(model for model in models if model["id"] == model_id))
    path.write_text(json.dumps(providers))
    return path


def dearer(folder: Path) -> Path:
    """Haiku's input at 2 USD instead of 1."""
    return changed(folder, lambda model: model["prices"].update(input_mtok=2))


def install(monkeypatch: pytest.MonkeyPatch, path: Path) -> Catalogue:
    """As if this catalogue came with the installed package."""
    catalogue = read_catalogue(path, "9.9.9")
    monkeypatch.setattr(books, "installed_catalogue", lambda: catalogue)
    return catalogue


def take_over(settings: Settings, control: Control, path: Path | None = None) -> Repriced | None:
    """What `refresh --apply` does when it has shown the dollars."""
    catalogue = read_catalogue(path) if path else None
    chosen = books.candidate(settings, control, catalogue=catalogue, is_refresh=True)
    return books.adopt(settings, control, chosen, "taken over")


def costs(workspace: Workspace) -> dict[tuple[str, date], tuple[int | None, str | None]]:
    rows = workspace.rows("select model, day, cost_pico, price_book_id from fct_llm_request_priced")
    return {(model, day): (cost, book) for model, day, cost, book in rows}


def october_pico(workspace: Workspace) -> int:
    return sum(cost or 0 for (_, day), (cost, _) in costs(workspace).items() if day.month == 10)


def dirty(workspace: Workspace) -> set[date]:
    return {date.fromisoformat(row.day) for row in workspace.control.rows(sa.select(db.dirty_day.c.day))}


def all_dirty(workspace: Workspace) -> list[str]:
    return [row.reason for row in workspace.control.rows(sa.select(db.dirty_all.c.reason))]


def test_the_first_build_pins_the_installed_catalogue(october: Workspace) -> None:
    (entry,) = ledger_view.price_books(october.control)
    installed = installed_catalogue()
    folder = october.settings.data_dir / "lake" / "price_book"
    facts = (entry.catalogue_sha, entry.catalogue_version, entry.note)
    assert facts == (installed.sha, installed.version, "first build")
    assert read_catalogue(folder / f"catalogue-{installed.sha}.json").sha == installed.sha
    assert (folder / entry.price_book_id / "price_slice.parquet").exists()
    assert {book for _, book in costs(october).values() if book} == {entry.price_book_id}

    (folder / entry.price_book_id / "price_slice.parquet").unlink()
    assert october.build().kind == "nothing"
    assert (folder / entry.price_book_id / "price_slice.parquet").exists()
    assert len(ledger_view.price_books(october.control)) == 1


def test_a_price_fix_prices_only_the_days_anew_that_it_touches(october: Workspace) -> None:
    before, path = costs(october), dearer(october.root)
    told = take_over(october.settings, october.control, path)
    assert told is not None
    assert told.days == dirty(october) == set(HAIKU_DAYS)
    built = october.build()
    after = costs(october)
    new = ledger_view.price_books(october.control)[0].price_book_id
    # A catalogue chosen from a file is not said to be older than the one that was installed then.
    assert (built.kind, built.days, built.notices) == ("incremental", 2, ())
    assert [before[HAIKU, day][0] for day in HAIKU_DAYS] == [1_500_000_000] * 2
    assert [after[HAIKU, day] for day in HAIKU_DAYS] == [(2_500_000_000, new)] * 2
    assert after.keys() == before.keys()
    for (model, day), row in before.items():
        if day not in HAIKU_DAYS:
            assert after[model, day] == row
        elif model == SONNET:
            assert after[model, day] == (row[0], new)

    # A second run does nothing, and a full build says the same.
    assert october.build().kind == "nothing"
    assert take_over(october.settings, october.control, path) is None
    assert (dirty(october), len(ledger_view.price_books(october.control))) == (set(), 2)
    october.build(full=True)
    assert {key: cost for key, (cost, _) in costs(october).items()} == {key: cost for key, (cost, _) in after.items()}


def test_what_refresh_and_diff_say_in_dollars_is_what_taking_over_changes(october: Workspace) -> None:
    path = changed(october.root, lambda model: model["prices"].update(input_mtok=1.000001))
    told = refresh(october.settings, october.control, catalogue=path)
    assert (told.is_applied, dirty(october), len(ledger_view.price_books(october.control))) == (False, set(), 1)
    (model,) = told.change.models
    assert (model.model, model.context, model.days, model.first, model.last) == (HAIKU, "standard", 2, *HAIKU_DAYS)
    assert told.costs is not None
    touched = told.costs.totals()
    # Two of Haiku and two of Sonnet stand on the two days. 2 x 1,000 tokens, each dearer by 10^-6 USD per million.
    assert (touched[0].requests, touched[0].list_pico, touched[0].effective_pico) == (4, 12 * 10**9, 12 * 10**9)
    assert (touched[1].list_pico, touched[1].effective_pico) == (12 * 10**9 + 2000, 12 * 10**9 + 2000)
    assert list((october.settings.data_dir / "build").glob("shadow-*")) == []

    before = october_pico(october)
    take_over(october.settings, october.control, path)
    old = ledger_view.price_books(october.control)[1].price_book_id
    month = diff(october.settings, october.control, old[:8], "published")
    sums = month.costs.totals()
    october.build()
    assert (month.month, month.is_complete, month.before_id) == ("2026-10", True, old)
    assert (sums[0].effective_pico, sums[1].effective_pico) == (before, october_pico(october))
    assert october_pico(october) - before == 2000
    assert [(each.requests, each.unpriced) for each in sums] == [(19, 2)] * 2


def test_an_upgrade_of_the_package_changes_nothing_until_it_is_applied(
    october: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = costs(october)
    catalogue = install(monkeypatch, dearer(october.root))
    built = october.build()
    assert built.kind == "nothing"
    assert built.notices == (
        f"genai-prices 9.9.9 is installed, prices are pinned to {installed_catalogue().version}: "
        "it would change 1 model in use on 2 days. See `margincall prices refresh`.",
    )
    assert (costs(october), dirty(october), len(ledger_view.price_books(october.control))) == (before, set(), 1)
    news = ledger_view.newer_catalogue(october.control)
    assert news is not None
    assert (news.catalogue_version, news.days, news.models) == ("9.9.9", 2, 1)
    found = {(change.model, change.component): (change.before, change.after) for change in news.changes}
    stand_ins = {(HAIKU, name): ("1", "2") for name in ("input_audio", "input_image")}
    assert found == {(HAIKU, "input"): ("1", "2"), **stand_ins}

    take_over(october.settings, october.control)
    assert ledger_view.price_books(october.control)[0].catalogue_sha == catalogue.sha
    assert (october.build().notices, ledger_view.newer_catalogue(october.control)) == ((), None)
    assert costs(october)[HAIKU, HAIKU_DAYS[0]][0] == 2_500_000_000


def test_a_new_name_in_the_catalogue_prices_what_had_no_price(october: Workspace) -> None:
    assert costs(october)[TOMORROW, DAYS[3]] == (None, None)

    def known(model: dict[str, Any]) -> None:
        model["match"]["or"].append({"equals": TOMORROW})

    told = take_over(october.settings, october.control, changed(october.root, known))
    old, new = ledger_view.price_books(october.control)
    # No price is another: only what a name means.
    assert told is not None
    assert (told.days, old.price_book_id) == ({DAYS[3]}, new.price_book_id)
    assert october.build().days == 1
    assert costs(october)[TOMORROW, DAYS[3]][0] == 1_500_000_000


def test_what_was_known_then_is_answered_by_the_book_of_then(october: Workspace) -> None:
    take_over(october.settings, october.control, dearer(october.root))
    with october.control.write() as connection:
        for seq, instant in ((1, "2026-11-02T09:00:00+00:00"), (2, "2026-11-20T09:00:00+00:00")):
            update = sa.update(db.price_book).where(db.price_book.c.seq == seq)
            connection.execute(update.values(known_from=instant))

    def input_price(known_at: date | None) -> Decimal:
        then = book_then(october.settings, october.control, known_at)
        (prices,) = model_prices(october.control, then, HAIKU, at=date(2026, 10, 5))
        standard = next(each for each in prices.contexts if each.context == "standard")
        return next(line.list_price for line in standard.lines if line.component == "input")

    assert [input_price(date(2026, 11, day)) for day in (2, 19, 20)] == [1, 1, 2]
    assert input_price(None) == 2
    with pytest.raises(
        PriceQuestionError, match="No price book was known at 2026-11-01: the first is known from 2026-11-02"
    ):
        book_then(october.settings, october.control, date(2026, 11, 1))


def test_an_unknown_book_or_month_is_answered_with_what_there_is(october: Workspace) -> None:
    (entry,) = ledger_view.price_books(october.control)
    known = rf"'zzz': no such price book. Known: published, installed, {entry.price_book_id}"
    with pytest.raises(PriceQuestionError, match=known):
        diff(october.settings, october.control, "zzz", "installed")
    with pytest.raises(PriceQuestionError, match=r"No requests in '2020-01'\. Months in the data: 2026-10, 2026-11"):
        diff(october.settings, october.control, "published", "installed", "2020-01")


def test_the_last_complete_month_is_taken_else_the_newest() -> None:
    september, october, november = date(2026, 9, 30), date(2026, 10, 30), date(2026, 11, 1)
    assert month_days([september, october], None) == ([september], True)
    assert month_days([october, november], None) == ([october], True)
    assert month_days([october], None) == ([october], False)
    assert month_days([october, november], "2026-11") == ([november], False)
    with pytest.raises(PriceQuestionError, match="No request has landed"):
        month_days([], None)


@pytest.mark.parametrize("at", ["_what_changes", "_entry"])
def test_killed_between_files_and_transaction_loses_nothing(october: Workspace, at: str) -> None:
    path = dearer(october.root)
    process = FORK.Process(target=die_while_taking_over, args=(october.settings, path, at))
    process.start()
    process.join()
    assert process.exitcode == 9
    written = (october.settings.data_dir / "lake" / "price_book").glob("catalogue-*.json")
    assert read_catalogue(path).sha in {file.stem.removeprefix("catalogue-") for file in written}
    assert (len(ledger_view.price_books(october.control)), dirty(october)) == (1, set())
    assert october.build().kind == "nothing"
    take_over(october.settings, october.control, path)
    assert (len(ledger_view.price_books(october.control)), dirty(october)) == (2, set(HAIKU_DAYS))


def die_while_taking_over(settings: Settings, path: Path, at: str) -> None:
    """In a process of its own: gone without a word where `at` is called, before or inside the transaction."""
    setattr(books, at, lambda *_: os._exit(9))
    take_over(settings, Control(settings.control_url), path)


def test_the_book_and_its_days_are_stored_together_or_not_at_all(
    october: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = sa.insert

    def fail_at_days(table: sa.Table) -> Any:
        if table is db.dirty_day:
            raise RuntimeError
        return insert(table)

    with monkeypatch.context() as patched:
        patched.setattr(books.sa, "insert", fail_at_days)
        with pytest.raises(RuntimeError):
            take_over(october.settings, october.control, dearer(october.root))
    assert len(ledger_view.price_books(october.control)) == 1


def test_a_book_is_not_taken_over_while_a_build_runs(october: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.building.prices.diff.compare_costs", lambda *_: None)
    with build_lock(october.settings.data_dir.resolve()), pytest.raises(Locked):
        refresh(october.settings, october.control, catalogue=dearer(october.root), apply=True)
    assert len(ledger_view.price_books(october.control)) == 1


def with_company(workspace: Workspace, text: str) -> Path:
    """Name a file of the company's prices in the settings."""
    path = workspace.root / "prices.toml"
    path.write_text(text)
    workspace.settings = workspace.settings.model_copy(update={"pricing": Pricing(company_prices=path)})
    return path


def adopt(workspace: Workspace) -> Repriced | None:
    """What a build does about prices before anything else."""
    return books.adopt(workspace.settings, workspace.control, books.candidate(workspace.settings, workspace.control))


OVERRIDE = f"""
[[override]]
provider = "anthropic"
model = "{HAIKU}"
input = "2"
from = 2026-10-06
"""


def test_the_companys_file_takes_effect_with_the_next_build_from_the_day_it_names(october: Workspace) -> None:
    before = costs(october)
    path = with_company(october, "")
    assert (october.build().kind, len(ledger_view.price_books(october.control))) == ("nothing", 1)
    path.write_text(OVERRIDE)
    built = october.build()
    after = costs(october)
    sixth = date(2026, 10, 6)
    assert (built.kind, built.days) == ("incremental", 1)
    assert after[HAIKU, sixth][0] == 2_500_000_000
    assert {key for key in after if after[key] != before[key]} == {(HAIKU, sixth), (SONNET, sixth)}
    assert after[SONNET, sixth][0] == before[SONNET, sixth][0]
    newest, first = ledger_view.price_books(october.control)
    assert (newest.note, newest.catalogue_sha) == ("the company's prices changed", first.catalogue_sha)

    path.write_text(f"# only a comment\n{OVERRIDE}")
    assert (october.build().kind, len(ledger_view.price_books(october.control))) == ("nothing", 2)
    path.write_text("")
    adopt(october)
    assert dirty(october) == {sixth}
    assert ledger_view.price_books(october.control)[0].price_book_id == first.price_book_id


def test_a_discount_leaves_the_list_price_and_marks_the_days_of_its_models(october: Workspace) -> None:
    with_company(october, '[[discount]]\nprovider = "anthropic"\nmodel = "claude-haiku-*"\nmultiplier = "0.9"\n')
    adopt(october)
    assert dirty(october) == set(HAIKU_DAYS)
    then = book_then(october.settings, october.control)
    (prices,) = model_prices(october.control, then, HAIKU, at=DAYS[0])
    lines = {line.component: (line.list_price, line.contracted) for line in prices.contexts[0].lines}
    assert (lines["input"], lines["output"]) == ((Decimal(1), Decimal("0.9")), (Decimal(5), Decimal("4.5")))


ALLOWANCE = """
[[drawdown]]
id = "y"
kind = "allowance"
measure = "requests"
window = "month"
free = 1
providers = ["anthropic"]
models = ["claude-haiku-*"]
from = 2026-10-18
"""


def test_the_dollars_of_an_allowance_are_told_before_they_are_built(october: Workspace) -> None:
    three_free = ALLOWANCE.replace("free = 1", "free = 3").replace("haiku", "sonnet").replace("10-18", "10-01")
    before = october_pico(october)
    with_company(october, three_free)
    told = diff(october.settings, october.control, "published", "installed").costs.totals()
    assert october.build().kind != "nothing"
    # Of fifteen requests of Sonnet at 0.0045 the first three are free; what was drawn in October frees none in November.
    assert before - october_pico(october) == 3 * 4_500_000_000
    assert (told[0].effective_pico, told[1].effective_pico) == (before, october_pico(october))
    assert told[0].list_pico == told[1].list_pico == told[1].contracted_pico == before


POOL = """
[[gpu_pool]]
id = "h100"
models = ["ours-*"]
gpu_hourly_usd = "2"
gpus = 1
prefill_tokens_per_s = 100
decode_tokens_per_s = 10
utilisation = "0.5"
from = 2026-10-30
"""


@pytest.mark.parametrize(("text", "first"), [(ALLOWANCE, date(2026, 10, 18)), (POOL, date(2026, 10, 30))])
def test_a_drawdown_or_a_pool_of_gpus_marks_everything_from_its_first_day(
    october: Workspace, text: str, first: date
) -> None:
    with_company(october, text)
    adopt(october)
    last = date(2026, 11, 1)
    assert dirty(october) == {date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1)}


def test_a_broken_company_file_stops_the_build_and_what_is_served_stays(october: Workspace) -> None:
    path = with_company(october, OVERRIDE.replace('"2"', '"-2"'))
    with pytest.raises(PriceBookError, match="a price is not negative"):
        october.build()
    path.unlink()
    with pytest.raises(PriceBookError, match=r"prices\.toml: No such file or directory; \[pricing\]"):
        october.build()
    path.write_text("")
    built = october.build()
    assert (built.kind, built.serving_n) == ("nothing", 1)


def test_a_pinned_catalogue_that_is_gone_is_named_with_what_to_do(october: Workspace) -> None:
    take_over(october.settings, october.control, dearer(october.root))
    folder = october.settings.data_dir / "lake" / "price_book"
    (folder / f"catalogue-{ledger_view.price_books(october.control)[0].catalogue_sha}.json").unlink()
    with pytest.raises(PriceBookError, match="the catalogue in force is gone; restore lake/price_book from a backup"):
        october.build()
    take_over(october.settings, october.control)
    assert all_dirty(october) == ["the price book in force is gone"]
    assert ledger_view.price_books(october.control)[0].catalogue_sha == installed_catalogue().sha


def test_a_warehouse_without_a_recorded_book_is_built_anew(october: Workspace) -> None:
    with october.control.write() as connection:
        connection.execute(sa.delete(db.price_book))
    adopt(october)
    assert all_dirty(october) == ["no price book was recorded"]


def test_a_release_that_reads_a_name_otherwise_prices_its_days_anew(
    october: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with warehouse(october.settings.data_dir / "warehouse.duckdb", read_only=False) as database:
        where = f"where model = '{HAIKU}' and day = '{DAYS[1]}'"
        database.execute(f"update fct_llm_request_priced set price_model = 'of-another-rule' {where}")
    adopt(october)
    assert dirty(october) == set()
    monkeypatch.setattr(books, "_code", lambda: "of another release")
    adopt(october)
    assert (dirty(october), len(ledger_view.price_books(october.control))) == ({DAYS[1]}, 1)


def test_litellms_file_is_pinned_too(october: Workspace) -> None:
    path = october.root / "litellm.json"
    entry = {"litellm_provider": "nobody", "input_cost_per_token": 1e-6, "output_cost_per_token": 5e-6}
    path.write_text(json.dumps({"nobody/zzzzzz": entry}))
    october.settings = october.settings.model_copy(update={"pricing": Pricing(litellm_prices=path)})
    adopt(october)
    assert dirty(october) == {DAYS[4]}
    then = book_then(october.settings, october.control)
    (prices,) = model_prices(october.control, then, "zzzzzz", at=DAYS[4])
    assert (prices.contexts[0].source, prices.contexts[0].lines[0].list_price) == ("litellm", 1)

    path.write_text(json.dumps({"nobody/zzzzzz": {**entry, "input_cost_per_token": 2e-6}}))
    assert adopt(october) is None
    take_over(october.settings, october.control)
    (prices,) = model_prices(october.control, book_then(october.settings, october.control), "zzzzzz", at=DAYS[4])
    assert prices.contexts[0].lines[0].list_price == 2


def test_an_unknown_model_is_answered_with_the_nearest_names(october: Workspace) -> None:
    then = book_then(october.settings, october.control)
    with pytest.raises(PriceQuestionError) as caught:
        model_prices(october.control, then, "claude-sonet-4-5", "anthropic")
    said = str(caught.value)
    assert said.startswith(f"No price for 'claude-sonet-4-5' of 'anthropic' in book {then.book.price_book_id}.")
    assert f"Nearest known: anthropic/{SONNET}" in said
    with pytest.raises(PriceQuestionError, match="No known name is near"):
        model_prices(october.control, then, "zzzzzz")


def test_coverage_counts_what_has_no_price_and_estimates_by_the_nearest_name(october: Workspace) -> None:
    reader = Reader(october.settings.data_dir)
    try:
        found = coverage(book_then(october.settings, october.control), reader)
    finally:
        reader.close()
    assert (found.requests, found.priced, found.first, found.last) == (20, 18, DAYS[0], date(2026, 11, 1))
    lines = {line.model: (line.requests, line.input_tokens, line.output_tokens, line.reason) for line in found.lines}
    assert lines == {TOMORROW: (1, 1000, 100, "unknown_model"), "zzzzzz": (1, 1000, 100, "unknown_model")}
    near = {line.model: (line.nearest[:1], line.estimated_usd) for line in found.lines}
    assert near == {TOMORROW: ([f"anthropic/{HAIKU}"], Decimal("0.0015")), "zzzzzz": ([], None)}


def test_a_control_database_of_the_first_release_is_migrated_and_keeps_its_rows(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'control.sqlite'}"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(sa.insert(db.dirty_day).values(day="2026-11-10"))
        assert not sa.inspect(connection).has_table("price_book")
    engine.dispose()
    control = Control(url)
    assert (control.revision(), ledger_view.price_books(control), ledger_view.newer_catalogue(control)) == (
        HEAD,
        [],
        None,
    )
    assert [row.day for row in control.rows(sa.select(db.dirty_day))] == ["2026-11-10"]
    control.close()
