"""Role nat_gateway under traffic: a private host, two gateways that share an address, a partner."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.integration.labs import Lab
from tests.integration.nat_world import HOSTS, World

pytestmark = [pytest.mark.lab, pytest.mark.slow]


@pytest.fixture(scope="module")
def bare(make_lab: Callable[..., Lab]) -> World:
    world = World(make_lab("t-nat", HOSTS))
    world.begin()
    return world


@pytest.fixture(scope="module")
def world(bare: World) -> World:
    """With the gateways; the check mode on bare hosts is part of it, as there is one moment for that."""
    checked = bare.apply("--check", "--diff")
    assert checked.returncode == 0, checked.failures
    assert checked.changed > 0
    assert not bare.lab.run("nat-1", "ls /etc/groundwork 2>/dev/null || true")
    bare.lab.succeed("nat_gateways")
    return bare


@pytest.fixture(autouse=True)
def whole(world: World) -> None:
    """Each test finds both gateways as they should be."""
    for name in world.gateways:
        world.becomes(name, 200, [])


def test_second_run_and_check_mode_change_nothing(world: World):
    for arguments in ([], ["--check", "--diff"]):
        again = world.apply(*arguments)
        assert (again.returncode, again.changed) == (0, 0), again.failures


def test_parameters_of_each_interface_are_compared(world: World, tmp_path: Path):
    role = tmp_path / "role.yml"
    role.write_text(
        "[{hosts: nat-1, gather_facts: false, roles: [groundwork.platform.nat_gateway]}]"
    )
    redirects = "net.ipv4.conf.eth0.send_redirects"
    world.set_parameter("nat-1", redirects, 1)
    try:
        assert f"{redirects} is 1, not 0" in world.lab.succeed(str(role), "--check").text
    finally:
        world.set_parameter("nat-1", redirects, 0)
    assert redirects not in world.lab.succeed(str(role), "--check").text


def test_partner_sees_the_gateways_own_address(world: World):
    world.lab.run("partner-1", "rm -f /run/callers")
    assert world.ask() == world.sources[world.holder()]
    assert world.callers() == {world.sources[world.holder()]}


def test_nothing_from_outside_comes_in(world: World):
    """The partner sends to the private host through a gateway, as anybody in the gateway's subnet could."""
    gateway = world.sources["nat-1"]
    # Counted where it would leave the gateway: the machine's own rules do not let all of it arrive.
    watch = (
        "table ip watch { chain out { type filter hook postrouting priority 0;"
        f" ip daddr {world.prefix}.1.21 tcp dport 22 counter; }}; }}"
    )
    world.lab.run("nat-1", f"nft '{watch}'")
    world.lab.run("partner-1", f"ip route replace {world.prefix}.1.0/24 via {gateway}")

    def forwarded() -> bool:
        asked = f"exec 3<>/dev/tcp/{world.prefix}.1.21/22"
        world.lab.run("partner-1", f"timeout 2 bash -c '{asked}' || true")
        return "counter packets 0 " not in world.lab.run("nat-1", "nft list table ip watch")

    try:
        assert not forwarded()
        # Without the rules it is forwarded: the test can fail.
        world.lab.run("nat-1", "nft delete table ip groundwork_nat")
        assert forwarded()
    finally:
        world.lab.run("partner-1", f"ip route del {world.prefix}.1.0/24")
        world.lab.run("nat-1", "nft delete table ip watch; systemctl restart groundwork-nat")


def test_health_is_told_to_private_hosts_and_not_to_others(world: World):
    port = f"exec 3<>/dev/tcp/{world.sources['nat-1']}/7010"
    ask = f"timeout 2 bash -c '{port}' && echo came || echo refused"
    assert world.lab.run("partner-1", ask) == "refused"
    port = f"exec 3<>/dev/tcp/{world.prefix}.1.11/7010"
    ask = f"timeout 2 bash -c '{port}' && echo came || echo refused"
    assert world.lab.run("app-1", ask) == "came"


def test_private_host_is_refused_what_is_private_and_told_so(world: World):
    inside = f"{world.prefix}.1.{11 + world.gateways.index(world.other(world.holder()))}"
    world.lab.run("app-1", f"ip route add {inside}/32 via {world.vip}")
    try:
        asked = f"import socket; socket.create_connection(('{inside}', 22), 20)"
        said = world.lab.run("app-1", f'python3 -c "{asked}" 2>&1 || true')
        assert "No route to host" in said
    finally:
        world.lab.run("app-1", f"ip route del {inside}/32")


