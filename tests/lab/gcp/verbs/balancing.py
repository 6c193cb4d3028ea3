"""Health checks and forwarding rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.lab.gcp.defaults import CHANGED, PREPARE, hook
from tests.lab.gcp.errors import invalid, required
from tests.lab.gcp.fields import setter
from tests.lab.gcp.ips import claim_internal, free_external
from tests.lab.gcp.links import location_of, parse
from tests.lab.gcp.store import Record

if TYPE_CHECKING:
    from tests.lab.gcp.call import Call
    from tests.lab.gcp.emulator import Emulator

Body = dict[str, Any]
_CHECKS = {
    "HTTP": "httpHealthCheck",
    "HTTPS": "httpsHealthCheck",
    "HTTP2": "http2HealthCheck",
    "TCP": "tcpHealthCheck",
    "SSL": "sslHealthCheck",
    "GRPC": "grpcHealthCheck",
}
_CHECK_PORTS = {"HTTP": 80, "HTTPS": 443, "HTTP2": 443, "TCP": 80, "SSL": 443}


@hook(PREPARE, "compute.healthChecks", "compute.regionHealthChecks")
def prepare_check(_: Emulator, __: Call, record: Record) -> None:
    """Fill in a health check."""
    fill_check(record.body)


@hook(CHANGED, "compute.healthChecks", "compute.regionHealthChecks")
def change_check(_: Emulator, __: Call, ___: Record, body: Body) -> None:
    """Check and fill in as at creation; the part of another type goes."""
    for kind, name in _CHECKS.items():
        if kind != body["type"]:
            body.pop(name, None)
    fill_check(body)


def fill_check(body: Body) -> None:
    """Fill in intervals, ports and paths; refuse what contradicts the type."""
    setter(
        body,
        {"checkIntervalSec": 5, "timeoutSec": 5, "healthyThreshold": 2, "unhealthyThreshold": 2},
    )
    if body["timeoutSec"] > body["checkIntervalSec"]:
        words = "The timeout must not be longer than the interval."
        raise invalid("timeoutSec", body["timeoutSec"], words)
    for name in ("checkIntervalSec", "timeoutSec", "healthyThreshold", "unhealthyThreshold"):
        if body[name] < 1:
            raise invalid(name, body[name], "Must be at least 1.")
    kind = body["type"]
    for other, name in _CHECKS.items():
        if other != kind and body.get(name):
            raise invalid(name, "", f"Must not be specified for type {kind}.")
    part = dict(body.get(_CHECKS.get(kind, ""), {}))
    if kind in ("HTTP", "HTTPS", "HTTP2"):
        setter(part, {"requestPath": "/"})
    if kind != "GRPC":
        setter(part, {"proxyHeader": "NONE"})
    if kind in _CHECK_PORTS and part.get("portSpecification") in (None, "USE_FIXED_PORT"):
        setter(part, {"port": _CHECK_PORTS[kind]})
    if kind in _CHECKS:
        body[_CHECKS[kind]] = part


@hook(PREPARE, "compute.forwardingRules", "compute.globalForwardingRules")
def prepare_rule(emulator: Emulator, _: Call, record: Record) -> None:
    """Give a forwarding rule its address; refuse what a balancer cannot have."""
    body = record.body
    setter(body, {"loadBalancingScheme": "EXTERNAL", "IPProtocol": "TCP"})
    if body["loadBalancingScheme"] == "INTERNAL":
        _internal_rule(emulator, record)
    elif body["loadBalancingScheme"].startswith("EXTERNAL"):
        setter(body, {"networkTier": "PREMIUM"})
        body["IPAddress"] = _given_external(emulator, body) or free_external(emulator)
    elif body.get("subnetwork"):
        key = parse(body["subnetwork"]) or ""
        wanted = str(body.get("IPAddress", ""))
        body["IPAddress"] = claim_internal(emulator, key, wanted, "IPAddress", record.key)
    _port_range(body)


def _given_external(emulator: Emulator, body: Body) -> str:
    given = str(body.get("IPAddress", ""))
    if not given:
        return ""
    key = parse(given)
    record = emulator.store.get(key) if key else None
    if record is not None:
        return str(record.body["address"])
    known = {
        str(found.body.get("address"))
        for type_ in ("compute.addresses", "compute.globalAddresses")
        for found in emulator.store.of_type(type_)
    }
    if given not in known:
        raise invalid("IPAddress", given, "The referenced address resource cannot be found.")
    return given


def _internal_rule(emulator: Emulator, record: Record) -> None:
    body = record.body
    if not body.get("backendService"):
        raise required("backendService")
    if not body.get("subnetwork"):
        raise required("subnetwork")
    service = emulator.store.get(parse(body["backendService"]) or "")
    scheme = service.body.get("loadBalancingScheme") if service else None
    if scheme != "INTERNAL":
        words = f"The backend service is for {scheme}, the rule for INTERNAL."
        raise invalid("backendService", body["backendService"], words)
    if not (body.get("ports") or body.get("allPorts") or body.get("portRange")):
        raise required("ports")
    if len(body.get("ports", [])) > 5:
        raise invalid("ports", body["ports"], "At most 5 ports; allPorts forwards all.")
    key = parse(body["subnetwork"]) or ""
    parent = emulator.store.get(key)
    body["network"] = parent.body["network"] if parent else body.get("network")
    wanted = str(body.get("IPAddress", ""))
    body["IPAddress"] = claim_internal(emulator, key, wanted, "IPAddress", record.key)
    setter(body, {"networkTier": "PREMIUM", "allowGlobalAccess": False, "ipVersion": "IPV4"})
    if body.get("serviceLabel"):
        label = f"{body['serviceLabel']}.{record.name}.il4.{location_of(record.key)}.lb"
        body["serviceName"] = f"{label}.{record.project}.internal"


def _port_range(body: Body) -> None:
    given = str(body.get("portRange", ""))
    if given and "-" not in given:
        body["portRange"] = f"{given}-{given}"
