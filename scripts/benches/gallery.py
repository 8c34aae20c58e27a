"""Lists at a million pictures, thumbnails over HTTP, exports, and what a new picture costs.

Minutes: the rows are written first. GALLERY_ONLY=lists, bytes, export or pictures measures a part.
"""

from __future__ import annotations

import os

from benches import gallery_bytes, gallery_export, gallery_pictures, gallery_scale
from benches.figures import Figure

PARTS = {
    "pictures": gallery_pictures.figures,
    "bytes": gallery_bytes.figures,
    "export": gallery_export.figures,
    "lists": gallery_scale.figures,
}


def run() -> list[Figure]:
    only = os.environ.get("GALLERY_ONLY", "")
    if only and only not in PARTS:
        raise SystemExit(f"bench: GALLERY_ONLY is {only}; it may be one of: {', '.join(PARTS)}")
    return [figure for name, measure in PARTS.items() if only in ("", name) for figure in measure()]
