"""Who must act, in whose words and without what; when an account may be asked again."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from engines.contract import (
    EngineCrashed,
    EngineError,
    EngineUnavailable,
    InvalidRequest,
    ModelUnusable,
    UpstreamRateLimited,
)
from engines.http import (
    Pace,
    clean,
    from_status,
    retry_after,
    said,
)
from engines.http.pace import duration


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest), (401, ModelUnusable), (402, ModelUnusable), (403, ModelUnusable), (404, ModelUnusable),
        (405, ModelUnusable), (408, EngineUnavailable), (409, EngineUnavailable), (413, InvalidRequest),
        (422, InvalidRequest), (429, UpstreamRateLimited), (500, EngineCrashed), (502, EngineUnavailable),
        (503, EngineUnavailable), (504, EngineUnavailable), (524, EngineUnavailable), (302, ModelUnusable),
    ],
)  # fmt: skip
def test_who_must_act(status: int, kind: type[EngineError]) -> None:
    error = from_status(status, {}, b'{"detail": "because"}', "the box")
    assert type(error) is kind
    assert error.message.startswith(f"the box answered {status}: because.")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": {"message": "bad size", "type": "x", "code": 3}}', "bad size"),
        (b'{"error": "RuntimeError", "detail": "", "body": "", "errors": "no such model"}', "RuntimeError: no such model"),
        (b'{"detail": "Sampler not found"}', "Sampler not found"),
        (b'{"detail": [{"loc": ["body", "steps"], "msg": "too many", "type": "v"}]}', "steps: too many"),
        (b'{"message": "a"}', "a"),
        (b"plain words", "plain words"),
        (b"<html><head><title>502 Bad Gateway</title></head>", "502 Bad Gateway"),
        (b"<html><body>x</body>", ""),
        (b'{"unknown": 1}', ""),
        (b"{broken", ""),
        (b"[" * 100_000, ""),
        (b"\xff\xfe\x00bad", "��bad"),
        (b"", ""),
    ],
)
def test_what_a_server_says(body: bytes, words: str) -> None:
    assert said(body).replace(" bad", "bad") == words


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("no file '/home/ann b/models/x.safetensors' here", "no file '…/x.safetensors' here"),
        ("at /srv/app/webui/modules/api.py, line 3", "at …/api.py, line 3"),
        (r'in "C:\Users\Ann\forge\x.ckpt"', 'in "…/x.ckpt"'),
        (r"in D:\forge\models\x.ckpt now", "in …/x.ckpt now"),
        ("see https://platform.openai.com/docs/guides/x", "see https://platform.openai.com/docs/guides/x"),
        ("512/768 and 1/2", "512/768 and 1/2"),
        ("key sk-proj-abcdef123456 is wrong", "key ••• is wrong"),
        ("Incorrect API key provided: sk-ab****wxyz.", "Incorrect API key provided: •••"),
        ("Authorization: Bearer abcdef123456", "Authorization: Bearer •••"),
        ("GET /x?key=AIzaSyA1234567890&n=1", "GET /x?key=•••&n=1"),
        ("at http://user:pass@host/x", "at http://•••host/x"),
        ("the word hush-hush is ours", "the word ••• is ours"),
        ("two\nlines\x1b[31m\x00", "two lines [31m"),
        ("x" * 600, "x" * 499 + "…"),
    ],
)
def test_words_are_cleaned(text: str, cleaned: str) -> None:
    assert clean(text, ["hush-hush", ""]) == cleaned


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "1e9"}, 3600.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_as_a_date() -> None:
    seconds = retry_after({"retry-after": formatdate(time.time() + 30, usegmt=True)})
    assert seconds is not None
    assert 27 < seconds <= 31


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("6m0s", 360), ("2h3m0.5s", 7380.5), ("120ms", 0.12), ("1d", 86_400), ("3", 3), ("", None), ("soon", None)],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert duration(text) == seconds


def test_an_account_is_left_alone_until_its_time() -> None:
    now = [100.0]
    pace = Pace("Cloud", clock=lambda: now[0])
    pace.check()
    pace.note({"x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "9s"})
    pace.check()
    pace.note({"x-ratelimit-remaining-images": "0", "x-ratelimit-reset-images": "2s"})
    with pytest.raises(UpstreamRateLimited, match="Cloud has no images left"):
        pace.check()
    pace.hold(UpstreamRateLimited("Slow down.", 10))
    pace.hold(UpstreamRateLimited("A little.", 1))
    now[0] += 9
    with pytest.raises(UpstreamRateLimited, match="Slow down") as raised:
        pace.check()
    assert raised.value.retry_after == 1
    now[0] += 1
    pace.check()
