"""Stock and reservations; of one that was released before it came nothing else is known."""

from __future__ import annotations

from alembic import op

revision = "inventory_0001"
down_revision = None
needs: tuple[str, ...] = ("commerce_0001",)
phase = "expand"


def upgrade() -> None:
    """Bring it."""
    op.execute("""
        CREATE TABLE inventory.stock (
          sku text PRIMARY KEY REFERENCES commerce.product,
          available bigint NOT NULL CHECK (available >= 0)
        )
    """)
    op.execute("""
        CREATE TABLE inventory.reservation (
          payment uuid PRIMARY KEY,
          sku text REFERENCES inventory.stock,
          quantity integer CHECK (quantity > 0),
          state text NOT NULL CHECK (state IN ('held', 'sold', 'released')),
          CHECK (state = 'released' OR (sku IS NOT NULL AND quantity IS NOT NULL))
        )
    """)
    op.execute(
        "INSERT INTO inventory.stock VALUES ('coffee', 100000000), ('cake', 5), ('machine', 1000)"
    )
