"""Broken and hostile files: each ends as a picture or as a reason, cheaply and in silence."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lookalike.errors import PictureError
from lookalike.images import Limits
from lookalike.sandbox import Decoder

FORMATS = ("JPEG", "PNG", "GIF", "WebP", "TIFF", "BMP", "AVIF")


def drawn(form: str, side: int = 64, **options: object) -> bytes:
    values = np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).resize((side, side), Image.Resampling.BICUBIC).save(buffer, form, **options)
    return buffer.getvalue()


def outcome(decoder: Decoder, picture: bytes | Path) -> str:
    """`decoded`, `truncated` or the reason."""
    try:
        decoded = decoder.decode(picture, min_side=224)
    except PictureError as error:
        return error.reason
    assert decoded.rgb.dtype == np.uint8
    assert decoded.rgb.ndim == 3
    assert decoded.rgb.shape[2] == 3
    assert decoded.rgb.flags.c_contiguous
    assert decoded.rgb.size > 0
    return "truncated" if decoded.truncated else "decoded"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


def png_bomb(side: int) -> bytes:
    """A real picture of one colour, a thousandth of its pixels in size."""
    packer = zlib.compressobj(9)
    row = b"\0" + bytes(3 * side)
    data = b"".join([*(packer.compress(row) for _ in range(side)), packer.flush()])
    return png(side, side, chunk(b"IDAT", data))


def many_scans(scans: int, side: int = 3000) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), "teal").save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + data[-2:]


def with_size(data: bytes, offset: int, layout: str, width: int, height: int) -> bytes:
    size = struct.pack(layout, width, height)
    return data[:offset] + size + data[offset + len(size) :]


HOSTILE = {
    "PNG of 60000 x 60000": (png(60000, 60000, chunk(b"IDAT", b"x")), "too many pixels: 60000 x 60000"),
    "PNG without width": (png(0, 5), "damaged"),
    "PNG whose text unpacks to 64 MB": (
        png(8, 8, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(64 << 20), 9)), chunk(b"IDAT", b"x")),
        "damaged",
    ),
    "GIF with a huge canvas": (
        with_size(drawn("GIF"), 6, "<HH", 65535, 65535),
        "too many pixels: 65535 x 65535",
    ),
    "BMP that claims much": (with_size(drawn("BMP"), 18, "<ll", 40000, 40000), "too many pixels"),
    "JPEG that claims 65500 x 65500": (
        (lambda data: with_size(data, data.index(b"\xff\xc0") + 5, ">HH", 65500, 65500))(drawn("JPEG")),
        "too many pixels: 65500 x 65500",
    ),
    "TIFF whose directory points to itself": (
        b"II*\0\x08\0\0\0\x01\0" + bytes(12) + b"\x08\0\0\0",
        "damaged",
    ),
    "HEIC of nothing": (struct.pack(">L", 24) + b"ftypheic\0\0\0\0mif1heic", ""),
    "AVIF of nothing": (struct.pack(">L", 24) + b"ftypavif\0\0\0\0mif1avif", "damaged"),
    "markers only": (b"\xff\xd8" + b"\xff" * 100_000, "damaged"),
}


@pytest.fixture(scope="module")
def decoder() -> Iterable[Decoder]:
    with Decoder(Limits(seconds=10)) as decoder:
        yield decoder


@pytest.mark.parametrize("name", HOSTILE)
def test_drawn_hostile_files(decoder: Decoder, name: str) -> None:
    data, expected = HOSTILE[name]
    found = outcome(decoder, data)
    assert found not in ("decoded", "decoder crashed")
    assert found.startswith(expected)


def test_a_jpeg_of_thousands_of_scans_does_not_stop_the_run() -> None:
    with Decoder(Limits(seconds=1)) as decoder:
        assert outcome(decoder, many_scans(5000)) == "took longer than 1 s"
        assert outcome(decoder, drawn("PNG")) == "decoded"


def test_a_bomb_within_the_limits_is_decoded_small(decoder: Decoder) -> None:
    decoded = decoder.decode(png_bomb(6000), min_side=224)
    assert (decoded.width, decoded.height) == (6000, 6000)
    assert min(decoded.rgb.shape[:2]) <= 2 * 336


@pytest.mark.parametrize("form", FORMATS)
def test_cut_anywhere(decoder: Decoder, form: str) -> None:
    data = drawn(form)
    for length in range(0, len(data), max(1, len(data) // 40)):
        assert outcome(decoder, data[:length]) != "decoder crashed"


@settings(max_examples=60)
@given(
    st.sampled_from(FORMATS),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_changed_anywhere(decoder: Decoder, form: str, changes: list[tuple[float, int]]) -> None:
    data = bytearray(drawn(form))
    for position, value in changes:
        data[int(position**3 * len(data))] = value  # more often near the start
    assert outcome(decoder, bytes(data)) != "decoder crashed"


RUN = """
import json, re, resource, sys, time
from pathlib import Path
from lookalike.errors import PictureError
from lookalike.sandbox import Decoder

outcomes, helper, slowest = {}, 0, (0.0, "")
paths = sorted(path for path in Path(sys.argv[1]).rglob("*") if path.is_file())
started = time.perf_counter()
with Decoder() as decoder:
    for path in paths:
        before = time.perf_counter()
        try:
            outcome = "truncated" if decoder.decode(path, min_side=224).truncated else "decoded"
        except PictureError as error:
            outcome = error.reason
        slowest = max(slowest, (time.perf_counter() - before, path.name))
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
helper = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
# Not ru_maxrss, which starts with what the process that started this one had.
own = int(re.search("VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
seconds = time.perf_counter() - started
report = dict(files=len(paths), outcomes=outcomes, own=own, helper=helper, seconds=seconds, slowest=slowest)
Path(sys.argv[2]).write_text(json.dumps(report))
"""


def test_all_malformed_files_in_one_run(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("needs /proc to measure memory")
    folder, report_file = shared_data / "malformed", tmp_path / "report.json"
    run = subprocess.run(
        [sys.executable, "-c", RUN, folder, report_file], capture_output=True, timeout=300, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")
    report = json.loads(report_file.read_text())
    outcomes = report["outcomes"]
    with capsys.disabled():
        megabytes = report["own"] / 1e6, report["helper"] / 1e6
        sys.stdout.write(
            f"\n{report['files']} malformed files in {report['seconds']:.1f} s: "
            f"{outcomes['decoded']} decoded, {outcomes['truncated']} truncated, the rest refused; "
            f"peak memory {megabytes[0]:.0f} + {megabytes[1]:.0f} MB; slowest {report['slowest']}\n"
        )
    assert sum(outcomes.values()) == report["files"] > 700
    assert report["own"] + report["helper"] < 1e9
    assert "decoder crashed" not in outcomes
    assert outcomes["decoded"] > 150
