"""What files say: the A1111 text, our own JSON, the XMP packet."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import msgspec
import pytest

from engines import infotext
from engines.contract import Lora, Size
from gateway import __version__
from gateway.storage import xmp
from gateway.storage.metadata import Description, darkroom_json, parameters_text


def test_parameters_as_a1111_writes_them(about: Description) -> None:
    assert parameters_text(about, Size(512, 512)) == (
        "a red circle\non blue\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 7, Size: 512x512, "
        f"Model: shapes, Version: Darkroom {__version__}"
    )


def test_parameters_tell_of_scaling_strength_and_loras(about: Description) -> None:
    changed = msgspec.structs.replace(
        about, made=Size(128, 128), upscaler="lanczos", strength=0.6, loras=(Lora("ink", 0.8), Lora("fog")), seed=None
    )
    said = infotext.parse(parameters_text(changed, Size(512, 768)))
    assert said.prompt == "a red circle\non blue <lora:ink:0.8> <lora:fog:1>"
    assert said.fields["Size"] == "128x128"
    assert said.fields["Postprocess upscale to"] == "512x768"
    assert said.fields["Postprocess upscaler"] == "lanczos"
    assert said.fields["Denoising strength"] == "0.6"
    assert "Seed" not in said.fields


def test_our_own_text_says_all_exactly(about: Description) -> None:
    said = json.loads(darkroom_json(msgspec.structs.replace(about, made=Size(128, 128), upscaler="lanczos"), Size(512, 512)))
    assert said == {
        "capability": "text_to_image",
        "model": "shapes",
        "engine": "local",
        "prompt": "a red circle\non blue",
        "negative_prompt": "blurry",
        "revision": "abc",
        "steps": 20,
        "guidance_scale": 7.0,
        "sampler": "Euler a",
        "seed": 7,
        "made": {"width": 128, "height": 128},
        "size": {"width": 512, "height": 512},
        "upscaler": "lanczos",
        "version": __version__,
    }


def test_what_an_engine_reports_cannot_break_the_text(about: Description) -> None:
    odd = msgspec.structs.replace(about, prompt="\ud800", parameters={"device": object, "revised_prompt": "a"})
    assert json.loads(darkroom_json(odd, Size(8, 8)))["parameters"]["revised_prompt"] == "a"


@pytest.mark.parametrize("real", [False, True])
def test_the_mark_says_what_was_made_and_nothing_else(real: bool, about: Description) -> None:
    packet = xmp.packet(msgspec.structs.replace(about, changes_real_picture=real).source_type)
    text = packet.decode()
    root = ElementTree.fromstring(text[text.index("<x:xmpmeta") : text.index("<?xpacket end")])
    (description,) = root[0]
    values = {name.rpartition("}")[2]: value for name, value in description.attrib.items()}
    wanted = "compositeWithTrainedAlgorithmicMedia" if real else "trainedAlgorithmicMedia"
    assert values == {
        "about": "",
        "DigitalSourceType": f"http://cv.iptc.org/newscodes/digitalsourcetype/{wanted}",
        "CreatorTool": f"Darkroom {__version__}",
    }
    assert xmp.source_type_of(packet) == wanted


def test_a_strangers_packet_keeps_what_it_says() -> None:
    theirs = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" dc:title="Hills"/></rdf:RDF></x:xmpmeta>'
    )
    assert xmp.source_type_of(theirs) is None
    ours = xmp.declare(theirs, "trainedAlgorithmicMedia")
    ElementTree.fromstring(ours)
    assert b'dc:title="Hills"' in ours
    assert xmp.source_type_of(ours) == "trainedAlgorithmicMedia"
    assert xmp.declare(b"rubbish", "trainedAlgorithmicMedia") == xmp.packet("trainedAlgorithmicMedia")
