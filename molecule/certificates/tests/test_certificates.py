from __future__ import annotations

import pytest
from testinfra.host import Host

TLS = "/etc/groundwork/tls"


def test_certificate_is_signed_by_the_authority(host: Host) -> None:
    host.check_output(f"openssl verify -purpose sslserver -CAfile {TLS}/ca.crt {TLS}/host.crt")
    host.check_output(f"openssl verify -purpose sslclient -CAfile {TLS}/ca.crt {TLS}/host.crt")


@pytest.mark.parametrize("name", ["localhost", "tls-1", "tls-2", "balancer.example.com"])
def test_certificate_names_its_host_and_no_other(host: Host, name: str) -> None:
    here = host.backend.get_hostname()
    extra = ["balancer.example.com"] if here == "tls-2" else []
    answer = host.check_output(f"openssl x509 -in {TLS}/host.crt -noout -checkhost {name} || true")
    expected = "does match" if name in ["localhost", here, *extra] else "does NOT match"
    assert expected in answer


def test_certificate_holds_the_addresses(host: Host) -> None:
    for address in [host.ansible.get_variables()["private_address"], "127.0.0.1", "::1"]:
        answer = host.check_output(f"openssl x509 -in {TLS}/host.crt -noout -checkip {address}")
        assert "does match" in answer


def test_key_is_for_its_group_only(host: Host) -> None:
    key = host.file(f"{TLS}/host.key")
    assert (key.user, key.group, key.mode) == ("root", "ssl-cert", 0o640)
    assert host.run("sudo -u nobody cat %s", key.path).failed


def test_each_host_has_a_key_of_its_own(host: Host) -> None:
    of_the_key = host.check_output(f"openssl pkey -in {TLS}/host.key -pubout")
    of_the_certificate = host.check_output(f"openssl x509 -in {TLS}/host.crt -noout -pubkey")
    assert of_the_key == of_the_certificate


def test_certificate_serves_and_visits(host: Host) -> None:
    # A server that demands its client's certificate, and a client that checks the server's name.
    files = f"-CAfile {TLS}/ca.crt -cert {TLS}/host.crt -key {TLS}/host.key -verify_return_error"
    server = f"timeout 20 openssl s_server -quiet -accept 8443 -naccept 1 -Verify 1 {files}"
    client = f"timeout 3 openssl s_client -quiet -connect localhost:8443 -verify_hostname localhost {files}"
    host.run(
        f"(sleep 20 | {server} >/tmp/heard 2>/dev/null &); "
        "for i in $(seq 50); do ss -ltn | grep -q :8443 && break; sleep 0.1; done; "
        f"(echo good morning; sleep 1) | {client}"
    )
    assert "good morning" in host.file("/tmp/heard").content_string
