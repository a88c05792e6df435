"""The configuration: read strictly, every problem named at once, overridden by the environment."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from pipelines.config_template import TEMPLATE, USUAL
from pipelines.settings import Section, Settings, SettingsError, load_settings
from pipelines.sources import discover


def write(folder: Path, text: str) -> Path:
    path = folder / "margincall.toml"
    path.write_text(text)
    return path


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(environ={}) == Settings()


def test_the_template_says_the_defaults(tmp_path: Path) -> None:
    found = load_settings(write(tmp_path, TEMPLATE), environ={})
    assert found.model_copy(update={"data_dir": Path("var"), "logs": ()}) == Settings()
    assert found.data_dir == tmp_path / "var"
    assert found.logs == (str(tmp_path / "logs"),)


def test_every_commented_line_of_the_template_can_be_uncommented(tmp_path: Path) -> None:
    found = load_settings(write(tmp_path, uncommented(TEMPLATE)), environ={})
    assert found.targets.month_cost_plan_usd == Decimal(10000)
    assert found.control.url is not None
    [database], [feed] = found.litellm_databases, found.sql_feeds
    assert (database.name, database.look_back_hours, feed.label, feed.feed) == (
        "gateway",
        24,
        "billing",
        "revenue_lines",
    )
    assert found.privacy.hash_key_env == "END_USER_KEYS"
    assert found.retention.request_days == 400
    assert found.sources.langfuse.outcome_threshold == found.sources.otlp.outcome_threshold == Decimal("0.5")
    assert found.sources.ranked == Settings().sources.ranked
    assert [item.share for item in found.revenue.expected_breakage] == [Decimal("0.10")]


def test_the_template_shows_every_section_and_every_source_s_own_places(tmp_path: Path) -> None:
    found = load_settings(write(tmp_path, uncommented(TEMPLATE)), environ={})
    sections = set(re.findall(r"^\[+([\w.]+)\]+", uncommented(TEMPLATE), flags=re.MULTILINE))
    nested = {name for name, field in Settings.model_fields.items() if isinstance(field.default, Section)}
    assert nested | {"litellm_databases", "sql_feeds", "changes"} <= sections
    for source in discover().values():
        shown = getattr(found.sources, source.name)
        assert {name: getattr(shown, name) for name in USUAL} == {name: source.mapping[name] for name in USUAL}


def uncommented(template: str) -> str:
    """Every setting of the template set to what is shown; what is prose stays a comment."""
    return re.sub(r"^# (?=\[\[[\w.]+\]\]$|\w+ = |  \"|\]$)", "", template, flags=re.MULTILINE)


def test_a_typo_names_the_nearest_setting_and_what_is_known(tmp_path: Path) -> None:
    path = write(tmp_path, '[reporting]\nzoen = "UTC"\n')
    with pytest.raises(
        SettingsError, match=r"reporting\.zoen: unknown setting\. Did you mean 'zone'\? Known here: zone"
    ):
        load_settings(path, environ={})


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, 'dta_dir = "x"\n[tasks]\nmax_span_days = "many"\n[reporting]\nzone = "Berlin"\n')
    with pytest.raises(SettingsError) as told:
        load_settings(path, environ={})
    text = str(told.value)
    assert "dta_dir: unknown setting. Did you mean 'data_dir'?" in text
    assert "tasks.max_span_days: Input should be a valid integer" in text
    assert "'many'" in text
    assert "unknown time zone; nearest known: Europe/Berlin" in text


def test_a_wrong_type_of_section_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="reporting"):
        load_settings(write(tmp_path, 'reporting = "UTC"\n'), environ={})


def test_an_unknown_configuration_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="this release reads config_version 1"):
        load_settings(write(tmp_path, "config_version = 2\n"), environ={})


def test_broken_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"not valid TOML: .*line 2"):
        load_settings(write(tmp_path, "instance = 'a'\nlogs = ]\n"), environ={})


def test_a_missing_file_that_was_named_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such configuration file"):
        load_settings(tmp_path / "nope.toml", environ={})


def test_the_environment_overrides_nested_settings_and_lists(tmp_path: Path) -> None:
    path = write(tmp_path, '[reporting]\nzone = "UTC"\n')
    environ = {
        "MARGINCALL_REPORTING__ZONE": "Europe/Berlin",
        "MARGINCALL_ENVIRONMENTS__PRODUCTION": "prod, live",
        "MARGINCALL_TARGETS__SUCCESS_RATE_MIN": "0.9",
        "MARGINCALL_REAL_DATA": "/somewhere",
        "PATH": "/bin",
    }
    found = load_settings(path, environ=environ)
    assert found.reporting.zone == "Europe/Berlin"
    assert found.environments.production == ("prod", "live")
    assert found.targets.success_rate_min == Decimal("0.9")


def test_a_mistyped_variable_is_an_error_not_ignored(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"MARGINCALL_REPORTNG__ZONE: unknown setting\. Did you mean 'reporting'"):
        load_settings(write(tmp_path, ""), environ={"MARGINCALL_REPORTNG__ZONE": "UTC"})


def test_a_change_that_contradicts_itself_is_told(tmp_path: Path) -> None:
    change = '[[changes]]\nid = "x"\nwhat = "route"\nsince = 2026-10-19\nclaimed_weekly_usd = "1"\n'
    for more, told in (
        ("until = 2026-10-19\n", "changes.0.until: must be after since, 2026-10-19"),
        ('experiment = { control = "a", treatment = "a" }\n', "control and treatment are the same label"),
        (change, "x is there twice"),
    ):
        with pytest.raises(SettingsError) as caught:
            load_settings(write(tmp_path, change + more), environ={})
        assert told in str(caught.value)


def test_files_of_alerts_are_relative_to_the_configuration_and_its_webhook_is_named_not_given(tmp_path: Path) -> None:
    found = load_settings(write(tmp_path, '[alerts]\nfile = "a.jsonl"\nprometheus_file = "b.prom"\n'), environ={})
    assert (found.alerts.file, found.alerts.prometheus_file) == (tmp_path / "a.jsonl", tmp_path / "b.prom")
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path, '[alerts]\nwebhook_url_env = "https://hooks.example.com/secret"\n'), environ={})
    assert "alerts.webhook_url_env" in str(caught.value) and "secret" not in str(caught.value)
    listed = load_settings(None, environ={"MARGINCALL_ALERTS__LIMIT_THRESHOLDS_PERCENT": "80, 100"})
    assert listed.alerts.limit_thresholds_percent == (80, 100)
