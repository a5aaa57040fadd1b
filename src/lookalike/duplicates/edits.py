"""What people do to pictures before they turn up again: each edit is a pure function.

A collection's own pictures are edited, embedded and compared, which tells how alike copies are in
this collection; the benchmark of duplicates is made of the same edits. An edit knows where it put
the picture, so that a transform found by comparing pixels can be checked.

    >>> import numpy as np
    >>> picture = np.zeros((40, 60, 3), np.uint8)
    >>> edited = EDITS["turned-90"].apply(picture, [], np.random.default_rng(0))
    >>> edited.pixels.shape
    (60, 40, 3)
    >>> moved(edited.transform, [(0, 0)]).tolist()  # the top left corner is at the top right now
    [[40.0, 0.0]]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt

from lookalike import images

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Dice = np.random.Generator
Colour = tuple[int, int, int]
Size = tuple[int, int]  # width, height

_UNMOVED = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


@dataclass(frozen=True, slots=True, eq=False)
class Edited:
    """A picture after an edit.

    Attributes:
        pixels: (h, w, 3) uint8 RGB.
        transform: (2, 3) float64: takes points of the original to the edited picture, both in
            pixels, (0, 0) being the top left corner of the top left pixel.
    """

    pixels: Pixels
    transform: Floats = field(default_factory=_UNMOVED.copy)


@dataclass(frozen=True, slots=True)
class Edit:
    """One thing that people do to pictures. Call it for the pixels alone.

    Attributes:
        kind: what a copy made by it is expected to be called: `near` or `edited`; see
            `lookalike.results.Copy`.
        apply: takes the picture, (h, w, 3) uint8 RGB of any size from 1 x 1 on, other pictures
            that may be seen beside it (a plain colour stands in for those that are missing), and
            a random state; the same state gives the same pixels.
    """

    kind: Literal["near", "edited"]
    apply: Callable[[Pixels, Sequence[Pixels], Dice], Edited]

    def __call__(self, picture: Pixels, others: Sequence[Pixels], dice: Dice) -> Pixels:
        """The edited picture, (h', w', 3) uint8 RGB."""
        return self.apply(picture, others, dice).pixels


def moved(transform: npt.ArrayLike, points: npt.ArrayLike) -> Floats:
    """Where points go: (n, 2) float64 from a (2, 3) transform and (n, 2) points."""
    matrix = np.asarray(transform, np.float64)
    return np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]


def _then(first: Floats, second: Floats) -> Floats:
    """One transform after another."""
    return np.column_stack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]])


def _to_bytes(values: npt.NDArray[np.floating]) -> Pixels:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def _size(picture: Pixels) -> Size:
    return picture.shape[1], picture.shape[0]


# --- the whole picture: encoded again, resized, recoloured ------------------------------------


def _jpeg(quality: int) -> Edit:
    def apply(picture: Pixels, others: Sequence[Pixels], dice: Dice) -> Edited:
        data = images.encode_jpeg(picture, quality)
        return Edited(images.decode(data, min_side=min(picture.shape[:2]), limits=images.Limits()).rgb)

    return Edit("near", apply)


def _resized(picture: Pixels, size: Size) -> Pixels:
    import cv2

    smaller = size[0] * size[1] <= picture.shape[0] * picture.shape[1]
    way = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=way), np.uint8)


def _scaled(picture: Pixels, width: float, height: float) -> Edited:
    """The whole picture at another size; the sides are rounded, to 1 at least."""
    size = max(1, round(width)), max(1, round(height))
    scale = np.array(size) / _size(picture)
    return Edited(_resized(picture, size), np.array([[scale[0], 0.0, 0.0], [0.0, scale[1], 0.0]]))


def _quarter(picture: Pixels, others: Sequence[Pixels], dice: Dice) -> Edited:
    width, height = _size(picture)
    return _scaled(picture, width / 4, height / 4)


def _squeezed(picture: Pixels, others: Sequence[Pixels], dice: Dice) -> Edited:
    """To a square with the same number of pixels."""
    side = math.sqrt(picture.shape[0] * picture.shape[1])
    return _scaled(picture, side, side)


def _tone(change: Callable[[npt.NDArray[np.float32], Dice], npt.NDArray[np.floating]]) -> Edit:
    """An edit that changes values in place: of float32 RGB in [0, 255]."""

    def apply(picture: Pixels, others: Sequence[Pixels], dice: Dice) -> Edited:
        return Edited(_to_bytes(change(picture.astype(np.float32), dice)))

    return Edit("near", apply)


_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


def _grey(rgb: npt.NDArray[np.float32], dice: Dice) -> npt.NDArray[np.floating]:
    return np.repeat((rgb @ _LUMA)[:, :, None], 3, axis=2)


def _colours(rgb: npt.NDArray[np.float32], dice: Dice) -> npt.NDArray[np.floating]:
    """Another hue, by up to 20 degrees, and weaker or stronger colours."""
    import cv2

    hsv = cv2.cvtColor(rgb / np.float32(255), cv2.COLOR_RGB2HSV)
    hsv[:, :, 0] = (hsv[:, :, 0] + dice.uniform(-20, 20)) % 360
    hsv[:, :, 1] = np.clip(hsv[:, :, 1] * dice.choice([0.5, 1.6]), 0, 1)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB), np.float32) * 255


def _warm(rgb: npt.NDArray[np.float32], dice: Dice) -> npt.NDArray[np.floating]:
    """As under a lamp."""
    return rgb * np.array([1.15, 1.0, 0.75], np.float32)


def _light(rgb: npt.NDArray[np.float32], dice: Dice) -> npt.NDArray[np.floating]:
    """Brightness, contrast and gamma, each up or down."""
    curved = 255 * (rgb / 255) ** dice.choice([0.65, 1.5])
    return np.asarray((curved - 128) * dice.choice([0.75, 1.35]) + 128 + dice.choice([-25, 25]))


def _blur(rgb: npt.NDArray[np.float32], dice: Dice) -> npt.NDArray[np.floating]:
    """Strong: a standard deviation of 1 % of the longer side."""
    import cv2

    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), max(1.0, max(rgb.shape[:2]) / 100)), np.float32)


def _sharpen(rgb: npt.NDArray[np.float32], dice: Dice) -> npt.NDArray[np.floating]:
    import cv2

    return rgb + 1.5 * (rgb - np.asarray(cv2.GaussianBlur(rgb, (0, 0), 1.5), np.float32))


def _noise(rgb: npt.NDArray[np.float32], dice: Dice) -> npt.NDArray[np.floating]:
    return rgb + dice.normal(0, 20, rgb.shape).astype(np.float32)


_SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]], np.float32)


def _sepia(rgb: npt.NDArray[np.float32], dice: Dice) -> npt.NDArray[np.floating]:
    """The matrix of the W3C's filter effects, which browsers and editors use."""
    return rgb @ _SEPIA.T


