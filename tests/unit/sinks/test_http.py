"""HTTP upstream: what is asked, what every answer means, and what is never done."""

from __future__ import annotations

import asyncio
import logging
import ssl
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.errors import Hold, Rejected, Retry, SinkError
from gateway.model.delivery import Secret, SinkConfig
from gateway.sinks.http import HttpConnection, endpoint_of
from gateway.sinks.http_client import RESPONSE_BYTES
from gateway.sinks.http_status import Reply, check, retry_after_s
from tests.http_peer import Answer, HttpPeer
from tests.servers import free_port, require

LOOPBACK = ["127.0.0.0/8"]
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
async def peer() -> AsyncIterator[HttpPeer]:
    async with HttpPeer() as peer:
        yield peer


def endpoint(url: str, **options: object) -> SinkConfig:
    return SinkConfig(name="wms", kind="webhook", options={"url": url, "allow": LOOPBACK} | options)


def connection(url: str, found: list[str] | None = None, **options: object) -> HttpConnection:
    """To an address at which a name resolves to `found`."""

    async def look_up(host: str, port: int) -> list[str]:
        return found or []

    config = endpoint(url, **options)
    return HttpConnection(endpoint_of(config), lookup=look_up if found is not None else None)


async def post(to: HttpConnection, body: bytes = b"{}") -> Reply:
    try:
        return await to.post(body, {"Content-Type": "application/json"})
    finally:
        await to.close()


async def test_what_is_asked_is_what_was_given_and_nothing_more(peer: HttpPeer) -> None:
    to = connection(peer.url, token=Secret("t0ken"), headers={"X-Key": Secret("k"), "X-A": "b"})
    reply = await post(to, b'{"a": 1}')
    assert reply.status == 204
    (request,) = peer.requests
    assert (request.method, request.target, request.body) == ("POST", "/hook", b'{"a": 1}')
    assert request.headers == {
        "host": f"127.0.0.1:{peer.port}",
        "user-agent": request.headers["user-agent"],
        "accept": "*/*",
        "accept-encoding": "identity",
        "authorization": "Bearer t0ken",
        "x-key": "k",
        "x-a": "b",
        "content-type": "application/json",
        "content-length": "8",
    }
    assert request.headers["user-agent"].startswith("rfid-gateway/")


async def test_a_connection_is_kept_for_the_next_request(peer: HttpPeer) -> None:
    to = connection(peer.url)
    for _ in range(3):
        await to.post(b"{}", {})
    await to.close()
    assert (len(peer.requests), peer.connections) == (3, 1)


async def test_a_name_is_connected_to_at_the_address_that_was_checked(peer: HttpPeer) -> None:
    to = connection(f"http://wms.example:{peer.port}/x", ["127.0.0.1"])
    assert (await post(to)).status == 204
    assert peer.requests[0].headers["host"] == f"wms.example:{peer.port}"


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::ffff:127.0.0.1", "10.0.0.1", "169.254.169.254"]
)
async def test_a_name_that_leads_where_it_must_not_holds_without_a_connection(
    peer: HttpPeer, address: str
) -> None:
    to = connection(f"http://wms.example:{peer.port}/", [address], allow=[])
    with pytest.raises(Hold, match=r"wms\.example is not connected to"):
        await post(to)
    assert peer.connections == 0


async def test_a_name_that_changes_its_address_is_checked_each_time(peer: HttpPeer) -> None:
    answers = [["127.0.0.1"], ["169.254.169.254"]]

    async def rebind(host: str, port: int) -> list[str]:
        return answers.pop(0)

    config = endpoint(f"http://wms.example:{peer.port}/")
    to = HttpConnection(endpoint_of(config), lookup=rebind)
    peer.script.append(Answer(200, (("Connection", "close"),)))
    assert (await to.post(b"{}", {})).status == 200
    with pytest.raises(Hold, match="metadata"):
        await to.post(b"{}", {})
    await to.close()
    assert len(peer.requests) == 1


async def test_only_the_allowed_addresses_of_a_name_are_used(peer: HttpPeer) -> None:
    to = connection(f"http://wms.example:{peer.port}/", ["10.0.0.1", "127.0.0.1"])
    assert (await post(to)).status == 204


async def test_the_hosts_own_names_are_resolved(peer: HttpPeer) -> None:
    to = connection(f"http://localhost:{peer.port}/", allow=["localhost"])
    assert (await post(to)).status == 204


