"""Which texts a file has, whatever wrote them into it."""

from __future__ import annotations

import json
import struct
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.images import reading
from gateway.images.reading import a1111
from gateway.images.reading.texts import LONGEST_TEXT, MOST_TEXTS, texts_of
from tests.images.reading.files import (
    international,
    jpeg,
    packed,
    packed_international,
    png,
    png_of,
    tags,
    user_comment,
    webp,
)

THAI = "แมวสีแดง, cat\nSteps: 20, Sampler: Euler, Seed: 1"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (png(parameters="a cat"), {"parameters": "a cat"}),
        (png(parameters="une forêt"), {"parameters": "une forêt"}),
        (png(parameters=THAI), {"parameters": THAI}),
        (png_of((b"tEXt", b"parameters\0" + "猫".encode())), {"parameters": "猫"}),
        (png_of(packed("parameters", THAI)), {"parameters": THAI}),
        (png_of(packed_international("parameters", THAI)), {"parameters": THAI}),
        (png_of(international("a", "1"), international("a", "2")), {"a": "1"}),
        (png_of((b"zTXt", b"parameters\0\0no zlib")), {}),
        (png_of((b"eXIf", user_comment(b"ASCII\0\0\0hi"))), {"DateTimeOriginal": "2024:05:06 07:08:09", "UserComment": "hi"}),
        (jpeg(comment=b"made by hand"), {"Comment": "made by hand"}),
        (jpeg(tags(Make='workflow:{"a":1}', Model='prompt:{"b":2}')), {"workflow": '{"a":1}', "prompt": '{"b":2}'}),
        (b"", {}),
        (b"\xff\xd8", {}),
        (b"GIF89a" + b"\0" * 50, {}),
        (b"RIFF\0\0\0\0WEBPEXIF\xff\xff\xff\xffII", {}),
    ],
)
def test_texts_are_found_by_their_keywords(data: bytes, expected: dict[str, str]) -> None:
    assert texts_of(data) == expected


@pytest.mark.parametrize("wrap", [jpeg, webp])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "value",
    [
        b"UNICODE\0" + THAI.encode("utf-16-be"),  # A1111, whatever the block's order
        b"UNICODE\0" + THAI.encode("utf-16-le"),
        b"UNICODE\0" + THAI.encode("utf-16"),
        b"UNICODE\0" + THAI.encode(),
        b"ASCII\0\0\0" + THAI.encode(),
        b"\0" * 8 + THAI.encode() + b"\0\0",
        THAI.encode(),
    ],
)
def test_a_user_comment_is_read_in_whatever_code_it_is_written(wrap, order: str, value: bytes) -> None:
    assert texts_of(wrap(user_comment(value, order)))["UserComment"] == THAI


def test_a_date_comes_from_exif() -> None:
    assert reading.read(jpeg(user_comment(b"ASCII\0\0\0hi"))).created_at == 1714979289_000_000


def test_a_text_that_unpacks_to_more_than_is_read_is_passed_over() -> None:
    bomb = b"parameters\0\0" + zlib.compress(b"a" * (LONGEST_TEXT + 1))
    assert texts_of(png_of((b"zTXt", bomb), international("b", "kept"))) == {"b": "kept"}


def test_a_file_of_nothing_but_chunks_ends() -> None:
    began = time.perf_counter()
    texts = texts_of(png_of(*[international(f"k{index}", "x") for index in range(5000)]))
    found = texts_of(png_of(*[(b"junk", b"")] * 200_000))
    assert (len(texts), found) == (MOST_TEXTS, {})
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize("length", [LONGEST_TEXT, LONGEST_TEXT + 1])
def test_a_file_of_bombs_takes_no_long_time(length: int) -> None:
    """Under one keyword all of them, or too long each: none of that is kept, and what is unpacked counts all the same."""
    bomb = (b"zTXt", b"bomb\0\0" + zlib.compress(b"a" * length))
    began = time.perf_counter()
    texts_of(png_of(*[bomb] * 300))
    assert time.perf_counter() - began < 3


def test_exif_that_says_the_same_text_again_and_again_takes_no_long_time() -> None:
    """A few bytes of entries that all point to one long text, and a thousand lists of them."""
    entries = [struct.pack(">HHII", tag, kind, 4 << 20, 100) for tag, kind in ((0x9286, 7), (0x010E, 2))] * 500
    lists = struct.pack(">HHII", 0x8769, 4, 1, 8) * 500
    block = b"MM\0*\0\0\0\x08" + struct.pack(">H", 1000) + b"".join(entries[:500]) + lists + b"a" * (5 << 20)
    began = time.perf_counter()
    texts = texts_of(png_of((b"eXIf", block)))
    assert time.perf_counter() - began < 3
    assert set(texts) == {"UserComment", "ImageDescription"}


