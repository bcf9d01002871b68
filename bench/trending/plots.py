"""The plots of `docs/trending.md`: plain SVG with an opaque background, readable on light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

_WIDTH, _HEIGHT = 720, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 690, 60, 300
_INK, _FAINT, _GROUND = "#222222", "#c8c8c8", "#ffffff"
_COLOURS = {"day": "#0b5fa5", "week": "#b3410e"}


def half_lives(curves: Mapping[str, Mapping[float, float]], votes: Mapping[str, float], chosen_h: float) -> str:
    """Mean Spearman by half-life, with a line per question. The dashed lines are plain votes."""
    hours = sorted({h for curve in curves.values() for h in curve})
    low = math.floor(10 * min([*votes.values(), *(y for curve in curves.values() for y in curve.values())])) / 10

    def x(h: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * math.log(h / hours[0]) / math.log(hours[-1] / hours[0])

    def y(value: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * (value - low) / (1 - low)

    parts = [_text(_LEFT, 28, "Rank correlation with later votes, by the half-life of a vote (tuning dates)", size=16)]
    for step in range(round((1 - low) * 10) + 1):
        value = low + step / 10
        parts += [
            _line(_LEFT, y(value), _RIGHT, y(value), _FAINT),
            _text(_LEFT - 8, y(value) + 4, f"{value:.1f}", "end"),
        ]
    parts += [_text(x(h), _BOTTOM + 20, f"{h:g}", "middle") for h in hours]
    parts += [
        _text((_LEFT + _RIGHT) / 2, _BOTTOM + 44, "half-life in hours (logarithmic)", "middle"),
        _text(_LEFT, _TOP - 10, "mean Spearman correlation over dates"),
        _line(x(chosen_h), _TOP, x(chosen_h), _BOTTOM, _INK, dashed=True),
        _text(x(chosen_h) + 6, _BOTTOM - 8, f"chosen: {chosen_h:g} h"),
    ]
    for name, curve in curves.items():
        colour, points = _COLOURS[name], sorted(curve.items())
        parts += [_line(x(a), y(b), x(c), y(d), colour, width=2.5) for (a, b), (c, d) in pairwise(points)]
        parts += [f'<circle cx="{x(a):.1f}" cy="{y(b):.1f}" r="4" fill="{colour}"/>' for a, b in points]
        parts.append(_line(_LEFT, y(votes[name]), _RIGHT, y(votes[name]), colour, dashed=True))
        # Below the dashed line, where the end of the curve leaves room.
        parts.append(_text(_RIGHT, y(votes[name]) + 16, f"{name}: votes alone {votes[name]:.3f}", "end", colour))
    return _svg("Mean Spearman correlation by half-life", parts)


def gains(by_question: Mapping[str, Mapping[str, tuple[float, float, float]]]) -> str:
    """The gain of the score over plain votes on the held-out dates: mean and interval."""
    ends = [end for measures in by_question.values() for gain in measures.values() for end in gain]
    low, high = math.floor(10 * min(0.0, *ends)) / 10, math.ceil(10 * max(0.0, *ends)) / 10
    rows = [(name, measure, gain) for name, measures in by_question.items() for measure, gain in measures.items()]
    left, step = 190, (_BOTTOM - _TOP) / len(rows)

    def x(value: float) -> float:
        return left + (_RIGHT - left) * (value - low) / (high - low)

    parts = [_text(20, 28, "What the score gains over ranking by votes alone (held-out dates)", size=16)]
    for tick in range(round((high - low) * 10) + 1):
        value = low + tick / 10
        colour = _INK if abs(value) < 1e-9 else _FAINT  # noqa: PLR2004 - the line of zero gain
        parts += [
            _line(x(value), _TOP, x(value), _BOTTOM, colour),
            _text(x(value), _BOTTOM + 20, f"{value:+.1f}", "middle"),
        ]
    parts.append(
        _text((left + _RIGHT) / 2, _BOTTOM + 44, "difference of the measure; bar: 95 % of resampled means", "middle")
    )
    for number, (name, measure, (mean, least, most)) in enumerate(rows):
        at, colour = _TOP + (number + 0.5) * step, _COLOURS[name]
        parts += [
            _text(left - 12, at + 4, f"{name}, {measure}", "end", colour),
            _line(x(least), at, x(most), at, colour, width=3),
            f'<circle cx="{x(mean):.1f}" cy="{at:.1f}" r="5" fill="{colour}"/>',
        ]
    return _svg("Gain of the score over votes alone", parts)


def _svg(title: str, parts: list[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{title}" '
        'font-family="system-ui, sans-serif">'
    )
    ground = f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="8" fill="{_GROUND}"/>'
    return "\n".join([head, f"<title>{title}</title>", ground, *parts, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, anchor: str = "start", colour: str = _INK, size: int = 13) -> str:  # noqa: PLR0913, PLR0917 - attributes of the SVG element
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{text}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, *, width: float = 1, dashed: bool = False) -> str:  # noqa: PLR0913 - attributes of the SVG element
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"{dash}/>'
