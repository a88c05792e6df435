"""`margincall prices` as a person runs it: what it prints, its JSON, its exit codes."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from pipelines.cli.prices_template import TEMPLATE
from pipelines.pricebook.company import SECTIONS
from tests.integration.test_cli import data, margincall
from tests.integration.test_prices import HAIKU, SONNET, dearer, land_october
from tests.workspace import Workspace

CONFIG = 'config_version = 1\ndata_dir = "var"\n[pricing]\ncompany_prices = "prices.toml"\n'
BROKEN = """
[[override]]
provider = "openai"
model = "gpt-4o"
input = "0.0000025"

[[override]]
provider = "openai"
modle = "gpt-4o"
input = "1"

[[override]]
provider = "openai"
model = "gpt-4o-mini"
input = "-1"

[[alias]]
provider = "openai"
model = "ours"
means = "openai/gpt-9000"
"""


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which October is built, with an empty price file of the company's."""
    folder = tmp_path_factory.mktemp("prices")
    workspace = Workspace(folder)
    land_october(workspace)
    workspace.control.close()
    (folder / "margincall.toml").write_text(CONFIG)
    (folder / "prices.toml").write_text("")
    done = margincall(folder, "build")
    assert done.returncode == 0, done.stderr
    return folder


def flat(text: str) -> str:
    return " ".join(text.split())


def test_the_help_names_every_command(tmp_path: Path) -> None:
    told = margincall(tmp_path, "prices", "--help").stdout
    for name in ("show", "diff", "coverage", "refresh", "check", "template"):
        assert name in told
    assert "--apply" in margincall(tmp_path, "prices", "refresh", "--help").stdout


def test_show_says_what_a_name_means_and_costs(company: Path) -> None:
    told = data(margincall(company, "prices", "show", HAIKU, "--at", "2026-10-05", "--json"))
    (model,) = told["models"]
    assert (model["provider_name"], model["price_provider"], model["price_model"]) == ("anthropic", "anthropic", HAIKU)
    standard = next(each for each in model["contexts"] if each["context"] == "standard")
    prices = {line["component"]: (line["list_price"], line["contracted"], line["unit"]) for line in standard["lines"]}
    assert prices["input"] == ("1", "1", "1M tokens")
    assert prices["output"] == ("5", "5", "1M tokens")
    assert prices["web_search"] == ("10", "10", "1,000")
    done = margincall(company, "prices", "show", HAIKU)
    assert f"{HAIKU} of anthropic is anthropic/{HAIKU}" in done.stdout


def test_show_lists_the_tiers_of_a_model(company: Path) -> None:
    told = data(margincall(company, "prices", "show", SONNET, "--at", "2026-10-05", "--json"))
    standard = next(each for each in told["models"][0]["contexts"] if each["context"] == "standard")
    inputs = {line["where"]: line["list_price"] for line in standard["lines"] if line["component"] == "input"}
    assert inputs == {"≤ 200,000 tokens in": "3", "> 200,000 tokens in": "6"}


def test_show_without_a_name_lists_the_books(company: Path) -> None:
    (book,) = data(margincall(company, "prices", "show", "--json"))["price_books"]
    assert book["note"] == "first build"
    assert book["price_book_id"] in margincall(company, "prices", "show").stdout


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("show", "claude-sonet-4-5"), 2, f"Nearest known: anthropic/{SONNET}"),
        (("show", HAIKU, "--at", "October"), 2, "--at"),
        (
            ("show", HAIKU, "--known-at", "2020-01-01"),
            2,
            "No price book was known at 2020-01-01: the first is known from",
        ),
        (("diff", "zzz"), 2, "'zzz': no such price book. Known: published, installed,"),
        (("diff", "--source", "lite_llm"), 2, "Unknown source 'lite_llm'. Known: litellm"),
        (("diff", "--source", "litellm"), 1, "no file of LiteLLM's prices: name one as litellm_prices under [pricing]"),
        (("diff", "--month", "2020-01"), 2, "No requests in '2020-01'. Months in the data: 2026-10, 2026-11."),
        (("coverage", "--month", "2020-01"), 2, "No requests in 2020-01."),
        (("refresh", "--catalogue", "nowhere.json"), 2, "nowhere.json: no such file"),
        (("refresh", "--litellm", "prices.toml"), 2, "--litellm: set `litellm_prices` under [pricing]"),
        (("refresh", "--catalogue", "margincall.toml"), 1, "margincall.toml: cannot be read as JSON"),
        (("check", "nowhere.toml"), 2, "nowhere.toml: no such file"),
    ],
)
def test_a_mistake_gets_a_message_and_a_code(company: Path, words: tuple[str, ...], code: int, message: str) -> None:
    done = margincall(company, "prices", *words)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert message in flat(done.stderr)


