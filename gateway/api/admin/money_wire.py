"""How wallets and usage are shown to an administrator: credits as decimals in text."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from gateway.api.times import moment
from gateway.catalog.settings import Credits
from gateway.wallet import money
from gateway.wallet.allowances import Allowance
from gateway.wallet.ledger import Entry, Kind
from gateway.wallet.usage import MILLION, Use


class EntryRow(Struct, frozen=True, kw_only=True):
    """One line of the ledger."""

    id: str
    kind: Kind
    amount: str
    """What it added to the balance."""
    balance: str
    """After it."""
    job_id: str | None
    user_id: str | None
    """Whose job or allowance it was, or which administrator's act."""
    reason: str
    month: str | None
    """Of an allowance, such as 2026-11."""
    created_at: datetime


class Wallet(Struct, frozen=True, kw_only=True):
    team_id: str
    balance: str
    data: list[EntryRow]
    limit: int
    next: str | None


class CreditsRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Credits for a team, or with a negative amount from it."""

    amount: Decimal
    """A number or text, with four decimals at most."""
    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    kind: Literal["grant", "adjust"] | None = None
    """Left out, a positive amount is a grant and a negative one an adjustment."""


class AllowanceRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    monthly_credits: Decimal | None
    """Granted when a month begins; null: what [settings.credits] says for all."""


class AllowanceRow(Struct, frozen=True, kw_only=True):
    user_id: str | None
    """Null: the team's own."""
    monthly_credits: str


class Allowances(Struct, frozen=True, kw_only=True):
    data: list[AllowanceRow]
    default_per_team: str
    default_per_member: str


class UsageRow(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line; what was not told apart is left out."""

    day: str | None = None
    team_id: str | None = None
    team_name: str | None = None
    user_id: str | None = None
    user_name: str | None = None
    model: str | None = None
    jobs: int
    pictures: int
    """Delivered."""
    charged_credits: str
    refunded_credits: str
    upstream_usd: str
    """What clouds were paid, in US dollars with six decimals, as far as they said."""


class UsageReport(Struct, frozen=True):
    data: list[UsageRow]


def entry(shown: Entry) -> EntryRow:
    return EntryRow(
        id=shown.id,
        kind=shown.kind,
        amount=money.text(shown.amount),
        balance=money.text(shown.balance),
        job_id=shown.job_id,
        user_id=shown.user_id,
        reason=shown.reason,
        month=shown.month,
        created_at=moment(shown.created_at),
    )


def wallet(team_id: str, balance: int, entries: Sequence[Entry], limit: int, following: str | None) -> Wallet:
    rows = [entry(each) for each in entries]
    return Wallet(team_id=team_id, balance=money.text(balance), data=rows, limit=limit, next=following)


def allowances(found: Sequence[Allowance], defaults: Credits) -> Allowances:
    return Allowances(
        data=[AllowanceRow(user_id=each.user_id, monthly_credits=money.text(each.amount)) for each in found],
        default_per_team=money.text(money.units(defaults.monthly_per_team)),
        default_per_member=money.text(money.units(defaults.monthly_per_member)),
    )


def usage(lines: Sequence[Use]) -> UsageReport:
    return UsageReport([_usage(line) for line in lines])


def usage_csv(lines: Sequence[Use]) -> str:
    """Every column in every file. A name that a spreadsheet would take for a formula is made plain text."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, UsageRow.__struct_fields__)
    writer.writeheader()
    for line in lines:
        writer.writerow({name: _plain(value) for name, value in msgspec.structs.asdict(_usage(line)).items()})
    return file.getvalue()


def _usage(line: Use) -> UsageRow:
    told = {name: getattr(line, name) for name in ("day", "team_id", "team_name", "user_id", "user_name", "model")}
    return UsageRow(
        **told,
        jobs=line.jobs,
        pictures=line.pictures,
        charged_credits=money.text(line.charged),
        refunded_credits=money.text(line.refunded),
        upstream_usd=f"{line.upstream // MILLION}.{line.upstream % MILLION:06d}",
    )


def _plain(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
