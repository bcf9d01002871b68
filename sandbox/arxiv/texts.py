"""Generated texts of papers. They have the irregularities of real ones, a little more often than in reality."""

# Probabilities stand where they are drawn, and word lists stand as text.
# ruff: noqa: PLR2004, SIM905

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date

from sandbox import words
from sandbox.arxiv.papers import Author

_GROUPS = "the Tidal Relay Collaboration|Quiet Sieve Consortium|for the Opal-3 Team|ANNECS".split("|")
# Names in the authors' TeX, and in the parsed formats. arXiv's parser does not understand all TeX.
_TEX_FAMILIES = {
    r"Erd\H{o}sen": "Erdősen",
    r"G\"odder": "Gödder",
    r"Ne\v{c}ask\'y": "Nečaský",
    r"{\L}ukasiev": "Łukasiev",
    r"M{\o}llund": "Møllund",
    r"Fran\ccoisel": r"Fran\ccoisel",
    r"\'Swi\k{e}tok": r"\'Swiętok",
}
_AS_WRITTEN = {shown: written for written, shown in _TEX_FAMILIES.items()}
_SUFFIXES = ("Jr.", "Jr", "III", "II", "Sr.")
_PLACES = (
    "Institute for Patient Methods, Ostlund|Dept. of Layered Systems, University of Karvik|Lab. de Marées, Várzeha|"
    "Zorgan & Sons Research|CNRS (UMR 9999), Falkov|Radvik Universiteit|Instituto Çelmàr, Sala 12"
).split("|")
_COMMENTS = (
    "{n} pages, {k} figures|{n} pages|{n} pages, {k} figures, to appear in Proceedings of QUI 20{y:02d}|"
    "LaTeX, {n} pages|In Proceedings TIDAL 20{y:02d}, arXiv:1401.0{n:03d}|"
    "v2: typos corrected, references added; {n} pages|"
    "Comments: {n} pages & {k} tables, uses llncs.cls|Accepted at the {k}th Workshop on Folded Caches"
).split("|")
_WITHDRAWN = (
    "This paper has been withdrawn by the author due to a crucial sign error in\n  equation {k}",
    "Withdrawn: the proof of Lemma {k} does not hold",
    "This submission has been withdrawn by arXiv administrators because it contains\n  inappropriate text overlap",
)
_JOURNALS = "J. Patient Meth.|Ann. Tidal Syst.|Lett. Quiet Phys.|Trans. Folded Comput.|Acta Lud. Formalis".split("|")
_MSC = "68T05|05C70; 68R10|35Q30 (Primary), 76D05 (Secondary)|11A41, 11B25|14H10; 14N35, 53D45".split("|")
_ACM = "I.2.6|F.2.2; G.2.2|H.3.5; C.2.4|I.2.10, D.1.3|D.2.4".split("|")
_LICENSES = (
    "http://arxiv.org/licenses/nonexclusive-distrib/1.0/",
    "http://arxiv.org/licenses/nonexclusive-distrib/1.0/",
    "http://creativecommons.org/licenses/by/4.0/",
    "http://creativecommons.org/licenses/by-nc-nd/4.0/",
    "http://creativecommons.org/publicdomain/zero/1.0/",
)
# Texts that arXiv escaped twice, so that the server sends `&amp;lt;`.
_ESCAPED = ("&lt;0.05", "AT&amp;T", "Universit&#233;", "&quot;quiet&quot;")
_FORMULAS = (
    "$p < 0.05$",
    "$O(n \\log n) > 1$",
    "$\\alpha \\& \\beta$",
    "{\\it dimension}",
    'the "gap" of $\\mathbb{R}^n$',
)
_LICENSES_BEGIN = date(2009, 1, 1)


def authors(rng: random.Random) -> tuple[Author, ...]:
    """One author or several, sometimes with a group, rarely hundreds."""
    count = rng.randrange(60, 288) if rng.random() < 0.002 else min(1 + int(rng.expovariate(0.45)), 12)
    people = [_person(rng) for _ in range(count)]
    if rng.random() < 0.02:
        people.append(Author(rng.choice(_GROUPS)))
    if rng.random() < 0.14:
        people = [Author(each.keyname, each.forenames, each.suffix, _affiliations(rng)) for each in people]
    return tuple(people)


def authors_line(rng: random.Random, people: tuple[Author, ...]) -> str | None:
    """The authors' own line, with TeX and sometimes with an `and`; None if it equals their names joined by commas."""
    written = [_written(each) for each in people]
    last = " and " if rng.random() < 0.3 else ", "
    line = ", ".join(written[:-1]) + last + written[-1] if len(written) > 1 else written[0]
    return None if line == ", ".join(each.full_name for each in people) else line


def _written(author: Author) -> str:
    where = f" ({', '.join(author.affiliations)})" if author.affiliations else ""
    return replace(author, keyname=_AS_WRITTEN.get(author.keyname, author.keyname)).full_name + where


