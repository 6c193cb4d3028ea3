"""What the fabric promises, seen by real packets and disks on hosts of the lab."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.integration.gcp_fabric import Ground, until
from tests.lab.gcp.fabric import names
from tests.lab.gcp.fabric.plan import TUNNEL
from tests.lab.gcp.fabric.way import way
from tests.unit.gcp_fabric.world import (
    REGION,
    Books,
    balancer,
    firewall,
    instance,
    link,
    network,
    subnet,
)

pytestmark = [pytest.mark.lab, pytest.mark.slow]
ZONE = f"{REGION}-a"
FAR = "asia-southeast2"
PARTNER = "203.0.113.200"
ALL = [{"IPProtocol": "all"}]
CHECK = {
    "type": "HTTP",
    "httpHealthCheck": {"port": 8080},
    "checkIntervalSec": 1,
    "timeoutSec": 1,
    "healthyThreshold": 2,
    "unhealthyThreshold": 2,
}
#: Answers with the address of who asks.
WHO = """
cat > /usr/local/sbin/who <<'end'
import http.server, sys
class Who(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        said = (self.client_address[0] + ' ' + self.server.server_name).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(said)))
        self.end_headers()
        self.wfile.write(said)
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer(('', int(sys.argv[1])), Who).serve_forever()
end
systemd-run --quiet --unit who-{port} python3 /usr/local/sbin/who {port}
"""
#: Opens connections one after the other for some seconds: time, and what came of each.
ASK = """
cat > /tmp/ask <<'end'
import socket, time
end = time.time() + {seconds}
while time.time() < end:
    began, said = time.time(), 'none'
    try:
        with socket.create_connection(('{address}', {port}), 0.5) as made:
            made.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')
            said = made.makefile().read().split()[-2]
    except (OSError, IndexError):
        pass
    print(f'{{began}} {{said}}', flush=True)
    time.sleep(0.05)
end
python3 /tmp/ask
"""
#: Opens a dozen connections at once and uses them after seven seconds.
HOLD = f"""
cat > /tmp/hold <<'end'
import socket, time
held = [socket.create_connection(('{PARTNER}', 80)) for _ in range(12)]
time.sleep(7)
for one in held:
    one.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')
    print(one.makefile().read().split()[-2])
end
"""
#: Serves a folder by TLS, with a certificate that nobody signed.
TLS = """
mkdir -p /srv/web; touch /srv/web/up
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=x \\
  -keyout /tmp/key -out /tmp/crt 2>/dev/null
