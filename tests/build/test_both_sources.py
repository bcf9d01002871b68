"""Lists and arXiv's records in any order and portions make one lake, and a rebuild finds nothing to change in it."""

import os
import shutil
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paperlake.build.publish import publish_months, waiting_months
from paperlake.build.rebuild import known_months, rebuild
from paperlake.quality.validator import Validator
from paperlake.store.inbox import keep
from paperlake.store.lake import Lake
from paperlake.store.verify import verify
from schemas.arxiv_replies import ARXIV_REPLIES
from schemas.hub_replies import HUB_REPLIES
from tests import arxiv_answers
from tests.build.test_rebuild import parts
from tests.replies import capture, entry

EXAMPLES = int(os.environ.get("PAPERLAKE_SOAK_PROGRAMS", "8"))
MIDNIGHT = datetime(2025, 11, 20, tzinfo=UTC)
IDS = st.sampled_from(["2509.00010", "2510.00020", "2511.00030", "2511.00031"])
DATES = st.sampled_from([date(2025, 10, 30), date(2025, 10, 31), date(2025, 11, 3)])
WORDS = st.sampled_from(["A title", "Another title"])
LISTED = st.builds(
    lambda paper, title, votes, people: entry(
        paper, paper__title=title, paper__upvotes=votes, paper__authors=[{"name": name} for name in people]
    ),
    *(IDS, WORDS, st.integers(0, 2), st.sampled_from([[], ["Ada Birch"], ["Bo Elm", "Ada Birch"]])),
)
RECORD = st.builds(
    lambda paper, stamp, title, is_deleted: arxiv_answers.record(paper, stamp, deleted=is_deleted, title=title),
    *(IDS, st.sampled_from(["2025-11-05", "2025-11-06"]), WORDS, st.sampled_from([False, False, True])),
)


@st.composite
def list_answered(draw):
    """The answer of a capture; another of the same capture may come a little later, and is the one that counts."""
    day = draw(DATES)
    began = MIDNIGHT + timedelta(hours=draw(st.integers(0, 1)))
    held = draw(st.lists(LISTED, max_size=3, unique_by=lambda one: one["paper"]["id"]))
    (answer,) = capture(held, day, began)
    return HUB_REPLIES, answer | {"captured_at": began + timedelta(seconds=draw(st.integers(0, 2)))}


@st.composite
def records_told(draw):
    """An answer of arXiv, on one of two days of two months."""
    at = datetime(2025, 11, 30, 23, 59, tzinfo=UTC) + timedelta(seconds=40 * draw(st.integers(0, 2)))
    body = arxiv_answers.xml_page(*draw(st.lists(RECORD, min_size=1, max_size=3)))
    return ARXIV_REPLIES, arxiv_answers.replies(body, at=at).row(0, named=True)


PORTIONS = st.lists(
    st.lists(st.one_of(list_answered(), records_told()), min_size=1, max_size=4), min_size=1, max_size=5
)


def published(root, portions):
    """A lake that was told the portions one after the other, and published what had come after each."""
    lake = Lake(root)
    for portion in portions:
        for table, answer in portion:
            keep(lake, table, answer)
        assert not [each.fault for each in publish_months(lake, waiting_months(lake)) if each.fault]
    return lake


@given(PORTIONS, st.randoms(use_true_random=False))
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=EXAMPLES == 8,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_what_came_in_portions_is_what_comes_at_once(tmp_path, portions, random):
    every = [answer for portion in portions for answer in portion]
    with pytest.MonkeyPatch.context() as patch:
        # What is judged is the same rows again, and nothing dies here.
        patch.setattr(Validator, "findings", lambda *_: [])
        patch.setattr("os.fsync", lambda _: None)
        grown = published(tmp_path / "grown", portions)
        random.shuffle(every)
        at_once = published(tmp_path / "at once", [every])
        assert parts(grown) == parts(at_once)
        assert not [each for each in rebuild(grown, known_months(grown), force=True) if each.is_changed or each.fault]
        assert not verify(grown).faults
    shutil.rmtree(grown.root)
    shutil.rmtree(at_once.root)