@pytest.mark.parametrize(
    "spoil, mend, reason",
    [
        ("nft flush table ip groundwork_nat", "systemctl reload groundwork-nat", "rules_changed"),
        ("nft flush ruleset", "systemctl reload groundwork-nat", "rules_missing"),
        ("nat-gateway drain 0 0 0", "nat-gateway undrain", "drained"),
    ],
)
def test_health_tells_what_keeps_it_from_forwarding(
    world: World, spoil: str, mend: str, reason: str
):
    world.lab.run("nat-2", spoil)
    world.becomes("nat-2", 503, [reason])
    world.lab.run("nat-2", mend)
    world.becomes("nat-2", 200, [])


def test_health_sees_forwarding_and_routes_go(world: World):
    world.set_parameter("nat-2", "net.ipv4.ip_forward", 0)
    world.becomes("nat-2", 503, ["forwarding_off"])
    world.set_parameter("nat-2", "net.ipv4.ip_forward", 1)
    world.becomes("nat-2", 200, [])
    routes = world.lab.run("nat-2", "ip -4 route show default").splitlines()
    world.lab.run("nat-2", "ip route flush default")
    world.becomes("nat-2", 503, ["no_default_route"])
    for route in routes:
        world.lab.run("nat-2", f"ip route append {route}")
    world.becomes("nat-2", 200, [])


def test_the_distributions_own_rules_do_not_end_it(world: World):
    """Debian's /etc/nftables.conf begins with `flush ruleset`, and other people's tables stay."""
    world.lab.run("nat-2", "nft add table inet others; systemctl reload groundwork-nat")
    assert "table inet others" in world.lab.run("nat-2", "nft list tables")
    for verb in ("restart", "reload"):
        world.lab.run("nat-2", f"systemctl {verb} nftables")
        world.becomes("nat-2", 200, [])
    # Who stops them flushes everything, and is told so.
    world.lab.run("nat-2", "systemctl stop nftables")
    world.becomes("nat-2", 503, ["rules_missing"])
    world.lab.run("nat-2", "systemctl start groundwork-nat")


def test_many_checks_are_cheap(world: World):
    asked = (
        "import http.client as h, time; n = time.time()\n"
        "for _ in range(1000):\n"
        "    c = h.HTTPConnection('127.0.0.1', 7010); c.request('GET', '/health'); c.getresponse().read(); c.close()\n"
        "print(time.time() - n)"
    )
    ticks = "cut -d ' ' -f 14-17 /proc/$(systemctl show -P MainPID groundwork-nat-health)/stat"
    before = sum(map(int, world.lab.run("nat-1", ticks).split()))
    seconds = float(world.lab.run("nat-1", f'python3 -c "{asked}"'))
    after = sum(map(int, world.lab.run("nat-1", ticks).split()))
    print(f"1000 checks: {seconds:.2f} s, {(after - before) * 10} ms of a processor")
    # A look at the world takes about 10 ms; one for each check would be ten seconds.
    assert (after - before) * 10 < 3000


def test_new_connections_work_again_soon_after_a_gateway_died(world: World):
    world.lab.run("partner-1", "rm -f /run/callers")
    dying = world.holder()
    with world.stream() as tries:
        time.sleep(2)
        killed = time.time()
        world.kill(dying)
        time.sleep(10)
    world.start(dying)
    # How long killing takes is not measured: the outage is the longest time in which no connection came through.
    ends = sorted(one.ended for one in tries if not one.error and one.ended >= killed)
    outage = max(later - earlier for earlier, later in pairwise([killed, *ends]))
    lost = [one for one in tries if one.error]
    print(f"no new connection for {outage:.2f} s; {len(lost)} of {len(tries)} failed")
    assert 0.5 < outage <= 5
    # Who tried while there was no gateway was served by TCP's own retries, and nobody had to wait afterwards.
    over = next(later for earlier, later in pairwise([killed, *ends]) if later - earlier == outage)
    assert not [one for one in tries if one.began > over and (one.error or one.took > 3)]
    assert not [one for one in tries if one.ended < killed and one.error]
    assert world.callers() <= set(world.sources.values())
    # Who comes back does not take the address back.
    assert world.holder() == world.other(dying)


