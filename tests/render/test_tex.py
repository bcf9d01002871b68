"""TeX in titles and abstracts is shown as plain Unicode text; what would need a guess stays as it is."""

import json
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paperlake.render.feeds import FORMER_PREFIX, DatedIssue, Feed, render_feed
from paperlake.render.issue import compose
from paperlake.render.letter import render_letter
from paperlake.render.markdown import render_markdown
from paperlake.render.paper import papers, plain_line
from paperlake.render.period import period_of
from paperlake.render.plain_text import render_plain_text
from paperlake.render.sanitize import clean_line
from paperlake.render.tex import tex_to_text
from paperlake.render.web.lists import ListStatus, Periods, list_page
from paperlake.render.web.overview import paper_topics, topics_page
from paperlake.render.web.papers import paper_page
from paperlake.render.web.search import month_script
from tests.digest_rows import AT, DAILY, DAY, issue_inputs, listing, listings

PLAIN = {
    # characters
    r"Prefill \& Decode": "Prefill & Decode",
    r"12\% of 50\_000": "12% of 50_000",
    r"the set \{a, b\}": "the set {a, b}",
    r"\$OneMillion-Bench at \$0.34": "$OneMillion-Bench at $0.34",
    r"Network\ for 19.7\,FPS": "Network for 19.7 FPS",
    # formulas
    r"$\tau$-bench": "τ-bench",
    "$O(n^2)$": "O(n²)",
    r"\( O(n^3) \) and \[x_1\] and $$y$$": "O(n³) and x₁ and y",
    r"$\sim$10": "\u223c10",
    "D$^3$QE, Synth$^{2}$, F$_1$": "D³QE, Synth², F₁",
    r"$10^{-3}$ and $x^{n+1}$ and $x_{ij}$": "10⁻³ and x^(n+1) and x_ij",
    r"$\mathcal{O}(n \log n)$": "O(n log n)",
    r"$\mathbb{R}^{d \times k}$": "\u211d^(d \u00d7 k)",
    r"$\frac{1}{2}$ and $\sqrt{n+1}$": "1/2 and √(n+1)",
    r"$\hat{x}$ in $\text{Acc}_{val}$": "x̂ in Acc_val",
    r"$90^\circ$ and $A^\top$ and $f'$": "90° and Aᵀ and f\u2032",
    r"$\Delta G \leq 5\%$": "ΔG ≤ 5%",
    "$k$NN, pass@$k$, $n=5$, $CoT$-$Pass@K$": "kNN, pass@k, n=5, CoT-Pass@K",
    r"10$\,$GB": "10 GB",
    "$>$90%, in $<$5 s": ">90%, in <5 s",
    r"$\ell_\infty$ and \(n\) items": "\u2113_∞ and n items",
    r"UI2Code$^\text{N}$": "UI2Codeᴺ",
    r"$\left( a \right)$": "( a )",
    # commands
    r"\textbf{C}ausal \emph{a \textit{b}}": "Causal a b",
    r"{\em and}, {\it vs.}": "and, vs.",
    r"360{\deg} and {\Theta}(40K)": "360° and Θ(40K)",
    r"2.3\times greater, A\neq B": "2.3\u00d7 greater, A≠ B",
    r"E\textsuperscript{2}R": "E²R",
    r"code~\url{https://example.org/a_b}": "code https://example.org/a_b",
    r"\href{https://example.org}{Demo}": "Demo (https://example.org)",
    # letters
    r"Pok\'emon, Schr\"odinger, It\^o, na\"{\i}ve, Ma\'nczak": "Pokémon, Schrödinger, Itô, naïve, Mańczak",
    r"(\"Ust\"un et al.), \v{s}, \c{c}": "(Üstün et al.), š, ç",
    r"Schr{\"o}dinger, {\'E}cole, na{\"\i}ve, Ho{\v r}ava, \L{}ukasz": "Schrödinger, École, naïve, Hořava, Łukasz",
    # quotations and ties
    "a ``mode'' and ``Let's think''": "a “mode” and “Let's think”",
    "RTX~5090, Models~(LLMs), 450~MB": "RTX 5090, Models (LLMs), 450 MB",
}
WHOLE = [
    "from $5 and $10",
    "costs $20 per-tutor, then $5-$10",
    "for 1$: cheap; 90$ of data",
    "$1 million in revenue and 5$ more",
    "US$5K/$10K",
    "PATH=$HOME/bin:$PATH",
    "PATH=$HOME/my_dir:$PATH, ${HOME}/bin:${PATH}, the $foo_bar$ variable",
    "$x and y$ are $z",
    "5$>$3 and a$<$b",
    r"$$ $$ and $\!$ and \[ \]",
    r"call f\(x\), read a\[i\] and b\(2i\)",
    "write to user~name@example.org",
    r"the \[MASK\] token, see \[1\] and \[2, 3\], learning \(RL\)",
    r"C:\Users\tau\new and D:\alpha\beta and \\server\alpha",
    r"..\alpha\beta",
    r"dir\tau and src\beta",
    r"\textbf{unclosed and {\em open",
    r"\textbf unbraced",
    r"We present \ours, \method{} and {\name}",
    r"\footnote{Code is coming} \cite{x} \ref{y}",
    r"GPT-4o\'s scores and the query\'s content",
    r"the answer \"Answer\" and \'each\', name=\"Alpha\"",
    r"roughly \1 and \3) and \d+ and \n",
    r"$\unknown{x}$ and $\begin{a}$",
    "$textbf{specialist} and textbf{generalist}$",
    "$P(final output is incorrect) le (1 - p_{gen})^N$",
    r"$\frac{1}$ and $x^$ and $x^{2$",
    "~100x, 5~66%, 60%~70%, 1M~4M, a~z, https://example.org/~ada",
    "Q1~Q4, v1.5~v1.6, Mon~Fri, January~March, https://example.org/index~old.html",
    "a single ` and '' and ``open",
    r"\color{red}text",
    r"$a & b \\ c$",
    "plain {braces} and a_b^c and 2^n",
]


