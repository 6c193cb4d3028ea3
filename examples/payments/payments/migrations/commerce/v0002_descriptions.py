"""A description of products: version 2 shows it, version 1 does not mind."""

from __future__ import annotations

from alembic import op

revision = "commerce_0002"
down_revision = "commerce_0001"
needs: tuple[str, ...] = ()
phase = "expand"


def upgrade() -> None:
    """Bring it."""
    op.execute("ALTER TABLE commerce.product ADD COLUMN description text NOT NULL DEFAULT ''")
