"""Pictures that a surface has the bytes of already, beside those that a body only names."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from gateway.api.tasks.asked import AnyPicture


class FilePicture(Struct, frozen=True):
    """A file of a form, or what else came along with the request."""

    data: bytes


class AlphaMask(Struct, frozen=True):
    """A mask whose transparent pixels are what shall be painted anew."""

    data: bytes


class AlphaOf(Struct, frozen=True):
    """The same, of a picture that a body only names."""

    picture: AnyPicture


Handed: TypeAlias = AnyPicture | FilePicture | AlphaMask | AlphaOf