def test_check_tells_every_problem_at_once(company: Path) -> None:
    (company / "broken.toml").write_text(BROKEN)
    done = margincall(company, "prices", "check", "broken.toml", "--json")
    assert done.returncode == 2
    told = json.loads(done.stdout)
    assert told["is_valid"] is False
    text = flat(" ".join(told["problems"]))
    for part in ("looks like a price per token", "modle is unknown", "a price is not negative"):
        assert part in text, part
    assert all("broken.toml" in problem for problem in told["problems"])
    (company / "broken.toml").write_text(BROKEN[BROKEN.index("[[alias]]") :])
    done = margincall(company, "prices", "check", "broken.toml")
    assert (done.returncode, "gpt-9000" in done.stderr) == (2, True)


def test_the_template_is_accepted_and_shows_every_section(company: Path) -> None:
    (company / "template.toml").write_text(margincall(company, "prices", "template").stdout)
    assert margincall(company, "prices", "check", "template.toml").returncode == 0
    # As soon as its examples are no longer comments, they are what the file says.
    lines = [line.removeprefix("# ") for line in TEMPLATE.splitlines() if not line.startswith("# # ")]
    begin = next(n for n, line in enumerate(lines) if line == "[[override]]")
    kept = [line for line in lines[begin:] if not line or line[0] in '["' or " = " in line]
    (company / "template.toml").write_text("\n".join(kept))
    told = data(margincall(company, "prices", "check", "template.toml", "--json"))
    assert set(told["entries"]) == {f"{name}s" if name != "alias" else "aliases" for name in SECTIONS} | {
        "azure_deployments"
    }
    assert all(count >= 1 for count in told["entries"].values())


def test_check_without_a_file_says_how_to_begin(tmp_path: Path) -> None:
    done = margincall(tmp_path, "prices", "check")
    assert done.returncode == 2
    assert "`margincall prices template` prints one" in flat(done.stderr)


def test_coverage_lists_what_has_no_price_and_what_it_might_cost(company: Path) -> None:
    told = data(margincall(company, "prices", "coverage", "--json"))
    assert (told["requests"], told["with_full_price"], told["estimated_usd"]) == (20, 18, "0.001500000000")
    models = {line["model"]: (line["nearest"][:1], line["estimated_usd"]) for line in told["models"]}
    assert models == {"claude-haiku-4-5-acme": ([f"anthropic/{HAIKU}"], "0.001500000000"), "zzzzzz": ([], None)}
    shown = flat(margincall(company, "prices", "coverage").stdout)
    assert "18 of 20 requests have a full price (90.0%)." in shown
    assert "an estimate at that name's price, in no figure" in shown
    told = data(margincall(company, "prices", "coverage", "--month", "2026-11", "--json"))
    assert (told["requests"], told["models"]) == (1, [])
    assert (
        "1 of 1 requests have a full price (100.0%)."
        in margincall(company, "prices", "coverage", "--month", "2026-11").stdout
    )


def test_refresh_shows_then_applies_then_has_nothing_to_do(company: Path) -> None:
    path = dearer(company)
    words = ("prices", "refresh", "--catalogue", path.name)
    told = data(margincall(company, *words, "--json"))
    assert (told["is_applied"], told["days"]) == (False, ["2026-10-05", "2026-10-06"])
    (model,) = told["models"]
    first = model["prices"][0]
    assert (first["component"], first["before"]["list"], first["after"]["list"]) == ("input", "1", "2")
    before, after = (told["costs"]["total"][side]["effective_usd"] for side in ("before", "after"))
    assert (before, after) == ("0.012000000000", "0.014000000000")
    assert "Nothing is changed yet: --apply takes it over." in margincall(company, *words).stdout

    done = margincall(company, *words, "--apply")
    assert "In force now; 2 days marked. `margincall build` prices them anew." in flat(done.stdout), done.stderr
    built = margincall(company, "build")
    assert "incremental build of 2 days" in built.stdout
    assert "Nothing to take over" in margincall(company, *words).stdout
    old = data(margincall(company, "prices", "show", "--json"))["price_books"][1]["price_book_id"]
    total = data(margincall(company, "prices", "diff", old[:6], "published", "--json"))["total"]
    assert (total["before"]["list_usd"], total["after"]["list_usd"]) == ("0.070500000000", "0.072500000000")
    shown = margincall(company, "prices", "diff", old[:6], "published").stdout
    assert "+0.002" in shown


def test_rows_of_a_model_without_a_book_yet_are_shown_from_the_installed_catalogue(tmp_path: Path) -> None:
    done = margincall(tmp_path, "prices", "show", HAIKU, "--at", str(date(2026, 10, 5)))
    assert done.returncode == 0, done.stderr
    assert "not in force yet: the first build adopts it" in flat(done.stdout)
