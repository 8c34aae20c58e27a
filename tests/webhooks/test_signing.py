"""Signatures, seen by the specification's own library as a receiver uses it."""

from __future__ import annotations

import base64
import time

import pytest
from standardwebhooks.webhooks import Webhook as Receiver
from standardwebhooks.webhooks import WebhookVerificationError

from gateway.webhooks.signing import OVERLAP, Secret, Signing, of_requests, of_webhook

SIGNING = Signing(b"k" * 32)
BODY = '{"type":"task.succeeded","data":{"prompt":"แมว 🐈"}}'


def microseconds() -> int:
    """Now, and not when this was read: receivers take what is at most five minutes old."""
    return time.time_ns() // 1000


def accepts(secret_text: str, headers: dict[str, str], body: str = BODY) -> bool:
    try:
        Receiver(secret_text).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


def test_a_receiver_accepts_what_was_signed_and_nothing_else() -> None:
    secret, moment = Secret(of_webhook("w"), 1), microseconds()
    headers = SIGNING.headers("m1", BODY, secret, moment)
    text = SIGNING.text(secret)
    assert accepts(text, headers)
    assert not accepts(text, headers, BODY + " ")
    assert not accepts(text, {**headers, "webhook-id": "m2"})
    assert not accepts(text, {**headers, "webhook-timestamp": str(moment // 1_000_000 - 1)})


def test_a_secret_is_of_the_form_and_length_that_the_specification_wants() -> None:
    text = SIGNING.text(Secret(of_webhook("w"), 1))
    assert text.startswith("whsec_")
    assert len(base64.b64decode(text.removeprefix("whsec_"), validate=True)) == 32


def test_every_owner_version_and_master_key_has_another_secret() -> None:
    secrets = [Secret(of_webhook("a"), 1), Secret(of_webhook("a"), 2), Secret(of_webhook("b"), 1), Secret(of_requests("a"), 1)]
    texts = {signing.text(secret) for signing in (SIGNING, Signing(b"l" * 32)) for secret in secrets}
    assert len(texts) == 8


@pytest.mark.parametrize(
    ("version", "age", "signs"),
    [(1, None, [1]), (2, 0, [2, 1]), (2, OVERLAP - 1, [2, 1]), (2, OVERLAP, [2]), (5, 0, [5, 4]), (1, 0, [1])],
)
def test_for_a_day_the_secret_before_signs_too(version: int, age: int | None, signs: list[int]) -> None:
    moment = microseconds()
    secret = Secret(of_webhook("w"), version, None if age is None else moment - age)
    headers = SIGNING.headers("m", BODY, secret, moment)
    accepted = [each for each in range(version, 0, -1) if accepts(SIGNING.text(Secret(of_webhook("w"), each)), headers)]
    assert accepted == signs
    assert len(headers["webhook-signature"].split(" ")) == len(signs)