def _duotone(rgb: npt.NDArray[np.float32], dice: Dice) -> npt.NDArray[np.floating]:
    """Dark is one colour, light another."""
    dark, light = dice.uniform(0, 90, 3), dice.uniform(165, 255, 3)
    share = _grey(rgb, dice) / 255
    return dark + (light - dark) * share


# --- other places and shapes ------------------------------------------------------------------


def _crop(least: float, most: float) -> Edit:
    """A part at a random place that keeps between `least` and `most` of the area."""

    def apply(picture: Pixels, others: Sequence[Pixels], dice: Dice) -> Edited:
        share = dice.uniform(least, most)
        wider = dice.uniform(max(0.8, math.sqrt(share)), min(1.25, 1 / math.sqrt(share)))
        width, height = _size(picture)
        w = max(1, round(width * math.sqrt(share) * wider))
        h = max(1, round(height * math.sqrt(share) / wider))
        x, y = int(dice.integers(width - w + 1)), int(dice.integers(height - h + 1))
        part = np.ascontiguousarray(picture[y : y + h, x : x + w])
        return Edited(part, np.array([[1.0, 0.0, -x], [0.0, 1.0, -y]]))

    return Edit("edited", apply)


def _mirrored(picture: Pixels, others: Sequence[Pixels], dice: Dice) -> Edited:
    flipped = np.ascontiguousarray(picture[:, ::-1])
    return Edited(flipped, np.array([[-1.0, 0.0, picture.shape[1]], [0.0, 1.0, 0.0]]))


def _upside_down(picture: Pixels, others: Sequence[Pixels], dice: Dice) -> Edited:
    """Mirrored top to bottom."""
    flipped = np.ascontiguousarray(picture[::-1])
    return Edited(flipped, np.array([[1.0, 0.0, 0.0], [0.0, -1.0, picture.shape[0]]]))


def _quarter_turns(turns: int) -> Edit:
    """Turned clockwise by right angles."""

    def apply(picture: Pixels, others: Sequence[Pixels], dice: Dice) -> Edited:
        transform = _UNMOVED
        height = picture.shape[0]
        width = picture.shape[1]
        for _ in range(turns):
            transform = _then(transform, np.array([[0.0, -1.0, height], [1.0, 0.0, 0.0]]))
            width, height = height, width
        return Edited(np.ascontiguousarray(np.rot90(picture, -turns)), transform)

    return Edit("edited", apply)


