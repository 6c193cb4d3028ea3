"""The description of secrets: what it means, and that all that is wrong with it is told at once."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.describe import (
    Defaults,
    describe,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.model import (
    Described,
    Environment,
    Generated,
    Given,
    MissingError,
    Registry,
    Stored,
    Workload,
)
from ansible_collections.groundwork.platform.plugins.module_utils.kube_secrets.values import (
    Known,
    contents,
)

DEFAULTS = Defaults(namespaces=("nx-app", "nx-backend"))


def one(entry: dict[str, Any], defaults: Defaults = DEFAULTS) -> Described:
    """The only secret of a description that is right."""
    (found,), problems = describe([{"name": "app", "namespaces": ["a"], **entry}], [], defaults)
    assert problems == []
    return found


def wrong(*entries: Any, registries: Any = (), defaults: Defaults = DEFAULTS) -> list[str]:
    """All problems, as text."""
    _found, problems = describe(list(entries), list(registries), defaults)
    return [f"{problem.where}: {problem.what}. {problem.way_out}" for problem in problems]


def test_each_source_is_read() -> None:
    found = one(
        {
            "data": {
                "A": {"value": "text"},
                "B": {"base64": base64.b64encode(b"\0\1").decode()},
                "C": {"env": "NX_API_KEY"},
                "D": {"secret_manager": "projects/p/secrets/s"},
                "E": {"secret_manager": "projects/p/locations/l/secrets/s/versions/3"},
                "F": {"generate": {"length": 48, "version": 2}},
                "G": {"generate": {"name": "shared-one", "characters": "0123456789abcdef"}},
            }
        }
    )
    assert found.data["A"] == Given(b"text")
    assert found.data["B"] == Given(b"\0\1")
    assert found.data["C"] == Environment("NX_API_KEY")
    assert found.data["D"] == Stored("projects/p/secrets/s/versions/latest")
    assert found.data["E"] == Stored("projects/p/locations/l/secrets/s/versions/3")
    made, shared = found.data["F"], found.data["G"]
    assert isinstance(made, Generated)
    assert isinstance(shared, Generated)
    assert (made.folder, made.name, made.length, made.version) == ("app", "F", 48, 2)
    assert (shared.folder, shared.name, shared.length) == ("_shared", "shared-one", 32)


def test_what_is_not_said_is_the_default() -> None:
    found = one({"data": {"A": {"value": "x"}}}, Defaults("sealed", "cluster-wide"))
    assert (found.form, found.scope, found.type) == ("sealed", "cluster-wide", "Opaque")
    assert found.restart is None
    found = one({"data": {"A": {"value": "x"}}, "form": "secret", "restart": ["Deployment/web"]})
    assert found.form == "secret"
    assert found.restart == (Workload("Deployment", "web"),)


def test_a_registry_is_a_secret_in_each_application_namespace() -> None:
    registry = {
        "name": "bcr",
        "server": "bcr.example.com",
        "username": {"value": "deploy"},
        "password": {"env": "P"},
    }
    (found,), problems = describe([], [registry], Defaults("csi", namespaces=("a", "b")))
    assert problems == []
    assert found.namespaces == ("a", "b")
    assert (found.form, found.type) == ("secret", "kubernetes.io/dockerconfigjson")
    assert isinstance(found.data[".dockerconfigjson"], Registry)
    values, missing = contents(found, Known(environment={"P": "Gehe1m"}))
    assert missing == []
    # As kubectl create secret docker-registry writes it.
    assert json.loads(values[".dockerconfigjson"]) == {
        "auths": {
            "bcr.example.com": {
                "username": "deploy",
                "password": "Gehe1m",
                "auth": base64.b64encode(b"deploy:Gehe1m").decode(),
            }
        }
    }


@pytest.mark.parametrize(
    "entry,words",
    [
        ({"name": "Bad"}, "its name is missing or none that Kubernetes takes"),
        ({"name": None}, "secrets, item 1: its name is missing"),
        ({"namespaces": []}, "no namespaces"),
        ({"namespaces": ["Bad"]}, "'Bad' is no name of a namespace"),
        ({"namespaces": None}, "no namespaces"),
        ({"data": {}}, "it has no data"),
        ({"data": ["A"]}, "data is no mapping"),
        ({"data": {"a b": {"value": "x"}}}, "'a b' is no key of a Secret"),
        ({"data": {"..a": {"value": "x"}}}, "'..a' is no key of a Secret"),
        ({"data": {False: {"value": "x"}}}, "False is no key of a Secret"),
        ({"data": {"A": "x"}}, "key A: a value has one source"),
        ({"data": {"A": {"valeu": "x"}}}, "key A: a value has one source"),
        ({"data": {"A": {"value": "x", "env": "X"}}}, "key A: a value has one source"),
        ({"data": {"A": {"value": 83}}}, "key A: its value is no text but int. Write it in quotes"),
        ({"data": {"A": {"value": None}}}, "its value is no text but NoneType"),
        ({"data": {"A": {"base64": "%"}}}, "its value is no base64"),
        ({"data": {"A": {"env": "a-b"}}}, "env names no variable"),
        ({"data": {"A": {"secret_manager": "s"}}}, "secret_manager names no secret"),
        ({"data": {"A": {"generate": {"lenght": 9}}}}, "generate is no mapping of what it knows"),
        ({"data": {"A": {"generate": {"length": 4}}}}, "generate.length is out of range"),
        ({"data": {"A": {"generate": {"length": True}}}}, "generate.length is out of range"),
        ({"data": {"A": {"generate": {"version": 0}}}}, "generate.version is no number from 1"),
        ({"data": {"A": {"generate": {"characters": "ab"}}}}, "are fewer than 10"),
        ({"data": {"A": {"generate": {"name": "../x"}}}}, "generate.name is no name"),
        ({"namespace": ["a"]}, "nothing is called namespace. did you mean namespaces?"),
        ({"form": "vault"}, "its form is 'vault'. Choose secret, sealed, csi"),
        ({"scope": "wide"}, "its scope is 'wide'"),
        ({"labels": {"a": 1}}, "labels are no mapping of texts"),
        ({"sync": "yes"}, "sync is neither true nor false"),
        ({"restart": ["web"]}, "restart names 'web'. Write Deployment/name"),
        ({"type": "kubernetes.io/tls"}, "type kubernetes.io/tls needs tls.crt and tls.key"),
        ({"form": "csi"}, "key A: form csi reads Google Secret Manager alone"),
        ({"registry": {"server": "x"}}, "key username: a value has one source"),
        ({"registry": {"username": {"value": "x"}, "password": {"value": "x"}}}, "no server"),
    ],
)
def test_what_is_wrong_is_told(entry: dict[str, Any], words: str) -> None:
    whole = {"name": "app", "namespaces": ["a"], "data": {"A": {"value": "Gehe1m"}}, **entry}
    told = wrong(whole)
    assert any(words in text for text in told), told
    assert "Gehe1m" not in str(told)


def test_of_a_secret_that_is_wrong_the_values_are_looked_for_all_the_same() -> None:
    entry = {"name": "app", "namespaces": ["a"], "data": {"A": {"value": 1}, "B": {"env": "UNSET"}}}
    (found,), problems = describe([entry], [], DEFAULTS)
    assert found.namespaces == ()
    problems += contents(found, Known())[1]
    assert [problem.where for problem in problems] == [
        "app (secrets, item 1), key A",
        "app (secrets, item 1), key B",
    ]


def test_all_problems_are_told_together() -> None:
    told = wrong("text", {"name": "B A D", "data": {"A": {}, "B": {"env": ""}}}, registries=[{}])
    assert len(told) == 9
    assert sum("secrets, item 1" in text for text in told) == 1
    assert sum("registries, item 1" in text for text in told) == 4


def test_a_value_that_is_wrong_is_not_told() -> None:
    for entry in ({"value": ["Gehe1m"]}, {"base64": "Gehe1m%"}, {"vaule": "Gehe1m"}, "Gehe1m"):
        told = wrong({"name": "app", "namespaces": ["a"], "data": {"A": entry}})
        assert told
        assert "Gehe1m" not in str(told)


def test_a_secret_is_described_once_in_a_namespace() -> None:
    entry = {"name": "app", "namespaces": ["a", "b"], "data": {"A": {"value": "x"}}}
    told = wrong(entry, {**entry, "namespaces": ["b", "c"]})
    assert told == [
        "app (secrets, item 2): namespace b has it from secrets, item 1 already. Describe it once, with all its keys"
    ]


def test_generated_values_are_shared_on_purpose_only() -> None:
    def entry(namespace: str, **generate: Any) -> dict[str, Any]:
        return {"name": "app", "namespaces": [namespace], "data": {"A": {"generate": generate}}}

    (by_chance,) = wrong(entry("a"), entry("b"))
    assert "secrets, item 1 generates a value under the same name" in by_chance
    assert wrong(entry("a", name="jwt"), entry("b", name="jwt")) == []
    (in_another_way,) = wrong(entry("a", name="jwt"), entry("b", name="jwt", length=9))
    assert "and in another way" in in_another_way


@pytest.mark.parametrize(
    "source,reason,words",
    [
        ({"env": "UNSET"}, "missing_value", "the environment variable UNSET is not set"),
        ({"env": "EMPTY"}, "missing_value", "the environment variable EMPTY is empty"),
        ({"value": " \n"}, "missing_value", "its value is empty"),
        ({"value": "<deploy-token-password>"}, "missing_value", "its value is a placeholder"),
        ({"value": "ChangeMe"}, "missing_value", "its value is a placeholder"),
        ({"secret_manager": "projects/p/secrets/s"}, "forbidden", "may not"),
    ],
)
def test_a_source_without_a_value_is_told(source: dict[str, Any], reason: str, words: str) -> None:
    refused = MissingError("forbidden", "may not", "ask")
    known = Known({"EMPTY": ""}, {"projects/p/secrets/s/versions/latest": refused})
    found, problems = contents(one({"data": {"A": source, "B": {"value": "x"}}}), known)
    assert found == {"B": b"x"}
    (problem,) = problems
    assert (problem.reason, problem.where) == (reason, "app (secrets, item 1), key A")
    assert words in problem.what


@pytest.mark.parametrize("value", ["<a><b/></a>", '{"a": 1}', "[x]", "password", "example"])
def test_a_value_that_looks_odd_is_one(value: str) -> None:
    assert contents(one({"data": {"A": {"value": value}}}), Known())[1] == []
