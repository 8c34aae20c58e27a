"""The one seam: whatever passes comes out marked, and is otherwise what it was."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engines import infotext
from engines.contract import Pixels, Size
from gateway.storage import carriage, mark, png, xmp
from gateway.storage.encoding import Format
from gateway.storage.mark import finish
from gateway.storage.metadata import Description
from gateway.storage.reading import UnreadablePicture

Saved = Callable[..., bytes]
PRIVATE = ("a red circle", "blurry", "user", "team")


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def packet_of(data: bytes) -> bytes:
    return bytes(opened(data).info["xmp"])


# ------------------------------------------------------------------------------------------- pixels


@pytest.mark.parametrize("form", ["png", "webp", "jpeg"])
def test_pixels_become_a_finished_picture(form: Format, photo: Pixels, about: Description) -> None:
    done = finish(photo, about, form=form)
    assert (done.width, done.height, done.media_type) == (256, 192, f"image/{form}")
    assert set(done.thumbnails) == {256}
    assert xmp.source_type_of(packet_of(done.data)) == "trainedAlgorithmicMedia"
    assert xmp.source_type_of(packet_of(done.thumbnails[256])) == "trainedAlgorithmicMedia"


def test_a_png_holds_the_very_pixels_and_the_parameters(photo: Pixels, about: Description) -> None:
    image = opened(finish(photo, about).data)
    assert (np.asarray(image) == photo).all()
    assert infotext.parse(image.info["parameters"]).prompt == about.prompt
    assert json.loads(image.info["darkroom"])["size"] == {"width": 256, "height": 192}


def test_the_same_gives_the_same_bytes(photo: Pixels, about: Description) -> None:
    again = msgspec.json.decode(msgspec.json.encode(about), type=Description)
    assert finish(photo, about) == finish(photo.copy(), again)


@pytest.mark.parametrize("form", ["png", "webp", "jpeg"])
def test_marks_say_nothing_private(form: Format, photo: Pixels, about: Description) -> None:
    text = packet_of(finish(photo, about, form=form).data).decode()
    assert not any(word in text for word in PRIVATE)
    for small in finish(photo, about).thumbnails.values():
        assert about.prompt.encode() not in small


def test_marks_and_parameters_are_the_operators_choices(photo: Pixels, about: Description) -> None:
    bare = finish(photo, about, marks=False, parameters=False)
    assert not {"xmp", "parameters", "darkroom"} & set(opened(bare.data).info)
    assert "xmp" not in opened(bare.thumbnails[256]).info
    assert "parameters" not in opened(finish(photo, about, parameters=False).data).info
    assert "xmp" in opened(finish(photo, about, parameters=False).data).info


def test_an_edited_real_picture_is_a_composite(photo: Pixels, about: Description) -> None:
    edited = msgspec.structs.replace(about, capability="inpaint", changes_real_picture=True)
    done = finish(photo, edited)
    for data in (done.data, *done.thumbnails.values()):
        assert xmp.source_type_of(packet_of(data)) == "compositeWithTrainedAlgorithmicMedia"


# ------------------------------------------------------------------------------- an upstream's bytes


def _signed_png(data: bytes, manifest: bytes = b"manifest") -> bytes:
    return data[:33] + b"".join(png.chunk(b"caBX", manifest)) + data[33:]


def _signed_jpeg(data: bytes, manifest: bytes = b"manifest") -> bytes:
    body = b"JP\0\1\0\0\0\1" + manifest
    return data[:2] + b"\xff\xeb" + struct.pack(">H", len(body) + 2) + body + data[2:]


def _signed_webp(data: bytes, manifest: bytes = b"manifest") -> bytes:
    whole = data[12:] + carriage.riff(b"C2PA", manifest)
    return b"RIFF" + struct.pack("<I", len(whole) + 4) + b"WEBP" + whole


SIGNERS = {"PNG": _signed_png, "JPEG": _signed_jpeg, "WEBP": _signed_webp}


@pytest.mark.parametrize("form", SIGNERS)
def test_what_an_upstream_signed_is_kept_as_delivered(form: str, photo: Pixels, saved: Saved, about: Description) -> None:
    delivered = SIGNERS[form](saved(photo, form, xmp=b"<x/>") if form == "WEBP" else saved(photo, form))
    done = finish(delivered, about)
    assert done.data == delivered
    assert done.media_type == f"image/{form.lower()}"
    assert xmp.source_type_of(packet_of(done.thumbnails[256])) == "trainedAlgorithmicMedia"


@pytest.mark.parametrize("form", SIGNERS)
def test_what_an_upstream_marked_is_kept_as_delivered(form: str, photo: Pixels, saved: Saved, about: Description) -> None:
    delivered = saved(photo, form, xmp=xmp.packet("compositeWithTrainedAlgorithmicMedia"), **_png_xmp(form))
    assert finish(delivered, about).data == delivered


def _png_xmp(form: str) -> dict[str, object]:
    """Pillow writes a PNG's XMP as a text only."""
    if form != "PNG":
        return {}
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp.packet("compositeWithTrainedAlgorithmicMedia").decode(), zip=True)
    return {"pnginfo": info}


