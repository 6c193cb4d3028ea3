"""What a role says of itself (argument_specs, README) is what it does (defaults)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.collection.files import ROLES, ROOT
from tools.role_docs import entry_points, load, render

TYPES: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "dict": (dict,),
    "float": (float, int),
    "int": (int,),
    "list": (list,),
    "path": (str,),
    "str": (str,),
}


@pytest.fixture(params=ROLES, ids=lambda role: role.name)
def role(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def documented(role: Path) -> dict[str, Any]:
    """Options of every entry point, by name."""
    options: dict[str, Any] = {}
    for point in entry_points(role).values():
        options.update(point.get("options") or {})
    return options


def all_options(options: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Options and those inside them, by dotted name."""
    found: dict[str, Any] = {}
    for name, option in options.items():
        found[prefix + name] = option
        found.update(all_options(option.get("options") or {}, f"{prefix}{name}."))
    return found


def is_template(value: Any) -> bool:
    return isinstance(value, str) and "{{" in value


def test_every_role_has_a_specification():
    assert {role.name for role in ROLES} == {
        path.name for path in (ROOT / "roles").iterdir() if any(path.rglob("*.yml"))
    }


def test_defaults_are_what_the_specification_says(role: Path):
    defaults = load(role / "defaults/main.yml") or {}
    specified = {
        name: option["default"] for name, option in documented(role).items() if "default" in option
    }
    assert defaults == specified


def test_no_default_hides_in_the_specification_alone(role: Path):
    for name, option in documented(role).items():
        assert not (option.get("required") and "default" in option), (
            f"{name} is required and has a default"
        )


def test_every_option_is_described(role: Path):
    assert entry_points(role), "no entry point"
    for point in entry_points(role).values():
        assert point.get("short_description")
        assert point.get("description"), f"{point['short_description']}: no description"
    bare = [
        name
        for name, option in all_options(documented(role)).items()
        if not option.get("description")
    ]
    assert bare == []


def test_defaults_have_the_type_and_are_among_the_choices(role: Path):
    for name, option in all_options(documented(role)).items():
        value = option.get("default")
        if value is None or is_template(value):
            continue
        types = TYPES.get(option.get("type", "str"))
        assert types is None or isinstance(value, types), (
            f"{name}: {value!r} is no {option['type']}"
        )
        assert not (isinstance(value, bool) and types and bool not in types), (
            f"{name}: {value!r} is a bool"
        )
        if "choices" in option:
            chosen = value if isinstance(value, list) else [value]
            assert set(chosen) <= set(option["choices"]), name


def test_variables_carry_the_roles_name(role: Path):
    # Group variables that roles share may be required of the inventory, never set by a role.
    shared = {
        "etcd_group",
        "patroni_scope",
        "patroni_role",
        "postgresql_major",
        "load_balancer_cluster",
    }
    # Those of a cluster have the same default in each role for clusters.
    of_clusters = {"kube_context", "kube_kubeconfig", "kube_standby"}
    # So have those of an environment on Google Cloud, in each role for it.
    of_google = {
        "gcp_project",
        "gcp_regions",
        "gcp_zones",
        "gcp_nat_gateway_private_tags",
        "gcp_network_name",
        "gcp_ssh_keys",
        "gcp_impersonate_service_account",
        "gcp_state",
        "gcp_allow_delete",
        "gcp_allow_replace",
    }
    alike = of_clusters | (of_google if role.name.startswith("gcp_") else set())

    def own(name: str) -> bool:
        return name == role.name or name.startswith(f"{role.name}_") or name in alike

    foreign = [name for name in load(role / "defaults/main.yml") or {} if not own(name)]
    foreign += [
        name for name in load(role / "vars/main.yml") or {} if not name.startswith(f"_{role.name}_")
    ]
    foreign += [name for name in documented(role) if not own(name) and name not in shared]
    assert foreign == []


def test_what_roles_share_has_one_default():
    found: dict[str, list[Any]] = {}
    for role in ROLES:
        for name, value in (load(role / "defaults/main.yml") or {}).items():
            if value not in found.setdefault(name, []):
                found[name].append(value)
    assert {name: values for name, values in found.items() if len(values) > 1} == {}


def test_readme_is_made_from_the_specification(role: Path):
    readme = role / "README.md"
    assert readme.exists(), "make docs writes it"
    assert readme.read_text(encoding="utf-8") == render(role), "make docs brings it up to date"


def test_every_role_has_a_scenario(role: Path):
    # A role that only judges on the controller is tried by tests of its own name instead.
    if list((ROOT / "tests").glob(f"*/**/test_{role.name}*.py")):
        return
    scenario = ROOT / "molecule" / role.name
    assert (scenario / "molecule.yml").exists(), "docs/molecule.md says how to add one"
    assert list((scenario / "tests").glob("test_*.py")), (
        "a scenario without a verifier proves nothing"
    )
