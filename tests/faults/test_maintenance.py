"""What is done to a cluster while it is paid through: new certificates and passwords, an older state of etcd."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.integration.labs import ROOT, Lab

pytestmark = [pytest.mark.lab, pytest.mark.slow]
MEMBERS = ("pay-main-1", "pay-main-2", "pay-main-3", "pay-main-backup")
SERVICES_READ_THEIR_FILES = 1.0  # seconds in which nobody may be without an answer
END = (
    'date -d "$(openssl x509 -noout -enddate -in /etc/groundwork/tls/host.crt | cut -d = -f 2)" +%s'
)
#: As the node exporter says it.
MEASURED_END = (
    "sed -n 's/^groundwork.* //p' /var/lib/prometheus/node-exporter/groundwork_certificate.prom"
)
#: Ends well when the host leads or streams.
AGAIN = (
    "for i in $(seq 30); do sleep 1; runuser -u postgres -- psql -Atc"
    " \"select 'well' where not pg_is_in_recovery() or exists"
    " (select from pg_stat_wal_receiver where status = 'streaming')\" | grep -q well && exit 0; done; exit 1"
)
PASSWORDS = ("superuser", "replication", "rewind", "rest", "etcd")


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    lab = make_lab("maintenance")
    lab.succeed("databases")
    return lab


Gaps = list[float]


@contextmanager
def payments(lab: Lab, folder: Path) -> Iterator[Gaps]:
    """Payments through the balancer meanwhile, all of which have to be found again.

    Yields a list that holds the seconds between acknowledgements in the end.
    """
    options: dict[str, Any] = {
        "drills_directory": str(folder),
        "drill_id": folder.name,
        "databases": "payments",
    }
    gaps: Gaps = []
    lab.succeed(str(ROOT / "tests/faults/payments.yml"), payments="start", **options)
    yield gaps
    lab.succeed(str(ROOT / "tests/faults/payments.yml"), payments="stop", **options)
    attempts = map(json.loads, (folder / folder.name / "attempts.jsonl").open(encoding="utf-8"))
    done = sorted(attempt["done"] for attempt in attempts if attempt["ok"])
    gaps += [after - before for before, after in pairwise(done)]


def test_new_certificates_cost_no_outage(lab: Lab, tmp_path: Path) -> None:
    before = lab.run("pay-main-1", "sha256sum /etc/groundwork/tls/host.crt")
    with payments(lab, tmp_path) as gaps:
        lab.succeed("certificates", certificates_force_renewal=True)
        assert lab.run("pay-main-1", MEASURED_END) == lab.run("pay-main-1", END)
        # The platform's own playbook renews as well; the other one then finds what services serve.
        lab.succeed("databases", certificates_force_renewal=True)
        assert lab.succeed("certificates").changed == 0
        assert lab.run("pay-main-1", MEASURED_END) == lab.run("pay-main-1", END)
    assert lab.run("pay-main-1", "sha256sum /etc/groundwork/tls/host.crt") != before
    assert max(gaps) < SERVICES_READ_THEIR_FILES


def test_new_passwords_cost_no_outage(lab: Lab, tmp_path: Path) -> None:
    secrets: dict[str, Any] = {
        f"patroni_{name}_password": f"another-{name}-0123456789" for name in PASSWORDS
    }
    with payments(lab, tmp_path) as gaps:
        lab.succeed("databases", **secrets)
        assert lab.succeed("databases", **secrets).changed == 0
    assert max(gaps) < SERVICES_READ_THEIR_FILES
    # A stream that begins anew takes what is valid now, at Patroni's next look.
    for member in MEMBERS:
        lab.run(member, f"pkill -f '[w]alreceiver' || true; {AGAIN}")
    lab.succeed("db_switchover", databases="payments", **secrets)
    # And back, to what the lab has in its files.
    lab.succeed("databases")
    assert "payments: well" in lab.succeed("db_status").output


def test_etcd_goes_back_to_a_snapshot_that_names_another_leader(lab: Lab, tmp_path: Path) -> None:
    """Patroni is stopped on all members but the primary, as the playbook asks for; no payment is lost."""
    keep = "systemctl start groundwork-etcd-snapshot.service; ls -t /var/backups/etcd/* | head -n 1"
    named = lab.leader()
    options: dict[str, Any] = {
        "etcd_cluster": "etcd_main",
        "etcd_restore_confirm": "etcd_main",
        "etcd_restore_from": "pay-main-1",
        "etcd_restore_snapshot": lab.run("pay-main-1", keep),
    }
    with payments(lab, tmp_path):
        lab.succeed("db_switchover", databases="payments")
        leads = lab.leader()
        assert leads != named
        refused = lab.playbook("etcd_restore", **options)
        assert (refused.returncode, refused.changed) == (2, 0)
        assert "patroni_runs" in refused.output
        others = [member for member in MEMBERS if member != leads]
        for member in others:
            lab.run(member, "systemctl stop patroni")
        lab.succeed("etcd_restore", **options)
        for member in others:
            lab.run(member, "systemctl start patroni")
        lab.succeed("databases")
    assert lab.leader() == leads
