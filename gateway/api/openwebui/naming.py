"""How this surface names pictures: data URLs, URLs, ids of files, and their paths. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from gateway.api.tasks.asked import AnyPicture, ArtifactPicture, DataUriPicture, UrlPicture
from gateway.errors import InvalidInput

FILES = "/api/v1/files"
_FILE = re.compile(r"(?:/api/v1|/api)/files/(?P<id>[^/?#]+)(?:/content[^?#]*)?/?(?:[?#].*)?")
_LONGEST_ID = 64


def content_path(image_id: str) -> str:
    """As Open WebUI has it: without a host, and for whoever has the key."""
    return f"{FILES}/{image_id}/content"


def picture(text: str, field: str, base_url: str) -> AnyPicture:
    """What `text` names; `base_url` is how clients reach us. Raises InvalidInput that names `field`."""
    text = text.strip()
    if text[:5].lower() == "data:":
        return DataUriPicture(text)
    # With the sub-path of a proxy, or without.
    own = text.removeprefix(base_url)
    own = own.removeprefix(urlsplit(base_url).path) if own.startswith("/") else own
    if file := _FILE.fullmatch(own):
        return ArtifactPicture(file["id"])
    if re.match(r"https?://", text, re.IGNORECASE):
        return UrlPicture(text)
    if not text or len(text) > _LONGEST_ID or "/" in text:
        told = "This is neither a data URL (data:image/png;base64,…) nor a URL, nor the id or the path of a file."
        raise InvalidInput(told, field=field)
    return ArtifactPicture(text)


def told(field: str, *, is_list: bool) -> str:
    """What Tasks calls a picture -> what it is here: `extra_images[0].data_uri` is `image[1]`."""
    name = field.partition(".")[0]
    if extra := re.fullmatch(r"extra_images\[(\d+)]", name):
        return f"image[{int(extra[1]) + 1}]"
    if name == "image" and is_list and field != "image":
        return "image[0]"
    return "image" if name == "extra_images" else name
