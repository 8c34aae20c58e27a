"""What a file tells of how its picture was made: in its XMP, or in the C2PA manifest that signs it."""

from __future__ import annotations

import struct

from gateway.storage import carriage, xmp
from gateway.storage.pieces import PIECES
from gateway.storage.xmp import SourceType


def source_type_of(data: bytes, media_type: str) -> SourceType | None:
    """Which of the machine-made kinds it declares."""
    return xmp.source_type_of(_told(data, media_type))


def is_machine_made(data: bytes, media_type: str) -> bool:
    """Whether a machine is known to have made it, or a part of it.

    A signed file that tells nothing is taken for a model's work; cameras sign too, and say so.
    """
    told = _told(data, media_type)
    if xmp.source_type_of(told) is not None:
        return True
    return xmp.declared(told) is None and carriage.is_signed(data, media_type)


def mark_of(data: bytes, media_type: str) -> bytes | None:
    """The XMP packet that goes along where the picture is encoded anew; None for a file that tells nothing of itself."""
    told = _told(data, media_type)
    declared = xmp.source_type_of(told) or xmp.declared(told)
    if declared is None and carriage.is_signed(data, media_type):
        declared = "trainedAlgorithmicMedia"
    return xmp.packet(declared) if declared else None


def _told(data: bytes, media_type: str) -> bytes:
    """The XMP first: it is of the picture itself, a manifest tells of its ancestors too."""
    try:
        pieces = list(PIECES[media_type](data))
    except (KeyError, ValueError, struct.error, IndexError):
        return carriage.xmp_of(data, media_type) or b""
    return b"\0".join(piece.text for role in ("xmp", "manifest") for piece in pieces if piece.role == role)
