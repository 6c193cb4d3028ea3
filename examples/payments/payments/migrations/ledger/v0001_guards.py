"""What holds for finance's ledger whoever writes it: postings balance, entries stay."""

from __future__ import annotations

from alembic import op

revision = "ledger_0001"
down_revision = None
needs: tuple[str, ...] = ("finance_0001",)
phase = "expand"


def upgrade() -> None:
    """Bring it."""
    op.execute("""
        CREATE FUNCTION ledger.balanced() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF (SELECT sum(amount) FROM finance.entry WHERE posting = NEW.posting) <> 0 THEN
            RAISE EXCEPTION 'posting % does not balance', NEW.posting
              USING ERRCODE = 'integrity_constraint_violation';
          END IF;
          RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON finance.entry
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger.balanced()
    """)
    op.execute("""
        CREATE FUNCTION ledger.kept() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION '% of the ledger are kept as they are', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
        END $$
    """)
    for table in ("entry", "posting"):
        op.execute(f"""
            CREATE TRIGGER kept BEFORE UPDATE OR DELETE OR TRUNCATE ON finance.{table}
            FOR EACH STATEMENT EXECUTE FUNCTION ledger.kept()
        """)