async def test_a_name_that_nobody_knows_is_tried_again() -> None:
    with pytest.raises(Retry, match="cannot be reached"):
        await post(connection("http://nowhere.invalid/"))
    with pytest.raises(Retry, match="cannot be reached"):
        await post(connection("http://wms.example/", []))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "needs a url"),
        ("ftp://x/", "needs a url"),
        ("http:///x", "needs a url"),
        ("http://x:99999/", "needs a url"),
        ("http://[::1/", "needs a url"),
        ("http://10.0.0.1/", "private; list it"),
        ("http://[::1]/", "loopback; list it"),
        ("http://169.254.169.254/latest", "no sink may reach"),
        ("http://[::ffff:169.254.169.254]/", "no sink may reach"),
        ("http://0.0.0.0/", "no address of a host"),
        ("http://2130706433/", "is no address"),
        ("http://0177.0.0.1/", "is no address"),
        ("http://127.1/", "is no address"),
    ],
)
def test_an_address_in_the_url_is_checked_when_it_is_read(url: str, words: str) -> None:
    config = SinkConfig(name="wms", kind="webhook", options={"url": url, "allow": ["10.0.0.0/31"]})
    if "10.0.0.1/" in url:
        config = SinkConfig(name="wms", kind="webhook", options={"url": url})
    with pytest.raises(SinkError, match=f"sink wms: .*{words}"):
        endpoint_of(config)


async def test_redirects_are_not_followed(peer: HttpPeer) -> None:
    peer.script.append(Answer(307, (("Location", "http://169.254.169.254/latest"),)))
    reply = await post(connection(peer.url))
    assert (reply.status, len(peer.requests)) == (307, 1)
    with pytest.raises(Hold, match=r"redirects to http://169\.254\.169\.254/latest"):
        check(reply, "wms")


async def test_another_host_is_not_asked(peer: HttpPeer) -> None:
    to = connection(peer.url)
    for url in ("http://127.0.0.2/x", f"https://127.0.0.1:{peer.port}/", "http://127.0.0.1:1/"):
        with pytest.raises(Hold, match="another host"):
            await to.get(url, {})
    assert (await to.get(f"http://127.0.0.1:{peer.port}/job", {})).status == 204
    await to.close()


async def test_an_answer_is_read_to_its_bound(peer: HttpPeer) -> None:
    peer.script.append(Answer(200, body=b"x" * (RESPONSE_BYTES + 70_000)))
    reply = await post(connection(peer.url))
    assert len(reply.body) == RESPONSE_BYTES


async def test_an_answer_that_would_unpack_to_something_huge_is_not_unpacked(
    peer: HttpPeer,
) -> None:
    peer.script.append(Answer(200, (("Content-Encoding", "gzip"),), b"\x1f\x8b not really"))
    assert (await post(connection(peer.url))).body == b"\x1f\x8b not really"


async def test_silence_ends_after_the_timeout(peer: HttpPeer) -> None:
    peer.script.append(Answer(delay_s=5))
    with pytest.raises(Retry, match=r"127\.0\.0\.1 has not answered in 0\.2 s"):
        await post(connection(peer.url, timeout=0.2))


async def test_an_answer_drop_by_drop_ends_after_the_timeout() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        try:
            while not writer.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)
        except ConnectionError:
            pass
        writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(Retry, match="has not answered in"):
        await post(connection(f"http://127.0.0.1:{port}/", timeout=0.2))
    server.close()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(None),
        Answer(raw=b"SSH-2.0-OpenSSH_9.2\r\n"),
        Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
        Answer(raw=b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 20_000 + b"\r\n\r\n"),
        Answer(raw=b"\x00" * 100),
        Answer(raw=b"HTTP/1.1 204 No Content\r\nServer: Base"),
    ],
    ids=["nothing", "not HTTP", "cut off", "huge header", "zeros", "head cut off"],
)
async def test_what_is_no_answer_is_tried_again(peer: HttpPeer, answer: Answer) -> None:
    peer.script.append(answer)
    with pytest.raises(Retry) as failure:
        await post(connection(peer.url))
    assert str(failure.value).startswith("127.0.0.1 ")
    assert str(failure.value).isprintable()
    assert len(str(failure.value)) < 300


async def test_nobody_listening_is_tried_again() -> None:
    with pytest.raises(Retry, match="cannot be reached"):
        await post(connection(f"http://127.0.0.1:{free_port()}/"))


