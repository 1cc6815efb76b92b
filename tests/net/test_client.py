"""One careful client: where it goes, what it tells whom, and when it gives up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from plughost.errors import AddressNotAllowed, FetchFailed, OriginNotAllowed, WheelTooLarge
from plughost.net import Client, Origin, OriginRule, Rules, own_origin
from plughost.net.client import Unavailable
from tests.net.certificates import server_context
from tests.net.conftest import Open, Serve
from tests.net.servers import dripping, in_turn, raw, redirect, reply, silent

PATIENCE = 60.0
CAP = 1 << 20


async def get(client: Client, url: str, **more: object) -> bytes:
    answer = await client.get(url, cap=CAP, deadline=PATIENCE, **more)  # type: ignore[arg-type]  # a test's shorthand
    assert answer.status == 200
    return answer.body


async def test_an_answer_is_whole_whatever_its_status(serve: Serve, opened: Open) -> None:
    server = await serve(reply(b"not here", status=404, ETag='"a"'))
    answer = await opened(server.url).get(f"{server.url}/a", cap=CAP, deadline=PATIENCE)
    assert (answer.status, answer.body, answer.headers["etag"], answer.url) == (404, b"not here", '"a"', f"{server.url}/a")


async def test_nothing_may_be_compressed(serve: Serve, opened: Open) -> None:
    server = await serve(reply(b"as it is"))
    assert await get(opened(server.url), server.url, headers={"If-None-Match": '"a"'}) == b"as it is"
    sent = server.asked[0].headers
    assert (sent["accept-encoding"], sent["if-none-match"]) == ("identity", '"a"')


async def test_bytes_are_counted_as_they_come_and_no_more_than_the_cap(serve: Serve, opened: Open) -> None:
    server = await serve(in_turn(reply(b"x" * 10), reply(b"x" * 11), dripping(b"x" * 4096)))
    client = opened(server.url)
    assert len((await client.get(server.url, cap=10, deadline=PATIENCE)).body) == 10
    for _ in range(2):
        with pytest.raises(WheelTooLarge) as caught:
            await client.get(f"{server.url}/?key=secret", cap=10, deadline=PATIENCE)
        assert "secret" not in caught.value.detail


async def test_a_body_of_one_byte_now_and_then_meets_the_total_deadline(serve: Serve, opened: Open) -> None:
    server = await serve(dripping())
    with pytest.raises(Unavailable, match=r"within 0\.3 s"):
        await opened(server.url).get(server.url, cap=CAP, deadline=0.3)


async def test_a_server_that_says_nothing_is_given_up(serve: Serve, opened: Open) -> None:
    server = await serve(silent)
    client = opened(server.url)
    with pytest.raises(Unavailable):
        await client.get(server.url, cap=CAP, deadline=0.2)
    with pytest.raises(Unavailable):
        async with asyncio.timeout(PATIENCE), client.stream(server.url, silence=0.2):
            pass


async def test_an_origin_without_a_rule_is_not_even_looked_up(opened: Open) -> None:
    looked: list[str] = []

    def lookup(host: str, _: int) -> Sequence[str]:
        looked.append(host)
        return ["127.0.0.1"]

    client = opened("http://known.example.com", lookup=lookup)
    for url in (
        "http://unknown.example.com/",
        "https://known.example.com/",
        "http://known.example.com:81/",
        "http://ada:secret@known.example.com/",
    ):
        with pytest.raises(OriginNotAllowed) as caught:
            await client.get(url, cap=CAP, deadline=PATIENCE)
        assert "secret" not in caught.value.detail
    assert looked == []


async def test_a_plugin_may_ask_only_where_a_rule_speaks_for_it(serve: Serve, opened: Open) -> None:
    server = await serve(reply(b"a"))
    client = opened(rules=Rules([OriginRule(url=server.url, names=("acme-*",), private=True)]))
    assert await get(client, server.url, plugin="acme-chat") == b"a"
    with pytest.raises(OriginNotAllowed, match="for other"):
        await client.get(server.url, cap=CAP, deadline=PATIENCE, plugin="other")


async def test_every_address_of_a_name_is_checked_before_one_is_dialled(serve: Serve, opened: Open) -> None:
    server = await serve(reply(b"never"))
    looked: list[tuple[str, int]] = []

    def lookup(host: str, port: int) -> Sequence[str]:
        looked.append((host, port))
        return ["93.184.216.34", "127.0.0.1"]

    client = opened(rules=Rules([OriginRule(url=server.named("plugins.example.com"))]), lookup=lookup)
    with pytest.raises(AddressNotAllowed) as caught:
        await client.get(server.named("plugins.example.com"), cap=CAP, deadline=PATIENCE)
    assert (caught.value.host, caught.value.address) == ("plugins.example.com", "127.0.0.1")
    assert looked == [("plugins.example.com", server.port)]
    assert server.connections == 0


async def test_the_address_that_was_checked_is_the_one_that_is_dialled(serve: Serve, opened: Open) -> None:
    server = await serve(reply(b"here"))
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    client = opened(server.named("plugins.example.com"), lookup=lambda _, __: answers.pop(0))
    assert await get(client, server.named("plugins.example.com")) == b"here"
    assert server.asked[0].headers["host"] == f"plugins.example.com:{server.port}"
    assert len(answers) == 1


async def test_the_next_address_is_tried_where_one_does_not_answer(serve: Serve, opened: Open) -> None:
    server = await serve(reply(b"here"))
    client = opened(server.named("plugins.example.com"), lookup=lambda _, __: ["127.1.2.3", "127.0.0.1"])
    assert await get(client, server.named("plugins.example.com")) == b"here"


async def test_a_connection_is_not_used_under_rules_that_would_not_have_opened_it(serve: Serve, opened: Open) -> None:
    server = await serve(reply(b"here"))
    url = server.named("plugins.example.com")
    client = opened(url, lookup=lambda _, __: ["127.0.0.1"])
    assert await get(client, url) == b"here"
    with pytest.raises(AddressNotAllowed):
        await client.get(url, cap=CAP, deadline=PATIENCE, rules=Rules([OriginRule(url=url)]))
    assert await get(client, url) == b"here"


async def test_a_name_that_leads_nowhere_may_be_tried_again(opened: Open) -> None:
    def lookup(host: str, _: int) -> Sequence[str]:
        raise OSError(f"no such host {host}")

    client = opened("https://plugins.example.com", lookup=lookup)
    with pytest.raises(Unavailable, match="cannot be looked up"):
        await client.get("https://plugins.example.com/", cap=CAP, deadline=PATIENCE)
    nowhere = opened("https://plugins.example.com", lookup=lambda _, __: [])
    with pytest.raises(Unavailable, match="no address"):
        await nowhere.get("https://plugins.example.com/", cap=CAP, deadline=PATIENCE)


async def test_nobody_listens(serve: Serve, opened: Open, unused_tcp_port: int) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}"
    with pytest.raises(Unavailable):
        await opened(url).get(url, cap=CAP, deadline=PATIENCE)


async def test_tls_proves_the_name_and_not_the_address(serve: Serve, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, trusted = server_context(tmp_path, "plugins.example.com")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    server = await serve(reply(b"over TLS"), tls=context)
    right, wrong = server.named("plugins.example.com"), server.named("other.example.com")
    client = opened(right, wrong, lookup=lambda _, __: ["127.0.0.1"])
    assert await get(client, right) == b"over TLS"
    with pytest.raises(FetchFailed, match="certificate verify failed"):
        await client.get(wrong, cap=CAP, deadline=PATIENCE)


async def test_redirects_are_followed_three_times(serve: Serve, opened: Open) -> None:
    server = await serve(in_turn(redirect("/1", 301), redirect("2?x=1", 307), redirect("#here", 308), reply(b"there")))
    client = opened(server.url)
    answer = await client.get(f"{server.url}/0", cap=CAP, deadline=PATIENCE)
    assert (answer.body, answer.url) == (b"there", f"{server.url}/2?x=1#here")
    assert [request.target for request in server.asked] == ["/0", "/1", "/2?x=1", "/2?x=1"]


async def test_a_fourth_redirect_is_one_too_many(serve: Serve, opened: Open) -> None:
    server = await serve(redirect("/again"))
    with pytest.raises(FetchFailed, match="more than 3 times"):
        await opened(server.url).get(server.url, cap=CAP, deadline=PATIENCE)
    assert len(server.asked) == 4


async def test_each_step_of_a_redirect_is_checked(serve: Serve, opened: Open) -> None:
    inside = await serve(reply(b"secret"))
    targets = (inside.url, "file:///etc/passwd", "//ada:secret@127.0.0.1/", "http://2130706433/", inside.named("127.1"), "https://[")
    server = await serve(in_turn(*map(redirect, targets)))
    client = opened(server.url)
    for target in targets:
        with pytest.raises((OriginNotAllowed, FetchFailed)) as caught:
            await client.get(server.url, cap=CAP, deadline=PATIENCE)
        assert "secret" not in caught.value.detail, target
    assert inside.connections == 0


async def test_a_redirect_to_a_name_that_leads_inside_is_refused(serve: Serve, opened: Open) -> None:
    inside = await serve(reply(b"secret"))
    server = await serve(redirect(inside.named("public.example.com")))
    rules = Rules([own_origin(server.url), OriginRule(url=inside.named("public.example.com"))])
    client = opened(rules=rules, lookup=lambda host, _: [host if host[0].isdigit() else "127.0.0.1"])
    with pytest.raises(AddressNotAllowed):
        await client.get(server.url, cap=CAP, deadline=PATIENCE)
    assert inside.connections == 0


async def test_a_token_goes_to_its_origin_only(serve: Serve, opened: Open) -> None:
    elsewhere = await serve(reply(b"there"))
    server = await serve(in_turn(redirect("/moved"), redirect(elsewhere.url)))
    client = opened(server.url, elsewhere.url, tokens={Origin.of(server.url): "sesame"})
    assert await get(client, server.url) == b"there"
    assert [request.headers.get("authorization") for request in server.asked] == ["Bearer sesame"] * 2
    assert "authorization" not in elsewhere.asked[0].headers


async def test_what_the_caller_sends_to_one_origin_does_not_reach_another(serve: Serve, opened: Open) -> None:
    elsewhere = await serve(redirect("/on"))
    server = await serve(redirect(elsewhere.url))
    client = opened(server.url, elsewhere.url)
    with pytest.raises(FetchFailed):
        await client.get(server.url, cap=CAP, deadline=PATIENCE, headers={"authorization": "Bearer a", "Cookie": "b", "Accept": "c"})
    assert server.asked[0].headers["authorization"] == "Bearer a"
    for request in elsewhere.asked:
        assert request.headers["accept"] == "c"
        assert not {"authorization", "cookie"} & set(request.headers)


async def test_cookies_are_not_kept(serve: Serve, opened: Open) -> None:
    server = await serve(reply(b"a", Set_Cookie="session=1; Path=/"))
    client = opened(server.url)
    for _ in range(2):
        await get(client, server.url)
    assert all("cookie" not in request.headers for request in server.asked)


async def test_credentials_that_pip_is_configured_with_go_to_its_registry_only(
    serve: Serve, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, other = await serve(reply(b"a")), await serve(reply(b"a"))
    monkeypatch.setenv("PIP_INDEX_URL", f"http://ada:sec%20ret@127.0.0.1:{server.port}/simple/")
    client = opened(server.url, other.url)
    await get(client, server.url)
    await get(client, other.url)
    assert server.asked[0].headers["authorization"] == "Basic YWRhOnNlYyByZXQ="
    assert "authorization" not in other.asked[0].headers


async def test_netrc_is_honoured_for_the_hosts_that_it_names(
    serve: Serve, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted = server_context(tmp_path, "plugins.example.com")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    (tmp_path / "netrc").write_text("machine plugins.example.com login ada password secret\ndefault login all password all\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server, plain = await serve(reply(b"a"), tls=context), await serve(reply(b"a"))
    names = server.named("plugins.example.com"), plain.named("plugins.example.com"), plain.named("other.example.com")
    client = opened(*names, lookup=lambda _, __: ["127.0.0.1"])
    for url in names:
        await get(client, url)
    assert server.asked[0].headers["authorization"] == "Basic YWRhOnNlY3JldA=="
    assert all("authorization" not in request.headers for request in plain.asked)


async def test_a_netrc_that_cannot_be_read_is_none(serve: Serve, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    server = await serve(reply(b"a"))
    assert await get(opened(server.url), server.url) == b"a"


async def test_a_proxy_is_used_for_the_schemes_that_name_one(serve: Serve, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, server = await serve(reply(b"by proxy")), await serve(reply(b"straight"))
    monkeypatch.setenv("HTTP_PROXY", f"http://ada:secret@127.0.0.1:{proxy.port}")
    monkeypatch.setenv("NO_PROXY", "direct.example.com,127.0.0.1")

    def lookup(host: str, _: int) -> Sequence[str]:
        assert host != "far.example.com", "the proxy looks names up"
        return ["127.0.0.1"]

    client = opened("http://far.example.com", server.named("direct.example.com"), server.url, lookup=lookup)
    assert await get(client, "http://far.example.com/a") == b"by proxy"
    assert proxy.asked[0].target == "http://far.example.com/a"
    assert await get(client, server.named("direct.example.com")) == b"straight"
    assert await get(client, server.url) == b"straight"
    with pytest.raises(OriginNotAllowed):
        await client.get("http://unknown.example.com/", cap=CAP, deadline=PATIENCE)


async def test_beside_a_proxy_for_another_scheme_addresses_are_still_checked(
    serve: Serve, opened: Open, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    server = await serve(reply(b"inside"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{unused_tcp_port}")
    monkeypatch.setenv("NO_PROXY", "bypassed.example.com")
    rules = Rules([OriginRule(url=server.named("plain.example.com")), OriginRule(url="https://bypassed.example.com")])
    client = opened(rules=rules, lookup=lambda _, __: ["127.0.0.1"])
    for url in (server.named("plain.example.com"), "https://bypassed.example.com/"):
        with pytest.raises(AddressNotAllowed):
            await client.get(url, cap=CAP, deadline=PATIENCE)
    assert server.connections == 0


async def test_a_proxys_refusal_tells_no_password(serve: Serve, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = await serve(reply(status=407))
    monkeypatch.setenv("ALL_PROXY", f"http://ada:secret@127.0.0.1:{proxy.port}")
    with pytest.raises(FetchFailed) as caught:
        await opened("https://far.example.com").get("https://far.example.com/", cap=CAP, deadline=PATIENCE)
    assert "secret" not in caught.value.detail
    assert proxy.asked[0].method == "CONNECT"


@pytest.mark.parametrize(
    "answer",
    [
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"),
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal"),
        raw(b"nonsense\r\n\r\n"),
        raw(),
    ],
    ids=["short", "chunk", "nonsense", "nothing"],
)
async def test_a_broken_answer_is_no_answer(serve: Serve, opened: Open, answer: object) -> None:
    server = await serve(answer)
    with pytest.raises(FetchFailed):
        await opened(server.url).get(server.url, cap=CAP, deadline=PATIENCE)


async def test_a_caller_that_goes_away_closes_its_connection(serve: Serve, opened: Open) -> None:
    server = await serve(in_turn(dripping(), reply(b"next")))
    client = opened(server.url)
    asking = asyncio.create_task(client.get(server.url, cap=CAP, deadline=PATIENCE))
    async with asyncio.timeout(PATIENCE):
        while not server.asked:
            await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await get(client, server.url) == b"next"
    assert server.connections == 2
