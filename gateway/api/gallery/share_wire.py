"""How a picture's public link is shown: beside the picture, and by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.api.times import moment
from gateway.images.image import Image
from gateway.sharing import Share, Sharing
from gateway.sharing.links import of_images


class ShareLink(Struct, frozen=True, kw_only=True):
    """A picture's public link."""

    token: str
    url: str
    """The page. Whoever has this sees the picture."""
    expires_at: datetime | None
    views: int
    """How often the page was opened, robots aside."""
    show_prompt: bool
    has_password: bool
    created_at: datetime


def share_link(share: Share, sharing: Sharing) -> ShareLink:
    return ShareLink(
        token=sharing.token(share),
        url=sharing.url(share),
        expires_at=moment(share.expires_at),
        views=share.views + sharing.views.unwritten(share.id),
        show_prompt=share.show_prompt,
        has_password=share.password is not None,
        created_at=moment(share.created_at),
    )


async def links_of(connection: AsyncConnection, several: Sequence[Image], sharing: Sharing) -> dict[str, ShareLink]:
    """Of one team's pictures, by their ids: one statement, however many those are."""
    if not several:
        return {}
    found = await of_images(connection, several[0].team_id, [each.id for each in several])
    return {image_id: share_link(share, sharing) for image_id, share in found.items()}
