from __future__ import annotations

import io
import struct
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFile

from lookalike import images
from lookalike.errors import PictureError, UsageError
from lookalike.images import Decoded, ExifFacts, Limits, colours, exif, jpeg, pillow

LIMITS = Limits()
ORIENTATIONS = range(1, 9)
# What a camera held so does to an upright scene; EXIF's turn undoes it.
UNDO = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def scene(width: int = 96, height: int = 64) -> Image.Image:
    """A smooth picture in colour that differs from all its turns."""
    y, x = np.mgrid[0:height, 0:width]
    x, y = x / width, y / height
    red = 40 + 180 * x
    green = 30 + 200 * y * x
    blue = np.where(np.hypot(x - 0.25, y - 0.3) < 0.2, 220, 60 + 80 * (1 - y))
    return Image.fromarray(np.stack([red, green, blue], axis=2).astype(np.uint8))


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def slow(data: bytes, min_side: int = 224, limits: Limits = LIMITS) -> Decoded:
    decoded = images.decode_pillow(data, min_side=min_side, limits=limits)
    assert decoded.rgb.dtype == np.uint8
    assert decoded.rgb.flags.c_contiguous
    return decoded


def fast(data: bytes, min_side: int = 224, limits: Limits = LIMITS) -> Decoded | None:
    return images.decode_jpeg_fast(data, min_side=min_side, limits=limits)


def likeness(rgb: np.ndarray, image: Image.Image) -> float:
    """Correlation of all values; the second picture is resized to the first."""
    other = np.asarray(image.convert("RGB").resize((rgb.shape[1], rgb.shape[0])), np.float64)
    return float(np.corrcoef(rgb.ravel().astype(np.float64), other.ravel())[0, 1])


def reason(data: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(PictureError) as caught:
        images.decode(data, min_side=224, limits=limits)
    return caught.value.reason


# --- formats ---------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WebP", "TIFF", "BMP", "AVIF"])
def test_every_format_is_read(form: str) -> None:
    decoded = slow(encoded(scene(), form))
    assert (decoded.width, decoded.height, decoded.format, decoded.truncated) == (96, 64, form, False)
    assert decoded.rgb.shape == (64, 96, 3)
    assert likeness(decoded.rgb, scene()) > 0.99


def test_heic_is_read_with_the_extra() -> None:
    pytest.importorskip("pillow_heif", reason="needs the extra [heif]").register_heif_opener()
    decoded = slow(encoded(scene(), "HEIF"))
    assert decoded.format == "HEIC"
    assert likeness(decoded.rgb, scene()) > 0.99


def test_heic_without_the_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pillow._PLUGINS, "HEIC", ("HEIF", "no_such_module"))
    data = struct.pack(">L", 24) + b"ftypheic\0\0\0\0mif1heic" + bytes(100)
    assert reason(data) == 'needs the extra: pip install "lookalike[heif]"'


def test_several_pictures_in_one_jpeg_file_are_a_jpeg() -> None:
    data = encoded(scene(), "MPO", save_all=True, append_images=[scene().rotate(180)])
    for decoded in (slow(data), fast(data)):
        assert decoded is not None
        assert decoded.format == "JPEG"
        assert likeness(decoded.rgb, scene()) > 0.99


@pytest.mark.parametrize("form", ["GIF", "WebP", "PNG", "TIFF", "AVIF"])
def test_the_first_frame_counts(form: str) -> None:
    data = encoded(scene(), form, save_all=True, append_images=[Image.new("RGB", scene().size, "red")])
    assert likeness(slow(data).rgb, scene()) > 0.98


# --- EXIF turn -------------------------------------------------------------------------------


