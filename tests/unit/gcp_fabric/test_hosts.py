"""What a host is made of: users, disks, names, answers of the resolver."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.lab.gcp.backend import Resource
from tests.lab.gcp.fabric import kernel, names
from tests.lab.gcp.fabric.apply import obstacle
from tests.lab.gcp.fabric.disks import attached, file_name
from tests.lab.gcp.fabric.hosts import user_script, users
from tests.lab.gcp.fabric.overlay import Overlay
from tests.lab.gcp.fabric.resolver import question, reply
from tests.lab.gcp.fabric.resolvers import Resolvers
from tests.unit.gcp_fabric.world import Books, network


def metadata(**values: str):
    return {"items": [{"key": key.replace("_", "-"), "value": one} for key, one in values.items()]}


def test_users_come_from_instance_and_project():
    own = metadata(ssh_keys="ops:ssh-ed25519 A me\nalice:ssh-ed25519 B")
    common = metadata(ssh_keys="ops:ssh-ed25519 C\n\nnonsense")
    assert users(own, common) == {
        "ops": ["ssh-ed25519 A me", "ssh-ed25519 C"],
        "alice": ["ssh-ed25519 B"],
    }
    blocking = {"items": [*own["items"], *metadata(block_project_ssh_keys="TRUE")["items"]]}
    assert users(blocking, common)["ops"] == ["ssh-ed25519 A me"]


def test_a_key_cannot_smuggle_a_command_in():
    script = user_script({"ops": ["ssh-ed25519 A'; touch /tmp/x '"]})
    assert "'ssh-ed25519 A'\"'\"'; touch /tmp/x '\"'\"''" in script


def test_data_disks_have_their_names():
    disks: list[dict[str, Any]] = [
        {"boot": True, "source": "projects/p/zones/z/disks/boot"},
        {"source": "https://x/projects/p/zones/z/disks/one", "deviceName": "data"},
        {"source": "projects/p/zones/z/disks/two"},
    ]
    assert attached({"disks": disks}) == {
        "google-data": "https://x/projects/p/zones/z/disks/one",
        "google-persistent-disk-2": "projects/p/zones/z/disks/two",
    }
    assert file_name(disks[1]["source"]) == "p.zones.z.disks.one.img"


def test_hardware_addresses_say_the_address():
    assert names.mac("10.20.0.2") == "42:01:0a:14:00:02"
    assert names.address("42:01:0a:14:00:02") == "10.20.0.2"


def test_the_books_are_seen_as_they_will_be():
    books = Books()
    before = network(books)
    after = type(before)(*_fields(before, {**before.body, "mtu": 1500}))
    overlay = Overlay(books)
    overlay.changed(before, after)
    assert _mtu(overlay) == 1500
    # The books follow, and what they have counts again.
    books.held[names.key(before.link)] = type(before)(*_fields(before, {"mtu": 1600}))
    assert _mtu(overlay) == 1600
    overlay.going(before)
    assert overlay.get(before.link) is None
    assert overlay.list("compute.networks") == []
    overlay.stays(before)
    assert _mtu(overlay) == 1600


def _fields(one, body):
    return one.type, one.project, one.location, one.name, body, one.link


def _mtu(overlay: Overlay):
    (found,) = overlay.list("compute.networks")
    return found.body["mtu"]


def test_a_question_is_read_and_answered():
    asked = b"\x12\x34\x01\x00\x00\x01" + bytes(6) + b"\x02db\x01c\x00\x00\x01\x00\x01"
    name, kind, end = question(asked)
    assert (name, kind, end) == ("db.c", 1, len(asked))
    answer = reply(asked, end, ["10.20.0.2"])
    assert answer[:2] == b"\x12\x34"
    assert answer[6:8] == b"\x00\x01"
    assert answer.endswith(socket.inet_aton("10.20.0.2"))
    assert reply(asked, end, [])[6:8] == b"\x00\x00"


@pytest.mark.parametrize(
    "route, add, remove",
    [
        (
            "500 10.0.0.2 via 10.0.0.2 dev v1",
            "route replace 10.0.0.2 table 500 via 10.0.0.2 dev v1 onlink",
            "route del 10.0.0.2 table 500",
        ),
        (
            "7 default via 1.1.1.1 dev a via 2.2.2.2 dev b",
            "route replace default table 7 nexthop via 1.1.1.1 dev a onlink nexthop via 2.2.2.2 dev b onlink",
            "route del default table 7",
        ),
        (
            "7 blackhole 10.0.0.0/8",
            "route replace blackhole 10.0.0.0/8 table 7",
            "route del blackhole 10.0.0.0/8 table 7",
        ),
    ],
)
def test_routes_as_commands(route, add, remove):
    assert kernel._command("replace", route) == add
    assert kernel._command("del", route) == remove


@pytest.mark.parametrize(
    "taken, other",
    [
        ({"default": "eth0", "192.0.2.0/24": "eth0"}, ""),
        ({"10.20.0.0/24": "mine"}, ""),
        ({"10.20.0.0/16": "theirs"}, "theirs"),
        ({"10.20.0.7": "theirs"}, "theirs"),
    ],
)
def test_another_lab_s_addresses_are_left_to_it(taken, other):
    assert obstacle("10.20.0.0/24", "mine", taken) == other


def test_private_zones_are_seen_where_they_are_visible():
    books = Books()
    own = network(books).link
    zone = "projects/demo/managedZones/inside"
    shown = {"networks": [{"networkUrl": own}]}
    described = {
        "dnsName": "db.test.",
        "visibility": "private",
        "privateVisibilityConfig": shown,
    }
    record = {"name": "a.db.test.", "type": "A", "rrdatas": ["10.20.0.9"]}
    for kind, link, body in (
        ("dns.managedZones", zone, described),
        ("dns.resourceRecordSets", f"{zone}/rrsets/a.db.test./A", record),
    ):
        books.held[link] = Resource(kind, "demo", "global", link.rpartition("/")[2], body, link)
    resolvers = Resolvers(Overlay(books))
    assert resolvers._look(names.key(own), "a.db.test", "A") == ["10.20.0.9"]
    assert resolvers._look(names.key(own), "b.db.test", "A") == []
    # Elsewhere, and for other names, the machine's resolver is asked.
    assert resolvers._look("projects/demo/global/networks/other", "a.db.test", "A") is None
    assert resolvers._look(names.key(own), "example.test", "A") is None