def _warped(picture: Pixels, transform: Floats, size: Size, fill: Colour) -> Edited:
    """The picture moved by a transform that does not shrink it much, on a canvas of one colour."""
    import cv2

    half = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5]])  # OpenCV's (0, 0) is a pixel's centre
    centred = _then(_then(half, transform), half * [1, 1, -1])
    warped = cv2.warpAffine(picture, centred, size, flags=cv2.INTER_CUBIC, borderValue=fill)
    return Edited(np.asarray(warped, np.uint8), transform)


def _turned(degrees: float, *, inside: bool) -> Edit:
    """Turned by a few degrees, left or right: on a canvas with black or white corners that holds
    all of it, or cut to the largest part of the same shape that has no corners.
    """

    def apply(picture: Pixels, others: Sequence[Pixels], dice: Dice) -> Edited:
        angle = math.radians(degrees) * dice.choice([-1, 1])
        cos, sin = math.cos(angle), abs(math.sin(angle))
        width, height = _size(picture)
        hull = width * cos + height * sin, width * sin + height * cos
        shrunk = min(width / hull[0], height / hull[1])
        sides = (width * shrunk, height * shrunk) if inside else hull
        size = max(1, round(sides[0])), max(1, round(sides[1]))
        turn = np.array([[cos, -math.sin(angle)], [math.sin(angle), cos]])
        shift = np.array(size) / 2 - turn @ (width / 2, height / 2)
        fill = _BLACK if dice.integers(2) else _WHITE
        return _warped(picture, np.column_stack([turn, shift]), size, fill)

    return Edit("edited", apply)


# --- the picture within something else --------------------------------------------------------


def _canvas(size: Size, fill: Colour) -> Pixels:
    return np.full((size[1], size[0], 3), fill, np.uint8)


def _placed(picture: Pixels, canvas: Pixels, x: int, y: int, size: Size) -> Edited:
    """The whole picture at a size, put on a canvas (changed in place) with its corner at (x, y)."""
    small = _scaled(picture, *size)
    height, width = small.pixels.shape[:2]
    canvas[y : y + height, x : x + width] = small.pixels
    return Edited(canvas, small.transform + np.array([[0, 0, x], [0, 0, y]]))


def _filling(picture: Pixels, size: Size) -> Pixels:
    """The middle of a picture, at the scale at which it fills a size."""
    width, height = _size(picture)
    scale = max(size[0] / width, size[1] / height)
    big = _scaled(picture, max(size[0], width * scale), max(size[1], height * scale)).pixels
    x, y = (big.shape[1] - size[0]) // 2, (big.shape[0] - size[1]) // 2
    return np.ascontiguousarray(big[y : y + size[1], x : x + size[0]])


def _some(others: Sequence[Pixels], count: int, dice: Dice) -> list[Pixels]:
    """Other pictures by chance, each once; plain ones when there are not enough."""
    chosen = dice.permutation(len(others))[:count]
    plain = [_canvas((8, 8), tuple(dice.integers(256, size=3))) for _ in range(count - len(chosen))]
    return [others[number] for number in chosen] + plain


def _border(picture: Pixels, others: Sequence[Pixels], dice: Dice) -> Edited:
    """A frame of 4 to 15 % of each side, black or white."""
    width, height = _size(picture)
    x, y = (max(1, round(side * dice.uniform(0.04, 0.15))) for side in (width, height))
    canvas = _canvas((width + 2 * x, height + 2 * y), _BLACK if dice.integers(2) else _WHITE)
    return _placed(picture, canvas, x, y, (width, height))


