"""Archives that other programs read: by Python's own reader, past 4 GiB too, and by unzip where there is one."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from gateway.storage.zipping import FULL, Archive

FILES = {"ünïcode 図.png": b"one" * 1000, "a.txt": b"", "b/../c.txt": b"x"}
MOMENT = 1_767_323_045.0  # 2026-01-02 03:04:05 UTC


def written(files: dict[str, bytes], seconds: float = MOMENT, offset: int = 0) -> bytes:
    archive = Archive(offset)
    parts = [part for name, data in files.items() for part in (archive.head(name, data, seconds), data)]
    return b"".join([*parts, archive.tail()])


def test_what_is_written_is_read() -> None:
    with zipfile.ZipFile(io.BytesIO(written(FILES))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == FILES
        for told in archive.infolist():
            assert (told.compress_type, told.flag_bits, told.date_time) == (zipfile.ZIP_STORED, 0x800, (2026, 1, 2, 3, 4, 4))


def test_an_archive_of_nothing() -> None:
    with zipfile.ZipFile(io.BytesIO(written({}))) as archive:
        assert archive.namelist() == []


@pytest.mark.parametrize(("seconds", "date"), [(0, (1980, 1, 1)), (1e11, (2107, 11, 16))])
def test_moments_that_it_cannot_say(seconds: float, date: tuple[int, int, int]) -> None:
    with zipfile.ZipFile(io.BytesIO(written({"a": b"a"}, seconds))) as archive:
        assert archive.infolist()[0].date_time[:3] == date


def test_past_4_gib(tmp_path: Path) -> None:
    """The file is sparse: only its end is on the disk."""
    path = tmp_path / "large.zip"
    with path.open("wb") as file:
        file.seek(FULL + 10)
        file.write(written(FILES, offset=FULL + 10))
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == FILES


def test_more_files_than_16_bits_count() -> None:
    with zipfile.ZipFile(io.BytesIO(written({str(number): b"" for number in range(65_536)}))) as archive:
        assert len(archive.namelist()) == 65_536


def test_a_file_that_is_too_large() -> None:
    class Large(bytes):
        def __len__(self) -> int:
            return FULL

    with pytest.raises(ValueError, match="4 GiB"):
        Archive().head("a", Large(), MOMENT)


@pytest.mark.skipif(not shutil.which("unzip"), reason="there is no unzip")
def test_unzip_takes_it(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(written({"ünïcode.png": b"one" * 1000, "a.txt": b"a"}))
    assert subprocess.run(["unzip", "-tqq", path], capture_output=True, check=False).returncode == 0