cat > /usr/local/sbin/tls <<'end'
import functools, http.server, ssl
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory='/srv/web')
server = http.server.ThreadingHTTPServer(('', 8443), handler)
trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
trust.load_cert_chain('/tmp/crt', '/tmp/key')
server.socket = trust.wrap_socket(server.socket, server_side=True)
server.serve_forever()
end
systemd-run --quiet --unit tls python3 /usr/local/sbin/tls
"""
SILENCE = """
nft add table inet drill
nft add chain inet drill in '{ type filter hook prerouting priority -400; policy drop; }'
nft add chain inet drill out '{ type filter hook output priority -400; policy drop; }'
"""
MASQUERADE = """
nft add table ip nat
nft add chain ip nat out '{ type nat hook postrouting priority srcnat; }'
nft add rule ip nat out oifname eth0 ip daddr != 10.0.0.0/8 masquerade
"""


def ask(address: str, port: int = 80, seconds: float = 0.4) -> str:
    return ASK.format(address=address, port=port, seconds=seconds)


def answers(said: str) -> list[tuple[float, str]]:
    """Time and answer of each attempt."""
    return [(float(line.split()[0]), line.split()[1]) for line in said.splitlines()]


def sources(said: str) -> set[str]:
    return {answer for _, answer in answers(said)}


def serve(ground: Ground, host: str, port: int) -> None:
    ground.run(host, WHO.replace("{port}", str(port)))
    until(lambda: ground.attempt(host, f"ss -ltn | grep -q ':{port} '")[0] == 0)


def internet(books: Books, name: str, **body: Any) -> Any:
    gateway = link("gateways", "default-internet-gateway")
    of = link("networks", "platform")
    return books.add("routes", name, network=of, nextHopGateway=gateway, **body)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """Two subnetworks with four hosts, two of which may forward, and a partner outside."""
    made = Ground("t-fabric", tmp_path_factory.mktemp("fabric"))
    books = made.books
    try:
        network(books)
        del books.held[names.key(link("routes", "platform-default"))]
        internet(books, "nat-out", destRange="0.0.0.0/0", priority=800, tags=["nat"])
        subnet(books, "main", "10.220.0.0/24")
        subnet(books, "other", "10.220.1.0/24")
        nat: dict[str, Any] = {"tags": ("nat",), "canIpForward": True}
        made.create(
            instance(books, "one", "10.220.0.2", tags=("one",)),
            instance(books, "two", "10.220.1.2", subnetwork="other"),
            instance(books, "nat-1", "10.220.0.4", external="203.0.113.11", **nat),
            instance(books, "nat-2", "10.220.0.5", external="203.0.113.12", **nat),
        )
        made.partner("partner", PARTNER)
        made.booted("one", "two", "nat-1", "nat-2", "partner")
        serve(made, "partner", 80)
        for host in ("one", "two", "nat-1", "nat-2"):
            serve(made, host, 8080)
        for host in ("nat-1", "nat-2"):
            made.run(host, MASQUERADE)
        yield made
    finally:
        made.close()


@pytest.fixture
def books(ground: Ground) -> Iterator[Books]:
    """The world, which is as before when the test has ended."""
    before = set(ground.books.held)
    yield ground.books
    for key in [key for key in reversed(ground.books.held) if key not in before]:
        ground.delete(ground.books.held[key])


def test_nothing_comes_in_that_no_rule_allows(ground, books):
    assert not ground.reaches("one", "10.220.0.4", 8080)
    assert not ground.reaches("one", "10.220.1.2", 8080)
    inside = firewall(books, "inside", sourceRanges=["10.220.0.0/16"], allowed=ALL)
    ground.create(inside)
    assert ground.reaches("one", "10.220.0.4", 8080)
    assert ground.reaches("one", "10.220.1.2", 8080)
    ports = [{"IPProtocol": "tcp", "ports": ["8080"]}]
    ground.create(firewall(books, "no", priority=10, sourceTags=["one"], denied=ports))
    # A neighbour in the same subnetwork is held off, too; others are not.
    assert not ground.reaches("one", "10.220.0.4", 8080)
    assert not ground.reaches("one", "10.220.1.2", 8080)
    assert ground.reaches("nat-1", "10.220.1.2", 8080)
    assert ground.reaches("one", "10.220.0.4", 22)


def test_what_goes_out_can_be_denied(ground, books):
    ground.create(firewall(books, "inside", sourceRanges=["10.220.0.0/16"], allowed=ALL))
    assert ground.reaches("one", "10.220.1.2", 8080)
    denied = firewall(
        books, "out", direction="EGRESS", destinationRanges=["10.220.1.0/24"], denied=ALL
    )
    ground.create(denied)
    assert not ground.reaches("one", "10.220.1.2", 8080)
    assert ground.reaches("one", "10.220.0.4", 8080)


def test_a_connection_that_stands_outlives_the_rule(ground, books):
    rule = firewall(books, "inside", sourceRanges=["10.220.0.0/16"], allowed=ALL)
    ground.create(rule)
    # Answers of an allowed connection pass in either direction without a rule of their own.
    held = ground.start(
        "one",
        "exec 3<>/dev/tcp/10.220.1.2/8080; sleep 3; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3".join(
            ("bash -ec '", "'")
        )
        .replace("'GET", '"GET')
        .replace("\\n' >", '\\n" >'),
    )
    time.sleep(1.5)
    ground.delete(rule)
    assert not ground.reaches("one", "10.220.1.2", 8080)
    assert "10.220.0.2" in held.communicate(timeout=20)[0]


def test_nobody_sends_with_another_s_address(ground, books):
    ground.create(firewall(books, "inside", sourceRanges=["10.220.0.0/16"], allowed=ALL))
    ground.run("one", "ip addr add 10.220.0.77/32 dev eth0")
    try:
        ping = "ping -c 1 -W 1 -I {} 10.220.1.2"
        assert ground.attempt("one", ping.format("10.220.0.2"))[0] == 0
        assert ground.attempt("one", ping.format("10.220.0.77"))[0] != 0
    finally:
        ground.run("one", "ip addr del 10.220.0.77/32 dev eth0")


def test_without_an_external_address_nobody_gets_out(ground, books):
    internet(books, "out", destRange="0.0.0.0/0")
    ground.wait(ground.fabric.settle())
    assert not ground.reaches("one", PARTNER, 80)
    assert sources(ground.run("nat-1", ask(PARTNER))) == {"203.0.113.11"}


def test_a_route_to_an_instance(ground, books):
    ground.create(firewall(books, "inside", sourceRanges=["10.220.0.0/16"], allowed=ALL))
    of, hop = link("networks", "platform"), link("instances", "nat-1", ZONE)
    assert not ground.reaches("two", PARTNER, 80)
    ground.create(
        books.add("routes", "by-1", network=of, destRange="0.0.0.0/0", nextHopInstance=hop)
    )
    assert sources(ground.run("two", ask(PARTNER))) == {"203.0.113.11"}
    # The longer prefix counts, whatever its priority; for the gateways themselves another one does.
    near = internet(books, "near", destRange="203.0.113.0/24", priority=1, tags=["nat"])
    ground.create(
        near,
        books.add(
            "routes",
            "by-2",
            network=of,
            destRange="203.0.113.0/24",
            priority=2000,
            nextHopIp="10.220.0.5",
        ),
    )
    assert sources(ground.run("two", ask(PARTNER))) == {"203.0.113.12"}


def gateways(ground: Ground, books: Books) -> str:
    """A balancer of both gateways as the next hop of everybody; its backend service."""
    ground.create(
        firewall(books, "inside", sourceRanges=["10.220.0.0/16"], allowed=ALL),
        firewall(
            books,
            "checks",
            sourceRanges=["35.191.0.0/16"],
            targetTags=["nat"],
            allowed=[{"IPProtocol": "tcp", "ports": ["8080"]}],
        ),
        balancer(books, "nat", "10.220.0.100", ["nat-1", "nat-2"], check=CHECK, allPorts=True),
    )
    hop = link("forwardingRules", "nat", REGION)
    of = link("networks", "platform")
    ground.create(
        books.add("routes", "out", network=of, destRange="0.0.0.0/0", priority=900, nextHopIlb=hop)
    )
    return link("backendServices", "nat-service", REGION)


def healthy(ground: Ground, service: str, name: str = "nat-group") -> list[str]:
    """Addresses that the API tells to be healthy."""
    group = {"group": link("instanceGroups", name, ZONE)}
    found = ground.books.get(service)
    assert found
    asked = ground.fabric.query(found, "compute.regionBackendServices.getHealth", group)
    states = ground.wait(asked)["healthStatus"]
    return sorted(one["ipAddress"] for one in states if one["healthState"] == "HEALTHY")


def _lost(said: str, since: float, then: str) -> float:
    """Seconds after which connections work again; afterwards all have `then` as their source."""
    found = answers(said)
    lost = [when for when, answer in found if answer == "none"]
    assert all(when > since - 0.5 for when in lost)
    seconds = max(lost, default=since) - since
    print(f"lost {len(lost)} of {len(found)}, the last {seconds:.1f} s after")
    assert {answer for when, answer in found if when > since + 5} == {then}
    return seconds


def test_gateways_behind_a_balancer(ground, books):
    service = gateways(ground, books)
    until(lambda: len(healthy(ground, service)) == 2)
    said = ground.run("one", ask(PARTNER, seconds=3)) + "\n" + ground.run("two", ask(PARTNER))
    # The partner sees the gateways' own addresses and no other; both have their share.
    assert sources(said) == {"203.0.113.11", "203.0.113.12"}
    assert not ground.reaches("partner", "10.220.0.2", 8080)

    # Lost in silence: packets are dropped, no socket is closed. Each check runs into its time.
    asking = ground.start("one", ask(PARTNER, seconds=12))
    time.sleep(3)
    silent = time.time()
    ground.run("nat-1", SILENCE)
    assert _lost(asking.communicate(timeout=60)[0], silent, "203.0.113.12") <= 5
    ground.run("nat-1", "nft delete table inet drill")
    until(lambda: len(healthy(ground, service)) == 2)

    asking = ground.start("one", ask(PARTNER, seconds=12))
    time.sleep(3)
    killed = time.time()
    subprocess.run(["podman", "kill", f"{ground.lab}-nat-1"], check=True, capture_output=True)
    try:
        assert _lost(asking.communicate(timeout=60)[0], killed, "203.0.113.12") <= 5
        assert healthy(ground, service) == ["10.220.0.5"]
        nat = ground.books.get(link("instances", "nat-1", ZONE))
        until(lambda: nat.body["status"] == "TERMINATED")
    finally:
        ground.change(nat, "start")
        ground.booted("nat-1")
        serve(ground, "nat-1", 8080)
        ground.run("nat-1", MASQUERADE)
    until(lambda: len(healthy(ground, service)) == 2)
    assert sources(ground.run("one", ask(PARTNER, seconds=3))) == {"203.0.113.11", "203.0.113.12"}


def two_regions(ground: Ground, books: Books) -> list[Any]:
    """A host in each region, a gateway in the second one, and a balancer before each region's."""
    far: dict[str, Any] = {"subnetwork": "far", "zone": f"{FAR}-a"}
    subnet(books, "far", "10.220.2.0/24", region=FAR)
    more: dict[str, Any] = {"tags": ("nat",), "canIpForward": True}
    ground.create(
        firewall(books, "inside", sourceRanges=["10.220.0.0/16"], allowed=ALL),
        instance(books, "in-main", "10.220.0.20", tags=("nat-main",)),
        instance(books, "in-far", "10.220.2.20", tags=("nat-far",), **far),
        instance(books, "nat-far-1", "10.220.2.4", external="203.0.113.13", **more, **far),
    )
    ground.booted("in-main", "in-far", "nat-far-1")
    ground.run("nat-far-1", MASQUERADE)
    rules = [
        balancer(books, "nat-main", "10.220.0.110", ["nat-1", "nat-2"], allPorts=True),
        balancer(books, "nat-far", "10.220.2.110", ["nat-far-1"], allPorts=True, **far),
    ]
    ground.create(*rules)
    return rules