def _blurred_border(picture: Pixels, others: Sequence[Pixels], dice: Dice) -> Edited:
    """Upright in a wide frame, or wide in an upright one, with itself blurred behind, as social
    networks and television show it.
    """
    import cv2

    width, height = _size(picture)
    upright = height > width
    size = (max(width, round(height * 16 / 9)), height) if upright else (width, round(width * 16 / 9))
    small = max(1, size[0] // 8), max(1, size[1] // 8)  # a strong blur of few pixels is as good, and quick
    behind = cv2.GaussianBlur(_resized(_filling(picture, size), small), (0, 0), max(1.0, max(small) / 40))
    canvas = _to_bytes(_resized(np.asarray(behind, np.uint8), size) * 0.7)
    return _placed(picture, canvas, (size[0] - width) // 2, (size[1] - height) // 2, (width, height))


def _collage(picture: Pixels, others: Sequence[Pixels], dice: Dice) -> Edited:
    """Four pictures, two by two, each half as wide and high; the other three are cut to fit."""
    cell = max(1, picture.shape[1] // 2), max(1, picture.shape[0] // 2)
    gap = int(dice.integers(0, 7))
    canvas = _canvas((2 * cell[0] + gap, 2 * cell[1] + gap), _WHITE)
    places = [(x, y) for y in (0, cell[1] + gap) for x in (0, cell[0] + gap)]
    places = [places[number] for number in dice.permutation(4)]
    for (x, y), other in zip(places[1:], _some(others, 3, dice), strict=True):
        canvas[y : y + cell[1], x : x + cell[0]] = _filling(other, cell)
    return _placed(picture, canvas, *places[0], cell)


def _pasted(picture: Pixels, others: Sequence[Pixels], dice: Dice) -> Edited:
    """Small on another picture: 30 to 50 % of the side that limits it."""
    width, height = _size(picture)
    canvas = _some(others, 1, dice)[0].copy()
    room = _size(canvas)
    scale = dice.uniform(0.3, 0.5) * min(room[0] / width, room[1] / height)
    size = max(1, int(width * scale)), max(1, int(height * scale))
    x, y = (int(dice.integers(free - side + 1)) for free, side in zip(room, size, strict=True))
    return _placed(picture, canvas, x, y, size)


# --- written and drawn on ---------------------------------------------------------------------

_WORDS = "WHEN NOBODY LOOKS THE SHOP IS YOURS SUMMER SALE ONE DOES NOT SIMPLY COPY MONDAY AGAIN".split()


def _phrase(dice: Dice, count: int) -> str:
    return " ".join(dice.choice(_WORDS, count))


def _write(
    canvas: Pixels, text: str, where: tuple[float, float], width: float, colour: Colour, outline: int = 0
) -> None:
    """Text in place: centred on a point, as wide as asked for; with so many black pixels around it."""
    import cv2

    font = cv2.FONT_HERSHEY_DUPLEX
    scale = width / max(1, cv2.getTextSize(text, font, 1.0, 1)[0][0])
    thick = max(1, round(2 * scale))
    (wide, high), _ = cv2.getTextSize(text, font, scale, thick)
    left, base = round(where[0] - wide / 2), round(where[1] + high / 2)
    around = (-outline, 0, outline) if outline else ()
    for x, y in ((x, y) for x in around for y in around):
        # Thicker strokes would do in OpenCV 4; in 5 they make wider letters.
        cv2.putText(canvas, text, (left + x, base + y), font, scale, _BLACK, thick, cv2.LINE_AA)
    cv2.putText(canvas, text, (left, base), font, scale, colour, thick, cv2.LINE_AA)


def _watermark(picture: Pixels, others: Sequence[Pixels], dice: Dice) -> Edited:
    """Half-transparent words across the picture, and small ones in a corner."""
    width, height = _size(picture)
    drawn = picture.copy()
    colour = _WHITE if dice.integers(2) else (40, 40, 40)
    _write(drawn, _phrase(dice, 2), (width / 2, height * dice.uniform(0.3, 0.7)), width * 0.8, colour)
    _write(drawn, "(c) " + _phrase(dice, 1), (width * 0.82, height * 0.95), width * 0.25, colour)
    return Edited(_to_bytes(picture * 0.55 + drawn * 0.45))


def _meme(picture: Pixels, others: Sequence[Pixels], dice: Dice) -> Edited:
    """A large line at the top and one at the bottom, white with a black outline."""
    width, height = _size(picture)
    drawn = picture.copy()
    for share in (0.09, 0.91):
        _write(
            drawn,
            _phrase(dice, 3),
            (width / 2, height * share),
            width * 0.9,
            _WHITE,
            outline=max(1, width // 200),
        )
    return Edited(drawn)


def _screenshot(picture: Pixels, others: Sequence[Pixels], dice: Dice) -> Edited:
    """The picture as a telephone or a window on a desk shows it, with bars, icons and text."""
    return _on_phone(picture, dice) if dice.integers(2) else _on_desk(picture, dice)


def _on_phone(picture: Pixels, dice: Dice) -> Edited:
    """As wide as the screen, a bar with an icon and a name above, icons and lines of text below."""
    width, height = _size(picture)
    bar = max(2, round(width * 0.16))
    dark = bool(dice.integers(2))
    paper, ink = ((18, 18, 18), (230, 230, 230)) if dark else (_WHITE, (40, 40, 40))
    screen = width, max(2 * width, height + 3 * bar)
    canvas = _canvas(screen, paper)
    top = (screen[1] - height) // 2
    _icons(canvas, bar // 2, bar, 1, ink, dice)
    _write(canvas, _phrase(dice, 2).lower(), (width * 0.45, bar / 2), width * 0.4, ink)
    _icons(canvas, min(top + height + bar // 2, screen[1] - 1), bar, 4, ink, dice)
    for line in range(3):
        where = width * 0.45, top + height + bar * (1.4 + 0.5 * line)
        _write(canvas, _phrase(dice, 4).lower(), where, width * 0.8, ink)
    return _placed(picture, canvas, 0, top, (width, height))


def _on_desk(picture: Pixels, dice: Dice) -> Edited:
    """In a window with a title, three buttons, and a pane of text at its side."""
    width, height = _size(picture)
    bar, pane = max(2, round(height * 0.08)), max(2, round(width * 0.3))
    paper, ink = (240, 240, 242), (60, 60, 70)
    canvas = _canvas((width + pane + bar, height + 2 * bar), paper)
    canvas[:bar] = dice.integers(60, 200, 3)
    _icons(canvas, bar // 2, bar, 3, _WHITE, dice)
    _write(canvas, _phrase(dice, 3), (canvas.shape[1] / 2, bar / 2), width * 0.35, _WHITE)
    for line in range(7):
        _write(canvas, _phrase(dice, 2).lower(), (pane / 2, bar * (2 + 1.4 * line)), pane * 0.8, ink)
    return _placed(picture, canvas, pane, bar, (width, height))


def _icons(canvas: Pixels, y: int, bar: int, count: int, ink: Colour, dice: Dice) -> None:
    """A row of small round and square marks, in place, from the left."""
    import cv2

    radius = max(1, bar // 4)
    for number in range(count):
        x = round(bar * (0.5 + 0.8 * number))
        if dice.integers(2):
            cv2.circle(canvas, (x, y), radius, ink, max(1, radius // 3), cv2.LINE_AA)
        else:
            cv2.rectangle(canvas, (x - radius, y - radius), (x + radius, y + radius), ink, -1)


# --- all of them ------------------------------------------------------------------------------

_TONES = ("jpeg-30", "quarter", "grey", "colours", "warm", "light", "sharpened", "noise", "sepia")
_SHAPES = ("crop-80", "crop-50", "mirrored", "turned-10", "turned-3-inside", "square", "border", "screenshot")
_WRITINGS = ("watermark", "meme")


def _mixed(picture: Pixels, others: Sequence[Pixels], dice: Dice) -> Edited:
    """Another shape, another tone, and every other time something written on it."""
    names = [dice.choice(_SHAPES)] + [dice.choice(_WRITINGS)] * int(dice.integers(2)) + [dice.choice(_TONES)]
    result = Edited(picture)
    for name in names:
        step = EDITS[name].apply(result.pixels, others, dice)
        result = Edited(step.pixels, _then(result.transform, step.transform))
    return result


EDITS: Mapping[str, Edit] = MappingProxyType(
    {
        "jpeg-30": _jpeg(30),
        "quarter": Edit("near", _quarter),
        "grey": _tone(_grey),
        "colours": _tone(_colours),
        "warm": _tone(_warm),
        "light": _tone(_light),
        "blurred": _tone(_blur),
        "sharpened": _tone(_sharpen),
        "noise": _tone(_noise),
        "sepia": _tone(_sepia),
        "duotone": _tone(_duotone),
        "square": Edit("near", _squeezed),
        "crop-80": _crop(0.8, 0.8),
        "crop-50": _crop(0.5, 0.5),
        "crop-25": _crop(0.25, 0.25),
        "crop-10": _crop(0.1, 0.1),
        "crop-10-50": _crop(0.1, 0.5),
        "mirrored": Edit("edited", _mirrored),
        "upside-down": Edit("edited", _upside_down),
        "turned-90": _quarter_turns(1),
        "turned-180": _quarter_turns(2),
        "turned-270": _quarter_turns(3),
        "turned-3": _turned(3, inside=False),
        "turned-10": _turned(10, inside=False),
        "turned-25": _turned(25, inside=False),
        "turned-3-inside": _turned(3, inside=True),
        "turned-10-inside": _turned(10, inside=True),
        "turned-25-inside": _turned(25, inside=True),
        "border": Edit("edited", _border),
        "blurred-border": Edit("edited", _blurred_border),
        "watermark": Edit("edited", _watermark),
        "meme": Edit("edited", _meme),
        "screenshot": Edit("edited", _screenshot),
        "collage": Edit("edited", _collage),
        "pasted": Edit("edited", _pasted),
        "mixed": Edit("edited", _mixed),
    }
)
"""Every edit by its name, always in this order."""
