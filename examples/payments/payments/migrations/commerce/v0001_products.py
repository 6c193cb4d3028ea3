"""Products of merchants."""

from __future__ import annotations

from alembic import op

revision = "commerce_0001"
down_revision = None
needs: tuple[str, ...] = ("identity_0001",)
phase = "expand"


def upgrade() -> None:
    """Bring it."""
    op.execute("""
        CREATE TABLE commerce.product (
          sku text PRIMARY KEY,
          name text NOT NULL,
          price bigint NOT NULL CHECK (price > 0),
          merchant text NOT NULL REFERENCES identity.person
        )
    """)
    op.execute("""
        INSERT INTO commerce.product VALUES
          ('coffee', 'A coffee', 100, 'cafe'), ('cake', 'A cake', 350, 'cafe'),
          ('machine', 'A coffee machine', 90000, 'cafe')
    """)