def way_out(books: Books, name: str, rule: Any, priority: int, *tags: str) -> Any:
    """A default route to a balancer, for hosts with the tags."""
    more: dict[str, Any] = {"nextHopIlb": rule.link, "priority": priority}
    if tags:
        more["tags"] = list(tags)
    of = link("networks", "platform")
    return books.add("routes", name, network=of, destRange="0.0.0.0/0", **more)


def test_each_region_goes_out_by_its_own_gateways(ground, books):
    main, far = two_regions(ground, books)
    # Equal routes for everybody: one balancer is taken, and the other region gets nowhere.
    equal = [way_out(books, f"equal-{one.name}", one, 800) for one in (main, far)]
    ground.create(*equal)
    assert sorted(ground.reaches(host, PARTNER, 80) for host in ("in-main", "in-far")) == [
        False,
        True,
    ]
    ground.delete(*equal)

    # As role gcp_nat_gateway has it: by tags, each region's own first, and the other's after it.
    main, far = (ground.change(one, "patch", allowGlobalAccess=True) for one in (main, far))
    first = [way_out(books, f"own-{one.name}", one, 800, one.name) for one in (main, far)]
    ground.create(
        *first,
        way_out(books, "main-by-far", far, 810, "nat-main"),
        by_main := way_out(books, "far-by-main", main, 810, "nat-far"),
    )
    own = {"203.0.113.11", "203.0.113.12"}
    assert sources(ground.run("in-main", ask(PARTNER, seconds=3))) == own
    assert sources(ground.run("in-far", ask(PARTNER, seconds=3))) == {"203.0.113.13"}
    # Passed by: routes to gateways that have failed are taken away.
    ground.delete(first[0], by_main)
    assert sources(ground.run("in-main", ask(PARTNER))) == {"203.0.113.13"}
    assert sources(ground.run("in-far", ask(PARTNER))) == {"203.0.113.13"}


