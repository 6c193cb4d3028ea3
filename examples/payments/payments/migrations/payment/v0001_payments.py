"""Payments by person and idempotency key."""

from __future__ import annotations

from alembic import op

revision = "payment_0001"
down_revision = None
needs: tuple[str, ...] = (
    "identity_0001",
    "sale_0001",
    "finance_0001",
    "inventory_0001",
    "pricing_0001",
)
phase = "expand"


def upgrade() -> None:
    """Bring it."""
    op.execute("""
        CREATE TABLE payment.payment (
          id uuid PRIMARY KEY,
          person text NOT NULL REFERENCES identity.person,
          key text NOT NULL,
          fingerprint text NOT NULL,
          sku text NOT NULL,
          quantity integer NOT NULL,
          merchant text,
          amount bigint,
          fee bigint,
          state text NOT NULL CHECK (state IN ('pending', 'accepted', 'settled', 'undoing', 'refused')),
          status integer,
          answer text,
          holder uuid,
          lease timestamptz,
          made timestamptz NOT NULL DEFAULT now(),
          touched timestamptz NOT NULL DEFAULT now(),
          UNIQUE (person, key)
        )
    """)
    op.execute("""
        CREATE INDEX payment_open ON payment.payment (touched) WHERE state IN ('pending', 'accepted', 'undoing')
    """)
