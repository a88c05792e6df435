"""Commands about prices: show, diff, coverage, refresh, check, template."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from pipelines.cli.app import USAGE, Config, Json, app, err, out, stop
from pipelines.cli.printing import print_json
from pipelines.cli.progress import progress_bars
from pipelines.settings import Settings, load_settings

prices_app = typer.Typer(
    help="What models cost: the price book in force, other books against it, and requests without a price.",
    no_args_is_help=True,
)
app.add_typer(prices_app, name="prices")

Month = Annotated[str | None, typer.Option("--month", help="A month of the data.", metavar="YYYY-MM")]
_DAY, _INSTANT = "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"


@prices_app.command()
def show(
    model: Annotated[str | None, typer.Argument(help="A model as your logs name it; none lists the books.")] = None,
    provider: Annotated[str | None, typer.Option(help="As your logs name it; default: those it was seen with.")] = None,
    at: Annotated[
        datetime | None, typer.Option("--at", formats=[_DAY], help="Prices that held on this UTC day; default: today.")
    ] = None,
    known_at: Annotated[
        datetime | None,
        typer.Option("--known-at", formats=[_DAY, _INSTANT], help="As we knew them at the end of this UTC day."),
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """What a name means and what it costs, on any day, as known on any day; without a name, the books there are."""
    from pipelines.building.prices.answers import book_then, model_prices

    settings = load_settings(config)
    with _control(settings) as control:
        if model is None:
            _print_books(control, as_json)
            return
        is_day = known_at is not None and known_at.time() == datetime.min.time()
        then = book_then(settings, control, known_at.date() if known_at and is_day else known_at)
        found = model_prices(control, then, model, provider, at.date() if at else None)
    known_from = then.entry.known_from if then.entry else None
    if as_json:
        print_json(
            {"price_book_id": then.book.price_book_id, "known_from": known_from, "models": list(map(_data, found))}
        )
        return
    for prices in found:
        _print_prices(prices)
    since = f"known from {known_from}" if known_from else "not in force yet: the first build adopts it"
    out.print(f"Price book {then.book.price_book_id}, {since}.", style="dim")


@prices_app.command()
def diff(
    before: Annotated[
        str, typer.Argument(help="`published`, `installed`, or a book's id or its beginning.")
    ] = "published",
    after: Annotated[str, typer.Argument(help="The same; the book to compare with.")] = "installed",
    source: Annotated[
        str | None, typer.Option(help="Instead: genai-prices' prices against those of this source.", metavar="litellm")
    ] = None,
    month: Month = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """What the requests of the last complete month cost under two price books: by model, in dollars, exactly."""
    from pipelines.building.prices import diff as price_diff

    settings = load_settings(config)
    with _control(settings) as control, progress_bars(as_json) as progress:
        if source is None:
            told = price_diff.diff(settings, control, before, after, month, progress)
        else:
            told = price_diff.diff_source(settings, control, source, month, progress)
    if as_json:
        facts = {"before": told.before_id, "after": told.after_id, "month": told.month, "is_complete": told.is_complete}
        print_json(facts | _costs_data(told.costs))
        return
    until = "" if told.is_complete else f", which the data covers up to {told.costs.last}"
    out.print(f"Requests of {told.month}{until}, by book {told.before_id} and by book {told.after_id}, in USD")
    if told.before_id == told.after_id:
        out.print("It is the same book: nothing differs.")
    _print_costs(told.costs)


@prices_app.command()
def coverage(month: Month = None, config: Config = None, as_json: Json = False) -> None:
    """Requests without a full price, by model and reason, with the nearest known names and what they might cost."""
    from pipelines.building.prices.answers import book_then
    from pipelines.building.prices.answers import coverage as covered
    from pipelines.exports.periods import NoSuchPeriod, chosen_period
    from warehouse.reader import Reader

    settings = load_settings(config)
    reader = Reader(settings.data_dir)
    try:
        with _control(settings) as control:
            period = chosen_period(reader, month, None).period if month else None
            found = covered(book_then(settings, control), reader, period)
    except NoSuchPeriod as error:
        stop(str(error).replace("--period", "--month"), USAGE)
    finally:
        reader.close()
    estimates = [line.estimated_usd for line in found.lines if line.estimated_usd is not None]
    total = sum(estimates, Decimal(0))
    if as_json:
        facts = {"requests": found.requests, "with_full_price": found.priced, "first": found.first, "last": found.last}
        print_json(facts | {"estimated_usd": total, "models": [vars(line) for line in found.lines]})
        return
    table = Table("model", "provider", "why", "requests", "tokens in", "tokens out", "nearest known", "might cost")
    for column in (3, 4, 5, 7):
        table.columns[column].justify = "right"
    for line in found.lines:
        why = (line.reason or line.status).replace("_", " ")
        table.add_row(
            line.model or "–", line.provider_name or "–", why if line.status == "unpriced" else f"part: {why}",
            f"{line.requests:,}", f"{line.input_tokens:,}", f"{line.output_tokens:,}", "\n".join(line.nearest),
            f"≈ ${line.estimated_usd:,.2f}" if line.estimated_usd is not None else "unknown",
        )  # fmt: skip
    if found.lines:
        out.print(table)
    share = f" ({Decimal(found.priced) / found.requests * 100:.1f}%)" if found.requests else ""
    out.print(f"{found.priced:,} of {found.requests:,} requests have a full price{share}.")
    if estimates:
        out.print(
            f"The rest might cost ≈ ${total:,.2f} where a known name is near: an estimate at that name's price, in no figure."
        )


@prices_app.command()
def refresh(
    catalogue: Annotated[Path | None, typer.Option(help="genai-prices' data.json; default: the installed one.")] = None,
    litellm: Annotated[
        Path | None, typer.Option(help="LiteLLM's price file; default: the one that the configuration names.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Put them into force and mark the days for the next build.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show what newer sources change: prices of models in use, days, dollars; with --apply, take them over."""
    from pipelines.building.prices import diff as price_diff

    for path in (catalogue, litellm):
        if path is not None and not path.is_file():
            stop(f"{path}: no such file.", USAGE)
    settings = load_settings(config)
    if litellm is not None and settings.pricing.litellm_prices is None:
        stop("--litellm: set `litellm_prices` under [pricing] in margincall.toml first; builds leave LiteLLM's prices "
             "out without it.", USAGE)  # fmt: skip
    with _control(settings) as control, progress_bars(as_json) as progress:
        told = price_diff.refresh(
            settings, control, catalogue=catalogue, litellm=litellm, apply=apply, progress=progress
        )
    if as_json:
        print_json(_refresh_data(told))
    else:
        _print_refresh(told)