def test_a_gateway_that_drains_keeps_its_connections(ground, books):
    service = gateways(ground, books)
    until(lambda: len(healthy(ground, service)) == 2)
    ground.run("one", HOLD)
    held = ground.start("one", "python3 /tmp/hold")
    time.sleep(1)
    asking = ground.start("two", ask(PARTNER, seconds=6))
    ground.run("nat-1", "systemctl stop who-8080")
    try:
        until(lambda: healthy(ground, service) == ["10.220.0.5"])
        # New connections avoid it, and none of them fails meanwhile.
        assert sources(ground.run("one", ask(PARTNER, seconds=1))) == {"203.0.113.12"}
        assert "none" not in sources(asking.communicate(timeout=60)[0])
        assert set(held.communicate(timeout=60)[0].split()) == {"203.0.113.11", "203.0.113.12"}
    finally:
        serve(ground, "nat-1", 8080)


def test_a_balancer_s_address(ground, books):
    gateways(ground, books)
    members = ["nat-1", "nat-2"]
    rule = balancer(books, "app", "10.220.0.101", members, ports=["8080"], IPProtocol="TCP")
    ground.create(rule)
    said = answers(ground.run("two", ask("10.220.0.101", 8080, seconds=2)))
    # The member sees the client itself.
    assert {answer for _, answer in said} == {"10.220.1.2"}
    assert not ground.reaches("two", "10.220.0.101", 22)


