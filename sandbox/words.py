"""The vocabulary of generated papers: fictional people, accounts, organisations, titles and abstracts."""

# Probabilities stand where they are drawn, and word lists stand as text.
# ruff: noqa: PLR2004, SIM905

from __future__ import annotations

import random
from dataclasses import dataclass

_GIVEN_1 = "Al Be Ca Da El Fi Ga Ha Il Jo Ka Lu Ma Ne Or Pe Qui Ro Sa Ti Ul Ve Wi Xa Yo Zu".split()
_GIVEN_2 = "ba chi dra fen gor hal ja lin mi ne rin sho ta vi zel".split()
_FAMILY_1 = "Ash Bor Cel Dun Esk Fal Gri Hul Ing Jar Kol Lom Mor Nar Ost Pel Quo Rav Sol Tor Und Vas Wen Zor".split()
_FAMILY_2 = "abek berg dov ell fay gan hime ikko kov lund mar oru rez sen tani uvo wick yama".split()
_FOREIGN_FAMILIES = ("Nörvæk", "Łazduń", "Çelmàr", "O'Fennag", "van der Quill", "Ōtazumi", "de Várzeha")
_COMPANY_COUNT = 12
_ACCENTS = (" 🤗", " 🚀", " 🦉", " ✨", " 雲野")


@dataclass(frozen=True, eq=False, slots=True)
class Account:
    """A user of the Hub. The Hub calls `login` `user` in some places and `name` in others."""

    id: str
    avatar: str
    is_pro: bool
    fullname: str
    login: str
    is_staff: bool
    followers: int


@dataclass(frozen=True, eq=False, slots=True)
class Organization:
    """An organisation on the Hub. Some have no `avatar`."""

    id: str
    slug: str
    fullname: str
    avatar: str | None


def _names(rng: random.Random) -> list[str]:
    given = [a + b for a in _GIVEN_1 for b in _GIVEN_2]
    family = [a + b for a in _FAMILY_1 for b in _FAMILY_2]
    names = [f"{rng.choice(given)} {rng.choice(family)}" for _ in range(6000)]
    for position, surname in enumerate(_FOREIGN_FAMILIES * 12):
        names[position * 71] = f"{rng.choice(given)} {surname}"
    return names


def _object_id(rng: random.Random) -> str:
    # A Mongo id starts with its creation time in seconds; these accounts date from 2018 to 2023.
    return f"{rng.randrange(0x5A500000, 0x64000000):08x}{rng.getrandbits(64):016x}"


def _account(rng: random.Random, name: str, number: int) -> Account:
    own_id = _object_id(rng)
    uploaded = f"https://cdn-avatars.huggingface.co/v1/production/uploads/{own_id}/{rng.getrandbits(80):020x}.png"
    avatar = uploaded if rng.random() < 0.4 else f"/avatars/{rng.getrandbits(128):032x}.svg"
    shown = name + rng.choice(_ACCENTS) if rng.random() < 0.02 else name
    login = name.lower().replace(" ", "-" if number % 2 else "").encode("ascii", "ignore").decode().replace("'", "")
    return Account(
        id=own_id,
        avatar=avatar,
        is_pro=rng.random() < 0.17,
        fullname=shown,
        login=f"{login}{number}",
        is_staff=rng.random() < 0.03,
        followers=int(rng.lognormvariate(1.9, 1.9)),
    )


def _organization(rng: random.Random, number: int) -> Organization:
    word = rng.choice(_FAMILY_1) + rng.choice(_FAMILY_2)
    kind = "Works" if number < _COMPANY_COUNT else rng.choice(("University", "Research", "Lab", "Institute", "AI "))
    avatar = (
        f"https://cdn-avatars.huggingface.co/v1/production/uploads/{_object_id(rng)}/{rng.getrandbits(80):020x}.png"
    )
    return Organization(
        id=_object_id(rng),
        slug=f"{word}{kind.strip()}-{number}",
        fullname=f"{word} {kind}",
        avatar=None if rng.random() < 0.06 else avatar,
    )


_COINED_1 = (
    "Aqua Brix Cirr Dovet Ember Fjord Gloss Hexa Iso Juni Kelp Lark Moss Nimb Opal Pleat Quar Rune Silt Twill".split()
)
_COINED_2 = "ara bind cast dex ello flux gram hop ium kin lace mend nova orb path rill span tide uno weft".split()
COINED = [a + b + c for a in _COINED_1 for b in _COINED_2 for c in ("", "-2", "XL", "-R", "Bench")]

