"""The tables of docs/failover-time.md, made from the presets.

`python -m tests.unit.rules.doc_tables` (with .ansible/collections and . in PYTHONPATH) writes them.
"""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.groundwork.platform.plugins.module_utils.patroni.bound_model import (
    Situation,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.bounds import (
    EVENTS,
    failover_bound,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.durability import (
    DURABILITY_PRESETS,
)
from ansible_collections.groundwork.platform.plugins.module_utils.patroni.presets import (
    RTO_PRESETS,
    RtoPreset,
    check_rate,
)

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "failover-time.md"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def presets() -> str:
    def row(preset: RtoPreset) -> list[str]:
        checks, silence = preset.primary_checks, preset.postgresql
        return [
            f"`{preset.name}`",
            f"{preset.ttl} / {preset.loop_wait} / {preset.retry_timeout} / {preset.primary_start_timeout}",
            f"{silence.wal_sender_timeout_ms / 1000:g}",
            f"{checks.inter_ms} / {checks.fastinter_ms} / {checks.downinter_ms}",
            f"{checks.rise} / {checks.fall}",
            f"{check_rate(preset, 3):.1f}",
        ]

    head = [
        "preset",
        "ttl / loop_wait / retry_timeout / primary_start_timeout (s)",
        "wal_sender_timeout (s)",
        "primary's checks: inter / fastinter / downinter (ms)",
        "rise / fall",
        "checks per second and balancer, 3 members",
    ]
    return table(head, [row(preset) for preset in RTO_PRESETS.values()])


def totals() -> str:
    rows = []
    for event in EVENTS:
        for durability in DURABILITY_PRESETS:
            cells = []
            for preset in RTO_PRESETS.values():
                both = (
                    failover_bound(
                        event, preset, Situation(durability=durability, etcd_shares_hosts=shared)
                    ).total
                    for shared in (False, True)
                )
                cells.append(" / ".join(f"{total:.1f}" for total in both))
            rows.append([f"`{event}`", f"`{durability}`", *cells])
    return table(["event", "durability", *(f"`{name}`" for name in RTO_PRESETS)], rows)


def terms() -> str:
    bound = failover_bound("primary_host_lost", RTO_PRESETS["fast"], Situation())
    rows = [[term.term, f"{term.seconds:.1f}", term.source] for term in bound.terms]
    return table(
        ["term", "seconds", "source"], [*rows, ["**total**", f"**{bound.total:.1f}**", ""]]
    )


TABLES = {"presets": presets, "totals": totals, "terms": terms}


def rendered(text: str) -> str:
    for name, make in TABLES.items():
        pattern = rf"(<!-- {name}: made from the presets -->\n).*?(<!-- end -->)"
        text, count = re.subn(pattern, rf"\g<1>{make()}\n\g<2>", text, flags=re.S)
        if count != 1:
            raise ValueError(f"{DOCUMENT.name} has {count} places for the table {name}")
    return text


if __name__ == "__main__":
    DOCUMENT.write_text(rendered(DOCUMENT.read_text()))
