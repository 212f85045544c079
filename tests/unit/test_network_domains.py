"""Which hosts the domains of a task let through, however they are written."""

import pytest

from shared.network.domains import Domains, host_and_port, plain_host

DOMAINS = Domains(
    ["Example.org", ".wild.example", "bücher.example", "192.0.2.7", "2001:db8::7", "[2001:db8::8]"]
)


@pytest.mark.parametrize(
    "host",
    [
        *("example.org", "EXAMPLE.ORG", "example.org."),
        *("wild.example", "a.wild.example", "a.b.WILD.example.", "a_b.wild.example"),
        *("bücher.example", "BÜCHER.example", "xn--bcher-kva.example", "bücher。example"),
        *("192.0.2.7", "2001:db8::7", "[2001:DB8:0::7]", "2001:db8::8"),
    ],
)
def test_a_domain_is_allowed_however_it_is_written(host: str) -> None:
    assert DOMAINS.refusal(plain_host(host), 443) is None
    assert DOMAINS.refusal(plain_host(host), 80) is None
    assert "port 22 is not allowed" in str(DOMAINS.refusal(plain_host(host), 22))


@pytest.mark.parametrize(
    "host",
    [
        *("www.example.org", "example.com", "notexample.org", "example.org.evil.com", "org"),
        *("notwild.example", "wild.example.com", "example", "192.0.2.8", "7.192.0.2.example"),
        *("2001:db8::9", "::ffff:192.0.2.7", "127.0.0.1", "::1", "localhost"),
    ],
)
def test_any_other_host_is_refused(host: str) -> None:
    assert "is not among the domains" in str(DOMAINS.refusal(plain_host(host), 443))


@pytest.mark.parametrize(
    "host",
    [
        *("", ".", "..", "a..b", ".example.org", "example.org..", "exa mple.org", "exam\0ple.org"),
        *("127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "1.2.3.4.5", "1.2.3"),
        *("[192.0.2.7]", "fe80::1%eth0", "[::1", "::1]", "a/b", "a@b", "a\\b", "-a.org", "a-.org"),
        *("*.example.org", "a" * 64 + ".org", "a." * 130 + "org", "example.org%2eevil.com"),
    ],
)
def test_what_is_neither_name_nor_address_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="is neither a domain nor an IP address"):
        plain_host(host)
    with pytest.raises(ValueError, match="is neither a domain nor an IP address"):
        Domains([f".{host}"])


@pytest.mark.parametrize(
    ("authority", "expected"),
    [
        ("Example.org.:443", ("example.org", 443)),
        ("[2001:DB8::7]:80", ("2001:db8::7", 80)),
        ("192.0.2.7", ("192.0.2.7", 8)),
    ],
)
def test_an_authority_is_a_host_and_a_port(authority: str, expected: tuple[str, int]) -> None:
    assert host_and_port(authority, 8) == expected


@pytest.mark.parametrize(
    "authority",
    [
        *("example.org@evil.com", "u:p@example.org:80", "example.org:80:81", "::1:80", ":80"),
        *("example.org:", "example.org:http", "example.org:999999", "example.org:-1", "a:８0"),
    ],
)
def test_any_other_authority_is_refused(authority: str) -> None:
    with pytest.raises(ValueError, match=r"is not a host and a port|is neither a domain"):
        host_and_port(authority, 80)
