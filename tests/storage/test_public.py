"""Copies for everyone: the same picture, its marks, and nothing of the prompt, the place or the camera."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from engines.contract import Pixels
from gateway.errors import InvalidInput
from gateway.storage import carriage, png, xmp
from gateway.storage.encoding import Format
from gateway.storage.mark import finish
from gateway.storage.metadata import Description
from gateway.storage.public import declared, public_copy
from gateway.storage.reading import orientation, read
from tests.storage.conftest import Saved
from tests.storage.test_mark import SIGNERS

SECRETS = (b"a red circle", b"blurry", b"Nikon", b"secret", b"GPS", b"parameters", b"darkroom\0", b"Euler", b"Exif\0\0II")
TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


def camera(turn: int | None = None) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Nikon"
    exif[ExifTags.Base.ImageDescription] = "secret"
    if turn:
        exif[ExifTags.Base.Orientation] = turn
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (13.0, 45.0, 21.5)
    return exif


def same(data: bytes, copy: bytes) -> bool:
    return bool(np.array_equal(read(data).pixels, read(copy).pixels))


def is_clean(copy: bytes) -> bool:
    image = Image.open(io.BytesIO(copy))
    image.load()
    left = set(image.info) & {"comment", "photoshop", "parameters", "darkroom", "Comment", "exif"}
    told = [secret for secret in SECRETS for text in (secret, b"\0".join(b"%c" % each for each in secret)) if text in copy]
    return not told and left <= {"exif"} and set(image.getexif()) <= {ExifTags.Base.Orientation}


@pytest.mark.parametrize("form", ["png", "webp", "jpeg"])
def test_what_we_made_keeps_its_mark_and_loses_its_prompt(form: Format, photo: Pixels, about: Description) -> None:
    ours = finish(photo, about, form=form)
    copy = public_copy(ours.data, ours.media_type)
    assert not is_clean(ours.data)
    assert is_clean(copy)
    assert same(ours.data, copy)
    assert carriage.source_type_of(copy, ours.media_type) == declared(copy, ours.media_type) == "trainedAlgorithmicMedia"
    assert public_copy(copy, ours.media_type) == copy


@pytest.mark.parametrize("form", TYPES)
@pytest.mark.parametrize("turn", [None, 6])
def test_a_cameras_picture_loses_its_place_and_stays_upright(form: str, turn: int | None, photo: Pixels, saved: Saved) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    notes = PngInfo()
    notes.add_text("Comment", "secret", zip=True)
    own: dict[str, dict[str, Any]] = {"PNG": {"pnginfo": notes}, "JPEG": {"comment": b"secret"}, "WEBP": {}}
    more = own[form]
    packet = b"<x:xmpmeta><rdf:RDF><rdf:Description dc:title='secret'/></rdf:RDF></x:xmpmeta>"
    if form != "PNG":
        more["xmp"] = packet
    data = saved(photo, form, exif=camera(turn), icc_profile=profile, **more)
    copy = public_copy(data, TYPES[form])
    assert is_clean(copy)
    assert same(data, copy)
    assert orientation(copy) == orientation(data) == (turn or 1)
    assert Image.open(io.BytesIO(copy)).info["icc_profile"] == profile
    assert declared(copy, TYPES[form]) is None
    assert public_copy(copy, TYPES[form]) == copy


@pytest.mark.parametrize("form", TYPES)
def test_somebody_elses_packet_is_cut_down_to_its_mark(form: str, photo: Pixels, saved: Saved) -> None:
    title = b"<x:xmpmeta><rdf:RDF><rdf:Description dc:title='secret'/></rdf:RDF></x:xmpmeta>"
    theirs = xmp.declare(title, "compositeWithTrainedAlgorithmicMedia")
    data = _with_xmp(saved(photo, form), form, theirs)
    copy = public_copy(data, TYPES[form])
    assert is_clean(copy)
    assert same(data, copy)
    assert carriage.xmp_of(copy, TYPES[form]) == xmp.packet("compositeWithTrainedAlgorithmicMedia")


@pytest.mark.parametrize("kind", ["digitalCapture", "compositeSynthetic", "algorithmicMedia"])
def test_sources_of_other_kinds_are_said_too(kind: str, photo: Pixels, saved: Saved) -> None:
    data = _with_xmp(saved(photo, "PNG"), "PNG", xmp.packet(kind).replace(b"Darkroom", b"secret' dc:creator='me"))
    copy = public_copy(data, "image/png")
    assert declared(copy, "image/png") == kind
    assert is_clean(copy)


@pytest.mark.parametrize("form", SIGNERS)
def test_what_is_signed_and_has_nothing_private_is_not_touched(form: str, photo: Pixels, saved: Saved) -> None:
    data = SIGNERS[form](
        saved(photo, form, xmp=xmp.packet("trainedAlgorithmicMedia")) if form == "WEBP" else saved(photo, form)
    )
    assert public_copy(data, TYPES[form]) == data


@pytest.mark.parametrize("form", SIGNERS)
def test_a_signature_gives_way_to_what_is_private_but_its_record_stays(form: str, photo: Pixels, saved: Saved) -> None:
    data = SIGNERS[form](saved(photo, form, exif=camera()))
    copy = public_copy(data, TYPES[form])
    assert is_clean(copy)
    assert same(data, copy)
    assert carriage.is_signed(copy, TYPES[form])


@pytest.mark.parametrize(
    ("form", "private"),
    [
        *((form, b"stds.exif secret") for form in SIGNERS),
        *(
            ("PNG", private)
            for private in (b"stds.iptc", b"stds.schema-org", b"c2pa.metadata", b"cawg.metadata", b"gpsLongitude", b"Prompt")
        ),
    ],
)
def test_a_manifest_that_tells_a_place_leaves_its_mark_only(form: str, private: bytes, photo: Pixels, saved: Saved) -> None:
    told = b"digitalsourcetype/trainedAlgorithmicMedia"
    manifest = private.ljust(64) + told
    plain = saved(photo, form, exif=camera())
    data = {"PNG": _png_manifest, "JPEG": _jpeg_manifest, "WEBP": _webp_manifest}[form](plain, manifest)
    assert declared(data, TYPES[form]) == "trainedAlgorithmicMedia"
    copy = public_copy(data, TYPES[form])
    assert is_clean(copy)
    assert not carriage.is_signed(copy, TYPES[form])
    assert carriage.source_type_of(copy, TYPES[form]) == "trainedAlgorithmicMedia"


def test_a_progressive_jpeg_with_a_thumbnail_and_a_tail(photo: Pixels, saved: Saved) -> None:
    plain = saved(photo, "JPEG", progressive=True, quality=80)
    jfif = b"\xff\xe0" + struct.pack(">H", 16 + 12) + plain[6:18] + b"\2\2" + b"secret"[:6] * 2
    between = plain.rindex(b"\xff\xda")
    comment = b"\xff\xfe\0\x08secret"
    data = plain[:2] + jfif + plain[20:between] + comment + plain[between:] + b"secret second picture"
    copy = public_copy(data, "image/jpeg")
    assert copy == plain


def test_other_peoples_segments_and_extended_packets_go(photo: Pixels, saved: Saved) -> None:
    plain = saved(photo, "JPEG")
    extra = b"".join(
        b"\xff" + marker + struct.pack(">H", len(body) + 2) + body
        for marker, body in (
            (b"\xed", b"Photoshop 3.0\0secret"),
            (b"\xe1", b"http://ns.adobe.com/xmp/extension/\0secret"),
            (b"\xe2", b"MPF\0secret"),
            (b"\xe5", b"secret"),
            (b"\xeb", b"HDR_RI secret"),
        )
    )
    assert public_copy(plain[:20] + extra + plain[20:], "image/jpeg") == plain


def test_an_animation_keeps_its_frames_and_loses_its_comments(photo: Pixels) -> None:
    frames = [Image.fromarray(photo), Image.fromarray(255 - photo)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], loop=3, duration=50, comment=b"secret")
    data = out.getvalue()
    copy = public_copy(data + b"secret", "image/gif")
    assert b"secret" not in copy
    with Image.open(io.BytesIO(copy)) as image:
        assert (getattr(image, "n_frames", 1), image.info["loop"], image.info["duration"]) == (2, 3, 50)
    assert same(data, copy)


def test_an_animated_webp_and_transparency(photo: Pixels) -> None:
    alpha = Image.fromarray(np.dstack([photo, photo[:, :, 0]]))
    for form, more in (
        ("WEBP", {"save_all": True, "append_images": [alpha.rotate(180)]}),
        ("WEBP", {"lossless": True}),
        ("PNG", {}),
    ):
        out = io.BytesIO()
        alpha.save(out, form, exif=camera(), **more)
        copy = public_copy(out.getvalue(), TYPES[form])
        assert is_clean(copy)
        assert same(out.getvalue(), copy)
        assert getattr(Image.open(io.BytesIO(copy)), "n_frames", 1) == (2 if "save_all" in more else 1)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_file_whose_parts_do_not_add_up_is_encoded_anew(form: str, photo: Pixels, saved: Saved) -> None:
    notes = PngInfo()
    notes.add_text("parameters", "secret")
    good = saved(photo, form, **({"pnginfo": notes} if form == "PNG" else {"comment": b"secret"}))
    if form == "PNG":  # a JPEG's mark stands behind what does not add up
        good = _with_xmp(good, form, xmp.packet("trainedAlgorithmicMedia"))
    # Readers pass over these, and over a missing end.
    odd = good[:-12] if form == "PNG" else good[:20] + b"\0\0" + good[20:]
    copy = public_copy(odd, TYPES[form])
    assert b"secret" not in copy
    assert read(copy).pixels.shape == photo.shape
    assert declared(copy, TYPES[form]) == ("trainedAlgorithmicMedia" if form == "PNG" else None)


def test_kinds_that_cannot_be_cleaned_are_refused(photo: Pixels, saved: Saved) -> None:
    with pytest.raises(InvalidInput, match="save it as PNG"):
        public_copy(b"", "image/avif")
    with pytest.raises(InvalidInput, match="save it anew"):
        public_copy(saved(photo, "GIF")[:-20], "image/gif")


def _with_xmp(data: bytes, form: str, packet: bytes) -> bytes:
    if form == "PNG":
        return data[:33] + b"".join(png.chunk(*png.xmp_chunk(packet))) + data[33:]
    if form == "WEBP":
        return carriage.write_webp(data, packet)
    body = carriage.JPEG_XMP + packet
    return data[:20] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[20:]


def _png_manifest(data: bytes, manifest: bytes) -> bytes:
    return data[:33] + b"".join(png.chunk(b"caBX", manifest)) + data[33:]


def _jpeg_manifest(data: bytes, manifest: bytes) -> bytes:
    body = b"JP\0\1\0\0\0\1" + manifest
    return data[:20] + b"\xff\xeb" + struct.pack(">H", len(body) + 2) + body + data[20:]


def _webp_manifest(data: bytes, manifest: bytes) -> bytes:
    whole = data[12:] + carriage.riff(b"C2PA", manifest)
    return b"RIFF" + struct.pack("<I", len(whole) + 4) + b"WEBP" + whole


def test_packets_that_unpack_to_gigabytes_are_dropped_unread(photo: Pixels) -> None:
    """A file of some hundred kilobytes; of what is left of it nothing has to be large."""
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "PNG")
    whole = file.getvalue()
    bomb = b"XML:com.adobe.xmp\0\1\1\0\0" + zlib.compress(bytes(1 << 20), 9)  # of a kind that Pillow passes over
    data = whole[:33] + b"".join(png.chunk(b"iTXt", bomb)) * 300 + whole[33:]
    tracemalloc.start()
    copy = public_copy(data, "image/png")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert same(data, copy)
    assert len(copy) <= len(whole)
    assert peak < 40 << 20
