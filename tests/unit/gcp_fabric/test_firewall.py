"""Firewall rules as nft rules: order, whom they hold for, whom they let in."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from tests.lab.gcp.fabric import reading
from tests.lab.gcp.fabric.firewall import collapsed, firewall, port_ranges
from tests.lab.gcp.fabric.model import Network
from tests.unit.gcp_fabric.world import Books, instance, network, subnet
from tests.unit.gcp_fabric.world import firewall as rule

TCP_443 = [{"IPProtocol": "tcp", "ports": ["443"]}]
ALL = [{"IPProtocol": "all"}]


@pytest.fixture
def books() -> Books:
    made = Books()
    network(made)
    subnet(made, "main", "10.20.0.0/24")
    instance(made, "web", "10.20.0.2", tags=("web",))
    instance(made, "db", "10.20.0.3", serviceAccounts=[{"email": "db@demo"}])
    return made


def read(books: Books) -> Network:
    """The network, with all its hosts alive."""
    lives = {key: 1 for key in books.held if "/instances/" in key}
    (found,) = reading.networks(books, lives)
    return found


def chains(books: Books) -> dict[str, list[str]]:
    """Lines by chain, with names of instances for those of interfaces."""
    read_network = read(books)
    text = "\n".join(firewall(read_network))
    for port in read_network.ports:
        text = text.replace(port.link, port.instance.name)
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("  chain"):
            found[line.split()[1]] = current = []
        elif line != "  }":
            current.append(line.strip())
    return found


def test_without_rules_nothing_comes_in_and_all_may_go_out(books):
    assert chains(books) == {"egress": [], "ingress": ['oifname { "web", "db" } drop']}


def test_a_lower_number_comes_first_and_a_denial_before_an_allowance(books):
    rule(books, "a", priority=900, allowed=ALL)
    rule(books, "b", priority=900, denied=TCP_443)
    rule(books, "c", priority=100, allowed=[{"IPProtocol": "icmp"}])
    who = 'oifname { "web", "db" }'
    assert chains(books)["ingress"] == [
        f"{who} meta l4proto icmp return",
        f"{who} tcp dport {{ 443 }} drop",
        f"{who} return",
        f"{who} drop",
    ]


def test_targets_by_tag_and_by_account(books):
    rule(books, "tag", targetTags=["web"], allowed=ALL)
    rule(books, "account", targetServiceAccounts=["db@demo"], allowed=ALL)
    rule(books, "nobody", targetTags=["else"], allowed=ALL)
    assert chains(books)["ingress"][:-1] == [
        'oifname { "db" } return',
        'oifname { "web" } return',
    ]


def test_sources_are_ranges_or_who_bears_a_tag(books):
    rule(books, "both", sourceRanges=["10.9.0.0/16"], sourceTags=["web"], allowed=TCP_443)
    (line, _) = chains(books)["ingress"]
    assert "ip saddr { 10.9.0.0/16, 10.20.0.2/32 } tcp dport { 443 } return" in line


def test_a_tag_that_nobody_bears_lets_nobody_in(books):
    rule(books, "nobody", sourceTags=["else"], allowed=ALL)
    assert len(chains(books)["ingress"]) == 1


def test_a_disabled_rule_does_nothing(books):
    rule(books, "off", disabled=True, allowed=ALL)
    assert len(chains(books)["ingress"]) == 1


def test_egress_is_of_the_sender(books):
    rule(
        books,
        "out",
        direction="EGRESS",
        targetTags=["web"],
        destinationRanges=["10.20.0.3/32"],
        denied=[{"IPProtocol": "udp", "ports": ["53", "100-200"]}],
    )
    assert chains(books)["egress"] == [
        'iifname { "web" } ip daddr { 10.20.0.3/32 } udp dport { 53, 100-200 } drop'
    ]


def test_a_host_that_is_dead_has_no_rules(books):
    (found,) = reading.networks(books, {})
    assert firewall(found) == ["  chain egress {", "  }", "  chain ingress {", "  }"]


def test_ports_that_overlap_are_one_range():
    assert port_ranges(["90", "80-85", "86", "84-88", "443"]) == ["80-88", "90", "443"]


def test_ranges_within_others_are_left_out():
    ranges = [IPv4Network(one) for one in ("10.0.0.0/8", "10.2.0.0/16", "1.2.3.4/32", "10.0.0.0/8")]
    assert list(map(str, collapsed(ranges))) == ["1.2.3.4/32", "10.0.0.0/8"]
