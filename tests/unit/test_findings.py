"""What is told of several findings together, and of what people said of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from pipelines.economics.finding import Finding, Remedy
from pipelines.findings.detectors.company import Limits
from pipelines.findings.evidence import CONDITIONS, sql_of
from pipelines.findings.gather import limits_of, ranked, without_explained
from pipelines.findings.judged import Judged, NoSuchFinding, judged, place_md5, the_one
from pipelines.settings import Findings
from warehouse.finding_states import Said, State


def finding(
    kind: str = "prompt_growth", cost: str | None = "5", since: date = date(2026, 3, 9), **place: str
) -> Finding:
    return Finding(
        kind, place.get("tenant"), place.get("feature"), None, None, since, date(2026, 3, 16), True,
        None if cost is None else Decimal(cost), False, 10, "It grew.", Remedy("Trim it.", None, "the version before"),
    )  # fmt: skip


def said(of: Finding, state: State, on: str, since: date | None = None, finding_id: str | None = None) -> Said:
    day = None if of.is_standing else since or of.since
    return Said(finding_id or of.finding_id, place_md5(of), day, state, "cto@example.com", f"{on}T09:00:00+00:00", None)


def test_the_dearest_come_first_and_those_without_dollars_last() -> None:
    cheap, dear, unknown = finding(cost="1"), finding(cost="9", tenant="acme"), finding("unpriced_model", cost=None)
    assert ranked([unknown, cheap, dear]) == ranked([dear, unknown, cheap]) == [dear, cheap, unknown]


def test_an_anomaly_that_another_finding_accounts_for_is_left_out() -> None:
    anomaly = finding("cost_anomaly", cost="10", tenant="acme")
    assert without_explained([anomaly, finding("retry_storm", cost="5", tenant="acme", feature="chat")]) == [
        finding("retry_storm", cost="5", tenant="acme", feature="chat")
    ]
    too_small = finding("retry_storm", cost="4.99", tenant="acme")
    elsewhere = finding("retry_storm", cost="50", tenant="other")
    earlier = replace(finding("retry_storm", cost="50", tenant="acme"), since=date(2026, 3, 1), until=date(2026, 3, 9))
    for cause in (too_small, elsewhere, earlier):
        assert without_explained([anomaly, cause]) == [anomaly, cause]


def test_an_id_is_of_kind_place_and_first_day_and_of_a_standing_finding_without_the_day() -> None:
    one = finding(tenant="acme")
    assert one.finding_id == replace(one, cost_usd=Decimal(9), until=date(2026, 4, 1), summary="More.").finding_id
    assert one.finding_id != replace(one, since=date(2026, 3, 10)).finding_id
    assert one.finding_id != finding(feature="acme").finding_id
    standing = replace(one, is_standing=True)
    assert standing.finding_id == replace(standing, since=date(2026, 3, 10)).finding_id


def test_a_first_day_that_moves_within_a_week_is_still_the_finding_that_was_spoken_of() -> None:
    then, now, other = finding(), finding(since=date(2026, 3, 11)), finding(since=date(2026, 3, 1))
    words = [said(then, "acknowledged", "2026-03-12")]
    (mine,) = judged([now], words)
    assert (mine.finding_id, mine.state) == (then.finding_id, "acknowledged")
    (apart,) = judged([other], words)
    assert (apart.finding_id, apart.state) == (other.finding_id, "open")
    first, second = judged([now, finding(since=date(2026, 3, 8))], words)
    assert first.finding_id == then.finding_id
    assert second.finding_id != then.finding_id  # one word is of one finding


def test_the_newest_word_counts_and_done_is_still_seen_only_on_a_later_day() -> None:
    one = finding()  # its last day is 15 March
    (found,) = judged([one], [said(one, "acknowledged", "2026-03-12"), said(one, "done", "2026-03-14")])
    assert (found.state, found.is_still_seen, found.is_open) == ("done", True, True)
    (found,) = judged([one], [said(one, "done", "2026-03-15")])
    assert (found.state, found.is_still_seen, found.is_open) == ("done", False, False)
    (found,) = judged([one], [said(one, "done", "2026-03-14"), said(one, "open", "2026-03-15")])
    assert (found.state, found.is_open) == ("open", True)


def test_a_finding_is_named_by_the_beginning_of_its_id_if_that_is_of_one_alone() -> None:
    one, other = Judged("abc123", finding(), ()), Judged("abd456", finding(), ())
    assert the_one([one, other], "abc") is one
    with pytest.raises(NoSuchFinding, match="ab is the beginning of several: abc123, abd456"):
        the_one([one, other], "ab")
    with pytest.raises(NoSuchFinding, match=r"No finding abc124\. Near: abc123"):
        the_one([one, other], "abc124")


def test_the_settings_say_what_the_detectors_do_without_them() -> None:
    assert limits_of(Findings()) == Limits()


def test_evidence_is_asked_for_with_quoted_values() -> None:
    sql = sql_of(finding("under_water_tenant", tenant="o'neill $until"))
    assert "tenant_id = 'o''neill $until'" in sql
    assert "usage_date >= date '2026-03-09'" in sql
    assert all("$" not in sql_of(finding(kind)) for kind in CONDITIONS)
