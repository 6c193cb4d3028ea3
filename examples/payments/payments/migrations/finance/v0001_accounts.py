"""Accounts, postings and their entries, in cents."""

from __future__ import annotations

from alembic import op

revision = "finance_0001"
down_revision = None
needs: tuple[str, ...] = ("identity_0001",)
phase = "expand"


def upgrade() -> None:
    """Bring it."""
    op.execute("""
        CREATE TABLE finance.account (
          id text PRIMARY KEY,
          owner text NOT NULL REFERENCES identity.person,
          closed boolean NOT NULL DEFAULT false,
          least bigint DEFAULT 0,
          balance bigint NOT NULL DEFAULT 0,
          version bigint NOT NULL DEFAULT 0,
          CONSTRAINT enough CHECK (balance >= least)
        )
    """)
    op.execute("""
        CREATE TABLE finance.posting (
          key text PRIMARY KEY,
          kind text NOT NULL,
          made timestamptz NOT NULL DEFAULT now()
        )
    """)
    op.execute("""
        CREATE TABLE finance.entry (
          posting text NOT NULL REFERENCES finance.posting,
          account text NOT NULL REFERENCES finance.account,
          amount bigint NOT NULL CHECK (amount <> 0),
          PRIMARY KEY (posting, account)
        )
    """)
    op.execute("CREATE INDEX entry_account ON finance.entry (account)")
    # Where money comes from has no least balance.
    op.execute("""
        INSERT INTO finance.account (id, owner, least) VALUES
          ('bank', 'bank', NULL), ('clearing', 'bank', 0), ('fees', 'bank', 0), ('cafe', 'cafe', 0),
          ('alice', 'alice', 0), ('bob', 'bob', 0), ('probe', 'probe', 0)
    """)
    op.execute("INSERT INTO finance.posting (key, kind) VALUES ('opening', 'opening')")
    op.execute("""
        INSERT INTO finance.entry VALUES
          ('opening', 'bank', -200001000), ('opening', 'alice', 100000000), ('opening', 'bob', 1000),
          ('opening', 'probe', 100000000)
    """)
    op.execute("""
        UPDATE finance.account SET balance = amount, version = 1
        FROM finance.entry WHERE account = id AND posting = 'opening'
    """)
