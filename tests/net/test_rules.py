"""Origins and addresses: who may be asked, and where that may lead."""

from __future__ import annotations

import ipaddress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plughost.errors import AddressNotAllowed, OriginNotAllowed
from plughost.net.rules import Origin, OriginRule, Rules, own_origin, shown

labels = st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True)
names = st.lists(labels, min_size=1, max_size=4).map(".".join)
addresses = st.one_of(st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(lambda address: f"[{address}]"))
ports = st.integers(1, 65535)


@given(scheme=st.sampled_from(["http", "https"]), host=names | addresses, port=st.none() | ports, path=st.sampled_from(["", "/", "/a?b#c"]))
def test_an_origin_is_scheme_host_and_port_and_survives_being_written(scheme: str, host: str, port: int | None, path: str) -> None:
    origin = Origin.of(f"{scheme}://{host}" + (f":{port}" if port else "") + path)
    assert (origin.scheme, origin.host) == (scheme, host.strip("[]"))
    assert origin.port == (port or {"http": 80, "https": 443}[scheme])
    assert Origin.of(str(origin)) == origin


@given(st.text() | st.text(alphabet="htps:/@[]%\\.0123456789abx\t\n #?&").map(lambda text: f"https://{text}"))
def test_any_text_is_an_origin_that_a_client_would_ask_or_is_refused(text: str) -> None:
    try:
        origin = Origin.of(text)
    except OriginNotAllowed:
        return
    asked = httpx.URL(text)
    assert (origin.scheme, origin.host) == (asked.scheme, asked.raw_host.decode())
    assert not asked.userinfo
    assert Origin.of(str(origin)) == origin


@pytest.mark.parametrize(
    "url",
    [
        *("https://127.1/", "https://0x7f000001/", "https://2130706433/", "https://0177.0.0.1/", "https://127.0.0.1./", "https://1/"),
        *("https://0x7f.0.0.1/", "https://127.0.0.01/", "https://[0:0:0:0:0:0:0:1]/", "https://[::1%25lo]/", "https://[fe80::1%lo]/"),
        *("https://user@example.com/", "https://user:secret@example.com/", "https://:@example.com/", "https://@example.com/"),
        *(
            "https://EXAMPLE.com/",
            "https://example.com./",
            "https://ex\u00e4mple.com/",
            "https://\u2460.example.com/",
            "https://example\u3002com/",
        ),
        *("https://ex%61mple.com/", "https://example.com\\@127.0.0.1/", "https://127.0.0.1\\.example.com/", "https://exam ple.com/"),
        *(
            "ftp://example.com/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "//example.com/",
            "/files/a.whl",
            "",
            "https://",
            "https:///a",
        ),
        *("https://example.com:0/", "https://example.com:99999/", "https://example.com:x/", "https://exa\tmple.com/", "https://-a.com/"),
    ],
)
def test_what_could_mean_something_else_is_no_origin(url: str) -> None:
    with pytest.raises(OriginNotAllowed):
        Origin.of(url)


def test_a_host_is_written_in_full_and_an_own_name_may_be_international() -> None:
    assert Origin.of("https://xn--exmple-cua.com/a").host == "xn--exmple-cua.com"
    assert str(Origin.of("http://[::1]:8100/a")) == "http://[::1]:8100"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://ada:secret@example.com/a/@b?key=secret#sha256=00", "https://example.com/a/@b"),
        ("https://ada:sec/ret@example.com/a", "https://example.com/a"),
        ("https://example.com:x/ret@a", "https://a"),
        ("a.whl?key=secret", "a.whl"),
        ("", ""),
    ],
)
def test_messages_show_no_secret(url: str, said: str) -> None:
    assert shown(url) == said
    with pytest.raises(OriginNotAllowed) as caught:
        Rules().check(url)
    assert "secret" not in caught.value.detail
    assert "ret@" not in caught.value.detail


