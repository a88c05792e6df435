"""Names of what is elsewhere: what they stand for, what of them may be printed, and what the settings say of them."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from pipelines.fetching import Failed, discover, fetch, shown
from pipelines.fetching.litellm_database import KIND as DATABASE
from pipelines.fetching.objects import DRIVERS
from pipelines.fetching.postgres import address
from pipelines.fetching.spend_logs import ERROR, KEPT, METADATA, NEEDED, NEVER
from pipelines.landing.collect import find
from pipelines.settings import LiteLLMDatabase, Settings, SettingsError, SqlFeed, load_settings
from pipelines.sources import Fields, litellm_spend_logs, named

CONFIG = """
logs = ["logs", "s3://bucket/logs/*.jsonl"]
[[litellm_databases]]
name = "eu"
url_env = "EU_URL"
look_back_hours = 48
[[sql_feeds]]
feed = "revenue_lines"
url_env = "BILLING_URL"
query = "select 1"
"""


def test_every_scheme_has_a_kind() -> None:
    assert sorted(discover()) == ["az", "gs", "litellm", "postgres", "postgresql", "s3", "sql"]


def test_what_the_source_reads_is_fetched_and_content_never_is() -> None:
    fields, source = Fields(), named("litellm_spend_logs")
    source.read(fields, source.mapping)
    source.natural_id(fields)
    columns = {path.partition(".")[0] for path in fields.paths}
    assert columns <= set(KEPT)
    assert set(NEEDED) <= set(KEPT)
    assert not set(KEPT) & set(NEVER)
    assert set(NEVER) == {"messages", "response", "proxy_server_request", "requester_ip_address"}


def test_of_the_metadata_what_the_source_reads_is_fetched() -> None:
    fields = Fields()
    litellm_spend_logs._columns(fields, litellm_spend_logs.SOURCE.mapping)
    read = {path.removeprefix("metadata.") for path in fields.paths if path.startswith("metadata.")}
    keys = {path.partition(".")[0] for path in read}
    assert keys - set(METADATA) == {"error_information", "model_map_information"}
    assert {path for path in read if path.startswith("error_information.")} == {
        f"error_information.{name}" for name in (*ERROR, "error_message")
    }
    assert {path for path in read if path.startswith("model_map")} == {"model_map_information.model_map_key"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("postgresql://ann:se@cr/et@db.example:5432/litellm?password=x", "postgresql://***@db.example:5432/litellm"),
        ("postgres://db.example/litellm", "postgres://db.example/litellm"),
        ("s3://bucket/a@b.jsonl", "s3://bucket/a@b.jsonl"),
        ("litellm://eu", "litellm://eu"),
    ],
)
def test_a_name_is_shown_without_its_password(name: str, expected: str) -> None:
    assert shown(name) == expected


def test_an_address_does_not_tell_its_password() -> None:
    to = address(
        "postgresql://ann:Zwiebelkuchen@db.example/litellm?schema=proxy&connection_limit=3&sslmode=require", "here"
    )
    assert (to.host, to.port, to.database, to.user, to.schema) == ("db.example", None, "litellm", "ann", "proxy")
    assert to.options == {"sslmode": "require"}
    assert str(to) == "db.example/litellm"
    assert "Zwiebelkuchen" not in repr(to)


def test_a_scheme_that_is_not_known_lists_those_that_are() -> None:
    (failed,) = fetch(Settings(), "ftp://host/a.jsonl", lambda _: True)
    assert isinstance(failed, Failed)
    assert failed.message == (
        "ftp://host/a.jsonl: cannot fetch from ftp://. "
        "Known: az://, gs://, litellm://, postgres://, postgresql://, s3://, sql://."
    )


@pytest.mark.parametrize("scheme", sorted(DRIVERS))
def test_a_driver_that_is_not_installed_is_named_with_its_extra(
    tmp_path: Path, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    package, extra = DRIVERS[scheme]
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(importlib.import_module("fsspec.registry")._registry, scheme, raising=False)
    (failed,) = fetch(Settings(data_dir=tmp_path), f"{scheme}://bucket/logs", lambda _: True)
    assert isinstance(failed, Failed)
    assert failed.message == (
        f"{scheme}://bucket/logs: reading {scheme}:// needs {package}. Install it: pip install 'margincall[{extra}]'"
    )


def test_looking_fetches_nothing(tmp_path: Path) -> None:
    assert find(["s3://bucket/logs", "litellm://eu"], tmp_path) == []


def test_settings_name_databases_and_queries_and_leave_names_elsewhere_alone(tmp_path: Path) -> None:
    config = tmp_path / "margincall.toml"
    config.write_text(CONFIG)
    settings = load_settings(config, {})
    assert settings.litellm_databases == (LiteLLMDatabase(name="eu", url_env="EU_URL", look_back_hours=48),)
    assert settings.sql_feeds == (SqlFeed(feed="revenue_lines", url_env="BILLING_URL", query="select 1"),)
    assert settings.inputs == (
        str(tmp_path / "logs"), "s3://bucket/logs/*.jsonl", "litellm://eu", "sql://revenue_lines",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[[litellm_databases]]\nname = "eu"\nurl_env = "postgresql://ann:Zwiebelkuchen@h/d"',
            "litellm_databases.0.url_env",
        ),
        ('[[litellm_databases]]\nname = "eu"\nurl = "postgresql://ann:Zwiebelkuchen@h/d"', "Did you mean 'url_env'?"),
        ('[[litellm_databases]]\nname = "../eu"\nurl_env = "EU"', "litellm_databases.0.name"),
        ('[[litellm_databases]]\nname = "eu"\nurl_env = "MARGINCALL_EU"', "choose another name"),
        ('[[litellm_databases]]\nname = "eu"\nurl_env = "A"\n' * 2, "eu is there twice; give each a name of its own"),
        (
            '[[sql_feeds]]\nfeed = "fx"\nurl_env = "A"\nquery = "x"\n' * 2,
            "fx is there twice; give each a name of its own",
        ),
        ('[[sql_feeds]]\nfeed = "fx"\nurl_env = "A"\nqueri = "x"\n', "Did you mean 'query'?"),
    ],
)
def test_what_is_wrong_with_them_is_said_without_a_password(tmp_path: Path, text: str, message: str) -> None:
    config = tmp_path / "margincall.toml"
    config.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings(config, {})
    assert message in str(caught.value)
    assert "Zwiebelkuchen" not in str(caught.value)


def test_the_kind_of_a_database_answers_to_its_urls() -> None:
    assert {discover()[scheme] for scheme in DATABASE.schemes} == {DATABASE}