@given(st.binary(max_size=300), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe1", b"RIFF0000WEBPEXIF"]))
def test_whatever_the_bytes_are_it_is_read(data: bytes, mark: bytes) -> None:
    reading.read(mark + data)


@given(st.binary(max_size=200), st.sampled_from([b"II*\0", b"MM\0*"]))
def test_whatever_the_exif_is_it_is_read(data: bytes, mark: bytes) -> None:
    reading.read(jpeg(mark + data))


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["1", "4", "euler", 2**70]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
_KEYS = st.sampled_from(
    ["inputs", "class_type", "model", "positive", "seed", "noise_seed", "sui_image_params", "prompt", "image", "loras", "size"]
)
_NODES = st.dictionaries(
    st.sampled_from(["1", "2", "3", "4"]),
    st.fixed_dictionaries(
        {
            "class_type": st.sampled_from(["KSampler", "SaveImage", "CLIPTextEncode", "Reroute"]),
            "inputs": st.dictionaries(
                st.sampled_from(
                    ["images", "seed", "steps", "model", "positive", "negative", "latent_image", "text", "samples"]
                ),
                st.tuples(st.sampled_from(["1", "2", "3", "4"]), st.integers(0, 2)).map(list) | _JSON,
            ),
        }
    ),
)


@given(
    st.sampled_from(["parameters", "prompt", "darkroom", "invokeai_metadata", "sd-metadata", "Comment"]),
    st.dictionaries(_KEYS, _JSON, max_size=6) | _NODES,
)
def test_whatever_the_json_says_the_recipe_can_be_stored_and_sent(key: str, said: dict) -> None:
    found = reading.from_texts({key: json.dumps(said), "Software": "NovelAI"})
    if found is not None:
        json.dumps({name: getattr(found, name) for name in ("prompt", "more", "seed", "steps")}, allow_nan=False).encode()
        struct.pack(">q", found.seed or 0)


@pytest.mark.parametrize("key", ["parameters", "prompt", "invokeai_metadata", "Comment", "Dream", "UserComment"])
@pytest.mark.parametrize(
    "junk",
    [
        "[" * 1_000_000,
        '{"a":' * 200_000,
        "a" * 2_000_000,
        "Steps: 1, " * 100_000,
        "<lora:" * 200_000,
        '"' * 500_000,
        "[" * 500_000 + "]",
        "Negative prompt: \n" * 50_000,
        "-s 1 " * 100_000,
        "a" + " " * 200_000 + "b",
        "a" + "\t<" * 100_000,
        "\n" * 1_000 + "a" + (" " * 2_000 + "<lora:") * 100,
        "a" + (", " * 2_000 + "<lora:b>") * 100 + " ," * 10_000,
        "a" + ("<lora:b>" + ", " * 2_000 + "<lora:") * 100,
        '"a' + " " * 90_000 + '" -s 5',
        '{"1":{"class_type":"KSampler","inputs":{"seed":' + "9" * 5000 + "}}}",
    ],
)
def test_junk_takes_no_long_time(key: str, junk: str) -> None:
    """What goes back and forth over these takes minutes; each takes some hundredths of a second."""
    began = time.process_time()
    reading.from_texts({key: junk})
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("prompt", "left"),
    [
        ("masterpiece, <lora:foo:0.8>, x", "masterpiece, x"),
        ("masterpiece,<lora:foo:0.8>,x", "masterpiece,x"),
        ("a, <lora:b> <lora:c:1>, d", "a, d"),
        ("a, <lora:b>, <lora:c:1>, d", "a, d"),
        ("a <lora:b>, <lora:c:1>, d", "a, d"),
        ("a <lora:b>, d", "a, d"),
        ("a, <lora:b> d", "a, d"),
        ("a <lora:b> d", "a d"),
        ("a, <lora:b>", "a"),
        ("<lora:b>, a", "a"),
        ("<lora:b>", ""),
        ("a,\n<lora:b>\nd", "a,\nd"),
        ("a <lora:b>\n, d", "a, d"),
        ("a, , d", "a, , d"),
        ("a, <lora:> d,, e", "a, <lora:> d,, e"),
    ],
)
def test_no_comma_is_left_where_a_lora_was(prompt: str, left: str) -> None:
    assert a1111.without_loras(prompt)[0] == left