MANNERS = (
    "Patient Frugal Layered Reversible Tidal Sparse Braided Nested Gradual Quiet Mirrored Elastic Woven "
    "Staggered Two-Sided Self-Checking Budgeted Delayed Folded Anchored"
).split()
METHODS = (
    "Token Weaving|Memory Ledgers|Reward Sieves|Attention Terraces|Gradient Relays|Latent Looms|"
    "Plan Rehearsal|Context Pruning|Expert Shuffling|Sketch Decoding|Error Diaries|Preference Tides"
).split("|")
GOALS = (
    "Long-Horizon Household Robots|Reading Handwritten Ledgers|Multilingual Weather Reports|"
    "Small Models on Old Telephones|Video of Moving Water|Proofs with Missing Steps|"
    "Speech in Noisy Kitchens|Maps Drawn from Memory|Code Nobody Documented|Questions Without Answers|"
    "Scenes Seen Through Glass|Tables with Torn Corners"
).split("|")
TOPICS = (
    "token weaving|memory ledger|reward sieve|terraced attention|gradient relay|latent loom|plan rehearsal|"
    "context pruning|expert shuffling|sketch decoding|error diary|preference tide|frugal tuning|folded cache|"
    "budgeted search|mirrored loss|braided encoder|delayed supervision|quiet sampling|anchored retrieval|"
    "staggered rollout|nested verifier|elastic vocabulary|tidal curriculum|woven representation (WR)|"
    "two-sided ranking|reversible adapter|patient planner|gap-aware decoding|sigma pruning"
).split("|")
LATEX_TITLES = (
    "{name}$^2$: {manner} {method} for {goal}",
    "{name}: Prefill \\& Rewind with {method}",
    "$\\alpha$-{name}: {manner} {method}",
)
FOREIGN_TITLES = (
    "μ{name}: {manner} {method}",
    "τ-{name}: {manner} {method} for {goal}",
    "{name} für Ungeübte: {method} — {goal}",
)
PLAIN_TITLES = (
    "{name}: {manner} {method} for {goal}",
    "{manner} {method} for {goal}",
    "{name}: Can {manner} {method} Help with {goal}?",
    "Rethinking {method}: A {manner} View of {goal}",
)

_OPENINGS = (
    "We introduce a {topic} that keeps its intermediate notes and consults them before every answer",
    "Models that rely on {topic} tend to lose the thread once a task outlasts their first plan",
    "This report asks how far a {topic} can be carried when neither labels nor simulators are at hand",
    "Progress on {topic} has so far been measured on tasks that end before any mistake can grow",
)
_MIDDLES = (
    "Our recipe couples a {topic} with a {other}, so that each corrects what the other overlooks",
    "A {topic} is trained in three short stages, of which only the last one touches the {other}",
    "We collect {many} episodes, hold out a fifth of them, and report every run including the failed ones",
    "Replacing the {topic} by a {other} costs {few} points and doubles the time to the first answer",
    "The method adds {few}% to the parameters and none to the latency, since the {topic} runs beside the {other}",
    "Careful ablations show that the {topic} matters most where the {other} is least certain",
)
_ENDINGS = (
    "On {many} held-out cases it improves on the strongest baseline by {few} points at a third of the cost",
    "Code, data and all logs are released so that others can repeat, and refute, each of our claims",
    "We close with a list of what did not work, from {topic} to {other}, and why we think so",
    "Pruning by Ω and μ alone, naïve as it looks, keeps {few}% of the {topic} and loses nothing we could measure",
    "These results suggest that a {topic} and a {other} are two views of one mechanism",
)


def _sentences(rng: random.Random, forms: tuple[str, ...], count: int) -> list[str]:
    return [
        rng.choice(forms).format(
            topic=rng.choice(TOPICS),
            other=rng.choice(TOPICS),
            many=f"{rng.randrange(2, 90)},{rng.randrange(1000):03d}",
            few=f"{rng.randrange(1, 19)}.{rng.randrange(10)}",
        )
        + "."
        for _ in range(count)
    ]


_rng = random.Random("paperlake: a vocabulary that is the same in every world")  # noqa: S311 - no secret
NAMES = _names(_rng)
ACCOUNTS = [_account(_rng, name, number) for number, name in enumerate(NAMES[:1200])]
ORGANIZATIONS = [_organization(_rng, number) for number in range(140)]
OPENINGS = _sentences(_rng, _OPENINGS, 200)
MIDDLES = _sentences(_rng, _MIDDLES, 900)
ENDINGS = _sentences(_rng, _ENDINGS, 300)


def wrapped(text: str, width: int, indent: str = "") -> str:
    """Break `text` at blanks into lines of at most `width`, as in arXiv's mails. Later lines are indented."""
    # textwrap takes thirty times as long, and a world of a million entries wraps two million texts.
    lines = []
    start, room = 0, width
    while len(text) - start > room:
        cut = text.rfind(" ", start, start + room + 1)
        if cut <= start:
            break
        lines.append(text[start:cut])
        start, room = cut + 1, width - len(indent)
    lines.append(text[start:])
    return f"\n{indent}".join(lines)
