"""TeX in titles and abstracts as plain text for people to read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.arxiv_answers import PROPERTY_SETTINGS
from transforms.tex import tex_to_text

SHOWN = [
    (r"R\&D at 100\% of \$5, issue \#3, a\_b", "R&D at 100% of $5, issue #3, a_b"),
    (r"$\tau$-bench and $\infty$-Bench", "τ-bench and ∞-Bench"),
    (r"$\sim$10x faster, $\times$4, $\geq 90\%$", "\u223c10x faster, \u00d74, ≥90%"),
    ("$O(n^2)$ and A$^2$Search", "O(n²) and A²Search"),
    (r"$\pi_0$ and $x_{12}$", "π₀ and x₁₂"),
    (r"$\mathbb{R}$ and $\mathcal{X}$", "\u211d and X"),
    (r"\textbf{Bold} and \emph{not} bold", "Bold and not bold"),
]
LEFT = [
    *("$5 and $10", "costs $20M, or $30M", "$5-$10", "from $3 to $4", "$", "$$", "a $ b $ c", "\\", "{", "$x"),
    *(r"C:\Users\x", r"$\frac{1}{2}$", r"$x^{a+b}$", r"$\mathbb{R}^d$", r"\href{https://x.y}{z}", r"\textbf{open"),
    *("costs 5$, 10$ each", "5$/10$", "100$-200$", "from 50$\u201360$ a month", "$x$"),
    *("$textbf{no command}$", r"$\unknown{x}$"),
]


@pytest.mark.parametrize(("text", "expected"), [*SHOWN, *((text, text) for text in LEFT)])
def test_tex_with_a_plain_form_is_replaced_and_everything_else_stays(text, expected):
    assert tex_to_text(text) == expected


@PROPERTY_SETTINGS
@given(st.text(st.sampled_from("$\\{}^_% ab1&\n#~\u03c4") | st.characters()))
def test_any_text_is_shown_without_an_error_and_plain_text_unchanged(text):
    shown = tex_to_text(text)
    assert shown == text or "$" in text or "\\" in text
