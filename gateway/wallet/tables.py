"""One wallet per team, the ledger behind its balance, monthly allowances, and what was used.

Every amount is in whole ten-thousandths of a credit.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from gateway.db import metadata

wallets = Table(
    "wallets",
    metadata,
    Column("team_id", String(36), ForeignKey("teams.id"), primary_key=True),
    Column("balance", BigInteger, nullable=False, comment="the sum of the team's ledger"),
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("team_id", String(36), ForeignKey("teams.id"), nullable=False),
    Column("kind", String(16), nullable=False, comment="grant, charge, refund or adjust"),
    Column("amount", BigInteger, nullable=False, comment="what it adds to the balance; negative for a charge"),
    Column("balance", BigInteger, nullable=False, comment="after this entry"),
    Column("job_id", String(36), comment="what was charged or refunded; null for what an administrator or a month did"),
    Column("user_id", String(36), comment="whose job, whose allowance, or the administrator; null where it is nobody's"),
    Column("reason", Text, nullable=False),
    Column("month", String(7), comment="2026-11; only of an allowance"),
    Column("created_at", BigInteger, nullable=False),
    # The database itself refuses to charge or to refund a job twice, and to grant a month twice.
    UniqueConstraint("job_id", "kind"),
)
Index("ix_ledger_team", ledger.c.team_id, ledger.c.id.desc())
_ALLOWANCE = ledger.c.month.is_not(None)
_OF_WHOM = (ledger.c.team_id, ledger.c.month, ledger.c.user_id)
_OF_TEAM, _OF_MEMBER = _ALLOWANCE & ledger.c.user_id.is_(None), _ALLOWANCE & ledger.c.user_id.is_not(None)
Index("ix_ledger_team_allowance", *_OF_WHOM[:2], unique=True, sqlite_where=_OF_TEAM, postgresql_where=_OF_TEAM)
Index("ix_ledger_member_allowance", *_OF_WHOM, unique=True, sqlite_where=_OF_MEMBER, postgresql_where=_OF_MEMBER)

allowances = Table(
    "allowances",
    metadata,
    Column("team_id", String(36), ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", String(36), primary_key=True, comment="a member of the team; empty for the team itself"),
    Column("amount", BigInteger, nullable=False, comment="granted each month, whatever the settings say for all"),
)

usage = Table(
    "usage",
    metadata,
    Column("day", String(10), primary_key=True, comment="2026-11-21, UTC: when the jobs were accepted"),
    Column("team_id", String(36), primary_key=True),
    Column("user_id", String(36), primary_key=True),
    Column("model", String(128), primary_key=True),
    Column("jobs", Integer, nullable=False),
    Column("pictures", BigInteger, nullable=False, comment="how many were delivered"),
    Column("charged", BigInteger, nullable=False, comment="what the jobs cost, whether or not credits were enabled"),
    Column("refunded", BigInteger, nullable=False),
    Column("upstream", BigInteger, nullable=False, server_default="0", comment="millionths of a US dollar, paid to clouds"),
)
Index("ix_usage_team", usage.c.team_id, usage.c.day)
