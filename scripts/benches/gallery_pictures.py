"""What a new picture costs before it is stored: PNG, metadata and thumbnails, beside Pillow's fastest PNG."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import numpy as np
from PIL import Image

from benches.figures import Figure
from engines.contract import Pixels, Size
from gateway.storage import thumbnails as small
from gateway.storage import xmp
from gateway.storage.encoding import DARKROOM, PARAMETERS, encode_png, picture, save
from gateway.storage.mark import finish
from gateway.storage.metadata import Description, darkroom_json, parameters_text

SIDE = 1024
ROUNDS = 15
ABOUT = Description(
    capability="text_to_image", model="sdxl", engine="diffusers", prompt="a lighthouse at dusk, " * 8, steps=30, seed=7
)


def figures() -> list[Figure]:
    pixels = photo_like()
    mark = xmp.packet("trainedAlgorithmicMedia")
    texts = {kind: write(ABOUT, Size(SIDE, SIDE)) for kind, write in ((PARAMETERS, parameters_text), (DARKROOM, darkroom_json))}
    made = encode_png(pixels, texts, mark)
    if not np.array_equal(np.asarray(Image.open(io.BytesIO(made))), pixels):
        raise SystemExit("bench: the PNG does not hold the pixels that it was given")

    def png() -> None:
        encode_png(pixels, texts, mark)

    def png_and_grid() -> None:
        png()
        grid = small._fitted(picture(pixels), small.SIDES[0])
        save(grid, "WEBP", **small._WEBP, xmp=mark)
        small._hash(grid)

    def pillow() -> None:
        Image.fromarray(pixels).save(io.BytesIO(), "PNG", compress_level=1)

    ours, theirs = paired(png, pillow)
    return [
        Figure("png_ms", ours, "ms CPU", None, theirs, "Pillow's level 1; pixels proved equal"),
        Figure("png_times_faster", theirs / ours, "", ">= 4", 1.0, "the same"),
        Figure("png_256_ms", _cpu(png_and_grid), "ms CPU", "<= 14", note=f"{SIDE} x {SIDE}, metadata, thumbnail of 256"),
        Figure("png_256_768_ms", _cpu(lambda: finish(pixels, ABOUT)), "ms CPU", "<= 30", note="the 768 one too"),
        Figure("png_two_threads", _side_by_side(png), "", "<= 0.75", 1.0, "the time of the same work in one thread"),
    ]


def photo_like(side: int = SIDE, seed: int = 7) -> Pixels:
    """Smooth shapes of every size with a grain: as hard to deflate as a model's picture."""
    draw = np.random.default_rng(seed)
    whole = np.zeros((side, side, 3), np.float32)
    for cells in (4, 16, 64, 256):
        noise = Image.fromarray((draw.random((cells, cells, 3)) * 255).astype(np.uint8))
        whole += np.asarray(noise.resize((side, side), Image.Resampling.BICUBIC), np.float32) * (2.0 / cells**0.5)
    whole = (whole - whole.min()) / (whole.max() - whole.min()) * 255 + draw.normal(0, 2, whole.shape)
    return np.clip(whole, 0, 255).astype(np.uint8)


def paired(one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """CPU milliseconds of each in its best round, taken in turn: what else the machine does only ever adds."""
    times = [(_once(one), _once(other)) for _ in range(ROUNDS)]
    return min(a for a, _ in times), min(b for _, b in times)


def _cpu(work: Callable[[], object]) -> float:
    return min(_once(work) for _ in range(ROUNDS))


def _once(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)


def _side_by_side(work: Callable[[], object]) -> float:
    """Two threads' time for twice the work, over one thread's: a half where neither holds the interpreter's lock."""
    with ThreadPoolExecutor(2) as pool:
        ratios = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            work(), work()
            alone = time.perf_counter() - began
            began = time.perf_counter()
            for task in (pool.submit(work), pool.submit(work)):
                task.result()
            ratios.append((time.perf_counter() - began) / alone)
    return median(ratios)