async def test_the_secrets_are_in_no_log_and_no_error(
    peer: HttpPeer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    peer.script.append(Answer(401, body=b'{"title": "Unauthorized"}'))
    to = connection(peer.url, token=Secret("s3cr3t"))
    with pytest.raises(Hold) as refusal:
        check(await post(to), "wms")
    assert str(refusal.value) == "wms answers 401 Unauthorized: Unauthorized"
    assert "s3cr3t" not in caplog.text + str(refusal.value) + repr(to.endpoint)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, a certificate of `wms.example` and one for a client."""
    folder = tmp_path_factory.mktemp("certificates")
    openssl = require("openssl")

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], check=True, capture_output=True, cwd=folder)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    run(
        "req", "-x509", *key, "-days", "2", "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem"
    )
    (folder / "names").write_text("subjectAltName=DNS:wms.example\n")
    for name in ("server", "client"):
        run("req", *key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        run(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-days", "2", "-extfile", "names", "-out", f"{name}.pem"),
        )
    return folder


def tls_peer(certificates: Path, *, client: bool = False) -> HttpPeer:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    if client:
        context.load_verify_locations(certificates / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    return HttpPeer(tls=context)


async def test_tls_trusts_the_authority_that_is_named_and_checks_the_name(
    certificates: Path,
) -> None:
    async with tls_peer(certificates) as peer:
        url = f"https://wms.example:{peer.port}/"
        tls = {"ca": str(certificates / "ca.pem")}
        assert (await post(connection(url, ["127.0.0.1"], tls=tls))).status == 204
        with pytest.raises(Hold, match=r"certificate of wms\.example is not accepted"):
            await post(connection(url, ["127.0.0.1"]))
        other = url.replace("wms", "other")
        with pytest.raises(Hold, match=r"certificate of other\.example.*(mismatch|not valid)"):
            await post(connection(other, ["127.0.0.1"], tls=tls))
        assert len(peer.requests) == 1


async def test_a_client_certificate_is_shown_when_it_is_set(certificates: Path) -> None:
    async with tls_peer(certificates, client=True) as peer:
        url = f"https://wms.example:{peer.port}/"
        tls = {"ca": str(certificates / "ca.pem")}
        pair = {"cert": str(certificates / "client.pem"), "key": str(certificates / "client.key")}
        assert (await post(connection(url, ["127.0.0.1"], tls=tls | pair))).status == 204
        with pytest.raises((Retry, Hold)):
            await post(connection(url, ["127.0.0.1"], tls=tls))


async def test_files_for_tls_that_cannot_be_used_hold(tmp_path: Path) -> None:
    to = connection("https://wms.example/", ["127.0.0.1"], tls={"ca": str(tmp_path / "none.pem")})
    with pytest.raises(Hold, match="files for TLS"):
        await post(to)


def reply(status: int, body: bytes = b"", **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=named, body=body)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_taken(status: int) -> None:
    check(reply(status), "wms")


@pytest.mark.parametrize(
    "status", [408, 421, 425, 429, 500, 501, 502, 503, 504, 507, 599, 600, 999]
)
def test_later_again(status: int) -> None:
    with pytest.raises(Retry, match=f"wms answers {status}"):
        check(reply(status), "wms")


@pytest.mark.parametrize(
    "status",
    [300, 301, 302, 303, 304, 307, 308, 401, 402, 403, 404, 405, 406, 407, 410, 411, 415, 511],
)
def test_our_settings_are_refused(status: int) -> None:
    with pytest.raises(Hold, match=f"wms answers {status}"):
        check(reply(status), "wms")


@pytest.mark.parametrize("status", [400, 409, 412, 413, 414, 416, 418, 422, 423, 424, 499])
def test_the_records_are_refused(status: int) -> None:
    with pytest.raises(Rejected, match=f"wms answers {status}"):
        check(reply(status), "wms")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 12:00:30 -0000", 30.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("9" * 400, 999_999_999.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    assert retry_after_s(reply(503, retry_after=text), NOON) == seconds
    with pytest.raises(Retry) as failure:
        check(reply(429, retry_after=text), "wms", NOON)
    assert failure.value.after_s == seconds


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "422 Unprocessable"),
        (b'{"title": "No such SKU", "detail": "ABC"}', "No such SKU: ABC"),
        (b'{"error": "nope"}', "nope"),
        (b'{"error": {"code": 1}}', '{"error": {"code": 1}}'),
        (b"plain\r\n\ttext", "plain text"),
        (b"\x1b[31mred\x00", "\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}"),
        (b"\xff\xfe", "\N{REPLACEMENT CHARACTER}" * 2),
        (b"[" * 100_000, "[[["),
        (b"x" * 100_000, "xxx"),
    ],
)
def test_the_reason_is_one_short_line_without_control_characters(body: bytes, words: str) -> None:
    told = reply(422, body).words
    assert words in told
    assert told.isprintable()
    assert len(told) < 400
