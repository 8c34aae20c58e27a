"""Pixels to bytes: PNG by our own encoder, WebP and JPEG by Pillow, each with its texts and its mark inside.

Pure: the same pixels and texts give the same bytes. Everything heavy lets go of the interpreter's lock.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Literal

import numpy as np
from PIL import Image

from engines.contract import Pixels
from gateway.errors import InvalidInput
from gateway.storage import png

Format = Literal["png", "webp", "jpeg"]
MEDIA_TYPES: Mapping[Format, str] = {"png": "image/png", "webp": "image/webp", "jpeg": "image/jpeg"}
LARGEST_SIDE: Mapping[Format, int] = {"png": 2**31 - 1, "webp": 16_383, "jpeg": 65_500}
"""Pixels that the format's header (or libjpeg) has room for."""

WEBP = {"quality": 90, "method": 2}
JPEG = {"quality": 92, "subsampling": 0}
"""No color is averaged over neighbours: drawn edges in red and blue stay sharp."""

PARAMETERS = "parameters"
DARKROOM = "darkroom"
_EXIF_IFD, _USER_COMMENT, _MAKER_NOTE = 0x8769, 0x9286, 0x927C
_LARGEST_JPEG_SEGMENT = 65_533

Texts = Mapping[str, str]
"""What the file says of itself: `parameters` and `darkroom` (see `metadata`)."""


def encode(pixels: Pixels, form: Format, texts: Texts, xmp: bytes | None, quality: int | None = None) -> bytes:
    """`quality`, 0 to 100, is of WebP and JPEG; None: as we think best. Raises InvalidInput for a picture that the format
    cannot hold.
    """
    height, width = pixels.shape[:2]
    if max(width, height) > LARGEST_SIDE[form]:
        message = f"{form} holds at most {LARGEST_SIDE[form]} pixels a side, this picture is {width} x {height}; ask for png."
        raise InvalidInput(message, field="output_format")
    if form == "png":
        return encode_png(pixels, texts, xmp)
    return (encode_webp if form == "webp" else encode_jpeg)(pixels, texts, xmp, quality)


def encode_png(pixels: Pixels, texts: Texts, xmp: bytes | None) -> bytes:
    chunks = png_chunks(texts)
    if xmp is not None:
        chunks.append(png.xmp_chunk(xmp))
    return png.encode(pixels, chunks)


def png_chunks(texts: Texts) -> list[png.Chunk]:
    """`parameters` as A1111-family tools read it, our own always as UTF-8."""
    ways = {PARAMETERS: png.text_chunk}
    return [ways.get(keyword, png.international_text_chunk)(keyword, text) for keyword, text in texts.items()]


def encode_webp(pixels: Pixels, texts: Texts, xmp: bytes | None, quality: int | None = None) -> bytes:
    """The parameters stand in the EXIF user comment, as A1111 writes them."""
    return save(picture(pixels), "WEBP", **_of(WEBP, quality), exif=_exif(texts), xmp=xmp or b"")


def encode_jpeg(pixels: Pixels, texts: Texts, xmp: bytes | None, quality: int | None = None) -> bytes:
    """As `encode_webp`; on white where the picture is transparent; texts that a segment cannot hold are left out."""
    exif = next((it for it in map(_exif, (texts, _without(texts, DARKROOM))) if len(it) <= _LARGEST_JPEG_SEGMENT), b"")
    return save(_opaque(picture(pixels)), "JPEG", **_of(JPEG, quality), exif=exif, **({"xmp": xmp} if xmp else {}))


def picture(pixels: Pixels) -> Image.Image:
    """Pillow's view of uint8 pixels: gray, RGB or RGBA."""
    return Image.fromarray(np.ascontiguousarray(pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels))


def save(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def _of(usual: Mapping[str, int], quality: int | None) -> Mapping[str, int]:
    return usual if quality is None else {**usual, "quality": quality}


def _exif(texts: Texts) -> bytes:
    """EXIF (big-endian) with `parameters` as user comment and our own text as maker's note; empty without texts."""
    exif = Image.Exif()
    tags = exif.get_ifd(_EXIF_IFD)
    if PARAMETERS in texts:
        tags[_USER_COMMENT] = b"UNICODE\0" + texts[PARAMETERS].encode("utf-16-be", "replace")
    if DARKROOM in texts:
        tags[_MAKER_NOTE] = b"Darkroom\0" + texts[DARKROOM].encode("utf-8", "replace")
    return exif.tobytes() if tags else b""


def _without(texts: Texts, keyword: str) -> Texts:
    return {key: text for key, text in texts.items() if key != keyword}


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