@prices_app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(help="Default: `[pricing] company_prices` of the configuration.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Check the company's price file: every problem at once, and what looks odd without being wrong."""
    from pipelines.building.prices import books
    from pipelines.pricebook.errors import PriceBookError

    settings = load_settings(config)
    path = file or settings.pricing.company_prices
    if path is None:
        stop("No file to check: name one, or set `company_prices` under [pricing] in margincall.toml. "
             "`margincall prices template` prints one to begin with.", USAGE)  # fmt: skip
    if not path.is_file():
        stop(f"{path}: no such file.", USAGE)
    with _control(settings) as control:
        try:
            checked = books.check_company(settings, control, path)
        except PriceBookError as error:
            if as_json:
                print_json({"file": str(path), "is_valid": False, "problems": error.problems, "warnings": []})
                raise typer.Exit(USAGE) from None
            problems = "\n".join(f"  - {text}" for text in error.problems)
            stop(f"{path} cannot be used, {len(error.problems)} problem(s):\n{problems}", USAGE)
    if as_json:
        print_json({"file": str(path), "is_valid": True, "problems": [], **vars(checked)})
        return
    for warning in checked.warnings:
        err.print(f"Warning: {warning}", style="yellow", soft_wrap=True, markup=False)
    parts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in checked.entries.items() if count)
    out.print(f"{path} can be used: {parts or 'it says nothing'}.", markup=False)


