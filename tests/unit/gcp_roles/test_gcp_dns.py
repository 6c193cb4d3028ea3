"""Role gcp_dns: records by region, what a switch changes, and the server that the emulator answers names with."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.flags
import dns.message
import dns.rcode
import pytest
import yaml
from ansible_collections.groundwork.platform.plugins.module_utils.gcp_environment.dns import (
    dns_problems,
    moved,
    records_of,
    switch_lines,
)

from tests.lab.gcp.dns_server import DnsServer, Record, Zone
from tests.unit.gcp_roles.roles import ROOT, Refused, declare, environment, of

ZONES = {"airpay": {"domain": "airpay.com."}}
API: dict[str, Any] = {
    "zone": "airpay",
    "name": "api",
    "ttl": 60,
    "targets": {"main": ["192.0.2.1"], "failover": ["192.0.2.2"]},
}
REGIONS = ("main", "failover")


def test_records_go_with_the_region() -> None:
    both = [API, {"zone": "airpay", "name": "@", "type": "TXT", "values": ['"v=spf1 -all"']}]
    there = records_of(both, ZONES, "failover")
    assert [(each["name"], each["values"], each["switched"]) for each in there] == [
        ("api.airpay.com.", ["192.0.2.2"], True),
        ("airpay.com.", ['"v=spf1 -all"'], False),
    ]
    assert (there[1]["ttl"], there[0]["type"]) == (300, "A")


@pytest.mark.parametrize(
    "change, active, said",
    [
        ({}, "main", ""),
        ({}, "mian", "unknown_region: gcp_dns_active_region: 'mian'"),
        ({"zone": "airpya"}, "main", "there is no zone 'airpya'"),
        ({"ttl": 3600}, "main", "ttl_too_long: gcp_dns_records: api A: caches would keep the old answer for 3600 s"),
        ({"targets": {"main": ["192.0.2.1"]}}, "main", "target_missing: gcp_dns_records: api A: nothing"),
        ({"targets": None}, "main", "bad_record: gcp_dns_records: api A: give either values"),
        ({"values": ["192.0.2.1"]}, "main", "bad_record"),
    ],
)  # fmt: skip
def test_records_that_cannot_be_switched(change: dict[str, Any], active: str, said: str) -> None:
    found = dns_problems([API | change], ZONES, REGIONS, active, 300)
    assert len(found) == bool(said), found
    assert said in "".join(found)


def test_a_record_is_there_once() -> None:
    again = {"zone": "airpay", "name": "api.airpay.com.", "values": ["192.0.2.9"]}
    assert "twice" in dns_problems([API, again], ZONES, REGIONS, "main", 300)[0]


def plan(action: str, *fields: str) -> list[dict[str, Any]]:
    changes = [
        {"field": field, "before": ["192.0.2.1"], "after": ["192.0.2.2"]} for field in fields
    ]
    key = "dns.resourceRecordSets/airpay/api.airpay.com./A"
    return [{"key": key, "type": "dns.resourceRecordSets", "action": action, "changes": changes}]


@pytest.mark.parametrize(
    "main, failover, said",
    [
        (plan("unchanged"), plan("update", "rrdatas"), 0),
        (plan("update", "rrdatas"), plan("unchanged"), 1),
        (plan("update", "rrdatas[0]", "ttl"), plan("update", "ttl"), 1),
        # The same target for both, set by hand, or not there yet: nobody has switched.
        (plan("unchanged"), plan("unchanged"), 0),
        (plan("update", "ttl"), plan("update", "ttl"), 0),
        (plan("update", "rrdatas"), plan("update", "rrdatas"), 0),
        (plan("create"), plan("create"), 0),
        ([], [], 0),
    ],
)
def test_what_was_switched_is_seen(main: Any, failover: Any, said: int) -> None:
    found = moved({"main": main, "failover": failover}, "main")
    assert len(found) == said
    assert all("points to failover" in each for each in found)


def test_a_switch_is_told_before_it_is_made() -> None:
    assert switch_lines(plan("update", "rrdatas", "ttl"), "failover", 60) == [
        "To failover. Caches may keep the old answers for 60 s.",
        "  api.airpay.com. A: 192.0.2.1 -> 192.0.2.2",
    ]
    assert "points to failover already" in switch_lines(plan("unchanged"), "failover", 60)[1]


def test_staging_points_to_its_active_region() -> None:
    records = of(environment("staging"), "dns.resourceRecordSets")
    assert records["api.staging.airpay.com."]["body"]["rrdatas"][0]["name"] == "edge-main"
    switched = of(
        declare("staging", ["gcp_dns"], {"gcp_dns_active_region": "failover"}),
        "dns.resourceRecordSets",
    )
    assert switched["api.staging.airpay.com."]["body"]["rrdatas"][0]["name"] == "edge-failover"
    same = {name for name in records if records[name] == switched[name]}
    assert same == set(records) - {"api.staging.airpay.com."}


JUDGED = """
- hosts: localhost
  gather_facts: false
  vars_files: [{role}/vars/main.yml]
  tasks:
    - ansible.builtin.debug: {{msg: "failed: {{{{ ({expression}) | bool }}}}"}}
      loop: "{{{{ looks }}}}"
      vars: {{_gcp_dns_looks: "{{{{ item }}}}", gcp_project: new}}
