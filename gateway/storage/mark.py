"""The one seam between encoder and blob store: every picture of every engine and surface passes here, and is marked.

Pure: the same picture with the same description gives the same bytes. Run it in a thread; it works for milliseconds.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from msgspec import Struct

from engines.contract import Pixels, Size
from gateway.storage import carriage, provenance, xmp
from gateway.storage.encoding import DARKROOM, MEDIA_TYPES, PARAMETERS, Format, Texts, encode, png_chunks
from gateway.storage.metadata import Description, darkroom_json, parameters_text
from gateway.storage.reading import LARGEST_PIXELS, read
from gateway.storage.thumbnails import thumbnails
from gateway.storage.xmp import SourceType


class Finished(Struct, frozen=True):
    """A picture ready to be stored; width and height are as it is seen."""

    data: bytes
    media_type: str
    width: int
    height: int
    thumbnails: Mapping[int, bytes]
    """WebP by longest side: 256 always, 768 for pictures that are larger."""
    thumbhash: str
    """Base64."""


def finish(
    picture: Pixels | bytes,
    about: Description,
    *,
    form: Format = "png",
    quality: int | None = None,
    marks: bool = True,
    parameters: bool = True,
    largest_pixels: int = LARGEST_PIXELS,
) -> Finished:
    """Encode a picture that an engine made, or take the bytes that an upstream encoded; `form` and `quality` are for pixels.

    An upstream's bytes are kept as delivered when they are signed (a change would break the signature) or say already
    that a machine made them; else the mark is put in beside the picture, which stays as it is. Kinds that we cannot
    mark (GIF, AVIF) are encoded anew. `marks` and `parameters` are the operator's choices. Raises UnreadablePicture
    for an upstream's bytes, InvalidInput for a size that `form` cannot hold.
    """
    source_type = about.source_type if marks else None
    if not isinstance(picture, bytes):
        return _encoded(picture, about, form, source_type, parameters, quality)
    delivered = read(picture, largest_pixels=largest_pixels)
    if delivered.media_type not in carriage.MARKABLE:
        return _encoded(delivered.pixels, about, form, source_type, parameters)
    data = picture
    if source_type and not _speaks_for_itself(picture, delivered.media_type):
        size = Size(delivered.pixels.shape[1], delivered.pixels.shape[0])
        chunks = png_chunks(_texts(about, size) if parameters else {})
        try:
            data = carriage.marked(picture, delivered.media_type, source_type, chunks)
        except (ValueError, struct.error):
            return _encoded(delivered.pixels, about, form, source_type, parameters)
    return _finished(data, delivered.media_type, delivered.pixels, source_type)


def keep(data: bytes, *, field: str = "image", largest_pixels: int = LARGEST_PIXELS) -> Finished:
    """A picture that somebody brought: its bytes stay as they are; a mark that it has goes on to its thumbnails.

    Raises UnreadablePicture that names `field`.
    """
    brought = read(data, field=field, largest_pixels=largest_pixels)
    return _finished(data, brought.media_type, brought.pixels, provenance.source_type_of(data, brought.media_type))


def _encoded(
    pixels: Pixels,
    about: Description,
    form: Format,
    source_type: SourceType | None,
    parameters: bool,
    quality: int | None = None,
) -> Finished:
    texts = _texts(about, Size(pixels.shape[1], pixels.shape[0])) if parameters else {}
    data = encode(pixels, form, texts, xmp.packet(source_type) if source_type else None, quality)
    return _finished(data, MEDIA_TYPES[form], pixels, source_type)


def _finished(data: bytes, media_type: str, pixels: Pixels, source_type: SourceType | None) -> Finished:
    height, width = pixels.shape[:2]
    small, thumbhash = thumbnails(pixels, xmp.packet(source_type) if source_type else None)
    return Finished(data, media_type, width, height, small, thumbhash)


def _texts(about: Description, size: Size) -> Texts:
    return {PARAMETERS: parameters_text(about, size), DARKROOM: darkroom_json(about, size)}


def _speaks_for_itself(data: bytes, media_type: str) -> bool:
    return carriage.is_signed(data, media_type) or carriage.source_type_of(data, media_type) is not None
