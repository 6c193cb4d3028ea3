"""Orders, one a payment; of an order that was cancelled before it came nothing else is known."""

from __future__ import annotations

from alembic import op

revision = "sale_0001"
down_revision = None
needs: tuple[str, ...] = ("identity_0001", "commerce_0001")
phase = "expand"


def upgrade() -> None:
    """Bring it."""
    op.execute("""
        CREATE TABLE sale.purchase (
          payment uuid PRIMARY KEY,
          person text REFERENCES identity.person,
          sku text REFERENCES commerce.product,
          quantity integer CHECK (quantity > 0),
          amount bigint CHECK (amount > 0),
          state text NOT NULL CHECK (state IN ('open', 'paid', 'cancelled')),
          CHECK (state = 'cancelled' OR (person IS NOT NULL AND sku IS NOT NULL AND amount IS NOT NULL))
        )
    """)
