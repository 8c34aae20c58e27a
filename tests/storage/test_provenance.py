"""Who made a picture, as its file tells: a model's must not pass for a photograph, nor a camera's for a model's."""

from __future__ import annotations

import pytest

from engines.contract import Pixels
from gateway.storage import carriage, xmp
from gateway.storage.encoding import Format, encode
from gateway.storage.mark import keep
from gateway.storage.provenance import is_machine_made, mark_of, source_type_of
from tests.storage.test_mark import SIGNERS, packet_of

MODEL, EDITED, LARGER = "trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicallyEnhanced"
CAMERA = "digitalCapture"
FORMS: tuple[Format, ...] = ("png", "jpeg", "webp")


def says(*kinds: str) -> bytes:
    """A manifest in which these stand, as in a picture's history."""
    return b"jumb\0" + b"\0".join(b"http://cv.iptc.org/newscodes/digitalsourcetype/" + kind.encode() for kind in kinds)


TOLD: list[tuple[str | None, bytes | None, bool, str | None]] = [
    # what its XMP declares, its manifest, whether a machine made it, what goes along with its pixels
    (None, None, False, None),
    (MODEL, None, True, MODEL),
    (EDITED, None, True, EDITED),
    (LARGER, None, False, LARGER),
    (CAMERA, None, False, CAMERA),
    (None, says(), True, MODEL),
    (None, says(MODEL), True, MODEL),
    (None, says(CAMERA), False, CAMERA),
    (None, says(CAMERA, EDITED), True, EDITED),
    (CAMERA, says(CAMERA), False, CAMERA),
    (LARGER, says(CAMERA), False, LARGER),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("declared", "manifest", "machine", "goes_along"), TOLD)
def test_what_a_file_tells(
    form: Format, declared: str | None, manifest: bytes | None, machine: bool, goes_along: str | None, photo: Pixels
) -> None:
    data = encode(photo, form, {}, xmp.packet(declared) if declared else None)
    data = data if manifest is None else SIGNERS[form.upper()](data, manifest)
    kind = f"image/{form}"
    assert carriage.is_signed(data, kind) == (manifest is not None)
    assert is_machine_made(data, kind) == machine
    assert mark_of(data, kind) == (xmp.packet(goes_along) if goes_along else None)


def test_thumbnails_of_what_was_brought_tell_what_its_manifest_does(photo: Pixels) -> None:
    """As ChatGPT's pictures have it: signed, and no XMP."""
    signed = SIGNERS["PNG"](encode(photo, "png", {}, None), says(MODEL))
    assert xmp.source_type_of(packet_of(keep(signed).thumbnails[256])) == MODEL


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe1\xff\xff", b"RIFF\0\0\0\0WEBP"])
@pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "image/webp", "image/avif", ""])
def test_a_broken_file_tells_nothing(data: bytes, kind: str) -> None:
    assert (source_type_of(data, kind), is_machine_made(data, kind), mark_of(data, kind)) == (None, False, None)
