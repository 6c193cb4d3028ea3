"""Role certificates over the life of a certificate: issued, renewed, its CA changed, its CA lost."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.labs import Lab, Run, refused

pytestmark = [pytest.mark.lab, pytest.mark.slow]

HOSTS = """
all:
  children:
    lab:
      vars: {lab_attached: [main]}
      hosts: {tls-1: {lab_id: 11}, tls-2: {lab_id: 12}}
"""
PLAY = """
- hosts: lab
  become: true
  gather_facts: false
  roles: [groundwork.platform.certificates]
  handlers:
    - name: A service that reads the certificates
      ansible.builtin.debug: {msg: "reloaded on {{ inventory_hostname }}"}
      listen: certificates renewed
"""
TLS = "/etc/groundwork/tls"


class Site:
    """Two hosts, and a CA of its own for each test."""

    def __init__(self, lab: Lab, play: Path, state: Path) -> None:
        self.lab, self.play, self.state = lab, play, state
        self.run("rm -rf /etc/groundwork")
        self.run("rm -rf /etc/groundwork", "tls-2")

    def run(self, script: str, host: str = "tls-1") -> str:
        return self.lab.run(host, script)

    def apply(self, *arguments: str, **variables: Any) -> Run:
        given = {"certificates_authority_dir": str(self.state / "ca"), **variables}
        return self.lab.playbook(str(self.play), *arguments, **given)

    def succeed(self, *arguments: str, **variables: Any) -> Run:
        run = self.apply(*arguments, **variables)
        assert run.returncode == 0
        return run

    def field(self, option: str, host: str = "tls-1") -> str:
        return self.run(f"openssl x509 -in {TLS}/host.crt -noout {option}", host)

    def verify(self, host: str = "tls-1") -> None:
        self.run(f"openssl verify -CAfile {TLS}/ca.crt {TLS}/host.crt", host)


@pytest.fixture(scope="module")
def lab(make_lab: Callable[..., Lab]) -> Lab:
    return make_lab("t-tls", HOSTS)


@pytest.fixture
def site(lab: Lab, tmp_path: Path) -> Site:
    play = tmp_path / "converge.yml"
    play.write_text(PLAY, encoding="utf-8")
    return Site(lab, play, tmp_path)


def reloads(run: Run) -> set[str]:
    return set(re.findall(r"reloaded on (\S+?)['\"]?$", run.output, re.MULTILINE))


def test_first_certificates_then_nothing(site: Site) -> None:
    bare = site.succeed("--check", "--diff")
    assert "Would issue a certificate: no certificate yet." in bare.output
    assert not (site.state / "ca").exists()
    first = site.succeed()
    assert reloads(first) == set()  # no service can have read what was not there
    assert (site.state / "ca/ca.key").stat().st_mode & 0o777 == 0o600
    assert site.succeed().changed == 0
    converged = site.succeed("--check", "--diff")
    assert converged.changed == 0
    assert site.run(f"sha256sum < {TLS}/host.key") != site.run(
        f"sha256sum < {TLS}/host.key", "tls-2"
    )


def test_short_lived_certificate_is_renewed_and_services_are_told(site: Site) -> None:
    short = {"certificates_valid_for": "20s", "certificates_renew_before": "15s"}
    site.succeed(**short)
    before, key = site.field("-serial"), site.run(f"sha256sum {TLS}/host.key")
    deadline = time.monotonic() + 30
    while "not expire" in site.run(f"openssl x509 -in {TLS}/host.crt -noout -checkend 14 || true"):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    renewed = site.succeed(**short)
    assert reloads(renewed) == {"tls-1", "tls-2"}
    assert "ends on" in renewed.output
    assert site.field("-serial") != before
    # The key stays, so that no service ever finds a pair that does not match.
    assert site.run(f"sha256sum {TLS}/host.key") == key
    site.verify()


def test_a_new_name_concerns_its_host_only(site: Site) -> None:
    site.succeed()
    other = site.field("-serial", "tls-2")
    run = site.succeed("--limit", "tls-1", certificates_extra_names=["vip.example.com"])
    assert reloads(run) == {"tls-1"}
    assert "vip.example.com" in site.field("-ext subjectAltName")
    assert site.field("-serial", "tls-2") == other


def test_files_that_were_cut_off_or_opened_up_are_repaired(site: Site) -> None:
    site.succeed()
    site.run(
        f"head -c 100 {TLS}/host.crt > {TLS}/x && mv {TLS}/x {TLS}/host.crt; chmod 0644 {TLS}/host.key"
    )
    site.run(f"rm {TLS}/host.key", "tls-2")
    assert reloads(site.succeed()) == {"tls-1", "tls-2"}
    assert site.run(f"stat -c '%U:%G %a' {TLS}/host.key") == "root:ssl-cert 640"
    site.verify()
    site.verify("tls-2")
    assert site.succeed().changed == 0


def test_a_lost_authority_is_never_replaced_in_silence(site: Site) -> None:
    site.succeed()
    shutil.move(site.state / "ca", site.state / "elsewhere")
    before = site.field("-serial")
    refused(site.apply(), "authority_missing:")
    assert not (site.state / "ca").exists()
    assert site.field("-serial") == before
    # Another CA in its place is not taken either.
    (site.state / "ca").mkdir()
    site.run("rm -rf /etc/groundwork", "tls-2")
    site.succeed("--limit", "tls-2", certificates_authority_dir=str(site.state / "other"))
    refused(site.apply(certificates_authority_dir=str(site.state / "other")), "foreign_authority:")
    assert site.field("-serial") == before
    forced = site.succeed(
        certificates_authority_dir=str(site.state / "other"), certificates_replace_authority=True
    )
    assert "tls-1" in reloads(forced)
    site.verify()


def test_without_the_authoritys_key_held_certificates_stay_good(site: Site) -> None:
    site.succeed()
    (site.state / "ca/ca.key").unlink()
    assert site.succeed().changed == 0
    refused(site.apply(certificates_extra_names=["new.example.com"]), "authority_key_missing:")


def test_the_authority_is_changed_in_three_runs_without_an_outage(site: Site) -> None:
    old, new = site.state / "ca", site.state / "ca-2"
    site.succeed()
    first = site.field("-issuer")
    both = site.succeed(certificates_next_authority_dir=str(new))
    assert reloads(both) == {"tls-1", "tls-2"}
    assert site.field("-issuer") == first
    # One host has moved, the other has not: each still accepts the other's certificate.
    moved = {
        "certificates_authority_dir": str(new),
        "certificates_previous_authorities": [str(old / "ca.crt")],
    }
    site.succeed("--limit", "tls-1", **moved)
    assert site.field("-issuer") != first
    for source, target in (("tls-1", "tls-2"), ("tls-2", "tls-1")):
        certificate = site.run(f"cat {TLS}/host.crt", source)
        site.run(f"openssl verify -CAfile {TLS}/ca.crt <<'EOF'\n{certificate}\nEOF", target)
    site.succeed(**moved)
    site.succeed(certificates_authority_dir=str(new))
    assert site.run(f"grep -c BEGIN {TLS}/ca.crt") == "1"
    site.verify()
    assert site.succeed(certificates_authority_dir=str(new)).changed == 0


def test_an_encrypted_authority_signs_with_its_passphrase_only(site: Site) -> None:
    secret = "correct horse battery"
    run = site.succeed(certificates_authority_passphrase=secret)
    assert "ENCRYPTED" in (site.state / "ca/ca.key").read_text(encoding="utf-8")
    assert secret not in run.output
    wrong = site.apply(certificates_authority_passphrase="wrong", certificates_force_renewal=True)
    assert wrong.returncode != 0
    site.verify()


def test_certificates_that_were_given(site: Site) -> None:
    pki = site.state / "pki"
    pki.mkdir()

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=pki, check=True, capture_output=True)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=company")
    openssl("req", *key, "-keyout", "host.key", "-out", "host.csr", "-subj", "/CN=host")
    names = "DNS:tls-1,DNS:localhost"
    (pki / "names").write_text(f"subjectAltName={names}\n", encoding="utf-8")
    sign = ["x509", "-req", "-in", "host.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-days", "90"]
    openssl(*sign, "-extfile", "names", "-out", "host.crt")
    given = {
        "certificates_given_authority": str(pki / "ca.crt"),
        "certificates_given_certificate": str(pki / "host.crt"),
        "certificates_given_key": str(pki / "host.key"),
        "certificates_names": ["tls-1", "localhost"],
    }
    wrong_names = {**given, "certificates_names": ["tls-1", "elsewhere"]}
    refused(site.apply("--limit", "tls-1", **wrong_names), "given_names_missing:")
    openssl("req", *key, "-keyout", "other.key", "-out", "other.csr", "-subj", "/CN=other")
    wrong_key = {**given, "certificates_given_key": str(pki / "other.key")}
    refused(site.apply("--limit", "tls-1", **wrong_key), "given_key_differs:")
    run = site.succeed("--limit", "tls-1", **given)
    assert (pki / "host.key").read_text(encoding="utf-8").splitlines()[1] not in run.output
    site.verify()
    assert site.run(f"stat -c '%U:%G %a' {TLS}/host.key") == "root:ssl-cert 640"
    assert site.succeed("--limit", "tls-1", **given).changed == 0


def test_settings_that_would_renew_forever_are_refused(site: Site) -> None:
    refused(
        site.apply(certificates_valid_for="10d", certificates_renew_before="30d"),
        "renewal_never_ends:",
    )
