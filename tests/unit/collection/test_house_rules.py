"""Rules of docs/development.md that no linter knows."""

from __future__ import annotations

import ast
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.collection.files import MODULES, ROOT, SOURCES, ansible_files, kept_files, text_of

# Switching off what protects needs its reason beside it.
SWITCHED_OFF = re.compile(
    r"^\s*(- )?(failed_when:\s*(false|no)|ignore_errors:\s*(true|yes)|ignore_unreachable:\s*(true|yes)"
    r"|validate_certs:\s*(false|no)|no_log:\s*(false|no))\b"
)
# Assembled, so that this file does not find itself.
FOREIGN_HOSTS = [
    ".".join(parts)
    for parts in (
        ("docker", "io"),
        ("quay", "io"),
        ("ghcr", "io"),
        ("gcr", "io"),
        ("registry", "k8s", "io"),
        ("mcr", "microsoft", "com"),
    )
]
# Says by name what clusters install, and who makes it serves it there.
CATALOGUE = ROOT / "roles/kube_components/files/catalogue"
MACHINE_PATHS = re.compile(r"(?<![\w.])/(work|home/[a-z]+|Users|root)/(?!\.ssh\b)")


def local(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_what_is_switched_off_has_its_reason_beside_it():
    found = []
    for path in ansible_files():
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            reasoned = "#" in line or (number > 0 and lines[number - 1].lstrip().startswith("#"))
            if SWITCHED_OFF.match(line) and not reasoned:
                found.append(f"{local(path)}:{number + 1}: {line.strip()}")
    assert found == []


def test_no_file_names_a_machine_or_a_registry():
    found = []
    for path in kept_files():
        hosts = [] if path.parent == CATALOGUE else FOREIGN_HOSTS
        for number, line in enumerate((text_of(path) or "").splitlines(), 1):
            if MACHINE_PATHS.search(line) or any(host in line for host in hosts):
                found.append(f"{local(path)}:{number}: {line.strip()[:100]}")
    assert found == []


def test_files_stay_short_enough_to_read():
    long = {
        local(path): lines
        for path in SOURCES
        if (lines := len((text_of(path) or "").splitlines())) > 300
    }
    documented = {local(path) for path in MODULES}  # their DOCUMENTATION counts as well
    assert {name: lines for name, lines in long.items() if name not in documented} == {}


def functions(path: Path) -> list[ast.FunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def length(function: ast.FunctionDef) -> int:
    """Lines of a function's body, without its docstring."""
    body = (
        function.body[1:]
        if ast.get_docstring(function) and len(function.body) > 1
        else function.body
    )
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


def test_functions_do_one_thing():
    found = [
        f"{local(path)}: {function.name} has {length(function)} lines"
        for path in SOURCES
        for function in functions(path)
        if length(function) >= (30 if function.name == "main" and path in MODULES else 40)
    ]
    assert found == []


def test_module_utils_know_no_module():
    found = [
        local(path)
        for path in SOURCES
        if "module_utils" in path.parts
        and re.search(r"^(from|import) \S*plugins\.modules", text_of(path) or "", re.M)
    ]
    assert found == []


@pytest.fixture(params=MODULES, ids=lambda path: path.stem)
def module(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def constants(module: Path) -> dict[str, Any]:
    """DOCUMENTATION, EXAMPLES and RETURN of a module, as data."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return {
        node.targets[0].id: yaml.safe_load(ast.literal_eval(node.value))
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in ("DOCUMENTATION", "EXAMPLES", "RETURN")
    }


def test_module_says_what_it_returns_and_supports(module: Path):
    said = constants(module)
    assert said["EXAMPLES"], "no example"
    assert said["RETURN"], "no RETURN"
    without = [
        name
        for name, value in said["RETURN"].items()
        if "sample" not in value and "contains" not in value
    ]
    assert without == [], "without a sample"
    attributes = said["DOCUMENTATION"].get("attributes", {})
    fragments = said["DOCUMENTATION"].get("extends_documentation_fragment", [])
    assert fragments or {"check_mode", "diff_mode"} <= set(attributes)


def test_module_is_named_in_a_test(module: Path):
    tests = [
        path for path in kept_files() if path.relative_to(ROOT).parts[0] in ("tests", "molecule")
    ]
    assert any(re.search(rf"\b{module.stem}\b", text_of(path) or "") for path in tests)


def test_labs_of_the_scenarios_have_subnets_of_their_own():
    # The formula of inventories/lab/group_vars/all.yml: a lab's name gives its second octet.
    names = ["lab"] + [
        f"m-{path.parent.name}" for path in (ROOT / "molecule").glob("*/molecule.yml")
    ]
    octets: dict[int, list[str]] = {}
    for name in names:
        digest = hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()
        octets.setdefault(100 + int(digest[:6], 16) % 120, []).append(name)
    assert [together for together in octets.values() if len(together) > 1] == []
