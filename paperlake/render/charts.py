"""Inline SVG plots: no script, colours from the page's stylesheet, and a text label for screen readers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from paperlake.text import plural

_TICKS = 4
_NEAR_END = 0.97


@dataclass(frozen=True, slots=True)
class PlotArea:
    """The size of an SVG picture and the margins of the plot in it, in SVG units."""

    width: int = 680
    height: int = 240
    left: int = 52
    right: int = 16
    top: int = 26
    bottom: int = 34

    def x(self, fraction: float) -> float:
        """The x coordinate of a fraction of the width: 0 is left, 1 is right."""
        return self.left + fraction * (self.width - self.left - self.right)

    def y(self, fraction: float) -> float:
        """The y coordinate of a fraction of the height: 0 is the bottom, 1 is the top."""
        return self.height - self.bottom - fraction * (self.height - self.top - self.bottom)


Points = Sequence[tuple[float, float]]


def plot_observations(points: Points, label: str, noun: str) -> Markup:
    """A line plot of (hours, count) points, with a dot for each.

    `label` describes it in words; `noun` says what is counted, in the singular.
    """
    area = PlotArea()
    last = max((x for x, _ in points), default=0)
    is_in_days = last > 72  # noqa: PLR2004 - beyond three days, ticks in hours are too dense
    scale = 24 if is_in_days else 1
    right, top = _axis_end([x / scale for x, _ in points]), _axis_end([y for _, y in points])
    coordinates = [(area.x(x / scale / right), area.y(y / top)) for x, y in points]
    titles = [f"{plural(round(y), noun)} after {x / scale:.1f} {'days' if is_in_days else 'hours'}" for x, y in points]
    return _picture(
        area,
        label,
        *_y_axis(area, top, f"{noun}s"),
        *_x_axis(area, [(tick / right, f"{tick:g}") for tick in _ticks(right)], "days" if is_in_days else "hours"),
        _line(coordinates, "c1"),
        *(
            f'<circle class="c1" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{escape(title)}</title></circle>'
            for (x, y), title in zip(coordinates, titles, strict=True)
        ),
    )


def plot_series(series: Mapping[str, Sequence[float | None]], times: Sequence[str], label: str, unit: str) -> Markup:
    """A line for each series over `times` (tick labels, in order); a None value leaves a gap in the line."""
    area = PlotArea(height=280)
    top = _axis_end([value for values in series.values() for value in values if value is not None])
    steps = max(len(times) - 1, 1)
    every = math.ceil(len(times) / 8)
    parts: list[str] = []
    for number, (name, values) in enumerate(series.items(), 1):
        for segment in _segments(values):
            coordinates = [(area.x(step / steps), area.y(value / top)) for step, value in segment]
            parts.append(_line(coordinates, f"c{number}", name))
    labels = [(step / steps, time) for step, time in enumerate(times) if step % every == 0]
    return _picture(area, label, *_y_axis(area, top, unit), *_x_axis(area, labels, ""), *parts)


def sparkline(values: Sequence[int], label: str) -> Markup:
    """A small inline bar chart of counts, for a line of text."""
    top, width = max([1, *values]), 5
    rectangles = "".join(
        f'<rect class="c1" x="{n * width}" y="{20 - 20 * value / top:.1f}" width="{width - 1}" '
        f'height="{20 * value / top:.1f}"/>'
        for n, value in enumerate(values)
    )
    size = f'viewBox="0 0 {width * max(len(values), 1)} 20" width="{width * max(len(values), 1)}" height="20"'
    return Markup(f'<svg class="bars" role="img" aria-label="{escape(label)}" {size}>{rectangles}</svg>')  # noqa: S704 - numbers and escaped text


def _picture(area: PlotArea, label: str, *parts: str) -> Markup:
    head = f'<svg class="plot" role="img" aria-label="{escape(label)}" viewBox="0 0 {area.width} {area.height}">'
    return Markup("".join([head, *parts, "</svg>"]))  # noqa: S704 - numbers and escaped text


def _line(coordinates: Points, style: str, name: str = "") -> str:
    title = f"<title>{escape(name)}</title>" if name else ""
    if len(coordinates) == 1:
        ((x, y),) = coordinates
        return f'<circle class="{style}" cx="{x:.1f}" cy="{y:.1f}" r="3">{title}</circle>'
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in coordinates)
    return f'<polyline class="{style}" points="{corners}">{title}</polyline>'


def _y_axis(area: PlotArea, top: float, unit: str) -> Iterator[str]:
    for tick in _ticks(top):
        y = area.y(tick / top)
        yield f'<line class="grid" x1="{area.left}" x2="{area.width - area.right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{area.left - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:,g}</text>'
    yield f'<text x="{area.left - 6}" y="{area.top - 12}" class="unit">{escape(unit)}</text>'


def _x_axis(area: PlotArea, labels: Sequence[tuple[float, str]], unit: str) -> Iterator[str]:
    y = area.height - area.bottom + 18
    for fraction, name in labels:
        # A centred label at the right end would be cut off.
        anchor = "end" if fraction > _NEAR_END else "middle"
        yield f'<text x="{area.x(fraction):.1f}" y="{y}" text-anchor="{anchor}">{escape(name)}</text>'
    if unit:
        yield f'<text x="{area.width - area.right}" y="{y + 14}" text-anchor="end" class="unit">{unit}</text>'


def _segments(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    """The runs of values between gaps, as (index, value) pairs."""
    segment: list[tuple[int, float]] = []
    for step, value in enumerate([*values, None]):
        if value is not None:
            segment.append((step, value))
        elif segment:
            yield segment
            segment = []


def _tick_step(end: float) -> float:
    """A round distance between ticks: 1, 2 or 5 times a power of ten. `end` is the axis end."""
    rough = end / _TICKS
    power: float = 10 ** math.floor(math.log10(rough))
    return next(power * round_ for round_ in (1, 2, 5, 10) if power * round_ >= rough)


def _axis_end(values: Sequence[float]) -> float:
    """The end of an axis that begins at zero: the first tick that is not below any of `values`."""
    highest = max([1.0, *values])
    step = _tick_step(highest)
    return math.ceil(highest / step) * step


def _ticks(end: float) -> list[float]:
    step = _tick_step(end)
    return [step * n for n in range(round(end / step) + 1)]
