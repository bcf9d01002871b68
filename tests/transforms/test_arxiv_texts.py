"""Cleaning of arXiv's texts: white space, entities, TeX accents, names and withdrawals, by example."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.arxiv_answers import PROPERTY_SETTINGS, read_column
from transforms.arxiv.accents import accents_to_letters, name_accents_to_letters
from transforms.arxiv.texts import clean_names, clean_tex, clean_texts, clean_titles
from transforms.arxiv.withdrawn import withdrawn_by
from transforms.text import one_line


def each(function, texts):
    """The result of `function` for each text, computed in one call."""
    return dict(zip(texts, function(pl.Series(list(texts), dtype=pl.String)), strict=True))


CLEANED = {
    "  We show\nthat.\n": "We show that.",
    "Wrapped\n  title": "Wrapped title",
    "Ended.\n  A new paragraph.": "Ended. A new paragraph.",
    "Two  blanks": "Two blanks",
    "Tab\there": "Tab here",
    "Hard\u00a0blank": "Hard blank",
    "De\u007fleted": "Deleted",
    "High\u0099control": "Highcontrol",
    "A rule & its <exception>": "A rule & its <exception>",
    "Salt &amp; Pepper": "Salt & Pepper",
    "5 &lt; 6": "5 < 6",
    "&mu;-calculus of &#955; and &#x3B2;": "μ-calculus of λ and β",
    "e&#64257;cient": "eﬁcient",
    "30&deg;C": "30°C",
    "Hard&nbsp;blank": "Hard blank",
    "Bell&#7;rings": "Bellrings",
    "R&D; AT&T; &c.": "R&D; AT&T; &c.",
    "&notin; is known, &notthis; is not": "∉ is known, &notthis; is not",
    "&amp;lt; once": "&lt; once",
    "": None,
    " \n ": None,
    "\u007f": None,
    "&#32;": None,
    "日本語": "日本語",
    "0": "0",
}


def test_texts_are_put_on_one_line_and_unescaped_once():
    assert each(clean_texts, CLEANED) == CLEANED


@settings(PROPERTY_SETTINGS, max_examples=300)
@given(st.lists(st.text(st.sampled_from(list(" \n\t\r\x7f\x99\u00a0\u2028ab$\\é"))), max_size=6))
def test_clean_texts_agrees_with_one_line(texts):
    slowly = pl.DataFrame({"text": texts}, schema={"text": pl.String}).select(one_line(pl.col("text"))).to_series()
    assert clean_texts(pl.Series(texts, dtype=pl.String)).to_list() == slowly.to_list()


def test_null_stays_null():
    absent = pl.Series([None, "a", None, " b "], dtype=pl.String)
    for function in (clean_texts, clean_tex, clean_names):
        assert function(absent).to_list() == [None, "a", None, "b"], function.__name__


def test_inputs_are_not_modified():
    texts = pl.Series([" caf\\'e ", "b"])
    for function in (clean_texts, clean_tex, clean_names, accents_to_letters, name_accents_to_letters):
        function(texts)
        assert texts.to_list() == [" caf\\'e ", "b"], function.__name__


WITH_LETTERS = {
    r"Kekul\'e": "Kekulé",
    r"Erd\H{o}s-R\'{e}nyi": "Erdős-Rényi",
    r"Erd{\H o}s": "Erdős",
    r"M\"obius and M\"{o}bius": "Möbius and Möbius",
    r"na\"{\i}ve, na\"\i ve, na\"ive": "naïve, naïve, naïve",
    r"Mod\`eles": "Modèles",
    r"entrep\^ots": "entrepôts",
    r"da\~nos": "daños",
    r"influen\c{c}ant, Fran\c cois": "influençant, François",
    r"{\v{S}}krekovski, \v{C}ern\'y, Jo\v{z}e": "Škrekovski, Černý, Jože",
    r"Gajarsk\`{y}": "Gajarskỳ",
    r"Altu\u{g}": "Altuğ",
    r"wyznaczaj\k{a}cy, D{\k e}bski": "wyznaczający, Dębski",
    r"V\'it Pr\r{u}\v{s}a": "Vít Průša",
    r"L\={a}ce, M{\=a}noa": "Lāce, Mānoa",
    r"mo\.zliwo\'sci": "możliwości",
    r"Informacin\.{e}s": "Informacinės",
    r"G{\o}rtz, S\o ren, \O{}ye": "Gørtz, Søren, Øye",
    r"Ko{\l}odziejczyk, {\L}ukasiewicz": "Kołodziejczyk, Łukasiewicz",
    r"Osterg{\aa}rd, {\AA}gotnes": "Ostergård, Ågotnes",
    r"formul{\ae}": "formulæ",
    r"Stra{\ss}e": "Straße",
    r"Ar{\i}kan, Ar\i kan": "Ar\u0131kan, Ar\u0131kan",
    r"\"OAGM, AE\"U": "ÖAGM, AEÜ",
    r"time \~O(n^2)": "time Õ(n^2)",
    r"{\em caf\'e}": r"{\em café}",
    "D\\\\öllinger, coud\\é \\échelle": "Döllinger, coudé échelle",
}
UNCHANGED = (
    r"$\'e$ and $$\c c$$",
    r"$a\$\'e$",
    r"\(\'e\) and \[\o\]",
    r"Player\'s players\' moves",
    r"we\'ll, you\'re, I\'m, don\'t",
    r"the \"words\" he said",
    r"(the \"Ising model\" of folding), \"in vivo\"",
    r"\"Open\" at first",
    r"2\^{r} and 10^\circ",
    r"http://x.test/\~user",
    r"{\~mu}, \c{hi}",
    r"/\i=1..n (/\j=1..n)",
    r"\omega, \cite{a}, \log n, \oint, \v, \lambda",
    r"\textit{a} {\it b} \& \% \_ \\",
    r"\'",
    "costs $5",
)


def test_tex_accents_become_letters():
    assert each(accents_to_letters, WITH_LETTERS) == WITH_LETTERS


@pytest.mark.parametrize("text", UNCHANGED)
def test_other_tex_is_unchanged(text):
    assert accents_to_letters(pl.Series([text, rf"{text} \'e"])).to_list() == [text, f"{text} é"]


def test_a_single_dollar_does_not_begin_mathematics():
    assert accents_to_letters(pl.Series([r"caf\'e for $5", r"$x$ caf\'e $5"])).to_list() == [
        "café for $5",
        "$x$ café $5",
    ]


NAMES = {
    r"Vu\vsković": "Vušković",
    r"Fran\ccois": "François",
    r"\cColak": "Çolak",
    r"V\^\ilcu": "Vîlcu",
    r"Dom\'\inguez": "Domínguez",
    r"Ł\kacki": "Łącki",
    r"Hj\orungnes": "Hjørungnes",
    r"\Oyvind": "Øyvind",
    r"Stanis\law": "Stanisław",
    r"L\Horincz": "Lőrincz",
    r"Sr\djan S.": "Srđan S.",
    r"Řeh{\ru}řek": "Řehůřek",
    r"At\ilgan": "At\u0131lgan",
    r"K\vret\'\inský": "Křetínský",
    r"Tek\D{j}n": r"Tek\D{j}n",
    r"\and Michiel": r"\and Michiel",
    r"Ili\'": r"Ili\'",
    "Heath,": "Heath",
    "O'Brien-Smith": "O'Brien-Smith",
    " Ada\n  B. ": "Ada B.",
    "Jun'ichi": "Jun'ichi",
    "Van  Oak": "Van Oak",
    ",": None,
}


def test_accents_in_names_without_a_blank_after_the_command_become_letters():
    assert each(clean_names, NAMES) == NAMES


@settings(PROPERTY_SETTINGS, max_examples=300)
@given(st.lists(st.text(st.sampled_from(list("\\'\"^~$(){}[] /ijceoslv"))), min_size=1, max_size=4))
def test_any_text_gives_the_same_result_alone_and_in_a_batch(texts):
    for function in (accents_to_letters, name_accents_to_letters):
        together = function(pl.Series(texts))
        alone = [function(pl.Series([text]))[0] for text in texts]
        assert together.to_list() == alone
        for before, after in zip(texts, alone, strict=True):
            assert before == after or not after.isascii()


def test_accents_change_in_titles_and_abstracts_only():
    for name, element in {"title": "title", "abstract": "abstract"}.items():
        assert read_column(name, element, [r"caf\'e"]) == ["café"]
    for name, element in {"comments": "comments", "journal_ref": "journal_ref", "report_number": "report_no"}.items():
        assert read_column(name, element, [r"caf\'e"]) == [r"caf\'e"]


WITHDRAWN = (
    "This paper has been withdrawn",
    "This paper has been withdrawn by the author due to a crucial sign error in equation 1.",
    "WITHDRAWN",
    "Withdrawn by arXiv administrators",
    "paper withdrawn",
    "This article has been withdrawn by arXiv admins because it contains plagiarized content",
    "5 pages, 3 figures. This paper has been withdrawn",
    "6 pages, 3 figures Withdrawn due to an error",
    "Results in paper questionable. Article withdrawn by authors.",
    "arXiv admin note: withdrawn by arXiv admin",
    "Hence the paper is withdrawn.",
    "The current version is withdrawn due to a error",
    "it has been withdrawn",
    "We withdraw the paper since we found a reference",
    "I would like to withdraw it from the arXiv",
    "I withdraw this paper from this website!",
    "Author requested a withdrawal",
    "This paper is temporarily withdrawn",
    "This paper is withdraw by the author",
    "This paper is withdrwan due to duplication",
    "The article is already withdrawn",
    "Withdrawing while fixing a flaw in the proof",
)
NOT_WITHDRAWN = (
    "17 pages; paper withdrawn from IEEE Transactions on Signal Processing and re-submitted",
    "This paper was withdrawn from the IEEE Transactions on Information Theory",
    "This replaces a withdrawn paper",
    "a note revised from a withdrawn one",
    "A major overhaul of the withdrawn paper On Trees",
    "Was submitted and withdrawn from Utilitas Mathematica",
    "Accepted for ACMGIS 2009, but withdrawn because of travel",
    "part of a workshop but was withdrawn due to funding problems",
    "I had to withdraw the paper from the conference",
    "The original submission to a journal was withdrawn. The paper was split",
    "Authors withdrew paper after acceptance",
    "12 pages",
    None,
)
IN_ABSTRACTS = (
    "This paper has been withdrawn by the authors.",
    "This paper has been withdrawn. We study trees.",
    "Withdrawn.",
    "Paper withdrawn by the author",
    "I want to withdraw this paper.",
    "The authors have decided to withdraw this submission.",
    "We prove it. Update: Manuscript withdrawn, because results are incorrect.",
    "We examine bounds. This paper has been withdrawn and a new version is at another place",
    "Accordingly, this version of the paper is withdrawn by the authors.",
    "This submission has been withdrawn by arXiv administrators",
)
NOT_IN_ABSTRACTS = (
    "The secret cannot be withdrawn without opening the box.",
    "A participant withdraws its data from the database.",
    "Users approach the branch to withdraw cash.",
    "ADRs are one of most common causes to withdraw some drugs from market.",
    "SNMP agent has been withdrawn directly from the router",
    "even after the input that elicited that state is withdrawn",
    "energy withdrawal profiles",
    "bids, once decided, withdraw some of her false-name identities",
    None,
)


def withdrawn(comments, abstracts):
    return withdrawn_by(pl.Series(comments, dtype=pl.String), pl.Series(abstracts, dtype=pl.String)).to_list()


@pytest.mark.parametrize("text", WITHDRAWN)
def test_comments_with_a_withdrawal_are_detected(text):
    assert withdrawn([text], [None]) == ["comments"]


@pytest.mark.parametrize("text", NOT_WITHDRAWN)
def test_comments_on_other_withdrawals_are_ignored(text):
    assert withdrawn([text], [None]) == [None]


@pytest.mark.parametrize("text", IN_ABSTRACTS)
def test_abstracts_with_a_withdrawal_are_detected(text):
    assert withdrawn([None], [text]) == ["abstract"]


@pytest.mark.parametrize("text", NOT_IN_ABSTRACTS)
def test_abstracts_on_other_withdrawals_are_ignored(text):
    assert withdrawn([None], [text]) == [None]


GROUPS = [
    ("S{ø}ren", "Søren"),
    ("{Ö}zg{ü}r", "Özgür"),
    (r"Val{\'e}rie", "Valérie"),
    ("{{Smith}}", "Smith"),
    ("A {{B}C} d", "A BC d"),
    ("{BERT}: a {GPT-4} study", "BERT: a GPT-4 study"),
]
NO_GROUPS = [
    *(
        "Z_{2k}-linear codes",
        "x^{ab}{cd}",
        r"\emph{Mathematica}",
        r"3-R\underline{P}R robots",
        r"$\mathbf{R}$ and $\{x\}$",
    ),
    *("{P,A}-Time Petri nets", r"{\sc Balanced}", r"{\mu}-Calculus", "{1,2}", "{", "}", "{}"),
]


@pytest.mark.parametrize(("text", "expected"), [*GROUPS, *((text, text) for text in NO_GROUPS)])
def test_braces_that_only_group_letters_are_removed_from_titles(text, expected):
    assert clean_titles(pl.Series([text])).to_list() == [expected]


@pytest.mark.parametrize(("text", "expected"), GROUPS)
def test_braces_that_only_group_letters_are_removed_from_names(text, expected):
    assert clean_names(pl.Series([text])).to_list() == [expected]