def held(orientation: int, form: str, **options: object) -> bytes:
    """The scene as a camera held so writes it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = scene().transpose(UNDO[orientation]) if orientation > 1 else scene()
    return encoded(image, form, exif=exif, **options)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WebP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_pictures_are_turned_upright(orientation: int, form: str) -> None:
    data = held(orientation, form)
    decoded = [slow(data)]
    if form == "JPEG":
        quick = fast(data)
        assert quick is not None
        decoded.append(quick)
    for picture in decoded:
        assert (picture.width, picture.height) == (96, 64)
        assert picture.rgb.shape == (64, 96, 3)
        assert picture.rgb.flags.c_contiguous
        assert likeness(picture.rgb, scene()) > 0.98


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_pillow_image_is_turned_upright(orientation: int) -> None:
    decoded = images.from_pillow(Image.open(io.BytesIO(held(orientation, "PNG"))))
    np.testing.assert_array_equal(decoded.rgb, np.asarray(scene()))


def test_an_orientation_in_xmp_counts_when_exif_has_none() -> None:
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    data = encoded(scene().transpose(UNDO[6]), "JPEG", xmp=xmp)
    quick = fast(data)
    assert quick is not None
    assert quick.rgb.shape == slow(data).rgb.shape == (64, 96, 3)


TAGS = st.sampled_from([0x0100, 0x010F, 0x0111, 0x0112, 0x0112, 0x0113, 0x8769])
ENTRIES = st.tuples(TAGS, st.integers(0, 14), st.sampled_from([1, 1, 0, 2, 3, 1000]), st.integers(0, 9))
ORDINARY = st.tuples(st.sampled_from([0x0111, 0x0112]), st.just(3), st.just(1), st.integers(1, 8))


def exif_block(order: str, start: int, entries: list[tuple[int, int, int, int]]) -> bytes:
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}L", start)
    body = b"".join(struct.pack(f"{order}HHLHxx", *entry) for entry in entries)
    return b"Exif\0\0" + head.ljust(start, b"\0") + struct.pack(f"{order}H", len(entries)) + body + bytes(4)


def with_segments(*segments: bytes) -> bytes:
    data = encoded(scene(16, 16), "JPEG")
    inserted = b"".join(b"\xff\xe1" + struct.pack(">H", len(s) + 2) + s for s in segments)
    return data[:2] + inserted + data[2:]


def pillows_orientation(data: bytes) -> int:
    with Image.open(io.BytesIO(data)) as image:
        found = image.getexif().get(0x0112, 1)
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


@given(
    st.sampled_from("<>"),
    st.integers(8, 20),
    st.lists(st.one_of(ENTRIES, ORDINARY), max_size=6),
    st.integers(0, 12),
    st.one_of(st.none(), st.integers(0, 9)),
)
@pytest.mark.filterwarnings("ignore")
def test_orientation_agrees_with_pillow(
    order: str, start: int, entries: list[tuple[int, int, int, int]], cut: int, xmp: int | None
) -> None:
    block = exif_block(order, start, entries)
    segments = [block[: len(block) - cut]]
    if xmp is not None:
        segments.append(b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="%d"/>' % xmp)
    data = with_segments(*segments)
    header = images.jpeg_header(data)
    if header is not None:
        assert header.orientation == pillows_orientation(data)


@given(st.sampled_from("<>"), st.integers(8, 20), st.integers(1, 8), st.booleans())
def test_an_ordinary_orientation_is_found(order: str, start: int, value: int, crowded: bool) -> None:
    others = [(0x010F, 2, 4, 0), (0x0110, 2, 4, 0)] if crowded else []
    data = with_segments(exif_block(order, start, [*others, (0x0112, 3, 1, value)]))
    header = images.jpeg_header(data)
    assert header is not None
    assert header.orientation == value == pillows_orientation(data)


# --- fast path -------------------------------------------------------------------------------


@given(st.integers(1, 900), st.integers(1, 900), st.integers(1, 300), st.booleans())
def test_scaling_leaves_enough(width: int, height: int, min_side: int, progressive: bool) -> None:
    data = encoded(Image.new("RGB", (width, height), "teal"), "JPEG", progressive=progressive)
    shorter = min(width, height)
    for decoded in (fast(data, min_side), slow(data, min_side)):
        assert decoded is not None
        assert (decoded.width, decoded.height) == (width, height)
        got = min(decoded.rgb.shape[:2])
        assert got >= min(shorter, min_side)
        assert got == shorter or got >= 1.5 * min_side - 1
        assert abs(decoded.rgb.shape[1] / decoded.rgb.shape[0] * height / width - 1) < 1 / got


@pytest.mark.parametrize(("side", "expected"), [(400, 400), (671, 671), (672, 336), (1344, 336), (2688, 336)])
def test_how_far_a_jpeg_is_scaled(side: int, expected: int) -> None:
    data = encoded(Image.new("RGB", (side, side), "teal"), "JPEG")
    decoded = fast(data)
    assert decoded is not None
    assert decoded.rgb.shape == (expected, expected, 3)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("progressive", [False, True])
def test_fast_and_slow_agree(mode: str, progressive: bool) -> None:
    data = encoded(scene(301, 223).convert(mode), "JPEG", quality=90, progressive=progressive)
    quick = fast(data)
    assert quick is not None
    difference = quick.rgb.astype(int) - slow(data).rgb
    assert abs(difference).mean() < 1.5


def test_the_fast_path_leaves_what_is_odd() -> None:
    good = encoded(scene(), "JPEG")
    assert fast(good) is not None
    cmyk = encoded(scene().convert("CMYK"), "JPEG")
    png = encoded(scene(), "PNG")
    broken = good[:200] + b"\xff\xd9" + good[202:]
    for data in (b"", good[:2], good[:-30], good[: len(good) // 2], broken, cmyk, png, good[1:]):
        assert fast(data) is None
    for cut in range(0, 700, 7):
        assert fast(good[:cut]) is None


def test_the_fast_path_leaves_what_costs_much(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(scene(), "JPEG", progressive=True)
    header = images.jpeg_header(data)
    assert header is not None
    assert header.scans == 10  # libjpeg's own script for colour
    monkeypatch.setattr(jpeg, "_FAST_WORK", 10 * 96 * 64)
    assert fast(data) is not None
    monkeypatch.setattr(jpeg, "_FAST_WORK", 10 * 96 * 64 - 1)
    assert fast(data) is None
    assert fast(encoded(scene(), "JPEG")) is not None
    assert fast(encoded(scene(), "JPEG"), limits=Limits(max_pixels=96 * 64 - 1)) is None


@given(st.binary(max_size=60), st.integers(0, 650))
def test_any_bytes_in_a_jpeg_are_harmless(junk: bytes, position: int) -> None:
    good = encoded(scene(24, 24), "JPEG")
    data = good[:position] + junk + good[position + len(junk) :]
    decoded = fast(data, 8)
    if decoded is not None:
        assert decoded.rgb.shape[2] == 3


# --- colours ---------------------------------------------------------------------------------


def lab_scene() -> Image.Image:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.buildTransform(srgb, lab, "RGB", "LAB").apply(scene())


def grey_scene(dtype: str, white: float) -> Image.Image:
    grey = np.asarray(scene().convert("L"), np.float64) / 255
    return Image.fromarray((grey * white).astype(dtype))


@pytest.mark.parametrize(
    ("image", "form", "least"),
    [
        (scene().convert("1"), "PNG", 0.25),
        (scene().convert("L"), "PNG", 0.999),
        (scene().convert("LA"), "PNG", 0.999),
        (scene().convert("P", palette=Image.Palette.ADAPTIVE), "PNG", 0.98),
        (scene().convert("RGBA"), "PNG", 0.999),
        (scene().convert("CMYK"), "TIFF", 0.999),
        (scene().convert("CMYK"), "JPEG", 0.99),
        (scene().convert("YCbCr"), "TIFF", 0.99),
        (lab_scene(), "TIFF", 0.99),
        (grey_scene("uint16", 65535), "PNG", 0.999),
        (grey_scene("uint16", 65535), "TIFF", 0.999),
        (grey_scene(">u2", 65535), "TIFF", 0.999),
        (grey_scene("int32", 255), "TIFF", 0.999),
        (grey_scene("int32", 65535), "TIFF", 0.999),
        (grey_scene("int32", 2e9), "TIFF", 0.999),
        (grey_scene("float32", 1), "TIFF", 0.999),
        (grey_scene("float32", 255), "TIFF", 0.999),
        (grey_scene("float32", 1e6), "TIFF", 0.999),
    ],
    ids=lambda value: value.mode if isinstance(value, Image.Image) else str(value),
)
def test_every_colour_mode(image: Image.Image, form: str, least: float) -> None:
    decoded = slow(encoded(image, form))
    grey = len(image.getbands()) <= 2 and image.mode != "P"
    assert likeness(decoded.rgb, scene().convert("L") if grey else scene()) > least


@pytest.mark.parametrize("mode", ["HSV", "LA", "La", "PA", "RGBa", "I;16", "YCbCr", "1", "P", "F", "I"])
def test_pillow_images_of_every_mode(mode: str) -> None:
    base = grey_scene("uint16", 65535) if mode.startswith("I;16") else scene()
    base = base.convert({"La": "LA", "PA": "P", "RGBa": "RGBA"}.get(mode, base.mode))
    image = base if base.mode == mode else base.convert(mode)
    decoded = images.from_pillow(image)
    grey = mode[0] in "LIF1"
    assert likeness(decoded.rgb, scene().convert("L") if grey else scene()) > (0.25 if mode == "1" else 0.92)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(form: str) -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint16) * 257, (4, 1))
    rgb = slow(encoded(Image.fromarray(ramp), form)).rgb
    np.testing.assert_array_equal(rgb[0, :, 0], np.arange(256))


def test_values_that_are_no_numbers_are_harmless() -> None:
    values = np.full((8, 8), np.nan, np.float32)
    values[0, 0] = 0.5
    values[1, 1] = np.inf
    rgb = slow(encoded(Image.fromarray(values), "TIFF")).rgb
    assert rgb[0, 0, 0] == 128


def test_the_transparent_is_white() -> None:
    image = scene().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 48, 64))
    palette = Image.new("P", (64, 64), 3)
    palette.putpalette(range(12))
    for data in (
        encoded(image, "PNG"),
        encoded(image, "WebP", lossless=True),
        encoded(image.convert("LA"), "PNG"),
        encoded(palette, "PNG", transparency=3),
        encoded(Image.new("RGB", (64, 64), (9, 8, 7)), "PNG", transparency=(9, 8, 7)),
        encoded(Image.new("L", (64, 64), 9), "PNG", transparency=9),
    ):
        assert (slow(data).rgb[5:60, 5:40] == 255).all()


def test_adobes_inverted_cmyk_is_not_taken_for_a_negative() -> None:
    data = encoded(scene().convert("CMYK"), "JPEG", quality=95)  # Pillow writes Adobe's way
    assert b"Adobe" in data
    assert likeness(slow(data).rgb, scene()) > 0.99


@pytest.mark.parametrize("factor", [1, 3, 4])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "F", "1"])
def test_bands_change_nothing(monkeypatch: pytest.MonkeyPatch, mode: str, factor: int) -> None:
    image = scene(101, 77).convert(mode)
    whole = np.asarray(images.to_rgb(image, factor))
    monkeypatch.setattr(colours, "_BAND", 101 * 13)
    np.testing.assert_array_equal(np.asarray(images.to_rgb(image, factor)), whole)


# --- damage and limits -----------------------------------------------------------------------


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "BMP", "GIF"])
def test_a_truncated_picture_is_used_and_marked(form: str) -> None:
    noise = np.random.default_rng(0).integers(0, 30, (64, 96, 3), np.uint8)
    image = Image.fromarray(np.asarray(scene()) // 2 + noise)
    if form == "BMP":  # which starts with the last row
        image = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    data = encoded(image, form, **({"interlace": 0} if form == "GIF" else {}))
    decoded = images.decode(data[: len(data) * 3 // 4], min_side=224, limits=LIMITS)
    assert decoded.truncated
    assert decoded.rgb.shape == (64, 96, 3)
    half = decoded.rgb[32:] if form == "BMP" else decoded.rgb[:32]
    assert likeness(half, image.crop((0, 32, 96, 64) if form == "BMP" else (0, 0, 96, 32))) > 0.9


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WebP", "TIFF", "BMP", "AVIF"])
def test_a_picture_without_anything_decoded_is_a_failure(form: str) -> None:
    data = encoded(scene(640, 640), form)
    assert reason(data[:40]).startswith("damaged: ")


def test_a_header_alone_is_a_failure() -> None:
    data = encoded(scene(640, 640), "JPEG")
    assert reason(data[: data.index(b"\xff\xda") + 40]).startswith("damaged: ")


def test_strictness_is_put_back() -> None:
    data = encoded(scene(), "PNG")
    slow(data[: len(data) - 40])
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


@pytest.mark.parametrize(
    ("data", "limits", "expected"),
    [
        (b"", LIMITS, "empty file"),
        (
            b"hello, this is text",
            LIMITS,
            "not a picture lookalike knows (JPEG, PNG, GIF, WebP, TIFF, BMP, AVIF, HEIC)",
        ),
        (b"\x89PNG\r\n\x1a\n", LIMITS, "damaged: the PNG header cannot be understood"),
        (bytes(11), Limits(max_bytes=10), "file too large: 11 bytes, the limit is 10"),
        (
            encoded(scene(), "PNG"),
            Limits(max_pixels=6143),
            "too many pixels: 96 x 64, the limit is 6143",
        ),
        (
            encoded(scene(), "JPEG"),
            Limits(max_pixels=6143),
            "too many pixels: 96 x 64, the limit is 6143",
        ),
        (encoded(scene(), "WebP"), Limits(memory=40_000), "needs more memory than 40000 bytes"),
    ],
)
def test_reasons(data: bytes, limits: Limits, expected: str) -> None:
    assert reason(data, limits) == expected


def test_reasons_do_not_change_from_run_to_run() -> None:
    assert pillow._clause(OSError("cannot read <_io.BytesIO object at 0x7f00aa> \n now")) == (
        "cannot read the data now"
    )
    assert pillow._clause(KeyError("x")) == "the data cannot be decoded"
    assert len(pillow._clause(OSError("x" * 1000))) == 100


def test_limits_must_be_positive() -> None:
    with pytest.raises(UsageError, match="max_pixels must be more than 0, got 0"):
        Limits(max_pixels=0)


def test_a_damaged_exif_block_is_no_reason_to_refuse() -> None:
    data = with_segments(b"Exif\0\0II*\0\xff\xff\xff\x7f")
    assert slow(data).rgb.shape == (16, 16, 3)


# --- what EXIF says about the taking ---------------------------------------------------------

NOTHING = ExifFacts()
PNG_START = b"\x89PNG\r\n\x1a\n"


def camera_exif(maker: str | None = "Zeiss Ikon", **dates: str) -> Image.Exif:
    """EXIF data as a camera writes them; `taken`, `digitized` and `changed` are dates."""
    exif = Image.Exif()
    if maker is not None:
        exif[0x010F] = maker
    if "changed" in dates:
        exif[0x0132] = dates["changed"]
    details = exif.get_ifd(0x8769)
    details[0x829A] = 0.01
    for name, tag in (("taken", 0x9003), ("digitized", 0x9004)):
        if name in dates:
            details[tag] = dates[name]
    return exif


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_date_and_camera_are_read(form: str) -> None:
    exif = camera_exif(taken="2019:05:04 12:30:00", changed="2020:01:01 00:00:00").tobytes()
    data = encoded(scene(), form, exif=exif) if form != "TIFF" else exif[6:]  # a directory of itself
    assert images.exif_facts(data) == ExifFacts("2019-05-04T12:30:00", camera=True)
    assert images.exif_facts(encoded(scene(), form)) == NOTHING


def test_heic_as_cameras_write_it() -> None:
    pytest.importorskip("pillow_heif", reason="needs the extra [heif]").register_heif_opener()
    data = encoded(scene(), "HEIF", exif=camera_exif(taken="2019:05:04 12:30:00").tobytes())
    assert images.exif_facts(data) == ExifFacts("2019-05-04T12:30:00", camera=True)
    assert images.exif_facts(encoded(scene(), "HEIF")) == NOTHING


@pytest.mark.parametrize("order", "<>")
def test_both_byte_orders_and_short_texts(order: str) -> None:
    for length, known in ((3, True), (0, False)):
        entries = [(0x0110, 2, length, 0x4142)]
        assert images.exif_facts(with_segments(exif_block(order, 8, entries))).camera is known


@pytest.mark.parametrize(
    ("exif", "expected"),
    [
        (camera_exif(None, taken="2019:05:04 12:30:00"), ExifFacts("2019-05-04T12:30:00")),
        (camera_exif(" ", taken="0000:00:00 00:00:00"), NOTHING),
        (camera_exif("A", taken="    :  :     :  :  "), ExifFacts(camera=True)),
        (camera_exif("A", taken="2019:02:30 12:30:00"), ExifFacts(camera=True)),
        (camera_exif("A", taken="", digitized="2019:05:04 12:30:00"), ExifFacts("2019-05-04T12:30:00", True)),
        (camera_exif("A", changed="2019:05:04 12:30:00"), ExifFacts(camera=True)),  # by any program
    ],
)
def test_what_counts_as_known(exif: Image.Exif, expected: ExifFacts) -> None:
    assert images.exif_facts(encoded(scene(), "JPEG", exif=exif)) == expected


def test_exif_stands_anywhere_before_the_pixels_of_a_jpeg() -> None:
    block = camera_exif(taken="2019:05:04 12:30:00").tobytes()
    data = with_segments(b"http://ns.adobe.com/xap/1.0/\0<x/>", b"other", block)
    assert images.exif_facts(data).taken == "2019-05-04T12:30:00"
    assert images.exif_facts(data[:1000]).taken == "2019-05-04T12:30:00"  # the beginning is enough
    assert images.exif_facts(encoded(scene(), "JPEG") + block) == NOTHING


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@given(st.data())
def test_damaged_exif_is_harmless(form: str, data: st.DataObject) -> None:
    whole = whole_with_exif(form)
    damaged = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 8))):
        if damaged:
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    facts = images.exif_facts(bytes(damaged))
    assert facts.taken is None or len(facts.taken) == 19


@cache
def whole_with_exif(form: str) -> bytes:
    return encoded(scene(4, 4), form, exif=camera_exif(taken="2019:05:04 12:30:00"))


@given(st.sampled_from([b"\xff\xd8\xff", PNG_START, b"II*\0", b"MM\0*", b""]), st.binary())
def test_any_bytes_are_harmless_to_the_search_for_exif(start: bytes, junk: bytes) -> None:
    images.exif_facts(start + junk)
    images.exif_facts(b"RIFF1234WEBP" + junk)
    images.exif_facts(b"1234ftypheic" + junk + b"Exif\0\0" + start + junk)


def test_the_search_for_exif_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of a gigabyte may consist of nothing but parts without content."""
    block = camera_exif().tobytes()
    jpeg = [with_segments(*[b"other"] * before, block) for before in (1, 5)]
    png = [PNG_START + bytes(12) * before + b"\0\0\2\0eXIf" + block[6:] for before in (1, 5)]
    webp = [b"RIFF1234WEBP" + bytes(8) * before + b"EXIF\0\2\0\0" + block for before in (1, 5)]
    monkeypatch.setattr(exif, "_PARTS", 4)
    for near, far in (jpeg, png, webp):
        assert images.exif_facts(near).camera
        assert images.exif_facts(far) == NOTHING


