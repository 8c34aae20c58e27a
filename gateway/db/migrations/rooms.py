"""Every room's tables in one MetaData: what the history must lead to. Only new revisions and tests need it."""

from __future__ import annotations

from gateway.accounts import tables as accounts
from gateway.chat import tables as chat
from gateway.db import metadata
from gateway.db import tables as db
from gateway.images import tables as images
from gateway.jobs import tables as jobs
from gateway.presets import tables as presets
from gateway.sharing import tables as sharing
from gateway.storage import tables as storage
from gateway.wallet import tables as wallet
from gateway.webhooks import tables as webhooks

ROOMS = (db, accounts, storage, presets, images, sharing, jobs, wallet, webhooks, chat)

__all__ = ["ROOMS", "metadata"]
