"""What administrators do to the public gallery."""

from __future__ import annotations

from litestar import delete
from litestar.params import FromPath

from gateway.accounts import audit
from gateway.api.given import Asker, Db, ThePictures
from gateway.api.problems import responses
from gateway.images import publishing


@delete(
    "/public/{image_id:str}",
    operation_id="unpublish",
    summary="Take a picture out of the public gallery",
    responses=responses(401, 403, 404),
)
async def unpublish(image_id: FromPath[str], principal: Asker, db: Db, pictures: ThePictures) -> None:
    """Whichever team's it is; it stays in its team's library. Its public address opens no longer within a minute."""
    async with db.write() as connection:
        image = await publishing.unpublish(connection, image_id)
        await audit.record(connection, principal, "image.unpublish", image.id, {"team_id": image.team_id})
    pictures.published.forget(image_id)


PUBLISHING = (unpublish,)
