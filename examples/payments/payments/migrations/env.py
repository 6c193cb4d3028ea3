"""Run by Alembic: migrations of one service, each in a transaction of its own."""

from __future__ import annotations

from typing import Any

from alembic import context

attributes = context.config.attributes
if "connection" not in attributes:
    raise SystemExit("Migrations are run by: payments migrate SERVICE")


def _applied(*_about: Any, **_more: Any) -> None:
    attributes["before_commit"]()


context.configure(
    connection=attributes["connection"],
    version_table_schema=attributes["service"],
    transaction_per_migration=True,
    on_version_apply=_applied,
)
with context.begin_transaction():
    context.run_migrations()
