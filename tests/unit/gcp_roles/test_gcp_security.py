"""Role gcp_security: the rules before the balancers, certificates, accounts and the vault."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.gcp_roles.roles import Refused, declare, environment, of

SECURITY = ["gcp_security"]


def rules(**changes: Any) -> list[dict[str, Any]]:
    declared = declare("staging", SECURITY, changes) if changes else environment("staging")
    found: list[dict[str, Any]] = of(declared, "compute.securityPolicies")["edge"]["body"]["rules"]
    return found


def test_what_is_refused_comes_before_the_limit_and_all_others_last() -> None:
    found = rules(gcp_security_denied_ranges=[f"198.51.100.{number}/32" for number in range(12)])
    actions = [each["action"] for each in sorted(found, key=lambda rule: rule["priority"])]
    assert actions == ["deny(403)"] * 8 + ["rate_based_ban", "allow"]
    assert len({each["priority"] for each in found}) == len(found)
    # Google takes ten ranges a rule.
    assert [len(each["match"]["config"]["srcIpRanges"]) for each in found[:2]] == [10, 2]


def test_sets_are_refused_by_or_looked_at() -> None:
    found = {each["description"]: each for each in rules()}
    assert found["Google's rules against sqli"]["preview"] is False
    assert found["Google's rules against protocolattack"]["preview"] is True
    expression = found["Google's rules against xss"]["match"]["expr"]["expression"]
    assert expression == "evaluatePreconfiguredWaf('xss-v33-stable', {'sensitivity': 1})"


def test_a_client_may_send_so_many_requests() -> None:
    (limit,) = [each for each in rules() if each["action"] == "rate_based_ban"]
    assert limit["rateLimitOptions"]["rateLimitThreshold"] == {"count": 600, "intervalSec": 60}
    assert limit["rateLimitOptions"]["enforceOnKey"] == "IP"


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"gcp_security_waf": {"sqlii": "deny"}}, "unknown_field: gcp_security_waf.sqlii"),
        ({"gcp_security_waf": {"sqli": "block"}}, "a set has deny or preview"),
        (
            {"gcp_security_rate_limit": {"requests": 1, "seconds": 7, "ban_seconds": 60}},
            "Google counts in 10, 30",
        ),
        ({"gcp_security_balancers": {"edge": {}}}, "TLS needs domains"),
    ],
)
def test_what_google_would_refuse_is_refused_here(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refused:
        declare("staging", SECURITY, changes)
    assert said in str(refused.value)


def test_balancers_speak_tls_and_send_http_there() -> None:
    declared = environment("production")
    for name in ("edge-main", "edge-failover"):
        proxy = of(declared, "compute.targetHttpsProxies")[name]["body"]
        assert (proxy["sslPolicy"], proxy["sslCertificates"]) == ("edge", [name])
        service = of(declared, "compute.backendServices")[name]["body"]
        assert service["securityPolicy"] == "edge"
        # Nothing is attached before the gateways are there, and nothing is taken off afterwards.
        assert "backends" not in service
        redirect = of(declared, "compute.urlMaps")[f"{name}-to-https"]["body"]
        assert redirect["defaultUrlRedirect"]["httpsRedirect"] is True
        http = of(declared, "compute.targetHttpProxies")[name]["body"]
        assert http["urlMap"] == f"{name}-to-https"


def test_gateways_that_serve_are_sent_to() -> None:
    declared = declare("staging", SECURITY, {"gcp_security_gateways_serve": True})
    backends = of(declared, "compute.backendServices")["edge-main"]["body"]["backends"]
    assert [each["group"]["zone"][-1] for each in backends] == ["a", "b", "c"]
    assert {each["group"]["name"] for each in backends} == {"gateway-main"}


def test_a_certificate_that_was_bought_takes_its_place_under_a_name_of_its_own() -> None:
    def certificates(text: str) -> dict[str, Any]:
        bought = {"edge": {"certificate": text, "private_key": "the key of it"}}
        return of(
            declare("staging", SECURITY, {"gcp_security_balancers": bought}),
            "compute.sslCertificates",
        )

    old, new = certificates("one"), certificates("another")
    assert set(old).isdisjoint(new)
    body = next(iter(old.values()))["body"]
    assert (body["type"], body["selfManaged"]["certificate"]) == ("SELF_MANAGED", "one")


def test_services_are_their_accounts_without_keys() -> None:
    binding = of(environment("staging"), "iam.bindings")["payments-api-kubernetes"]["body"]
    assert binding["role"] == "roles/iam.workloadIdentityUser"
    assert binding["members"] == [
        "serviceAccount:project-1-dev-payments.svc.id.goog[nx-backend/nx-backend]"
    ]


def test_an_account_reads_the_secrets_that_it_names_and_no_others() -> None:
    accounts = {
        "payments-api": {"secrets": ["nx-app"], "buckets": {"b-1": "roles/storage.objectViewer"}}
    }
    declared = declare("staging", SECURITY, {"gcp_security_accounts": accounts})
    bodies = [
        each["body"]
        for each in of(declared, "iam.bindings").values()
        if "snapshot" not in each["name"]
    ]
    assert [(body["resource"], body["role"]) for body in bodies] == [
        ({"type": "secretmanager.secrets", "name": "nx-app"}, "roles/secretmanager.secretAccessor"),
        ({"type": "storage.buckets", "name": "b-1"}, "roles/storage.objectViewer"),
    ]
    who = "serviceAccount:payments-api@project-1-dev-payments.iam.gserviceaccount.com"
    assert all(body["members"] == [who] for body in bodies)
