"""Plots as SVG within a page: no script, colours of the page's own style, and a label that says it in words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_TICKS = 4
_NEARLY = 0.97


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a plot lies within its picture, in its own units."""

    width: int = 680
    height: int = 240
    left: int = 52
    right: int = 16
    top: int = 26
    bottom: int = 34

    def x(self, share: float) -> float:
        """From the left (0) to the right (1)."""
        return self.left + share * (self.width - self.left - self.right)

    def y(self, share: float) -> float:
        """From the bottom (0) to the top (1)."""
        return self.height - self.bottom - share * (self.height - self.top - self.bottom)


Points = Sequence[tuple[float, float]]


def curve(points: Points, label: str, unit: str) -> Markup:
    """What was observed at some hours, as a line with a dot for each; `label` says it in words."""
    frame = Frame()
    last = max((x for x, _ in points), default=0)
    days = last > 72  # noqa: PLR2004 - three days of hours are too many to tell apart
    scale = 24 if days else 1
    reach, top = _reach([x / scale for x, _ in points]), _reach([y for _, y in points])
    placed = [(frame.x(x / scale / reach), frame.y(y / top)) for x, y in points]
    told = [f"{y:,.0f} {unit} after {x / scale:.1f} {'days' if days else 'hours'}" for x, y in points]
    return _picture(
        frame,
        label,
        *_y_axis(frame, top, unit),
        *_x_axis(frame, [(tick / reach, f"{tick:g}") for tick in _ticks(reach)], "days" if days else "hours"),
        _line(placed, "c1"),
        *(
            f'<circle class="c1" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{escape(words)}</title></circle>'
            for (x, y), words in zip(placed, told, strict=True)
        ),
    )


def over_time(series: Mapping[str, Sequence[float | None]], times: Sequence[str], label: str, unit: str) -> Markup:
    """Lines over `times` (their names, in order); where a value is None the line is broken."""
    frame = Frame(height=280)
    top = _reach([value for values in series.values() for value in values if value is not None])
    steps = max(len(times) - 1, 1)
    every = math.ceil(len(times) / 8)
    parts: list[str] = []
    for number, (name, values) in enumerate(series.items(), 1):
        for piece in _pieces(values):
            placed = [(frame.x(step / steps), frame.y(value / top)) for step, value in piece]
            parts.append(_line(placed, f"c{number}", name))
    named = [(step / steps, time) for step, time in enumerate(times) if step % every == 0]
    return _picture(frame, label, *_y_axis(frame, top, unit), *_x_axis(frame, named, ""), *parts)


def bars(values: Sequence[int], label: str) -> Markup:
    """A small picture of some counts in order, to stand within a line of text."""
    top, width = max([1, *values]), 5
    drawn = "".join(
        f'<rect class="c1" x="{n * width}" y="{20 - 20 * value / top:.1f}" width="{width - 1}" '
        f'height="{20 * value / top:.1f}"/>'
        for n, value in enumerate(values)
    )
    size = f'viewBox="0 0 {width * max(len(values), 1)} 20" width="{width * max(len(values), 1)}" height="20"'
    return Markup(f'<svg class="bars" role="img" aria-label="{escape(label)}" {size}>{drawn}</svg>')  # noqa: S704 - numbers and escaped text


def _picture(frame: Frame, label: str, *parts: str) -> Markup:
    head = f'<svg class="plot" role="img" aria-label="{escape(label)}" viewBox="0 0 {frame.width} {frame.height}">'
    return Markup("".join([head, *parts, "</svg>"]))  # noqa: S704 - numbers and escaped text


def _line(placed: Points, style: str, name: str = "") -> str:
    told = f"<title>{escape(name)}</title>" if name else ""
    if len(placed) == 1:
        ((x, y),) = placed
        return f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="3">{told}</circle>'
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    return f'<polyline class="{style}" points="{corners}">{told}</polyline>'


def _y_axis(frame: Frame, top: float, unit: str) -> Iterator[str]:
    for tick in _ticks(top):
        y = frame.y(tick / top)
        yield f'<line class="grid" x1="{frame.left}" x2="{frame.width - frame.right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{frame.left - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:,g}</text>'
    yield f'<text x="{frame.left - 6}" y="{frame.top - 12}" class="unit">{escape(unit)}</text>'


def _x_axis(frame: Frame, named: Sequence[tuple[float, str]], unit: str) -> Iterator[str]:
    y = frame.height - frame.bottom + 18
    for share, name in named:
        # A name at the right end would stand out of the picture.
        anchor = "end" if share > _NEARLY else "middle"
        yield f'<text x="{frame.x(share):.1f}" y="{y}" text-anchor="{anchor}">{escape(name)}</text>'
    if unit:
        yield f'<text x="{frame.width - frame.right}" y="{y + 14}" text-anchor="end" class="unit">{unit}</text>'


def _pieces(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    """The runs of values that are there, each with its place."""
    piece: list[tuple[int, float]] = []
    for step, value in enumerate([*values, None]):
        if value is not None:
            piece.append((step, value))
        elif piece:
            yield piece
            piece = []


def _step(reach: float) -> float:
    """A round distance between ticks: 1, 2 or 5 times a power of ten."""
    rough = reach / _TICKS
    power: float = 10 ** math.floor(math.log10(rough))
    return next(power * round_ for round_ in (1, 2, 5, 10) if power * round_ >= rough)


def _reach(values: Sequence[float]) -> float:
    """The end of an axis that begins at zero: the first tick not below any of `values`."""
    most = max([1.0, *values])
    step = _step(most)
    return math.ceil(most / step) * step


def _ticks(reach: float) -> list[float]:
    step = _step(reach)
    return [step * n for n in range(round(reach / step) + 1)]
