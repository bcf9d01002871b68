"""The nearest word of the index to one that it lacks."""

from __future__ import annotations

from collections import Counter

import tantivy

_SHORTEST = 4
"""Shorter words have too many neighbours."""
_TWO_ERRORS_FROM = 8
"""Letters from which a word may have two wrong ones."""
_FIELDS = ("words", "authors", "organization")


def nearest_word(word: str, searcher: tantivy.Searcher) -> str | None:
    """The word with the fewest wrong letters, of several the most frequent; None if none is near.

    Two letters in the wrong order are one error. The first letter is taken to be right, as it is in nine of ten errors.
    """
    if len(word) < _SHORTEST:
        return None
    errors = 2 if len(word) >= _TWO_ERRORS_FROM else 1
    letters = Counter(word)
    near = []
    for field in _FIELDS:
        for known, papers in searcher.terms_with_prefix(field, word[0]):
            if abs(len(known) - len(word)) > errors or sum((letters - Counter(known)).values()) > errors:
                continue
            distance = edit_distance(word, known)
            if distance <= errors:
                near.append((distance, -papers, known))
    return min(near)[2] if near else None


def edit_distance(one: str, other: str) -> int:
    """Letters to insert, delete, replace, or swap with the next one (optimal string alignment)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, compared in enumerate(other, 1):
            cost = min(row[-1] + 1, last[j] + 1, last[j - 1] + (letter != compared))
            is_swapped = i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == compared
            row.append(min(cost, before[j - 2] + 1) if is_swapped else cost)
        before, last = last, row
    return last[-1]
