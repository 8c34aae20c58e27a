"""How a family of pictures is shown."""

from __future__ import annotations

from msgspec import Struct

from gateway.api.gallery import wire
from gateway.api.gallery.wire import GalleryImage
from gateway.api.links import Links
from gateway.images import families


class FamilyMember(Struct, frozen=True, kw_only=True):
    id: str
    parent_id: str | None
    depth: int
    """Edits between the original, which has 0, and this one."""
    deleted: bool
    """In the trash, or gone for good."""
    image: GalleryImage | None
    """Null for one that is deleted."""


class Family(Struct, frozen=True, kw_only=True):
    """The original first, then by depth and time; the tree is in `parent_id`."""

    data: list[FamilyMember]
    total: int
    total_capped: bool
    """There are more than these."""


def shown(family: families.Family, links: Links) -> Family:
    data = [_member(each, links) for each in family.members]
    return Family(data=data, total=len(data), total_capped=not family.is_whole)


def _member(member: families.Member, links: Links) -> FamilyMember:
    image = member.image if member.image and member.image.deleted_at is None else None
    return FamilyMember(
        id=member.id,
        parent_id=member.parent_id,
        depth=member.depth,
        deleted=image is None,
        image=wire.image(image, links) if image else None,
    )