def _person(rng: random.Random) -> Author:
    forenames, _, keyname = rng.choice(words.NAMES).partition(" ")
    draw = rng.random()
    if draw < 0.01:
        return Author(rng.choice(list(_AS_WRITTEN)), forenames)
    if draw < 0.02:
        return Author(keyname, forenames, rng.choice(_SUFFIXES))
    if draw < 0.024:
        return Author(f"{keyname},", forenames, "Jr.")
    if draw < 0.028:
        return Author(keyname)
    if draw < 0.25:
        return Author(keyname, f"{forenames} {rng.choice('ABCDEFGHJKLMNPRSTVW')}.")
    return Author(keyname, forenames)


def _affiliations(rng: random.Random) -> tuple[str, ...]:
    return tuple(rng.sample(_PLACES, 2 if rng.random() < 0.1 else 1))


def title(rng: random.Random, *, is_wrapped: bool) -> str:
    """A title. A wrapped one has indented later lines, as in arXiv's mails."""
    kinds = (words.LATEX_TITLES, 0.08), (words.FOREIGN_TITLES, 0.02), (words.PLAIN_TITLES, 0.9)
    forms = rng.choices([forms for forms, _ in kinds], [weight for _, weight in kinds])[0]
    text = rng.choice(forms).format(
        name=rng.choice(words.COINED),
        manner=rng.choice(words.MANNERS),
        method=rng.choice(words.METHODS),
        goal=rng.choice(words.GOALS),
    )
    if rng.random() < 0.01:
        text += f" & {rng.choice(_ESCAPED)}"
    return words.wrapped(text, 66, "  ") if is_wrapped else text


def abstract(rng: random.Random, *, is_wrapped: bool) -> str:
    """An abstract. A wrapped one starts with two blanks and ends with a line end; others are one line."""
    sentences = [rng.choice(words.OPENINGS), *rng.sample(words.MIDDLES, rng.randrange(1, 5)), rng.choice(words.ENDINGS)]
    if rng.random() < 0.3:
        sentences.insert(1, f"We show that {rng.choice(_FORMULAS)} is enough.")
    if rng.random() < 0.01:
        sentences.append(f"See {rng.choice(_ESCAPED)}.")
    if rng.random() < 0.01:
        sentences[0] = sentences[0].replace(" ", "\x7f ", 1)
    if not is_wrapped:
        return ("  " if rng.random() < 0.05 else "") + " ".join(sentences)
    cut = rng.randrange(1, len(sentences)) if rng.random() < 0.1 else len(sentences)
    paragraphs = [" ".join(sentences[:cut]), " ".join(sentences[cut:])]
    return "".join(words.wrapped(f"  {each}", 79) + "\n" for each in paragraphs if each)


def comments(rng: random.Random) -> str | None:
    """The authors' comment on the paper, or None."""
    if rng.random() > 0.7:
        return None
    return rng.choice(_COMMENTS).format(n=rng.randrange(4, 80), k=rng.randrange(1, 12), y=rng.randrange(5, 27))


def withdrawn(rng: random.Random) -> str:
    """The comment that marks a withdrawn paper."""
    return rng.choice(_WITHDRAWN).format(k=rng.randrange(1, 12))


def license_url(rng: random.Random, created_on: date) -> str | None:
    """The licence. Half of the papers before 2009 have none."""
    if created_on < _LICENSES_BEGIN:
        return None if rng.random() < 0.5 else "http://arxiv.org/licenses/assumed-1991-2003/"
    return rng.choice(_LICENSES)


def doi(rng: random.Random) -> str | None:
    """A DOI or None. Some fields have several DOIs, a trailing comma, or a SICI."""
    draw = rng.random()
    if draw > 0.3:
        return None
    value = f"10.{rng.randrange(1001, 9999)}/{rng.choice('abcjmps')}.{rng.getrandbits(32)}"
    if draw < 0.004:
        return f"{value},"
    if draw < 0.012:
        other = f"10.{rng.randrange(1001, 9999)}/{rng.getrandbits(24)}.{rng.randrange(90)}"
        return rng.choice((", ", " ", "; ")).join((value, other))
    if draw < 0.02:
        pages, number = rng.randrange(9, 400), rng.randrange(1, 13)
        return f"10.1002/(SICI)1097-0118(1997{number:02d})25:2<{pages}::AID-JGT{number}>3.0.CO;2-N"
    return value


def journal_ref(rng: random.Random) -> str | None:
    """The journal reference, or None. Some name two journals, on two lines."""
    if rng.random() > 0.25:
        return None
    ref = f"{rng.choice(_JOURNALS)} {rng.randrange(1, 99)}:{rng.randrange(1, 900)}-{rng.randrange(900, 999)}"
    return f"{ref};\n  erratum ibid. {rng.randrange(1, 99)}" if rng.random() < 0.05 else ref


def report_no(rng: random.Random) -> str | None:
    """The report number of an institute, or None."""
    number = rng.randrange(1, 400)
    return rng.choice((f"OST-PHYS {number}", f"KRV/{number:03d}-97, LMV-TH-{number}")) if rng.random() < 0.06 else None


def msc_class(rng: random.Random, primary: str) -> str | None:
    """MSC classes, mostly for papers in mathematics, or None."""
    return rng.choice(_MSC) if rng.random() < (0.4 if primary.startswith("math") else 0.03) else None


def acm_class(rng: random.Random, primary: str) -> str | None:
    """ACM classes, only for papers in computer science, or None."""
    return rng.choice(_ACM) if primary.startswith("cs.") and rng.random() < 0.2 else None