@pytest.mark.parametrize("form", SIGNERS)
@pytest.mark.parametrize("channels", [3, 4])
def test_unmarked_bytes_get_the_mark_and_keep_their_picture(
    form: str, channels: int, photo: Pixels, saved: Saved, about: Description
) -> None:
    pixels = np.dstack([photo, 255 - photo])[:, :, :channels] if form != "JPEG" else photo
    exif = Image.Exif()
    exif[0x010E] = "theirs"
    for options in ({}, {"exif": exif}, {"lossless": True}, {"exif": exif, "xmp": THEIR_XMP}, {"icc_profile": b"profile"}):
        delivered = saved(pixels, form, **options)
        done = finish(delivered, about)
        before, after = opened(delivered), opened(done.data)
        assert xmp.source_type_of(packet_of(done.data)) == "trainedAlgorithmicMedia"
        assert (np.asarray(before) == np.asarray(after)).all()
        assert before.getexif() == after.getexif()
        assert before.info.get("icc_profile") == after.info.get("icc_profile")
        if "xmp" in options and form != "PNG":
            assert b"Hills" in packet_of(done.data)
        assert carriage.source_type_of(done.data, done.media_type) == "trainedAlgorithmicMedia"
        assert finish(done.data, about).data == done.data, "marked once"


THEIR_XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:title="Hills"/></rdf:RDF></x:xmpmeta>'
)


def test_a_pngs_own_texts_stay_and_missing_ones_come(photo: Pixels, saved: Saved, about: Description) -> None:
    info = PngInfo()
    info.add_text("parameters", "theirs")
    info.add_text("workflow", "{}")
    info.add_itxt("XML:com.adobe.xmp", THEIR_XMP.decode())
    delivered = saved(photo, "PNG", pnginfo=info) + b"trailing bytes of some tool"
    done = finish(delivered, about)
    texts = opened(done.data).text
    assert texts["parameters"] == "theirs"
    assert texts["workflow"] == "{}"
    assert json.loads(texts["darkroom"])["prompt"] == about.prompt
    assert "Hills" in texts["XML:com.adobe.xmp"]
    assert done.data.count(b"XML:com.adobe.xmp") == 1
    assert done.data.endswith(b"trailing bytes of some tool")
    assert set(opened(finish(delivered, about, parameters=False).data).text) == {"parameters", "workflow", "XML:com.adobe.xmp"}


def test_an_unsigned_picture_is_left_alone_where_marking_is_off(photo: Pixels, saved: Saved, about: Description) -> None:
    delivered = saved(photo, "PNG")
    assert finish(delivered, about, marks=False).data == delivered


@pytest.mark.parametrize("form", ["GIF", "AVIF"])
def test_kinds_that_cannot_be_marked_are_encoded_anew(form: str, drawing: Pixels, saved: Saved, about: Description) -> None:
    done = finish(saved(drawing, form), about, form="webp")
    assert done.media_type == "image/webp"
    assert xmp.source_type_of(packet_of(done.data)) == "trainedAlgorithmicMedia"


def test_a_jpeg_without_room_in_its_xmp_is_encoded_anew(photo: Pixels, saved: Saved, about: Description) -> None:
    full = THEIR_XMP.replace(b"Hills", b"H" * 65_100)
    done = finish(saved(photo, "JPEG", xmp=full), about)
    assert done.media_type == "image/png"
    assert xmp.source_type_of(packet_of(done.data)) == "trainedAlgorithmicMedia"


def test_an_upstream_turned_on_its_side_is_measured_as_it_is_seen(photo: Pixels, saved: Saved, about: Description) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    done = finish(saved(photo, "JPEG", exif=exif), about)
    assert (done.width, done.height) == (192, 256)
    assert opened(done.thumbnails[256]).size == (192, 256)


def test_an_upstreams_rubbish_is_refused(about: Description) -> None:
    for rubbish in (b"", b"<html>busy</html>", b"\x89PNG\r\n\x1a\n" + zlib.compress(b"x" * 999)):
        with pytest.raises(UnreadablePicture):
            finish(rubbish, about)


def test_the_budget_holds_here_too(photo: Pixels, saved: Saved, about: Description) -> None:
    with pytest.raises(UnreadablePicture):
        finish(saved(photo, "PNG"), about, largest_pixels=1000)


# ------------------------------------------------------------------------------------------- uploads


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_what_somebody_brings_stays_as_it_is(form: str, drawing: Pixels, saved: Saved) -> None:
    data = saved(drawing, form)
    done = mark.keep(data)
    assert done.data == data
    assert done.media_type == f"image/{form.lower()}"
    assert "xmp" not in opened(done.thumbnails[256]).info


def test_a_mark_that_is_brought_goes_on_to_the_thumbnails(photo: Pixels, about: Description) -> None:
    done = mark.keep(finish(photo, about).data)
    assert xmp.source_type_of(packet_of(done.thumbnails[256])) == "trainedAlgorithmicMedia"


def test_a_brought_file_that_is_no_picture_names_its_field() -> None:
    with pytest.raises(UnreadablePicture) as caught:
        mark.keep(b"MZ", field="file")
    assert (caught.value.field, caught.value.status) == ("file", 422)


def test_sizes_made_and_final_are_both_told(photo: Pixels, about: Description) -> None:
    scaled = msgspec.structs.replace(about, made=Size(128, 96), upscaler="lanczos")
    image = opened(finish(photo, scaled).data)
    assert json.loads(image.info["darkroom"])["made"] == {"width": 128, "height": 96}
    assert "Postprocess upscale to: 256x192" in image.info["parameters"]