"""


@pytest.mark.parametrize("create, failed", [(False, [0, 0, 1, 1, 1]), (True, [0, 0, 0, 1, 1])])
def test_a_zone_of_a_bare_project_points_nowhere(
    create: bool, failed: list[int], tmp_path: Path
) -> None:
    """What keeps a zone from being read that is to be made is no reason to refuse an environment."""
    role = ROOT / "roles/gcp_dns"
    (task,) = yaml.safe_load((role / "tasks/look.yml").read_text("utf-8"))
    book = tmp_path / "book.yml"
    book.write_text(JUDGED.format(role=role, expression=task["failed_when"]), "utf-8")
    refused = {"failed": True, "reason": "service_disabled"}
    looks = [
        {**refused, "problems": [{"reason": "service_disabled"}, {"reason": "unknown_reference"}]},
        {"failed": False},
        {**refused, "reason": "permission_denied"},
        {**refused, "problems": [{"reason": "service_disabled"}, {"reason": "wrong_type"}]},
        {"failed": True},
    ]
    given = json.dumps({"looks": looks, "gcp_projects": {"new": {"create": create}}})
    command = ["ansible-playbook", "-i", "localhost,", "-e", given, str(book)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"failed: (True|False)", done.stdout) == [str(bool(each)) for each in failed]


def test_a_ttl_that_is_too_long_for_a_switch_is_refused() -> None:
    with pytest.raises(Refused, match="ttl_too_long"):
        declare("staging", ["gcp_dns"], {"gcp_dns_longest_ttl": 30})


SERVED = (
    Zone(
        "airpay.com.",
        (
            Record("api.airpay.com.", "A", 60, ("192.0.2.1", "192.0.2.2")),
            Record("www.airpay.com.", "CNAME", 60, ("api.airpay.com.",)),
            Record("elsewhere.airpay.com.", "CNAME", 60, ("example.org.",)),
            Record("*.shop.airpay.com.", "A", 60, ("192.0.2.3",)),
            Record("a.b.airpay.com.", "TXT", 60, tuple(f'"{"x" * 200}{n}"' for n in range(20))),
            Record("loop.airpay.com.", "CNAME", 60, ("loop.airpay.com.",)),
        ),
    ),
    Zone("staging.airpay.com.", (Record("api.staging.airpay.com.", "A", 60, ("192.0.2.9",)),)),
)


async def ask(port: int, name: str, kind: str, tcp: bool = False) -> dns.message.Message:
    query = dns.message.make_query(name, kind)
    send = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
    return await send(query, "127.0.0.1", port=port, timeout=10)


def serving(work: Callable[[DnsServer], Awaitable[None]], zones: list[Zone] | None = None) -> None:
    async def run() -> None:
        server = DnsServer(lambda: SERVED if zones is None else zones)
        await server.start()
        try:
            await work(server)
        finally:
            await server.stop()

    asyncio.run(run())


@pytest.mark.parametrize(
    "name, kind, rcode, values",
    [
        ("api.airpay.com", "A", "NOERROR", ["192.0.2.1", "192.0.2.2"]),
        ("API.airpay.com", "A", "NOERROR", ["192.0.2.1", "192.0.2.2"]),
        ("www.airpay.com", "A", "NOERROR", ["192.0.2.1", "192.0.2.2", "api.airpay.com."]),
        ("elsewhere.airpay.com", "A", "NOERROR", ["example.org."]),
        ("one.shop.airpay.com", "A", "NOERROR", ["192.0.2.3"]),
        ("api.airpay.com", "AAAA", "NOERROR", []),
        ("b.airpay.com", "A", "NOERROR", []),
        ("nowhere.airpay.com", "A", "NXDOMAIN", []),
        ("api.staging.airpay.com", "A", "NOERROR", ["192.0.2.9"]),
        ("airpay.com", "NS", "NOERROR", ["ns.emulator.invalid."]),
        ("example.org", "A", "REFUSED", []),
        ("loop.airpay.com", "A", "NOERROR", ["loop.airpay.com."] * 8),
    ],
)
def test_the_server_answers_as_the_owner_of_its_zones(
    name: str, kind: str, rcode: str, values: list[str]
) -> None:
    async def work(server: DnsServer) -> None:
        for tcp in (False, True):
            told = await ask(server.port, name, kind, tcp)
            assert dns.rcode.to_text(told.rcode()) == rcode
            found = [record.to_text() for rrset in told.answer for record in rrset]
            assert sorted(set(found)) == sorted(set(values))
            assert bool(told.flags & dns.flags.AA) == (rcode != "REFUSED")
            if not values and rcode != "REFUSED":
                assert told.authority[0].rdtype == dns.rdatatype.SOA

    serving(work)


def test_what_is_too_long_for_udp_is_told_by_tcp() -> None:
    async def work(server: DnsServer) -> None:
        cut = await ask(server.port, "a.b.airpay.com", "TXT")
        assert cut.flags & dns.flags.TC
        whole = await ask(server.port, "a.b.airpay.com", "TXT", tcp=True)
        assert len(whole.answer[0]) == 20

    serving(work)


def test_a_change_is_answered_at_once_and_rubbish_not_at_all() -> None:
    zones = [Zone("airpay.com.", (Record("api.airpay.com.", "A", 60, ("192.0.2.1",)),))]

    async def work(server: DnsServer) -> None:
        assert (await ask(server.port, "api.airpay.com", "A")).answer[0][0].address == "192.0.2.1"
        zones[0] = Zone("airpay.com.", (Record("api.airpay.com.", "A", 60, ("192.0.2.2",)),))
        _reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"\x00\x03abc")
        await writer.drain()
        writer.close()
        assert (await ask(server.port, "api.airpay.com", "A")).answer[0][0].address == "192.0.2.2"

    serving(work, zones)