@prices_app.command()
def template() -> None:
    """Print a commented price file to begin with: margincall prices template > prices.toml"""
    from pipelines.cli.prices_template import TEMPLATE

    sys.stdout.write(TEMPLATE)


@contextmanager
def _control(settings: Settings) -> Generator[Any]:
    from warehouse.control import Control

    control = Control(settings.control_url)
    try:
        yield control
    finally:
        control.close()


def _print_books(control: Any, as_json: bool) -> None:
    from warehouse import ledger_view

    entries = ledger_view.price_books(control)
    if as_json:
        print_json({"price_books": [vars(entry) for entry in entries]})
        return
    if not entries:
        out.print("No price book is in force yet: the first `margincall build` adopts the installed catalogue.")
        return
    table = Table("price book", "known from", "genai-prices", "LiteLLM's file", "company's file", "why")
    for entry in entries:
        files = (entry.litellm_sha or "–", entry.company_sha or "–")
        table.add_row(entry.price_book_id, entry.known_from, entry.catalogue_version, *files, entry.note)
    out.print(table)
    out.print("The first is in force.", style="dim")


def _data(prices: Any) -> dict[str, Any]:
    contexts = [vars(each) | {"lines": [vars(line) for line in each.lines]} for each in prices.contexts]
    return vars(prices) | {"contexts": contexts}


def _print_prices(prices: Any) -> None:
    logged = f"{prices.model} of {prices.provider_name}" if prices.provider_name else prices.model
    out.print(
        f"{logged} is {prices.price_provider}/{prices.price_model} (by {prices.rule}) on {prices.at}", markup=False
    )
    table = Table("context", "component", "where", "list", "contracted", "per", "source")
    for column in (3, 4):
        table.columns[column].justify = "right"
    borrowed: list[str] = []
    for context in prices.contexts:
        if not context.is_own:
            borrowed.append(context.context)
            continue
        for line in context.lines:
            table.add_row(
                context.context,
                line.component + (f" (as {line.fallback})" if line.fallback else ""),
                line.where,
                f"{line.list_price:f}",
                "same" if line.contracted == line.list_price else f"{line.contracted:f}",
                f"{line.currency} / {line.unit}",
                context.source,
            )
        if context.is_free:
            table.add_row(context.context, "all", "", "free", "", "", context.source)
    out.print(table)
    if borrowed:
        out.print(
            f"No price of its own for {', '.join(borrowed)}: such requests take the standard price, as `partial`."
        )
    if prices.evidence_url:
        out.print(f"Published at {prices.evidence_url}", style="dim", markup=False)


def _sums_data(sums: Any) -> dict[str, Any]:
    return {"requests": sums.requests, "unpriced": sums.unpriced} | {f"{k}_usd": v for k, v in sums.dollars.items()}


def _costs_data(costs: Any) -> dict[str, Any]:
    from pipelines.building.prices.shadow import Sums

    names = sorted(costs.before.keys() | costs.after.keys())
    before, after = costs.totals()
    models = [
        {"provider_name": name[0], "model": name[1], "before": _sums_data(costs.before.get(name, Sums())),
         "after": _sums_data(costs.after.get(name, Sums()))}
        for name in names
    ]  # fmt: skip
    total = {"before": _sums_data(before), "after": _sums_data(after)}
    return {"first": costs.first, "last": costs.last, "models": models, "total": total}


def _print_costs(costs: Any) -> None:
    from pipelines.building.prices.shadow import Sums

    table = Table("model", "provider", "requests", "unpriced", "list", "", "contracted", "", "effective", "", "change")
    for column in range(2, 11):
        table.columns[column].justify = "right"
    same = 0
    names = sorted(costs.before.keys() | costs.after.keys())
    changed = [(name, costs.before.get(name, Sums()), costs.after.get(name, Sums())) for name in names]
    changed.sort(key=lambda row: -abs(row[2].effective_pico - row[1].effective_pico))
    for (provider, model), was, now in changed:
        if was == now:
            same += 1
        else:
            table.add_row(model or "–", provider or "–", *_cost_cells(was, now))
    table.add_section()
    table.add_row("all models", "", *_cost_cells(*costs.totals()))
    out.print(table)
    if same:
        out.print(f"{same} model{'s' if same != 1 else ''} cost the same by both.")