def test_an_established_connection_ends_at_once_and_does_not_hang(world: World):
    """What a failover means: the partner resets what comes from an address that it does not know."""
    script = (
        f"import socket, time; s = socket.create_connection(('{world.partner}', 8000), 5); f = s.makefile('rwb', 0)\n"
        "f.write(b'hello\\n'); print('open', flush=True)\n"
        "began = None\n"
        "for n in range(400):\n"
        "    time.sleep(0.1)\n"
        "    try:\n"
        "        f.write(b'again\\n'); assert f.readline()\n"
        "    except (OSError, AssertionError) as ended:\n"
        "        print(type(ended).__name__, flush=True); break\n"
    )
    world.lab.run("app-1", f"cat > /srv/talk.py <<'END'\n{script}\nEND")
    world.lab.run(
        "app-1",
        "systemd-run --quiet --unit talk --collect sh -c 'python3 /srv/talk.py > /run/talk 2>&1'",
    )
    time.sleep(2)
    holder = world.holder()
    world.lab.run(holder, "nat-gateway drain 0 0 0")
    until = time.monotonic() + 15
    while "Error" not in (said := world.lab.run("app-1", "cat /run/talk")):
        assert time.monotonic() < until, said
        time.sleep(0.2)
    assert "ConnectionResetError" in said or "BrokenPipeError" in said
    world.lab.run(holder, "nat-gateway undrain")


def test_patching_both_drops_no_new_connection(world: World):
    world.lab.run("partner-1", "rm -f /run/callers")
    # Something to do for apt, and a host that is really changed while it is drained.
    with world.stream() as tries:
        run = world.apply(
            nat_gateway_patch=True,
            nat_gateway_check={"from": "app-1", "url": f"http://{world.partner}:8000/"},
        )
    failed = [one for one in tries if one.error]
    slowest = max(one.took for one in tries)
    print(
        f"{len(tries)} new connections in {run.seconds:.0f} s, {len(failed)} failed, slowest {slowest:.2f} s"
    )
    assert run.returncode == 0, run.failures
    assert f"saw app-1 as {world.prefix}.3." in run.text
    assert len(tries) > 200
    assert failed == []
    assert world.callers() == set(world.sources.values())


def test_a_drained_gateway_stays_drained_over_a_reboot(world: World):
    spare = world.other(world.holder())
    world.lab.run(spare, "nat-gateway drain 0 0 0")
    world.kill(spare)
    world.start(spare)
    world.becomes(spare, 503, ["drained"])
    world.lab.run(spare, "nat-gateway undrain")
    world.becomes(spare, 200, [])


def test_the_last_gateway_is_not_drained(world: World):
    world.lab.run("nat-2", "nat-gateway drain 0 0 0")
    try:
        refused = world.apply("--limit", "nat-1", nat_gateway_patch=True)
        assert refused.returncode != 0
        assert (
            "last_gateway: no other gateway of nat_gateways forwards now (nat-2 answers 503;"
            in refused.text
        )
        assert refused.changed == 0
    finally:
        world.lab.run("nat-2", "nat-gateway undrain")


def test_a_changed_setting_is_applied_drained_and_keeps_connections(world: World):
    changed = world.apply(
        nat_gateway_log_new_connections=True, nat_gateway_port_range="20000-40000"
    )
    assert changed.returncode == 0, changed.failures
    rules = world.lab.run("nat-1", "nft list table ip groundwork_nat")
    assert 'limit rate 10/second burst 5 packets log prefix "nat-gateway new: "' in rules
    assert ":20000-40000 fully-random" in rules
    assert world.ask() in world.sources.values()
    assert world.apply().returncode == 0


def test_removal_leaves_nothing_and_others_alone(world: World, tmp_path):
    world.lab.run("nat-2", "nft add table inet others")
    play = tmp_path / "remove.yml"
    play.write_text(
        "- hosts: nat-2\n  become: true\n  gather_facts: false\n  tasks:\n"
        "    - ansible.builtin.include_role: {name: groundwork.platform.nat_gateway, tasks_from: remove}\n"
    )
    removed = world.lab.succeed(str(play))
    assert removed.changed > 0
    assert world.lab.succeed(str(play)).changed == 0
    left = "find /etc /usr/local /var/lib /run -name '*nat-gateway*' -o -name '*groundwork-nat*' 2>/dev/null"
    assert world.lab.run("nat-2", left) == ""
    assert world.lab.run("nat-2", "nft list tables") == "table inet others"
    # And a fresh installation after it.
    world.lab.run("nat-2", "nft delete table inet others")
    world.lab.succeed("nat_gateways")
