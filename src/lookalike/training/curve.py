"""The learning curve as a picture: loss and recall over the epochs, in SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from lookalike.training.recipe import Epoch

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 52, 52, 44, 44

STYLE = """\
.paper{fill:#fff}.axis{stroke:#c9ccd1}.grid{stroke:#eceef1}text{fill:#4a4f57;font:13px system-ui,sans-serif}
.title{fill:#1c1f24;font-weight:600;font-size:15px}.loss{stroke:#b3541e;fill:none}.recall{stroke:#1f5fbf;fill:none}
text.loss{stroke:none;fill:#b3541e}text.recall{stroke:none;fill:#1f5fbf}.dot{fill:#1f5fbf}
@media(prefers-color-scheme:dark){.paper{fill:#15171a}.axis{stroke:#4a4f57}.grid{stroke:#25282d}text{fill:#b4bac4}
.title{fill:#f0f2f5}.loss{stroke:#f0a06a}.recall{stroke:#7fb0ff}text.loss{fill:#f0a06a}text.recall{fill:#7fb0ff}
.dot{fill:#7fb0ff}}"""


def learning_curve(history: Sequence[Epoch], title: str) -> str:
    """Draw the curve.

    Args:
        history: the epochs, ascending; where loss or recall is nan there is no point.
        title: a line above it.

    Returns:
        An SVG document that follows the reader's light or dark colours.
    """
    last = max(1, history[-1].number if history else 1)
    losses = [(e.number, e.loss) for e in history if not math.isnan(e.loss)]
    recalls = [(e.number, e.recall) for e in history if not math.isnan(e.recall)]
    highest = _round_up(max((loss for _, loss in losses), default=1.0))
    parts = [f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="8"/>']
    parts.append(_text(LEFT, 26, title, "title"))
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = _y(share, 1)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(_text(LEFT - 8, y + 4, f"{share:g}", "recall", "end"))
        parts.append(_text(WIDTH - RIGHT + 8, y + 4, f"{share * highest:g}", "loss"))
    parts.append(f'<path class="axis" d="M{LEFT} {HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>')
    for number in _ticks(last):
        parts.append(_text(_x(number, last), HEIGHT - BOTTOM + 18, str(number), "", "middle"))
    parts.append(_text(LEFT, HEIGHT - 8, "recall@1, held out", "recall"))
    parts.append(_text(WIDTH / 2, HEIGHT - 8, "epoch", "", "middle"))
    parts.append(_text(WIDTH - RIGHT, HEIGHT - 8, "loss", "loss", "end"))
    for name, points, top in (("loss", losses, highest), ("recall", recalls, 1.0)):
        if points:
            line = "L".join(f"{_x(number, last):.1f} {_y(value, top):.1f}" for number, value in points)
            parts.append(f'<path class="{name}" stroke-width="2" stroke-linejoin="round" d="M{line}"/>')
    parts += [f'<circle class="dot" cx="{_x(n, last):.1f}" cy="{_y(v, 1):.1f}" r="3"/>' for n, v in recalls]
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'width="{WIDTH}" height="{HEIGHT}">\n<title>{escape(title)}</title>\n'
        f"<style>{STYLE}</style>\n{body}\n</svg>\n"
    )


def _x(number: float, last: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * number / last


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(value / top, 1)


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 8 times a power of ten, so that quarters are short numbers."""
    power = float(10 ** math.floor(math.log10(max(value, 1e-6))))
    return next(step * power for step in (1, 2, 4, 8, 10) if value <= step * power * (1 + 1e-9))


def _ticks(last: float) -> list[int]:
    step = max(1, math.ceil(last / 6))
    return list(range(0, math.floor(last) + 1, step))


def _text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
