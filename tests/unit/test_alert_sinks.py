"""Where alerts go: a webhook that fails in every way a real one does, a file, and what Prometheus reads."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pipelines.alerts.sinks import DeliveryError, FileSink, WebhookSink, sinks_of
from pipelines.alerts.state import Firing
from pipelines.settings import Alerts, Settings, SettingsError

SECRET = "/services/T000/B000/secret"
ONE = Firing("limit:plan:2026-11-01:50:1000", 1, "limits", "Half is spent.", "2026-11-16T07:00:00+00:00")
AGAIN = Firing("finding:0a", 2, "findings", "<!channel> & more", "2026-11-16T07:00:00+00:00")


class Hook:
    """A server on loopback that answers what it is told to, in order, then 200; it keeps what it was sent."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.bodies: list[bytes] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.bodies.append(self.rfile.read(int(self.headers["Content-Length"] or 0)))
                status, headers = hook.answers.pop(0) if hook.answers else (200, {})
                self.send_response(status)
                for name, value in {**headers, "Content-Length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()

            def do_GET(self) -> None:  # what a redirect would end at
                self.do_POST()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}{SECRET}"


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    made = Hook()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def sink(url: str, slept: list[float]) -> WebhookSink:
    return WebhookSink(url, slept.append, lambda: 0.5)


def test_a_message_is_what_slack_takes(hook: Hook) -> None:
    slept: list[float] = []
    sink(hook.url, slept).send([ONE, AGAIN])
    [body] = hook.bodies
    assert json.loads(body) == {
        "text": "Margincall: 2 alerts\n"
        "• Half is spent. [limit:plan:2026-11-01:50:1000]\n"
        "• &lt;!channel&gt; &amp; more [finding:0a #2]"
    }
    assert slept == []


def test_what_may_pass_is_tried_again_after_one_two_and_four_seconds(hook: Hook) -> None:
    slept: list[float] = []
    hook.answers = [(500, {}), (429, {}), (503, {})]
    sink(hook.url, slept).send([ONE])
    assert slept == [1.5, 2.5, 4.5]
    assert len(hook.bodies) == 4


def test_a_webhook_that_asks_for_time_gets_it_up_to_half_a_minute(hook: Hook) -> None:
    slept: list[float] = []
    hook.answers = [(429, {"Retry-After": "20"}), (429, {"Retry-After": "3600"})]
    sink(hook.url, slept).send([ONE])
    assert slept == [20, 30]


def test_after_three_further_tries_it_is_given_up(hook: Hook) -> None:
    slept: list[float] = []
    hook.answers = [(500, {})] * 4
    with pytest.raises(DeliveryError, match=r"^it answered HTTP 500$"):
        sink(hook.url, slept).send([ONE])
    assert len(hook.bodies) == 4


@pytest.mark.parametrize(
    ("status", "headers"), [(404, {}), (302, {"Location": "/elsewhere"}), (308, {"Location": "/e"})]
)
def test_a_refusal_and_a_redirect_are_not_tried_again(hook: Hook, status: int, headers: dict[str, str]) -> None:
    slept: list[float] = []
    hook.answers = [(status, headers)]
    with pytest.raises(DeliveryError, match=f"^it answered HTTP {status}$"):
        sink(hook.url, slept).send([ONE])
    assert (len(hook.bodies), slept) == (1, [])


def test_nobody_there_is_told_without_the_address() -> None:
    slept: list[float] = []
    with pytest.raises(DeliveryError, match=r"^it cannot be reached: Connection refused$"):
        sink(f"http://127.0.0.1:9{SECRET}", slept).send([ONE])
    assert len(slept) == 3


def test_a_certificate_that_nobody_vouches_for_is_refused(hook: Hook, tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_self_signed(tmp_path))
    hook.server.socket = context.wrap_socket(hook.server.socket, server_side=True)
    slept: list[float] = []
    with pytest.raises(DeliveryError, match=r"^its certificate cannot be verified$"):
        sink(hook.url.replace("http:", "https:"), slept).send([ONE])
    assert (hook.bodies, slept) == ([], [])


def _self_signed(folder: Path) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(private + builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/secret",
        "ftp://hooks.example.com/secret",
        "hooks.example.com/secret",
        "https:///secret",
        "https://hooks.example.com/sec ret\n",
    ],
)
def test_a_url_that_is_none_is_refused_without_being_said(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", url.replace("\n", "\x07"))
    with pytest.raises(SettingsError) as told:
        sinks_of(Settings(alerts=Alerts(webhook_url_env="HOOK")), lambda _: None, lambda: 0)
    assert "HOOK" in str(told.value) and "hooks.example" not in str(told.value) and "sec" not in str(told.value)


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK", raising=False)
    with pytest.raises(SettingsError, match=r"HOOK \(alerts\.webhook_url_env\) is not set"):
        sinks_of(Settings(alerts=Alerts(webhook_url_env="HOOK")), lambda _: None, lambda: 0)


def test_without_a_place_there_is_no_sink() -> None:
    assert sinks_of(Settings(), lambda _: None, lambda: 0) == []


def test_a_file_grows_by_a_line_per_firing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "alerts.jsonl"
    FileSink(path).send([ONE])
    FileSink(path).send([AGAIN])
    assert [json.loads(line)["key"] for line in path.read_text().splitlines()] == [ONE.key, AGAIN.key]
    assert json.loads(path.read_text().splitlines()[0]) == {
        "key": ONE.key, "firing": 1, "rule": "limits", "text": "Half is spent.", "fired_at": ONE.fired_at,
    }  # fmt: skip


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with pytest.raises(DeliveryError, match=r"alerts\.jsonl: (Not a directory|File exists)"):
        FileSink(tmp_path / "plain" / "alerts.jsonl").send([ONE])