def test_an_external_balancer_s_address(ground, books):
    ground.create(firewall(books, "all", sourceRanges=["0.0.0.0/0"], allowed=ALL))
    rule = balancer(books, "web", "203.0.113.50", ["nat-1", "nat-2"], ports=["8080"])
    rule.body["loadBalancingScheme"] = "EXTERNAL"
    ground.create(rule)
    assert sources(ground.run("partner", ask("203.0.113.50", 8080))) == {PARTNER}
    assert not ground.reaches("partner", "203.0.113.50", 22)


@pytest.mark.parametrize("reserved", [True, False])
def test_cloud_nat(ground, books, reserved):
    internet(books, "out", destRange="0.0.0.0/0")
    nat: dict[str, Any] = {"name": "nat"}
    expected = "203.0.113.2"
    if reserved:
        expected = "203.0.113.60"
        nat["natIps"] = [books.add("addresses", "nat", REGION, address=expected).link]
    router = books.add("routers", "nat", REGION, network=link("networks", "platform"), nats=[nat])
    ground.create(router)
    assert sources(ground.run("one", ask(PARTNER))) == {expected}
    assert not ground.reaches("partner", expected, 8080)
    # Who has an address of its own keeps it.
    assert sources(ground.run("nat-1", ask(PARTNER))) == {"203.0.113.11"}


def test_a_check_by_https(ground, books):
    gateways(ground, books)
    check = {**CHECK, "type": "HTTPS", "httpsHealthCheck": {"port": 8443, "requestPath": "/up"}}
    ground.create(balancer(books, "tls", "10.220.0.102", ["nat-1", "nat-2"], check=check))
    opened = firewall(books, "more", sourceRanges=["35.191.0.0/16"], allowed=ALL)
    ground.create(opened)
    ground.run("nat-1", TLS)
    service = link("backendServices", "tls-service", REGION)
    try:
        until(lambda: healthy(ground, service, "tls-group") == ["10.220.0.4"])
        ground.run("nat-1", "rm /srv/web/up")
        until(lambda: healthy(ground, service, "tls-group") == [])
    finally:
        ground.run("nat-1", "systemctl stop tls")