# --- arrays and thumbnails -------------------------------------------------------------------


@given(
    st.integers(1, 6),
    st.integers(1, 6),
    st.sampled_from([None, 1, 3, 4]),
    st.sampled_from(["uint8", "uint16", "bool", "float32", "float64"]),
    st.integers(0, 2**32 - 1),
)
def test_arrays_against_the_obvious(height: int, width: int, bands: int | None, kind: str, seed: int) -> None:
    shape = (height, width) if bands is None else (height, width, bands)
    unit = np.random.default_rng(seed).random(shape)
    white = {"uint8": 255, "uint16": 65535, "bool": 1}.get(kind, 1)
    array = (unit * 2).astype(bool) if kind == "bool" else (unit * white).astype(kind)
    decoded = images.from_array(array)
    assert (decoded.width, decoded.height, decoded.format) == (width, height, "array")
    assert decoded.rgb.flags.c_contiguous
    for y in range(height):
        for x in range(width):
            values = np.atleast_1d(array[y, x]).astype(float) / white
            colour = values[:3] if len(values) >= 3 else np.repeat(values[:1], 3)
            alpha = values[3] if len(values) == 4 else 1.0
            expected = 255 * (colour * alpha + 1 - alpha)
            assert abs(decoded.rgb[y, x] - expected).max() <= 1.5  # three roundings


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.zeros(3), r"an array of shape \(3,\); allowed are \(h, w\)"),
        (np.zeros((2, 2, 2)), r"an array of shape \(2, 2, 2\)"),
        (np.zeros((0, 5)), r"no pixels: an array of shape \(0, 5\)"),
        (np.zeros((2, 2), np.int64), "an array of int64; allowed are uint8"),
        (np.full((2, 2), 255.0), r"floats from 255 to 255; allowed is \[0, 1\]"),
        (np.full((2, 2), np.nan), r"floats from nan to nan; allowed is \[0, 1\]"),
    ],
)
def test_arrays_that_are_no_pictures(array: np.ndarray, expected: str) -> None:
    with pytest.raises(PictureError, match=expected):
        images.from_array(array)


