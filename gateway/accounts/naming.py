"""Names and e-mail addresses as they are kept."""

from __future__ import annotations

import re
import unicodedata

from gateway.errors import InvalidInput

LONGEST_NAME = 200
LONGEST_EMAIL = 254
"""RFC 5321, section 4.5.3.1.3, less the brackets."""
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+")


def checked_name(name: str, what: str, *, field: str = "name") -> str:
    """Without the spaces around it. Raises InvalidInput for one that is empty, too long, or would spoil a line."""
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME:
        raise InvalidInput(f"{what} has 1 to {LONGEST_NAME} characters.", field=field)
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise InvalidInput(f"{what} is one line, without control characters.", field=field)
    return name


def checked_email(email: str, *, field: str = "email") -> str:
    """In lower case. Raises InvalidInput for what nobody could send to; whether it exists, only a letter would show."""
    email = email.strip().lower()
    whole = _EMAIL.fullmatch(email) and not any(unicodedata.category(character) == "Cc" for character in email)
    if not whole or len(email) > LONGEST_EMAIL:
        raise InvalidInput("This is no e-mail address; write it as ann@example.org.", field=field)
    return email
