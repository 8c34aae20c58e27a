"""PostgreSQL's connections for SQLAlchemy (asyncpg), and how its errors are to be taken."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.errors import ConfigurationError, StorageUnavailable

if TYPE_CHECKING:
    from asyncpg import Connection

SECONDS_TO_CONNECT = 10.0
_SETTINGS = {
    "TimeZone": "UTC",
    # Our statements are short: compiling them and sharing them out costs more than it saves.
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    # A connection whose other end is gone without a word (a pulled cable) is found in a minute, not in two hours.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
_OF_LIBPQ_ONLY = ("channel_binding", "connect_timeout", "gssencmode")
"""What hosters put into their URLs and asyncpg would send to the server, which refuses it."""


def postgresql_engine(url: URL, *, size: int, only_reads: bool = False) -> AsyncEngine:
    """An engine of at most `size` connections; a reading one's transactions see one commit throughout.

    Raises ConfigurationError where the driver is not installed.
    """
    try:
        import asyncpg
    except ImportError:
        raise ConfigurationError(
            "PostgreSQL needs its driver, which is not installed: scripts/setup --postgres, or"
            " pip install 'darkroom-gateway[postgres]'."
        ) from None

    async def opened(*_: Any, **__: Any) -> Connection:
        try:
            return await connect(url)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise StorageUnavailable("The database cannot be reached.") from error

    engine = create_async_engine(
        url.set(query={}),
        connect_args={"async_creator_fn": opened},
        pool_size=size,
        max_overflow=0,
        # A connection that the server closed while it lay idle is seen before it is used.
        pool_pre_ping=True,
        hide_parameters=True,
    )
    # READ COMMITTED would show each statement of a block another state.
    reading = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    return engine.execution_options(**reading) if only_reads else engine


async def connect(url: URL) -> Connection:
    """One connection of the driver's own. Raises OSError and asyncpg's PostgresError and InterfaceError."""
    import asyncpg

    query = {name: value for name, value in url.query.items() if name not in _OF_LIBPQ_ONLY}
    if "ssl" in query:  # as SQLAlchemy spells it
        query.setdefault("sslmode", query.pop("ssl"))
    dsn = url.set(drivername="postgresql", query=query).render_as_string(hide_password=False)
    settings = {"application_name": f"darkroom, process {os.getpid()} on {platform.node()}"[:63], **_SETTINGS}
    return await asyncpg.connect(dsn, timeout=SECONDS_TO_CONNECT, server_settings=settings)