def test_a_rule_allows_its_origin_and_no_other() -> None:
    rules = Rules([OriginRule(url="https://plugins.example.com/some/where", require=())])
    assert rules.check("https://plugins.example.com/files/a.whl").require == ()
    for other in (
        "http://plugins.example.com/",
        "https://plugins.example.com:8443/",
        "https://example.com/",
        "https://a.plugins.example.com/",
    ):
        with pytest.raises(OriginNotAllowed, match="no trust rule names the origin"):
            rules.check(other)


def test_a_rule_speaks_for_the_plugins_that_its_globs_name() -> None:
    acme = OriginRule(url="https://example.com", names=("acme-*", "chat"), isolation="process")
    anyone = OriginRule(url="https://example.com", isolation="scope")
    assert Rules([acme, anyone]).check("https://example.com/", "acme-x") == acme
    assert Rules([acme, anyone]).check("https://example.com/", "other") == anyone
    assert Rules([acme]).check("https://example.com/") == acme
    with pytest.raises(OriginNotAllowed, match="for other"):
        Rules([acme]).check("https://example.com/", "other")


def test_any_public_https_origin_may_be_allowed_for_bytes_that_a_lock_pins() -> None:
    pinned = Rules([own_origin("http://127.0.0.1:1")]).plus([], any_public=True)
    assert pinned.check("https://anywhere.example.com/").private is False
    assert pinned.check("http://127.0.0.1:1/").private is True
    with pytest.raises(OriginNotAllowed):
        pinned.check("http://anywhere.example.com/")
    with pytest.raises(AddressNotAllowed):
        pinned.admit("anywhere.example.com", 443, "10.0.0.1")


NOT_PUBLIC = [
    *(
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "192.0.2.1",
    ),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fec0::1", "fd00::1", "ff02::1", "2001:db8::1", "::7f00:1"),
    *(
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "2002:c0a8:101::",
    ),
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_a_name_may_not_lead_inside(address: str) -> None:
    rules = Rules([OriginRule(url="https://example.com")])
    with pytest.raises(AddressNotAllowed) as caught:
        rules.admit("example.com", 443, address)
    assert (caught.value.host, caught.value.address) == ("example.com", address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:4700::1111", "::ffff:93.184.216.34", "64:ff9b::5db8:d822", "2002:5db8:d822::1"])
def test_a_name_may_lead_to_a_public_address(address: str) -> None:
    Rules([OriginRule(url="https://example.com")]).admit("example.com", 443, address)


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_private_addresses_are_for_the_origin_whose_rule_says_so(address: str) -> None:
    rules = Rules([OriginRule(url="https://inside.example.com", private=True)])
    rules.admit("inside.example.com", 443, address)
    for host, port in (("inside.example.com", 8443), ("example.com", 443)):
        with pytest.raises(AddressNotAllowed):
            rules.admit(host, port, address)


def test_a_rule_that_names_an_address_means_it() -> None:
    rules = Rules([OriginRule(url="http://127.0.0.1:8100"), OriginRule(url="https://[fd00::1]")])
    rules.admit("127.0.0.1", 8100, "127.0.0.1")
    rules.admit("fd00::1", 443, "fd00::1")
    with pytest.raises(AddressNotAllowed):
        rules.admit("127.0.0.1", 8100, "127.0.0.2")


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_is_judged_as_it_is(inner: ipaddress.IPv4Address) -> None:
    def admitted(address: object) -> bool:
        try:
            Rules().admit("example.com", 443, str(address))
        except AddressNotAllowed:
            return False
        return True

    number = int(inner)
    nat64 = ipaddress.IPv6Address((0x64FF9B << 96) | number)
    sixtofour = ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1)
    mapped = ipaddress.IPv6Address((0xFFFF << 32) | number)
    assert admitted(nat64) == admitted(sixtofour) == admitted(mapped) == admitted(inner)


def test_a_sources_own_origin_is_trusted_as_it_was_typed() -> None:
    rule = own_origin("http://localhost:8100/base/")
    assert (rule.url, rule.private, rule.names) == ("http://localhost:8100", True, ("*",))
    with pytest.raises(OriginNotAllowed):
        own_origin("http://user:secret@localhost:8100/")
