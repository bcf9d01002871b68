"""arXiv's groups, archives and categories, as the OAI sets of its old and its new server (November 2026)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

GROUPS = {
    "physics": "Physics",
    "math": "Mathematics",
    "q-bio": "Quantitative Biology",
    "cs": "Computer Science",
    "q-fin": "Quantitative Finance",
    "stat": "Statistics",
    "eess": "Electrical Engineering and Systems Science",
    "econ": "Economics",
}
# A line for each archive: group, archive, name. Its categories, if any, follow on indented lines.
_ARCHIVES = """
physics|astro-ph|Astrophysics
    CO|Cosmology and Nongalactic Astrophysics; EP|Earth and Planetary Astrophysics; GA|Astrophysics of Galaxies;
    HE|High Energy Astrophysical Phenomena; IM|Instrumentation and Methods for Astrophysics;
    SR|Solar and Stellar Astrophysics
physics|cond-mat|Condensed Matter
    dis-nn|Disordered Systems and Neural Networks; mes-hall|Mesoscale and Nanoscale Physics;
    mtrl-sci|Materials Science; other|Other Condensed Matter; quant-gas|Quantum Gases; soft|Soft Condensed Matter;
    stat-mech|Statistical Mechanics; str-el|Strongly Correlated Electrons; supr-con|Superconductivity
cs|cs|Computer Science
    AI|Artificial Intelligence; AR|Hardware Architecture; CC|Computational Complexity;
    CE|Computational Engineering, Finance, and Science; CG|Computational Geometry; CL|Computation and Language;
    CR|Cryptography and Security; CV|Computer Vision and Pattern Recognition; CY|Computers and Society; DB|Databases;
    DC|Distributed, Parallel, and Cluster Computing; DL|Digital Libraries; DM|Discrete Mathematics;
    DS|Data Structures and Algorithms; ET|Emerging Technologies; FL|Formal Languages and Automata Theory;
    GL|General Literature; GR|Graphics; GT|Computer Science and Game Theory; HC|Human-Computer Interaction;
    IR|Information Retrieval; IT|Information Theory; LG|Machine Learning; LO|Logic in Computer Science;
    MA|Multiagent Systems; MM|Multimedia; MS|Mathematical Software; NA|Numerical Analysis;
    NE|Neural and Evolutionary Computing; NI|Networking and Internet Architecture; OH|Other Computer Science;
    OS|Operating Systems; PF|Performance; PL|Programming Languages; RO|Robotics; SC|Symbolic Computation; SD|Sound;
    SE|Software Engineering; SI|Social and Information Networks; SY|Systems and Control
econ|econ|Economics
    EM|Econometrics; GN|General Economics; TH|Theoretical Economics
eess|eess|Electrical Engineering and Systems Science
    AS|Audio and Speech Processing; IV|Image and Video Processing; SP|Signal Processing; SY|Systems and Control
physics|gr-qc|General Relativity and Quantum Cosmology
physics|hep-ex|High Energy Physics - Experiment
physics|hep-lat|High Energy Physics - Lattice
physics|hep-ph|High Energy Physics - Phenomenology
physics|hep-th|High Energy Physics - Theory
math|math|Mathematics
    AC|Commutative Algebra; AG|Algebraic Geometry; AP|Analysis of PDEs; AT|Algebraic Topology;
    CA|Classical Analysis and ODEs; CO|Combinatorics; CT|Category Theory; CV|Complex Variables;
    DG|Differential Geometry; DS|Dynamical Systems; FA|Functional Analysis; GM|General Mathematics;
    GN|General Topology; GR|Group Theory; GT|Geometric Topology; HO|History and Overview; IT|Information Theory;
    KT|K-Theory and Homology; LO|Logic; MG|Metric Geometry; MP|Mathematical Physics; NA|Numerical Analysis;
    NT|Number Theory; OA|Operator Algebras; OC|Optimization and Control; PR|Probability; QA|Quantum Algebra;
    RA|Rings and Algebras; RT|Representation Theory; SG|Symplectic Geometry; SP|Spectral Theory; ST|Statistics Theory
physics|math-ph|Mathematical Physics
physics|nlin|Nonlinear Sciences
    AO|Adaptation and Self-Organizing Systems; CD|Chaotic Dynamics; CG|Cellular Automata and Lattice Gases;
    PS|Pattern Formation and Solitons; SI|Exactly Solvable and Integrable Systems
physics|nucl-ex|Nuclear Experiment
physics|nucl-th|Nuclear Theory
physics|physics|Physics
    acc-ph|Accelerator Physics; ao-ph|Atmospheric and Oceanic Physics; app-ph|Applied Physics;
    atm-clus|Atomic and Molecular Clusters; atom-ph|Atomic Physics; bio-ph|Biological Physics;
    chem-ph|Chemical Physics; class-ph|Classical Physics; comp-ph|Computational Physics;
    data-an|Data Analysis, Statistics and Probability; ed-ph|Physics Education; flu-dyn|Fluid Dynamics;
    gen-ph|General Physics; geo-ph|Geophysics; hist-ph|History and Philosophy of Physics;
    ins-det|Instrumentation and Detectors; med-ph|Medical Physics; optics|Optics; plasm-ph|Plasma Physics;
    pop-ph|Popular Physics; soc-ph|Physics and Society; space-ph|Space Physics