def _cost_cells(was: Any, now: Any) -> list[str]:
    unpriced = f"{was.unpriced:,}" if was.unpriced == now.unpriced else f"{was.unpriced:,} → {now.unpriced:,}"
    cells = [f"{now.requests:,}", unpriced]
    for kind, amount in was.dollars.items():
        cells += [_usd(amount), f"→ {_usd(now.dollars[kind])}"]
    return [*cells, _usd(now.dollars["effective"] - was.dollars["effective"], sign="+")]


def _usd(amount: Decimal, sign: str = "") -> str:
    """All that an amount says, with two decimals at least."""
    text = f"{amount:{sign},.12f}".rstrip("0")
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest:0<2}"


def _refresh_data(told: Any) -> dict[str, Any]:
    from pipelines.building.prices.view import component_changes

    def price(line: Any) -> dict[str, Any] | None:
        return (
            None
            if line is None
            else {"list": line.list_price, "contracted": line.contracted, "currency": line.currency}
        )

    models = [
        {"provider_name": model.provider_name, "model": model.model, "context": model.context, "days": model.days,
         "first": model.first, "last": model.last,
         "prices": [{"component": part.component, "where": part.where, "per": part.unit, "before": price(part.before),
                     "after": price(part.after)} for part in component_changes(model.before, model.after)]}
        for model in told.change.models
    ]  # fmt: skip
    return {
        "in_force": told.entry.price_book_id if told.entry else None,
        "price_book_id": told.chosen.book.price_book_id,
        "catalogue_version": told.chosen.catalogue.version,
        "is_same": told.is_same,
        "is_applied": told.is_applied,
        "days": sorted(told.change.days),
        "reasons": list(told.change.reasons),
        "models": models,
        "costs": _costs_data(told.costs) if told.costs else None,
    }


def _print_refresh(told: Any) -> None:
    from pipelines.building.prices.view import component_changes, shown_price

    if told.is_same:
        out.print(f"Nothing to take over: book {told.entry.price_book_id} is in force and has these sources.")
        return
    was = f"book {told.entry.price_book_id} of genai-prices {told.entry.catalogue_version}" if told.entry else "no book"
    out.print(
        f"In force: {was}. New: book {told.chosen.book.price_book_id} of genai-prices {told.chosen.catalogue.version}."
    )
    if told.change.models:
        table = Table("model", "provider", "context", "price", "before", "after", "per", "days")
        table.columns[-1].justify = "right"
        for model in told.change.models:
            facts = (model.model or "–", model.provider_name or "–", model.context)
            parts = component_changes(model.before, model.after)
            for position, part in enumerate(parts):
                name = part.component + (f" ({part.where})" if part.where else "")
                prices = (shown_price(part.before), shown_price(part.after), part.unit)
                table.add_row(
                    *(facts if position == 0 else ("", "", "")),
                    name,
                    *prices,
                    f"{model.days:,}" if position == 0 else "",
                )
            if not parts:
                table.add_row(*facts, "same prices, from another source", "", "", "", f"{model.days:,}")
        out.print(table)
    for reason in told.change.reasons:
        out.print(f"Changed: {reason}", markup=False)
    if told.costs:
        out.print(f"Requests of the {len(told.change.days):,} days with a changed price, in USD:")
        _print_costs(told.costs)
    else:
        out.print("No price that was used changes.")
    if told.is_applied:
        days = len(told.change.days)
        out.print(f"In force now; {days:,} day{'s' if days != 1 else ''} marked. `margincall build` prices them anew.")
    else:
        out.print("Nothing is changed yet: --apply takes it over.")
