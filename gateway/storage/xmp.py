"""XMP packets that say a picture was made by a machine, and nothing about who asked for it or with what words.

The field is IPTC's Digital Source Type (IPTC Photo Metadata Standard 2025.1); its values are IPTC NewsCodes,
https://cv.iptc.org/newscodes/digitalsourcetype/.
"""

from __future__ import annotations

import re
from typing import Literal

from gateway import __version__

SourceType = Literal["trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "algorithmicallyEnhanced"]
"""Made by a model throughout; a real picture of which a model changed something; a real one that was only enlarged."""

_DECLARED = re.compile(rb"digitalsourcetype/([A-Za-z]{3,64})")
_NAME = re.compile(rb"(?<=[\s</])[\w.-]+:[\w.-]+(?=[\s=>/])")
_OF_A_MARK = frozenset(
    b"x:xmpmeta x:xmptk rdf:RDF rdf:Description rdf:about"
    b" Iptc4xmpExt:DigitalSourceType xmp:CreatorTool photoshop:Credit".split()
)
"""Elements and attributes of a packet that is a mark and nothing else."""
_VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_DESCRIPTION = (
    '<rdf:Description rdf:about="" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    ' Iptc4xmpExt:DigitalSourceType="{vocabulary}{source_type}"'
    ' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="Darkroom {version}"/>'
)
_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    "{description}</rdf:RDF></x:xmpmeta>"
    '<?xpacket end="r"?>'
)


def packet(source_type: str) -> bytes:
    """A packet of ours (UTF-8), the same for every picture of its kind."""
    return _PACKET.format(description=_description(source_type)).encode()


def source_type_of(text: bytes) -> SourceType | None:
    """What someone's packet declares, where it is one of the machine-made kinds."""
    for source_type in _SOURCE_TYPES:
        if b"digitalsourcetype/" + source_type.encode() in text:
            return source_type
    return None


def declared(text: bytes) -> str | None:
    """What someone's text declares as its digital source type, of whatever kind."""
    found = _DECLARED.search(text)
    return found[1].decode() if found else None


def says_no_more(text: bytes) -> bool:
    """Whether a packet tells the digital source type and the tool, and nothing of the picture, its place or its maker."""
    names = {name for name in _NAME.findall(text) if not name.startswith(b"xmlns:")}
    return b"<!" not in text and declared(text) is not None and names <= _OF_A_MARK


def declare(text: bytes, source_type: SourceType) -> bytes:
    """Someone's packet with the declaration added; all that it said before stays."""
    head, end_of_rdf, tail = text.rpartition(b"</rdf:RDF>")
    if not end_of_rdf:
        return packet(source_type)
    return head + _description(source_type).encode() + end_of_rdf + tail


_SOURCE_TYPES: tuple[SourceType, ...] = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia")


def _description(source_type: str) -> str:
    return _DESCRIPTION.format(vocabulary=_VOCABULARY, source_type=source_type, version=__version__)