@pytest.mark.parametrize(("tex", "expected"), PLAIN.items())
def test_tex_becomes_plain_text(tex, expected):
    assert tex_to_text(tex) == expected


@pytest.mark.parametrize("text", WHOLE)
def test_what_needs_a_guess_stays_as_it_is(text):
    assert tex_to_text(text) == text


PIECES = [
    *("$", "$$", "\\", "{", "}", "^", "_", "~", "``", "''", "'", '"', " ", "a", "5", "\\(", "\\)", "\\[", "\\]"),
    *(
        "\\textbf{",
        "\\tau",
        "\\frac",
        "\\sqrt",
        "\\hat",
        "\\text{",
        "{\\em ",
        "\\left",
        ".",
        "\\'e",
        "\\url{",
        "\\%",
        "é",
    ),
]


@settings(max_examples=200)
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text(max_size=60))
def test_any_text_gives_one_safe_line(text):
    line = plain_line(text)
    assert line.split() == clean_line(line).split()
    assert len(line) <= 3 * len(text) + 10


@settings(max_examples=200)
@given(st.text(st.characters(exclude_characters="\\$~`")))
def test_text_without_tex_is_unchanged(text):
    assert tex_to_text(text) == text


@pytest.mark.parametrize(
    "piece", [*PIECES, "\\textbf{a", "$a", "a~", "\\(", "{\\em a", "$^{", "\\frac{", "aaaa", "\\a"]
)
def test_long_hostile_texts_take_linear_time(piece):
    text = piece * (40_000 // len(piece)) + "\\"
    before = time.perf_counter()
    tex_to_text(text)
    assert time.perf_counter() - before < 2


def test_every_output_shows_plain_text():
    row = listing(title=r"$\tau$-bench \& more", abstract=r"An $O(n^2)$ \textbf{abstract}", ai_summary=r"$\sim$10")
    issue = compose(replace(DAILY, papers=1), period_of("day", DAY), issue_inputs(listings(row)))
    about = Feed("daily", "Daily", "", FORMER_PREFIX, AT)
    letter = render_letter(issue, "https://example.org/u")
    periods = Periods([DAY])
    outputs = [
        letter.text,
        letter.html,
        render_plain_text(issue),
        render_markdown(issue),
        *(render_feed(about, [DatedIssue(issue, AT, FORMER_PREFIX)], kind).decode() for kind in ("atom", "rss")),
        json.loads(render_feed(about, [DatedIssue(issue, AT, FORMER_PREFIX)], "json"))["items"][0]["title"],
        list_page(issue.period, issue.papers, [ListStatus(DAY, "complete", 1)], periods).text,
        paper_page(issue.papers, [], periods).text,
        json.loads(month_script("2025-11", issue.papers).text.split(",", 1)[1].removesuffix(");\n"))[0][3],
    ]
    for output in outputs:
        assert "τ-bench" in output
        assert "tau" not in output
        assert "textbf" not in output
    assert "O(n²) abstract" in letter.html
    assert issue.subject.endswith("τ-bench & more")


def test_keywords_are_plain_text_on_papers_and_topics():
    rows = listings(listing(ai_keywords=[r"$\tau$-bench", r"R\&D"]))
    paper = next(papers(rows, issue_inputs(rows).authors))
    assert paper.keywords == ("τ-bench", "R&D")
    topics = topics_page(paper_topics(rows)).text
    assert "τ-bench" in topics
    assert "tau" not in topics


def test_recorded_texts_change_only_where_they_have_tex(recordings):
    texts = set()
    for path in sorted((recordings / "hub/daily_papers").glob("2025-1*.json")):
        for entry in json.loads(path.read_bytes()):
            texts |= {clean_line(entry["paper"].get(name)) for name in ("title", "summary")}
    changed = [text for text in texts if plain_line(text) != text]
    assert 0.02 < len(changed) / len(texts) < 0.1
    assert all(any(mark in text for mark in ("\\", "$", "~", "``")) for text in changed)
