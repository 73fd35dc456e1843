"""Sharpens the pictures of a folder: python3 examples/python/image_filter.py PICTURES SHARPENED

While the GPU works on a picture, Pillow reads the next. What can't be read is reported, and the rest
goes on. Debian has what it needs: python3-pil python3-numpy python3-tqdm glslang-tools.
"""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageOps
from tqdm import tqdm

import cbr
from cbr.compute import Buffer, Kernel


def load(path: Path) -> Image.Image:
    with Image.open(path) as image:  # As it is to be looked at, however the camera was held.
        return ImageOps.exif_transpose(image).convert("RGBA")


def save(image: Image.Image, path: Path) -> None:
    part = path.with_name(f".part.{path.name}")  # Nobody ever finds half a picture.
    try:
        image.convert("RGBA" if path.suffix.lower() == ".png" else "RGB").save(part, quality=95)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def sharpen(paths: list[Path], target: Path) -> Iterator[tuple[Path, Exception | None]]:
    """Gives each path back when it is done with, and what went wrong if something did."""
    kernel = Kernel.from_glsl(Path(__file__).with_name("sharpen.comp").read_text(), "QQii")
    in_flight = deque[tuple[Path, cbr.Ticket, Buffer, tuple[int, int]]]()

    def finish_oldest() -> Path:
        path, ticket, after, (width, height) = in_flight.popleft()
        ticket.wait()
        save(Image.fromarray(after.array("uint8", (height, width, 4))), target / path.name)
        return path

    with cbr.CommandBufferRing(ring_size=3) as ring:
        for path in paths:
            try:
                image = load(path)  # Meanwhile the GPU works on those in flight.
            except Exception as error:  # Pillow has many kinds of them.
                yield path, error
                continue
            before = Buffer.of(image.tobytes())
            after = Buffer(len(before))
            with ring.acquire() as lease:  # Leaving the block submits, and doesn't wait.
                groups = [-(-side // 16) for side in image.size]
                lease.dispatch(kernel, groups, before, after, *image.size)
            in_flight.append((path, lease.ticket, after, image.size))
            if len(in_flight) == ring.ring_size:
                yield finish_oldest(), None
        while in_flight:
            yield finish_oldest(), None


def main() -> None:
    parser = argparse.ArgumentParser(description="Sharpens the pictures of a folder.")
    parser.add_argument("pictures", type=Path, help="folder of .png and .jpg files")
    parser.add_argument("sharpened", type=Path, help="folder for the results; made if need be")
    folders = parser.parse_args()
    try:
        paths = [path for path in sorted(folders.pictures.iterdir())
                 if path.suffix.lower() in (".png", ".jpg", ".jpeg")]
        folders.sharpened.mkdir(parents=True, exist_ok=True)
        bad = 0  # The bar is on standard error; disable=None: not if that is no terminal.
        for path, error in tqdm(sharpen(paths, folders.sharpened), total=len(paths), disable=None):
            if error:
                bad += 1
                tqdm.write(f"{path}: {' '.join(str(error).split())}", file=sys.stderr)
    except (cbr.Error, OSError) as error:
        sys.exit(f"image_filter: {error}")
    sys.exit(f"{bad} of {len(paths)} pictures could not be read" if bad else 0)


if __name__ == "__main__":
    main()
