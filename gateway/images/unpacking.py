"""Pictures in base64, as clients write it: both alphabets, with line breaks, without padding."""

from __future__ import annotations

import binascii
import io

PIECE = 1 << 20
"""Characters that are decoded at a time. Each step of it stops all other threads, for about a millisecond."""
_AT_THE_END = "= \t\r\n\f\v"
_USUAL = str.maketrans("-_", "+/")


def unpacked(text: str, begin: int = 0) -> bytes:
    """What `text` holds from the character `begin` on. Raises ValueError for what is no base64. Blocks: in a thread."""
    end = _end(text, begin)
    data = io.BytesIO()
    left = ""
    for at in range(begin, end, PIECE):
        piece = left + "".join(text[at : min(at + PIECE, end)].split())
        whole = len(piece) // 4 * 4
        left = piece[whole:]
        data.write(_decoded(piece[:whole]))
    data.write(_decoded(left, "=" * (-len(left) % 4)))
    return data.getvalue()


def _end(text: str, begin: int) -> int:
    """Where the padding begins, if there is any."""
    end = len(text)
    while end > begin:
        piece = text[max(begin, end - PIECE) : end]
        kept = len(piece.rstrip(_AT_THE_END))
        end -= len(piece) - kept
        if kept:
            break
    return end


def _decoded(piece: str, padding: str = "") -> bytes:
    if "=" in piece:
        raise ValueError("there is padding within it")
    try:
        return binascii.a2b_base64(piece.translate(_USUAL) + padding, strict_mode=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error
