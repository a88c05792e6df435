"""The dashboard in Chromium: every page, wide and narrow, light and dark; nothing from the network; new versions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from dashboards import downloads
from tests.browser.company import EVIL, built_company, config
from tests.browser.served import CHROMIUM, Served, chromium, served
from tests.workspace import Workspace, request
from warehouse.reader import Reader
from warehouse.rows import Period

VIEWS = {
    "week": "/", "tenants": "/tenants", "tenant": "/tenants?tenant=evil&week=2026-11-09", "data": "/data",
    "tasks": "/tasks?waste=failed_tasks", "task": "/tasks?task=acme-2026-11-09-0", "cache": "/cache",
    "models": "/models?model=anthropic|claude-sonnet-4-5", "waste": "/waste?state=all",
}  # fmt: skip
# Streamlit looks for its own endpoints below the page's path first; the one thing that a page logs as an error.
PROBES = re.compile(r"/_stcore/(health|host-config)$")


@dataclass
class Seen:
    """What a page logged as an error, and what it asked other machines for."""

    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def console(self, message: ConsoleMessage) -> None:
        where = message.location["url"]
        if message.type == "error" and not PROBES.search(where):
            self.errors.append(f"{message.text} {where}")

    def asked(self, asked: Request) -> None:
        if not re.match(r"(https?|wss?)://127\.0\.0\.1:|data:|blob:", asked.url):
            self.elsewhere.append(asked.url)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=CHROMIUM)
        yield made
        made.close()


@pytest.fixture(scope="module")
def company(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    del browser  # where there is none, nothing needs to be built
    workspace = built_company(tmp_path_factory.mktemp("browser"))
    yield workspace
    workspace.control.close()


@pytest.fixture(scope="module")
def dashboard(company: Workspace) -> Iterator[Served]:
    with served(config(company.root)) as made:
        yield made


def opened(browser: Browser, url: str, *, width: int = 1440, scheme: str = "light") -> tuple[Page, Seen]:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # pyright: ignore
    page, seen = context.new_page(), Seen()
    page.on("console", seen.console)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("request", seen.asked)
    page.goto(url)
    page.wait_for_selector(".mc-footer", timeout=30_000)
    return page, seen


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 800])
@pytest.mark.parametrize("view", list(VIEWS))
def test_a_page_shows_itself_whole_and_asks_nobody_else(
    browser: Browser, dashboard: Served, tmp_path: Path, view: str, width: int, scheme: str
) -> None:
    page, seen = opened(browser, dashboard.url + VIEWS[view], width=width, scheme=scheme)
    if view not in ("task", "waste") and (view != "tenant" or width > 1000):
        page.wait_for_selector(".js-plotly-plot .main-svg", timeout=20_000)
    page.wait_for_timeout(500)
    page.screenshot(path=tmp_path / f"{view}-{width}-{scheme}.png", full_page=True)
    assert page.locator('[data-testid="stException"], [data-testid="stAlertContentError"]').count() == 0
    assert (seen.errors, seen.elsewhere) == ([], [])
    too_wide = "e => e.scrollWidth - e.clientWidth"
    assert page.locator("html").evaluate(too_wide) == 0
    assert page.locator('[data-testid="stMain"]').evaluate(too_wide) == 0
    for table in page.locator(".mc-scroll:visible").all():
        assert table.evaluate(too_wide) == 0, table.inner_text()[:80]
    brightness = page.locator(".stApp").evaluate(
        "e => getComputedStyle(e).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    )
    assert (sum(brightness) > 384) == (scheme == "light")
    page.context.close()


def test_a_name_that_is_code_is_only_text(browser: Browser, dashboard: Served) -> None:
    page, _ = opened(browser, dashboard.url + VIEWS["tenant"])
    expect(page.locator(".mc-title h1")).to_have_text(f"{EVIL}, 9 – 15 Nov 2026")
    assert page.locator(".mc-title b, a[href^='javascript']").count() == 0
    page.context.close()


def test_filters_go_into_the_url_and_a_copied_url_shows_the_same(browser: Browser, dashboard: Served) -> None:
    page, _ = opened(browser, dashboard.url + "/tenants")
    page.get_by_text("Month", exact=True).click()
    expect(page.locator(".mc-title h1")).to_have_text("Tenants, November 2026")
    expect(page).to_have_url(re.compile("period=month"))
    page.get_by_role("combobox", name="Open a tenant").fill("=Bet")
    page.get_by_role("option", name="=Beta").click()
    expect(page.locator(".mc-title h1")).to_have_text("=Beta, November 2026")
    copied, _ = opened(browser, page.url)
    expect(copied.locator(".mc-title h1")).to_have_text("=Beta, November 2026")
    page.get_by_text("All tenants").click()
    # The old page goes when the new one is there.
    page.wait_for_function(
        "[...document.querySelectorAll('.mc-title h1')].map(e => e.textContent).join() == 'Tenants, November 2026'"
    )
    expect(page).not_to_have_url(re.compile("tenant=beta"))
    for opened_page in (page, copied):
        opened_page.context.close()


def test_the_week_that_was_chosen_is_kept_from_page_to_page(browser: Browser, dashboard: Served) -> None:
    page, _ = opened(browser, dashboard.url + "/?week=2026-11-02")
    page.get_by_role("link", name="Tenants").click()
    expect(page.locator(".mc-title h1")).to_have_text("Tenants, 2 – 8 Nov 2026")
    expect(page).to_have_url(re.compile("week=2026-11-02"))
    page.context.close()


def test_what_is_downloaded_is_what_the_marts_hold(browser: Browser, dashboard: Served, company: Workspace) -> None:
    reader = Reader(company.settings.data_dir)
    page, _ = opened(browser, dashboard.url + "/tenants?week=2026-11-09")
    with page.expect_download() as download:
        page.get_by_text("Download all rows").click()
    assert Path(download.value.path()).read_bytes() == downloads.tenants_csv(
        reader.tenant_margins(Period.week(date(2026, 11, 9)))
    )
    reader.close()
    page.context.close()


def test_a_request_under_another_name_is_refused(browser: Browser, dashboard: Served) -> None:
    """A page of another site could else point a name of its own at this machine and read along."""
    context = browser.new_context(extra_http_headers={})
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if "WebSocket" in message.text else None)
    port = dashboard.url.rpartition(":")[2]
    page.goto(f"http://dashboard.localhost:{port}/")
    page.wait_for_timeout(2000)
    assert page.locator(".mc-title").count() == 0
    assert any("403" in text for text in refused)
    context.close()


def test_a_new_version_appears_by_itself_and_ctrl_c_leaves_nothing(
    browser: Browser, dashboard: Served, company: Workspace
) -> None:
    page, seen = opened(browser, dashboard.url + "/?week=2026-11-09")
    expect(page.locator(".mc-title p")).to_contain_text("version 1,")
    late = [request(source_record_id="late", tenant_id="beta", task_id="late", started_at="2026-11-10T09:00:00Z")]
    company.land_records("late", late)
    company.build()
    expect(page.locator(".mc-title p")).to_contain_text("version 2,", timeout=20_000)
    expect(page.locator(".mc-cards").first).to_contain_text("≥ $0.07650")
    assert seen.errors == []
    page.context.close()
    code, log = dashboard.stop()
    assert code == 0, log
    assert "Traceback" not in log
