"""Every room's tables in one MetaData: what the history must lead to. Only new revisions and tests need it."""

from __future__ import annotations

from gateway.accounts import tables as accounts
from gateway.db import metadata
from gateway.images import tables as images
from gateway.jobs import tables as jobs
from gateway.presets import tables as presets
from gateway.storage import tables as storage
from gateway.wallet import tables as wallet
from gateway.webhooks import tables as webhooks

ROOMS = (accounts, storage, presets, images, jobs, wallet, webhooks)

__all__ = ["ROOMS", "metadata"]
