"""Names of files in an archive: people's own, and safe."""

from __future__ import annotations

import pytest

from gateway.images.file_names import FileNames, safe, slug, untitled


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("A fox at dawn", "A fox at dawn"),
        ("狐の写真 สุนัข 🦊", "狐の写真 สุนัข 🦊"),
        ("Cafe\u0301", "Café"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..\\..\\boot.ini", "_.._boot.ini"),
        ("/absolute", "_absolute"),
        ("C:\\Windows", "C__Windows"),
        ('a<b>:"|?*', "a_b______"),
        ("line\nbreak\ttab", "line break tab"),
        ("\x00\x07bell\x7f", "bell"),
        ("\u202egnp.exe", "gnp.exe"),
        ("\ud800half", "half"),
        (" . dots . ", "dots"),
        ("...", ""),
        ("", ""),
        ("con", "_con"),
        ("NUL.tar", "_NUL.tar"),
        ("com¹", "_com¹"),
        ("console", "console"),
        ("x" * 1000, "x" * 150),
        ("図" * 1000, "図" * 50),
    ],
)
def test_safe(title: str, name: str) -> None:
    assert safe(title) == name


def test_no_two_are_the_same_on_any_system() -> None:
    names = FileNames("manifest.json")
    given = [names.name(title, "the-id", "png") for title in ("Fox", "fox", "ＦＯＸ", "fox", "fox (2)", "", "/", "")]
    assert given == [
        *("Fox.png", "fox (2).png", "ＦＯＸ (3).png", "fox (4).png", "fox (2) (2).png"),
        *("the-id.png", "_.png", "the-id (2).png"),
    ]
    assert names.name("Manifest", "id", "json") == "Manifest (2).json"


@pytest.mark.parametrize(
    ("title", "extension", "name"),
    [
        ("out.png", "png", "out.png"),
        ("IMG_1.JPEG", "jpg", "IMG_1.jpg"),
        ("v1.2", "png", "v1.2.png"),
        ("photo.jpg", "png", "photo.jpg.png"),
        (".png", "png", "the-id.png"),
    ],
)
def test_a_title_that_is_a_files_name_keeps_one_ending(title: str, extension: str, name: str) -> None:
    assert FileNames().name(title, "the-id", extension) == name


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("A red circle", "a-red-circle"),
        ("../../etc/passwd", "etc-passwd"),
        ("C:\\con|aux*", "c-con-aux"),
        ("ein Haus am Fluß", "ein-haus-am-fluß"),
        ("红色的圆，在桌上", "红色的圆-在桌上"),
        ("สุนัขสีแดง ในสวน", "สุนัขสีแดง-ในสวน"),
        ("Cafe\u0301", "café"),
        ("\u202egnp.exe", "gnp-exe"),
        ("snake_case\n\x00bell", "snake-case-bell"),
        ("🦊!!!", ""),
        ("", ""),
        ("x" * 300, "x" * 60),
        ("word " * 50, "-".join(["word"] * 12)),
        ("a " * 50_000, "-".join("a" * 30)),
    ],
)
def test_prompts_become_names_of_files(prompt: str, name: str) -> None:
    assert slug(prompt) == name


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("A red fox", "a-red-fox-019aa6d0-f00d"),
        ("CON", "con-019aa6d0-f00d"),
        ("図" * 100, "図" * 45 + "-019aa6d0-f00d"),
        ("...", "019aa6d0-f00d-7aaa-8bbb-0123456789ab"),
    ],
)
def test_without_a_title_it_is_the_prompt(prompt: str, name: str) -> None:
    assert untitled(prompt, "019aa6d0-f00d-7aaa-8bbb-0123456789ab") == name