q-bio|q-bio|Quantitative Biology
    BM|Biomolecules; CB|Cell Behavior; GN|Genomics; MN|Molecular Networks; NC|Neurons and Cognition;
    OT|Other Quantitative Biology; PE|Populations and Evolution; QM|Quantitative Methods; SC|Subcellular Processes;
    TO|Tissues and Organs
q-fin|q-fin|Quantitative Finance
    CP|Computational Finance; EC|Economics; GN|General Finance; MF|Mathematical Finance; PM|Portfolio Management;
    PR|Pricing of Securities; RM|Risk Management; ST|Statistical Finance; TR|Trading and Market Microstructure
physics|quant-ph|Quantum Physics
stat|stat|Statistics
    AP|Applications; CO|Computation; ME|Methodology; ML|Machine Learning; OT|Other Statistics; TH|Statistics Theory
"""
# Categories with a name in each of two archives. Most papers list both names.
_PAIRS = (
    ("math-ph", "math.MP"),
    ("cs.IT", "math.IT"),
    ("math.ST", "stat.TH"),
    ("cs.SY", "eess.SY"),
    ("cs.NA", "math.NA"),
    ("q-fin.EC", "econ.GN"),
)
ALIASES = {name: other for pair in _PAIRS for name, other in (pair, pair[::-1])}
# Archives that ended in the nineties and that old papers still list: group, archive, successor.
_ENDED = """
math alg-geom math.AG; math dg-ga math.DG; math funct-an math.FA; math q-alg math.QA; cs cmp-lg cs.CL
physics adap-org nlin.AO; physics chao-dyn nlin.CD; physics comp-gas nlin.CG; physics patt-sol nlin.PS
physics solv-int nlin.SI; physics acc-phys physics.acc-ph; physics ao-sci physics.ao-ph; physics atom-ph physics.atom-ph
physics bayes-an physics.data-an; physics chem-ph physics.chem-ph; physics plasm-ph physics.plasm-ph
physics mtrl-th cond-mat.mtrl-sci; physics supr-con cond-mat.supr-con
"""


class Category(NamedTuple):
    """A category: its id on papers (`cs.AI`, `hep-th`), its name, its group and its archive."""

    id: str
    name: str
    group: str
    archive: str

    @property
    def set_spec(self) -> str:
        """The set of the new server: group, archive, and the category if the archive has several."""
        return ":".join((self.group, *self.id.split(".")))

    @property
    def old_set_spec(self) -> str:
        """The set of the old server: the archive for physics, the group for all others."""
        return f"physics:{self.archive}" if self.group == "physics" else self.group


def _read_archives() -> tuple[dict[str, str], dict[str, Category]]:
    archives, categories = {}, {}
    group = archive = name = ""
    for line in _ARCHIVES.strip().splitlines():
        if line.startswith(" "):
            for part in line.strip(" ;").split("; "):
                suffix, category_name = part.split("|")
                categories[f"{archive}.{suffix}"] = Category(f"{archive}.{suffix}", category_name, group, archive)
            categories.pop(archive, None)
        else:
            group, archive, name = line.split("|")
            archives[f"{group}:{archive}"] = name
            categories[archive] = Category(archive, name, group, archive)
    return archives, categories


ARCHIVES, CATEGORIES = _read_archives()
_ENDED_PARTS = [each.split() for each in _ENDED.strip().replace("\n", "; ").split("; ")]
ENDED_ARCHIVES = {name: Category(name, name, group, name) for group, name, _ in _ENDED_PARTS}
SUCCESSORS = {name: successor for _, name, successor in _ENDED_PARTS}
NEW_SETS: dict[str, str] = GROUPS | ARCHIVES | {each.set_spec: each.name for each in CATEGORIES.values()}
OLD_SETS: dict[str, str] = {
    **GROUPS,
    **{spec: name for spec, name in ARCHIVES.items() if spec.startswith("physics:")},
    "physics:physics": "Physics (Other)",
}


def current_categories(categories: tuple[str, ...]) -> list[Category]:
    """A paper's categories as in its record: each with its alias after it, ended archives replaced by successors."""
    names = (name for each in categories for name in (SUCCESSORS.get(each, each), ALIASES.get(each, "")) if name)
    return [CATEGORIES[name] for name in dict.fromkeys(names)]


def new_sets(categories: tuple[str, ...]) -> list[str]:
    """The sets in a record's header on the new server."""
    return [each.set_spec for each in current_categories(categories)]


def new_sets_in_lists(categories: tuple[str, ...]) -> list[str]:
    """The sets in `ListIdentifiers` on the new server. They differ: no aliases, and ended archives are included."""
    return [(CATEGORIES.get(each) or ENDED_ARCHIVES[each]).set_spec for each in categories]


def old_sets(categories: tuple[str, ...]) -> list[str]:
    """The sets in a paper's header on the old server: distinct, in alphabetical order."""
    return sorted({each.old_set_spec for each in current_categories(categories)})


@lru_cache(maxsize=1 << 16)
def is_within(categories: tuple[str, ...], set_spec: str) -> bool:
    """Whether any of a paper's categories belongs to a set or to a set below it."""
    return any(f"{spec}:".startswith(f"{set_spec}:") for spec in new_sets(categories))