def test_two_interfaces(ground, books):
    ground.create(
        network(books, "hub"),
        subnet(books, "hub", "10.230.0.0/24", of="hub"),
        *(firewall(books, f"in-{of}", of=of, allowed=ALL) for of in ("hub", "platform")),
    )
    both = instance(books, "both", "10.220.0.30")
    leg = {
        "network": link("networks", "hub"),
        "subnetwork": link("subnetworks", "hub", REGION),
        "networkIP": "10.230.0.30",
    }
    both.body["networkInterfaces"].append(leg)
    ground.create(both, instance(books, "hub-1", "10.230.0.2", subnetwork="hub", of="hub"))
    ground.booted("both", "hub-1")
    assert ground.reaches("both", "10.220.0.4", 8080)
    assert ground.reaches("both", "10.230.0.2", 22)
    assert ground.reaches("hub-1", "10.230.0.30", 22)
    assert not ground.reaches("hub-1", "10.220.0.30", 22)


def test_a_way_into_a_network(ground, books):
    def ask(proxy: str) -> str:
        client = HTTPConnection(proxy.removeprefix("http://"), timeout=15)
        client.set_tunnel("10.220.0.2", 8080)
        client.request("GET", "/")
        return client.getresponse().read().decode()

    async def through() -> str:
        space = names.network_namespace(ground.lab, names.key(link("networks", "platform")))
        async with way(space, TUNNEL) as proxy:
            return await asyncio.to_thread(ask, proxy)

    with pytest.raises(OSError, match="Tunnel connection failed: 502"):
        asyncio.run(through())
    ground.create(firewall(books, "iap", sourceRanges=["35.235.240.0/20"], allowed=ALL))
    assert asyncio.run(through()).startswith(f"{TUNNEL} ")


def test_names(ground):
    full = f"two.{ZONE}.c.demo.internal"
    assert ground.run("one", f"getent hosts {full}").split() == ["10.220.1.2", full]
    assert ground.run("one", "getent hosts one").split()[0] == "10.220.0.2"
    assert ground.attempt("one", f"getent hosts three.{ZONE}.c.demo.internal")[0] == 2


def test_peered_networks(ground, books):
    ground.create(network(books, "hub"), subnet(books, "hub", "10.230.0.0/24", of="hub"))
    ground.create(instance(books, "hub-1", "10.230.0.2", subnetwork="hub", of="hub"))
    ground.create(firewall(books, "in", of="hub", sourceRanges=["10.0.0.0/8"], allowed=ALL))
    ground.booted("hub-1")
    assert not ground.reaches("one", "10.230.0.2", 22)
    hub, own = (books.get(link("networks", one)) for one in ("hub", "platform"))
    ground.change(hub, "addPeering", peerings=[{"network": own.link}])
    assert not ground.reaches("one", "10.230.0.2", 22)
    own = ground.change(own, "addPeering", peerings=[{"network": hub.link}])
    assert ground.reaches("one", "10.230.0.2", 22)
    ground.change(own, "removePeering", peerings=[])
    assert not ground.reaches("one", "10.230.0.2", 22)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    made = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", made], check=True)
    return made


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()


