"""Where alerts go: a file of JSON lines, a Slack-compatible webhook. Each takes several firings at once or none of them."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipelines.alerts.state import Firing
from pipelines.settings import Settings, SettingsError, environment_variable

FILE, WEBHOOK = "file", "webhook"
TIMEOUT_S = 10
WAITS_S = (1, 2, 4)
"""Before each further try; a little random time is added, so that several deployments do not come back at once."""
_LONGEST_WAIT_S = 30
_TEXT_MAX = 500
_ANSWER_MAX_BYTES = 4096

Sleep = Callable[[float], None]
Jitter = Callable[[], float]
"""A random number from 0 up to 1."""


class DeliveryError(Exception):
    """A sink did not take a message; the message says why and never holds the sink's address, which is a secret."""


class Sink(ABC):
    """`name` is what the outbox knows it by."""

    name: str

    @abstractmethod
    def send(self, firings: Sequence[Firing]) -> None:
        """Hand them over, all or none. Raises DeliveryError."""


class FileSink(Sink):
    """One JSON object per line, appended and forced to disk."""

    name = FILE

    def __init__(self, path: Path) -> None:
        self.path = path

    def send(self, firings: Sequence[Firing]) -> None:
        lines = "".join(json.dumps(asdict(firing), ensure_ascii=False) + "\n" for firing in firings)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.write(lines.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise DeliveryError(f"{self.path}: {error.strerror or error}") from None


class WebhookSink(Sink):
    """POST of `{"text": …}`. Redirects are refused, because the message would go where nobody said; TLS is verified."""

    name = WEBHOOK

    def __init__(self, url: str, sleep: Sleep, jitter: Jitter) -> None:
        self._request = _checked_request(url)
        self._sleep, self._jitter = sleep, jitter
        tls = urllib.request.HTTPSHandler(context=ssl.create_default_context())
        self._opener = urllib.request.build_opener(_NoRedirect, tls)

    def send(self, firings: Sequence[Firing]) -> None:
        self._request.data = json.dumps({"text": message(firings)}, ensure_ascii=False).encode()
        for wait_s in (*WAITS_S, None):
            answer = self._post()
            if answer is None:
                return
            if wait_s is None or not answer.may_pass:
                raise DeliveryError(answer.why)
            asked_s = min(answer.retry_after_s, _LONGEST_WAIT_S)
            self._sleep(max(wait_s + self._jitter(), asked_s))

    def _post(self) -> _Refusal | None:
        """None where it was taken."""
        try:
            with self._opener.open(self._request, timeout=TIMEOUT_S) as answer:
                answer.read(_ANSWER_MAX_BYTES)
        except urllib.error.HTTPError as error:
            with error:
                retry_after = error.headers.get("Retry-After") or ""
            wait_s = int(retry_after) if retry_after.isdecimal() else 0
            return _Refusal(f"it answered HTTP {error.code}", error.code == 429 or error.code >= 500, wait_s)
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
            return _refusal(error)
        return None


class _Refusal:
    """Why a try failed, and whether another may pass."""

    def __init__(self, why: str, may_pass: bool, retry_after_s: int = 0) -> None:
        self.why, self.may_pass, self.retry_after_s = why, may_pass, retry_after_s


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        """None makes the redirect an error of its own status."""


def sinks_of(settings: Settings, sleep: Sleep, jitter: Jitter) -> list[Sink]:
    """The sinks that the settings name. Raises SettingsError where the webhook's variable is not set or holds no such URL."""
    found: list[Sink] = []
    if settings.alerts.file is not None:
        found.append(FileSink(settings.alerts.file))
    variable = settings.alerts.webhook_url_env
    if variable is not None:
        url = environment_variable(variable, "alerts", "alerts.webhook_url_env")
        try:
            found.append(WebhookSink(url, sleep, jitter))
        except ValueError:
            raise SettingsError(
                f"alerts: the environment variable {variable} (alerts.webhook_url_env) holds no https:// URL; "
                "http:// is taken for this machine only."
            ) from None
    return found


def message(firings: Sequence[Firing]) -> str:
    """As a chat shows it: a line per firing with its key, by which one that comes twice is known."""
    count = f"{len(firings)} alert{'' if len(firings) == 1 else 's'}"
    return "\n".join(
        [f"Margincall: {count}", *(f"• {_escaped(one.text)} [{_escaped(one_id(one))}]" for one in firings)]
    )


def one_id(firing: Firing) -> str:
    return firing.key if firing.firing == 1 else f"{firing.key} #{firing.firing}"


def _escaped(text: str) -> str:
    """Slack reads <…> as links and mentions: a tenant called <!channel> must not wake everybody."""
    cut = text if len(text) <= _TEXT_MAX else text[: _TEXT_MAX - 1] + "…"
    return cut.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _checked_request(url: str) -> urllib.request.Request:
    """Raises ValueError without saying the URL."""
    parts = urlsplit(url)
    is_plain_here = parts.scheme == "http" and _is_here(parts.hostname)
    if (
        not parts.hostname
        or not (parts.scheme == "https" or is_plain_here)
        or not url.isascii()
        or not url.isprintable()
    ):
        raise ValueError
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "margincall"}
    return urllib.request.Request(url, headers=headers, method="POST")


def _is_here(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False


def _refusal(error: Exception) -> _Refusal:
    """Their own texts may hold the URL, so only what is known to hold none is said."""
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _Refusal("its certificate cannot be verified", may_pass=False)
    if isinstance(cause, TimeoutError):
        return _Refusal(f"no answer within {TIMEOUT_S} s", may_pass=True)
    if isinstance(cause, OSError):
        return _Refusal(f"it cannot be reached: {cause.strerror or type(cause).__name__}", may_pass=True)
    return _Refusal(f"it cannot be reached: {type(cause).__name__}", may_pass=True)
