"""The blob store at a start: a bucket is tried before anything is accepted that could not be kept."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

from gateway.errors import ConfigurationError, StorageUnavailable
from gateway.storage.blobs import BlobStore, Elsewhere, nowhere

PATIENCE_SECONDS = 15.0
_ENVIRONMENT = (
    "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION must be in the environment; for a server of your own "
    "AWS_ENDPOINT_URL too, and AWS_ALLOW_HTTP=true where that begins with http://."
)


async def opened(url: str, elsewhere: Elsewhere = nowhere) -> BlobStore:
    """The store of that URL. Raises what `BlobStore` raises, and ConfigurationError for a bucket that cannot be written."""
    store = await asyncio.to_thread(BlobStore, url, elsewhere)
    if urlsplit(url).scheme in ("file", "memory"):
        return store
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await store.check()
    except (StorageUnavailable, TimeoutError) as error:
        raise ConfigurationError(f"The blob store {url} cannot be written: {_why(error.__cause__)}. {_ENVIRONMENT}") from error
    return store


def _why(cause: BaseException | None) -> str:
    match cause:
        case FileNotFoundError():
            return "there is no such bucket"
        case PermissionDeniedError() | UnauthenticatedError():
            return "the bucket does not let these keys write"
        case asyncio.CancelledError():
            return f"it does not answer within {PATIENCE_SECONDS:.0f} s"
    return str(cause).partition("\n")[0].strip().removesuffix(".")
