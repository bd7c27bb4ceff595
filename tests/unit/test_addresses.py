"""Which addresses a webhook may be sent to."""

from __future__ import annotations

from shared.rules.addresses import is_loopback, is_public
from tests.rows import each_row


@each_row(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.169.0.0",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2001:4860:4860::8888",
        "2a00:1450:4001::1",
    ],
)
def test_unicast_addresses_of_the_internet_are_sent_to(address: str) -> None:
    assert is_public(address)
    assert not is_loopback(address)


@each_row(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - which Linux takes as this machine
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:a9fe:a9fe",
        "::ffff:0:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b::8.8.8.8",
        "64:ff9b:1::a00:1",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "localhost",
        "",
        "127.1",
        "0x7f000001",
        "017700000001",
        "2130706433",
    ],
)
def test_every_other_address_is_refused(address: str) -> None:
    assert not is_public(address)


@each_row(
    ("address", "own"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True)]
    + [(one, False) for one in ("::ffff:127.0.0.1", "0.0.0.0", "::", "10.0.0.1", "localhost", "")],  # noqa: S104
)
def test_this_machine_is_known_by_its_own_addresses_only(address: str, own: bool) -> None:  # noqa: FBT001
    assert is_loopback(address) is own
