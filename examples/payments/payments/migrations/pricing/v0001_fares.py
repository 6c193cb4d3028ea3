"""Fares and promotions."""

from __future__ import annotations

from alembic import op

revision = "pricing_0001"
down_revision = None
needs: tuple[str, ...] = ("commerce_0001",)
phase = "expand"


def upgrade() -> None:
    """Bring it."""
    op.execute("""
        CREATE TABLE pricing.fare (
          kind text PRIMARY KEY,
          basis_points integer NOT NULL CHECK (basis_points BETWEEN 0 AND 10000),
          least bigint NOT NULL CHECK (least >= 0)
        )
    """)
    op.execute("""
        CREATE TABLE pricing.promotion (
          sku text PRIMARY KEY REFERENCES commerce.product,
          percent integer NOT NULL CHECK (percent BETWEEN 1 AND 99)
        )
    """)
    op.execute("INSERT INTO pricing.fare VALUES ('payment', 150, 2)")
    op.execute("INSERT INTO pricing.promotion VALUES ('cake', 10)")