def test_an_instance_s_life(ground, books, key, tmp_path):
    disk = books.add("disks", "data", ZONE, sizeGb="1")
    public = key.with_suffix(".pub").read_text(encoding="utf-8").strip()
    metadata = {
        "ssh-keys": f"alice:{public}",
        "startup-script": "#!/bin/sh\necho boot >> /var/lib/boots",
    }
    machine = instance(
        books,
        "db",
        "10.220.0.20",
        disks=[{"boot": True, "source": "x"}, {"source": disk.link, "deviceName": "data"}],
        metadata={"items": [{"key": one, "value": value} for one, value in metadata.items()]},
    )
    began = time.monotonic()
    ground.create(disk)
    ground.create(machine)
    print(f"created in {time.monotonic() - began:.1f} s")
    ground.booted("db")
    device = "/dev/disk/by-id/google-data"
    ground.run(
        "db", f"mkfs.ext4 -q {device}; mkdir /data; mount {device} /data; echo 1 > /data/x; sync"
    )

    snapshot = books.add("snapshots", "snap", sourceDisk=disk.link)
    ground.create(snapshot)
    ground.run("db", "echo 2 > /data/x; sync")
    copy = books.add("disks", "copy", ZONE, sizeGb="2", sourceSnapshot=snapshot.link)
    ground.create(copy)
    disks = [*machine.body["disks"], {"source": copy.link, "deviceName": "copy"}]
    machine = ground.change(machine, "attachDisk", disks=disks)
    ground.run("db", "mkdir /copy; mount /dev/disk/by-id/google-copy /copy")
    assert ground.run("db", "cat /data/x /copy/x").split() == ["2", "1"]
    ground.run("db", "umount /copy")
    machine = ground.change(machine, "detachDisk", disks=disks[:-1])
    assert ground.run("db", "ls /dev/disk/by-id") == "google-data"

    disk.body["sizeGb"] = "3"
    ground.change(disk, "resize")
    assert ground.run("db", f"blockdev --getsize64 {device}") == str(3 * 1024**3)

    # Through the same door as IAP, which needs a rule of the firewall.
    secure = ["ssh", "-i", str(key), "-o", "StrictHostKeyChecking=no", "-o", "ConnectTimeout=2"]
    secure += ["-o", f"UserKnownHostsFile={tmp_path / 'known'}", "alice@10.220.0.20", "sudo id -un"]
    assert subprocess.run(secure, capture_output=True, check=False).returncode == 255
    door = firewall(books, "iap", sourceRanges=["35.235.240.0/20"], allowed=ALL)
    ground.create(door)
    assert subprocess.run(secure, capture_output=True, check=False).stdout == b"root\n"

    reader, writer = ground.wait(ground.fabric.tunnel(machine, 22))
    assert ground.wait(reader.readline()).startswith(b"SSH-2.0-")
    ground.wait(_close(writer))

    machine = ground.change(machine, "suspend", status="SUSPENDED")
    assert subprocess.run(secure, capture_output=True, check=False, timeout=20).returncode == 255
    machine = ground.change(machine, "resume", status="RUNNING")
    until(lambda: subprocess.run(secure, capture_output=True, check=False).returncode == 0)

    machine = ground.change(machine, "stop", status="TERMINATED")
    state = ["podman", "inspect", "--format", "{{.State.Status}}", f"{ground.lab}-db"]
    assert subprocess.run(state, capture_output=True, check=True).stdout == b"exited\n"
    machine = ground.change(machine, "start", status="RUNNING")
    ground.booted("db")
    until(lambda: ground.run("db", "cat /var/lib/boots").split() == ["boot", "boot"])
    assert ground.run("db", f"mount {device} /data; cat /data/x") == "2"
    machine = ground.change(machine, "reset")
    ground.booted("db")
    ground.delete(machine)
    assert not [one for one in ground.left().containers if one.endswith("-db")]
    assert not ground.left().loops


def test_a_boot_disk_has_no_snapshot(ground, books):
    boot = books.add("disks", "boot", ZONE)
    snapshot = books.add("snapshots", "snap", sourceDisk=boot.link)
    with pytest.raises(Exception, match="boot disk boot is the host's image"):
        ground.create(snapshot)
    del books.held[names.key(snapshot.link)]


def test_at_last_nothing_is_left(ground):
    assert ground.left().containers
    subprocess.run(["podman", "rm", "-f", "-t", "0", f"{ground.lab}-partner"], check=True)
    order = ("instances", "routes", "subnetworks", "networks")
    for kind in order:
        ground.delete(*ground.books.list(f"compute.{kind}"))
    until(lambda: not ground.left())
