"""Persons and their roles."""

from __future__ import annotations

from alembic import op

revision = "identity_0001"
down_revision = None
needs: tuple[str, ...] = ()
phase = "expand"


def upgrade() -> None:
    """Bring it."""
    op.execute("""
        CREATE TABLE identity.role (name text PRIMARY KEY)
    """)
    op.execute("""
        CREATE TABLE identity.person (
          id text PRIMARY KEY,
          role text NOT NULL REFERENCES identity.role
        )
    """)
    op.execute("INSERT INTO identity.role VALUES ('customer'), ('merchant'), ('house')")
    op.execute("""
        INSERT INTO identity.person VALUES
          ('alice', 'customer'), ('bob', 'customer'), ('probe', 'customer'), ('cafe', 'merchant'), ('bank', 'house')
    """)
