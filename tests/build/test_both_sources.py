"""Evidence of both sources gives the same lake in any order and any batches, and a rebuild changes nothing."""

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
def list_answers(draw):
    """The answer of a capture. Several may share a page of a capture; then the newest counts."""
    day = draw(DATES)
    began = MIDNIGHT + timedelta(hours=draw(st.integers(0, 1)))
    entries = draw(st.lists(LISTED, max_size=3, unique_by=lambda item: item["paper"]["id"]))
    (answer,) = capture(entries, day, began)
    return HUB_REPLIES, answer | {"captured_at": began + timedelta(seconds=draw(st.integers(0, 2)))}


@st.composite
def record_answers(draw):
    """An answer of arXiv, on the last day of a month or the first of the next."""
    at = datetime(2025, 11, 30, 23, 59, tzinfo=UTC) + timedelta(seconds=40 * draw(st.integers(0, 2)))
    body = arxiv_answers.xml_page(*draw(st.lists(RECORD, min_size=1, max_size=3)))
    return ARXIV_REPLIES, arxiv_answers.replies(body, at=at).row(0, named=True)


BATCHES = st.lists(
    st.lists(st.one_of(list_answers(), record_answers()), min_size=1, max_size=4), min_size=1, max_size=5
)


def publish_batches(root, batches):
    """A lake that stored the batches one after the other and published after each."""
    lake = Lake(root)
    for batch in batches:
        for table, answer in batch:
            keep(lake, table, answer)
        assert not [result.fault for result in publish_months(lake, waiting_months(lake)) if result.fault]
    return lake


@given(BATCHES, st.randoms(use_true_random=False))
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=EXAMPLES == 8,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_batches_give_the_same_bytes_as_all_at_once(tmp_path, batches, random):
    answers = [answer for batch in batches for answer in batch]
    with pytest.MonkeyPatch.context() as patch:
        # Faster without validation, which does not change rows, and without fsync, because no process is killed here.
        patch.setattr(Validator, "findings", lambda *_: [])
        patch.setattr("os.fsync", lambda _: None)
        batched = publish_batches(tmp_path / "batched", batches)
        random.shuffle(answers)
        at_once = publish_batches(tmp_path / "at once", [answers])
        assert parts(batched) == parts(at_once)
        results = rebuild(batched, known_months(batched), force=True)
        assert not [result for result in results if result.is_changed or result.fault]
        assert not verify(batched).faults
    shutil.rmtree(batched.root)
    shutil.rmtree(at_once.root)