def test_what_is_no_picture_at_all() -> None:
    with pytest.raises(PictureError, match="not a picture: list; allowed are a path, bytes"):
        images.from_pillow([1, 2])  # type: ignore[arg-type]


def test_thumbnails() -> None:
    rgb = np.asarray(scene(300, 200))
    with Image.open(io.BytesIO(images.thumbnail_jpeg(rgb, 100))) as small:
        assert (small.format, small.size) == ("JPEG", (100, 67))
    with Image.open(io.BytesIO(images.thumbnail_jpeg(rgb, 1000))) as same:
        assert same.size == (300, 200)


# --- real pictures ---------------------------------------------------------------------------


def test_the_bridge_in_every_mode(shared_data: Path) -> None:
    with Image.open(shared_data / "bridge/bridge-mods/aaa-orig.jpg") as original:
        original.load()
    modes = sorted((shared_data / "bridge/modes").iterdir())
    assert len(modes) >= 7
    for path in modes:
        decoded = images.decode(path.read_bytes(), min_side=224, limits=LIMITS)
        assert decoded.truncated == (path.name == "LA.png")  # that file ends early
        assert (decoded.width, decoded.height) == original.size
        assert likeness(decoded.rgb, original.convert("L")) > (0.4 if path.stem == "1" else 0.8), path.name
