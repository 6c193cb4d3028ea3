"""Write the README.md of every role from its meta/argument_specs.yml (`make docs`).

What the specs cannot say stands in roles/<role>/meta/notes.md, which goes in as it is. Notes that
bring a section "Requirements" or "Example" of their own replace the generated one.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
COLLECTION = "groundwork.platform"

# Ansible's markup: C(code), I(option), V(value), O(option), B(bold), M(module), L(text, url), U(url).
_CODE = re.compile(r"\b[CIVOEM]\(((?:\\.|[^\\)])*)\)")
_BOLD = re.compile(r"\bB\(([^)]*)\)")
_LINK = re.compile(r"\bL\(([^,)]*),\s*([^)]*)\)")
_URL = re.compile(r"\bU\(([^)]*)\)")
_SECRET = re.compile(r"(password|passphrase|secret|token|private_key|given_key)$")

PREFLIGHT = (
    "It changes nothing: playbooks include it for every host first, so that a host that would be "
    "refused keeps the others from being changed."
)
REQUIREMENTS = (
    "Hosts run Debian 12 or 13 (Ubuntu 24.04 was not tried) with Python 3.9 or newer, and the play may become root. "
    "ansible-core is 2.18 or newer."
)


def roles(root: Path = ROOT) -> list[Path]:
    """Folders of the roles that have a specification."""
    return sorted(specs.parents[1] for specs in root.glob("roles/*/meta/argument_specs.yml"))


def load(path: Path) -> Any:
    """Read a YAML file; a missing one is empty."""
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None


def entry_points(role: Path) -> dict[str, Any]:
    """Read what a role's argument_specs.yml holds, by entry point, `main` first."""
    specs: dict[str, Any] = (load(role / "meta/argument_specs.yml") or {}).get("argument_specs", {})
    return dict(sorted(specs.items(), key=lambda item: (item[0] != "main", item[0])))


def is_secret(name: str, option: dict[str, Any]) -> bool:
    """Whether an option's value must not be seen: it says so, or its name does."""
    return bool(option.get("no_log")) or bool(_SECRET.search(name))


def markdown(text: str) -> str:
    """Turn Ansible's markup into Markdown."""
    text = _LINK.sub(r"[\1](\2)", text)
    text = _URL.sub(r"<\1>", text)
    text = _BOLD.sub(r"**\1**", text)
    return _CODE.sub(lambda match: code(match[1].replace("\\", "")), text)


def code(text: str) -> str:
    """Set a text as code, whatever it holds."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}"


def paragraphs(description: str | list[str] | None) -> list[str]:
    """Return the paragraphs of a description as Markdown."""
    if not description:
        return []
    items = [description] if isinstance(description, str) else description
    return [markdown(" ".join(item.split())) for item in items]


def cell(text: str) -> str:
    """Make a text fit a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def kind(option: dict[str, Any]) -> str:
    """Name an option's type as people read it: `list of str`."""
    name = option.get("type", "str")
    return f"{name} of {option['elements']}" if "elements" in option else str(name)


def default_of(option: dict[str, Any]) -> str:
    """Show an option's default, or that there is none."""
    if option.get("required"):
        return "**required**"
    value = option.get("default")
    if value is None:
        return ""
    return code(
        value.strip() if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    )


def explain(name: str, option: dict[str, Any]) -> str:
    """Return an option's description with its choices and whether it is a secret."""
    parts = paragraphs(option.get("description"))
    if "choices" in option:
        parts.append("One of " + ", ".join(code(str(choice)) for choice in option["choices"]) + ".")
    if is_secret(name, option):
        parts.append("**Secret**: keep it in a vault.")
    return " ".join(parts)


def table(options: dict[str, Any], heading: str) -> list[str]:
    """Return the table of some options, and those of their own options below it."""
    lines = [f"| {heading} | Type | Default | Description |", "|---|---|---|---|"]
    for name, option in options.items():
        cells = (code(name), kind(option), default_of(option), explain(name, option))
        lines.append("| " + " | ".join(cell(text) for text in cells) + " |")
    lines.append("")
    for name, option in options.items():
        if "options" in option:
            each = "Keys of each item of" if option.get("type") == "list" else "Keys of"
            lines += [f"{each} {code(name)}:", "", *table(option["options"], "Key")]
    return lines


def topics(role: Path) -> list[str]:
    """Topics that a role's handlers listen to, beyond the names of its own handlers."""
    handlers: list[dict[str, Any]] = load(role / "handlers/main.yml") or []
    own = {handler.get("name") for handler in handlers}
    found: list[str] = []
    for handler in handlers:
        heard = handler.get("listen", [])
        found += [heard] if isinstance(heard, str) else heard
    return sorted(set(found) - own)


def example(role: Path, options: dict[str, Any]) -> list[str]:
    """Return the smallest play that applies the role."""
    lines = ["- hosts: all", "  become: true", "  roles:", f"    - role: {COLLECTION}.{role.name}"]
    required = [name for name, option in options.items() if option.get("required")]
    if required:
        lines.append("      vars:")
        lines += [f"        {name}: ..." for name in required]
    return ["```yaml", *lines, "```", ""]


def sections(role: Path) -> Iterator[str]:
    """Yield the lines of a role's README."""
    notes_file = role / "meta/notes.md"
    notes = notes_file.read_text(encoding="utf-8").strip() if notes_file.exists() else ""
    points = entry_points(role)
    main = points.get("main", {})
    yield from (f"# {COLLECTION}.{role.name}", "")
    yield from (
        "<!-- Made by `make docs` from meta/argument_specs.yml and meta/notes.md: change those. -->",
        "",
    )
    for text in (
        f"{markdown(main.get('short_description', '')).rstrip('.')}.",
        *paragraphs(main.get("description")),
    ):
        yield from (text, "")
    if "## Requirements" not in notes:
        yield from ("## Requirements", "", REQUIREMENTS, "")
    for name, point in points.items():
        if name != "main" and point == main:
            yield from (f"The entry point {code(name)} takes the same variables. {PREFLIGHT}", "")
            continue
        yield from ("## Variables" if name == "main" else f"## Entry point {code(name)}", "")
        if name != "main":
            for text in (
                f"{markdown(point.get('short_description', ''))}",
                *paragraphs(point.get("description")),
            ):
                yield from (text, "")
        options = point.get("options") or {}
        yield from table(options, "Variable") if options else ("None.", "")
    if topics(role):
        yield from (
            "## Handlers",
            "",
            "Handlers listen to " + ", ".join(map(code, topics(role))) + ".",
            "",
        )
    if "## Example" not in notes:
        yield from ("## Example", "", *example(role, main.get("options") or {}))
    if notes:
        yield from (notes, "")


def render(role: Path) -> str:
    """Return the README.md that a role has to have."""
    return "\n".join(sections(role)).rstrip() + "\n"


def main() -> int:
    """Write every README.md that differs from its specification."""
    for role in roles():
        readme = role / "README.md"
        text = render(role)
        if not readme.exists() or readme.read_text(encoding="utf-8") != text:
            readme.write_text(text, encoding="utf-8")
            print(f"written: {readme.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
