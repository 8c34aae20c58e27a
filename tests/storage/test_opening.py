"""A start with a bucket, or without."""

from __future__ import annotations

import asyncio
from pathlib import Path

import obstore
import pytest
from obstore.exceptions import GenericError, PermissionDeniedError, UnauthenticatedError

from gateway.errors import ConfigurationError
from gateway.storage import blobs, opening

BUCKET = "s3://pictures/here"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (FileNotFoundError("Object at location x/probe not found: NoSuchBucket"), "there is no such bucket"),
        (PermissionDeniedError("403"), "does not let these keys write"),
        (UnauthenticatedError("401"), "does not let these keys write"),
        (GenericError("Generic S3 error: HTTP error: builder error\n\nDebug source:\nGeneric {"), "builder error. AWS_"),
    ],
)
async def test_a_bucket_that_cannot_be_written_ends_the_start(
    fault: Exception, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise fault

    monkeypatch.setattr(obstore, "put_async", refuse)
    with pytest.raises(ConfigurationError) as caught:
        await opening.opened(BUCKET)
    for told in (BUCKET, words, "AWS_ACCESS_KEY_ID"):
        assert told in caught.value.message
    assert "Debug" not in caught.value.message


async def test_nor_one_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(obstore, "put_async", lambda *_: asyncio.sleep(60))
    monkeypatch.setattr(opening, "PATIENCE_SECONDS", 0.01)
    with pytest.raises(ConfigurationError, match="does not answer within"):
        await opening.opened(BUCKET)


async def test_a_bucket_that_answers_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def answer(_: object, name: str, *_more: object) -> None:
        asked.append(name)

    monkeypatch.setattr(obstore, "put_async", answer)
    monkeypatch.setattr(obstore, "delete_async", answer)
    assert (await opening.opened(BUCKET)).path("0" * 64) is None
    assert asked == ["probe", "probe"]


@pytest.mark.parametrize("url", ["memory://", "folder"])
async def test_a_folder_is_not_tried(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its room is looked at when it is used, and a full one is no reason not to start."""
    monkeypatch.setattr(blobs.BlobStore, "check", None)
    await opening.opened(url if "://" in url else (tmp_path / url).as_uri())
