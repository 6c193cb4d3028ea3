"""Nodes, quotas, Services, what leads in, and certificates: from objects to what the module shows."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster import (
    certificates,
    nodes,
    quotas,
    routes,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.look import Unread
from ansible_collections.groundwork.platform.plugins.module_utils.kube_cluster.services import (
    services,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.unit.kube_cluster.objects import body, look, node, owned, pod, real, workload

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def certificate(
    days: float, name: str = "web.example.com", subject: bool = True, *more: x509.ExtensionType
) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if subject else [])
    builder = x509.CertificateBuilder().subject_name(named).issuer_name(named)
    builder = builder.public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(NOW - timedelta(days=100))
    builder = builder.not_valid_after(NOW + timedelta(days=days))
    for extension in (x509.SubjectAlternativeName([x509.DNSName(name)]), *more):
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256())


def pem(*found: x509.Certificate) -> str:
    text = b"".join(each.public_bytes(serialization.Encoding.PEM) for each in found)
    return base64.b64encode(text).decode()


def secret(name: str, text: str) -> dict[str, Any]:
    """A Secret as the look keeps it."""
    return {"kind": "Secret", "metadata": {"name": name, "namespace": "nx"}, "certificates": text}


def service(name: str, *, ports: bool = True, **spec: Any) -> dict[str, Any]:
    return body("Service", name, spec={"ports": [{"port": 80}] if ports else [], **spec})


def slices(name: str, *endpoints: dict[str, Any], number: int = 1, **more: Any) -> dict[str, Any]:
    labels = {"kubernetes.io/service-name": name}
    return body(
        "EndpointSlice",
        f"{name}-{number}",
        metadata={"labels": labels},
        endpoints=list(endpoints),
        **{"ports": [{"port": 80}], **more},
    )


def endpoint(address: str, target: str = "", **conditions: bool) -> dict[str, Any]:
    reference = {"targetRef": {"name": target}} if target else {}
    return {"addresses": [address], "conditions": conditions, **reference}


def test_nodes_are_counted_by_pool_where_they_are_ready_and_take_pods() -> None:
    pool = "node.kubernetes.io/pool"
    bodies = [
        node("c", labels={"cloud.google.com/gke-nodepool": "app"}, unschedulable=True),
        node("a", labels={pool: "app", "topology.kubernetes.io/zone": "z"}),
        node("b", labels={pool: "app"}, ready="Unknown"),
        node("d"),
    ]
    shown = nodes.nodes(bodies)
    assert [(entry["name"], entry["ready"], entry["schedulable"]) for entry in shown] == [
        ("a", True, True),
        ("b", False, True),
        ("c", True, False),
        ("d", True, True),
    ]
    assert [entry["pool"] for entry in shown] == ["app", "app", "app", None]
    assert [entry["zone"] for entry in shown] == ["z", None, None, None]
    assert shown[1]["reason"] == "R: kubelet is silent."
    assert nodes.pools(shown) == {"app": {"ready": 1, "total": 3}}
    assert nodes.room(bodies) == {"cpu": 4.0, "memory": 8 * 1024**3, "pods": 220}


def test_a_node_that_is_new_or_short_of_something_says_so() -> None:
    new = body("Node", "n", status={})
    short = node("s")
    short["status"]["conditions"][0]["status"] = "True"
    first, second = nodes.nodes([new, short])
    assert (first["ready"], first["reason"]) == (False, "its kubelet has not reported yet")
    assert second["pressures"] == ["MemoryPressure"]


def test_quotas_are_shares_of_quantities() -> None:
    hard = {"cpu": "2", "memory": "1Gi", "services.loadbalancers": "0", "pods": "10", "x": "0"}
    used = {"cpu": "500m", "memory": "512Mi", "services.loadbalancers": "0", "x": "1"}
    quota = body("ResourceQuota", "q", spec={"hard": hard}, status={"used": used})
    shares = {limit["resource"]: limit["percent"] for limit in quotas.quotas([quota])}
    assert shares == {
        "cpu": 25.0,
        "memory": 50.0,
        "pods": None,
        "services.loadbalancers": 0.0,
        "x": 100.0,
    }


def test_services_of_a_real_namespace_count_what_is_ready() -> None:
    told = {entry["name"]: entry for entry in services(real())}
    assert (told["good"]["ready"], told["good"]["reason"]) == (1, "")
    assert (told["away"]["ready"], told["away"]["type"]) == (None, "ExternalName")
    assert told["idle"]["idle"]
    assert told["idle"]["reason"] == "Deployment idle is scaled to 0"
    assert told["nobody"]["reason"] == "no pod has the labels app=nobody"
    assert told["crash"]["reason"] == "Deployment crash is not ready"
    assert (told["crash"]["type"], told["crash"]["ready"]) == ("Headless", 0)
    # The API lists the pod as ready here, too, without a port that it could be reached at.
    assert told["wrong-port"]["ready"] == 0
    assert "no port of the name" in told["wrong-port"]["reason"]


def test_an_endpoint_with_addresses_of_two_families_counts_once() -> None:
    (told,) = services(
        look(
            service("s", selector={"app": "s"}),
            slices(
                "s", endpoint("10.0.0.1", "a", ready=True), endpoint("10.0.0.2", "b", ready=False)
            ),
            slices("s", endpoint("fd00::1", "a", ready=True), number=2),
            slices("other", endpoint("10.0.0.9", "c", ready=True)),
        )
    )
    assert told["ready"] == 1


def test_a_service_without_a_selector_is_counted_and_not_judged() -> None:
    kept, empty, bare = services(
        look(
            service("kept"),
            # Without a condition, as who writes endpoints by hand leaves them.
            slices("kept", {"addresses": ["10.0.0.1"]}),
            service("keptnot"),
            service("portless", ports=False, clusterIP="None"),
            slices("portless", endpoint("10.0.0.3", ready=True), ports=None),
        )
    )
    assert (kept["ready"], kept["reason"]) == (1, "")
    assert (empty["ready"], empty["reason"]) == (0, "")
    assert bare["ready"] == 1


def test_pods_that_no_workload_made_explain_a_service_themselves() -> None:
    evicted = {"phase": "Failed", "reason": "Evicted"}
    (told,) = services(
        look(
            service("db-rw", selector={"app": "db"}),
            pod("db-1", "db", ready=False, metadata=owned("Cluster"), status=evicted),
        )
    )
    assert told["reason"] == "Evicted"


def test_endpoints_that_come_later_are_told_apart_from_a_port_that_is_not_there() -> None:
    (told,) = services(look(service("s", selector={"app": "web"}), workload("web", 1, 1)))
    assert told["reason"] == "its endpoints do not say yet that its pods are ready"


def test_a_service_is_idle_only_where_all_that_it_leads_to_is() -> None:
    both = service("s", selector={})
    both["spec"]["selector"] = {"app": "web"}
    still = workload("web", 1, 0)
    still["metadata"]["name"] = "other"
    (told,) = services(look(both, workload("web", 0, 0), still))
    assert (told["idle"], told["reason"]) == (False, "Deployment other is not ready")


@pytest.mark.parametrize("place", ["", "nx"])
def test_what_may_not_be_read_is_not_taken_for_empty(place: str) -> None:
    unread = (Unread("endpointslices", place, "no"),)
    (told,) = services(look(service("s", selector={"app": "s"}), unread=unread))
    assert (told["ready"], told["reason"]) == (None, "")


def test_ingresses_gateways_and_routes_say_whether_they_are_in_use() -> None:
    rules = [{"host": "a.example.com"}, {"host": "a.example.com"}, {}]
    ingress = body("Ingress", "web", spec={"ingressClassName": "nginx", "rules": rules})
    served = {**ingress, "status": {"loadBalancer": {"ingress": [{"hostname": "lb"}, {"ip": "1"}]}}}
    gateway = body(
        "Gateway",
        "edge",
        spec={"gatewayClassName": "k", "listeners": [{"hostname": "*.example.com"}, {}]},
        status={
            "addresses": [{"value": "192.0.2.1"}],
            "conditions": [{"type": "Programmed", "status": "True"}],
        },
    )
    (web,) = routes.ingresses(look(ingress))
    assert web["reason"] == "no controller has given it an address"
    assert routes.ingresses(look(gateway, served)) == [
        {
            "kind": "Gateway",
            "namespace": "nx",
            "name": "edge",
            "classes": ["k"],
            "hosts": ["*.example.com"],
            "addresses": ["192.0.2.1"],
            "reason": "",
        },
        {
            "kind": "Ingress",
            "namespace": "nx",
            "name": "web",
            "classes": ["nginx"],
            "hosts": ["a.example.com"],
            "addresses": ["lb", "1"],
            "reason": "",
        },
    ]


def test_a_route_is_in_use_when_each_gateway_took_it() -> None:
    def route(*parents: Any) -> str:
        spec = {"hostnames": ["x.example.com"], "parentRefs": [{"name": "edge"}]}
        found = routes.ingresses(
            look(body("HTTPRoute", "r", spec=spec, status={"parents": parents}))
        )
        assert (found[0]["hosts"], found[0]["classes"]) == (["x.example.com"], ["edge"])
        return str(found[0]["reason"])

    def parent(accepted: str, resolved: str) -> dict[str, Any]:
        return {
            "parentRef": {"name": "edge"},
            "conditions": [
                {"type": "Accepted", "status": accepted, "reason": "R", "message": "m"},
                {"type": "ResolvedRefs", "status": resolved, "reason": "BackendNotFound"},
            ],
        }

    assert route() == "no gateway has taken it"
    assert route(parent("True", "True")) == ""
    assert route(parent("False", "True")) == "Gateway edge: Accepted: R m"
    assert route(parent("True", "True"), parent("True", "False")) == (
        "Gateway edge: ResolvedRefs: BackendNotFound"
    )


def test_the_first_certificate_of_a_secret_counts() -> None:
    leaf, above = certificate(10.5), certificate(-5, "ca")
    (found,) = certificates.certificates(look(secret("web", pem(leaf, above))), NOW)
    assert found == {
        "kind": "Secret",
        "namespace": "nx",
        "name": "web",
        "subject": "CN=web.example.com",
        "names": ["web.example.com"],
        "reason": "",
        "not_after": "2026-12-03T00:00:00Z",
        "days_left": 10,
    }


def test_one_without_a_subject_is_told_by_its_names_and_one_that_ended_has_less_than_no_days() -> (
    None
):
    text = pem(certificate(-0.5, subject=False))
    (found,) = certificates.certificates(look(secret("web", text)), NOW)
    assert (found["subject"], found["days_left"]) == ("web.example.com", -1)


def test_the_days_of_one_whose_extensions_are_against_the_standard_are_told() -> None:
    # As sealed-secrets makes them: only for enciphering, and for no agreement on a key.
    usage = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.15"), b"\x03\x02\x00\x01")
    text = pem(certificate(5, "sealing", True, usage))
    (found,) = certificates.certificates(look(secret("key", text)), NOW)
    assert (found["subject"], found["days_left"], found["reason"]) == ("CN=sealing", 5, "")


@pytest.mark.parametrize("text", ["", "%%%", base64.b64encode(b"no certificate").decode()])
def test_what_is_no_certificate_says_so(text: str) -> None:
    (found,) = certificates.certificates(look(secret("web", text)), NOW)
    assert found["reason"] == "it holds no certificate that can be read"
    assert found["days_left"] is None


def test_the_api_server_and_cert_manager_have_certificates_too() -> None:
    shown = certificate(3).public_bytes(serialization.Encoding.DER)
    kept = body(
        "Certificate",
        "web",
        spec={"secretName": "web-tls", "dnsNames": ["a"], "commonName": "a"},
        status={
            "notAfter": "2026-11-30T12:00:00Z",
            "conditions": [
                {"type": "Ready", "status": "False", "reason": "Failed", "message": "acme"}
            ],
        },
    )
    server, found = certificates.certificates(look(kept, certificate=shown), NOW)
    assert (server["kind"], server["days_left"]) == ("APIServer", 3)
    assert (found["secret"], found["days_left"]) == ("web-tls", 8)
    assert found["reason"] == "Ready: Failed acme"
