"""The text of a Hub entry: an invented paper on one list, in the shape of that list's era.

Keys stand in the order of the recorded entries. The text is written straight away as JSON, since making objects and
encoding them takes four times as long; it is cut where the counts of the moment go.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from json.encoder import encode_basestring as quoted
from typing import NamedTuple

from sandbox.clock import NEW_YORK, opens_at
from sandbox.eras import Era, era
from sandbox.invented import Author, Paper
from sandbox.words import Account, Organization, wrapped

_TITLE_WIDTH, _ABSTRACT_WIDTH = 72, 80
_SUMMARY_MODEL = "example/notes-small"
_SUMMER_SHIFT_S = 1.5 * 3600
_PICTURES = "https://cdn-thumbnails.huggingface.co/social-thumbnails/papers"


class EntryText(NamedTuple):
    """An entry's JSON but for its counts, and its AI fields apart because they arrive late."""

    to_votes: str
    to_ai: str
    ai: str
    stars_key: str
    to_comments: str
    to_end: str

    def at(self, votes: int, comments: int, stars: int, *, has_ai: bool) -> str:
        """The whole entry with these counts."""
        ai = self.ai if has_ai else ""
        starred = f"{self.stars_key}{stars}" if self.stars_key else ""
        return f"{self.to_votes}{votes}{self.to_ai}{ai}{starred}{self.to_comments}{comments}{self.to_end}"


def stamp(at: datetime) -> str:
    """`at` as the Hub writes instants: the wall clock that it shows, to the millisecond, and a Z."""
    return at.isoformat("T", "milliseconds")[:23] + "Z"


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _word(truth: bool) -> str:  # noqa: FBT001 - a truth is all it is about
    return "true" if truth else "false"


@lru_cache(maxsize=4096)
def _user(account: Account, shape: Era) -> str:
    own_id = f'"{shape.user_id_key}":"{account.id}",' if shape.user_id_key else ""
    name = f',"name":"{account.login}"' if shape.has_user_name else ""
    return (
        f'{{{own_id}"avatarUrl":"{account.avatar}","isPro":{_word(account.is_pro)},'
        f'"fullname":{quoted(account.fullname)},"user":"{account.login}","type":"user"{name}}}'
    )


@lru_cache(maxsize=4096)
def _submitter(account: Account, shape: Era) -> str:
    own_id = f'"_id":"{account.id}",' if shape.has_submitter_id else ""
    admin = '"isHfAdmin":false,' if shape.has_admin_flag else ""
    # The Hub leaves the count out where nobody follows.
    followers = f',"followerCount":{account.followers}' if shape.has_followers and account.followers else ""
    following = ',"isUserFollowing":false' if shape.has_following_flag else ""
    return (
        f'{{{own_id}"avatarUrl":"{account.avatar}","fullname":{quoted(account.fullname)},"name":"{account.login}",'
        f'"type":"user","isPro":{_word(account.is_pro)},"isHf":{_word(account.is_staff)},{admin}"isMod":false'
        f"{followers}{following}}}"
    )


@lru_cache(maxsize=256)
def _organization(organization: Organization) -> str:
    avatar = f',"avatar":"{organization.avatar}"' if organization.avatar else ""
    return (
        f'{{"_id":"{organization.id}","name":"{organization.slug}","fullname":{quoted(organization.fullname)}{avatar}}}'
    )


def _author(author: Author, shape: Era) -> str:
    own_id, name, standing = author
    if standing is None:
        # Invented names hold nothing that JSON would escape.
        return f'{{"_id":"{own_id}","name":"{name}","hidden":false}}'
    user = f'"user":{_user(standing.account, shape)},' if standing.account else ""
    changed_at = stamp(datetime.fromtimestamp(standing.since_s, UTC))
    return (
        f'{{"_id":"{own_id}",{user}"name":{quoted(name)},"status":"{standing.status}",'
        f'"statusLastChangedAt":"{changed_at}","hidden":{_word(standing.is_hidden)}}}'
    )


@lru_cache(maxsize=1024)
def _shift_s(day: date) -> float:
    # The Hub shifts the clock so that the date it shows is the list's: by 1.5 hours in summer, 2.5 in winter.
    return (opens_at(day) - datetime.combine(day, time(tzinfo=UTC))).total_seconds()


def _submitted_at(day: date, listed_s: float) -> datetime:
    return datetime.fromtimestamp(listed_s - _shift_s(day), UTC)


def _submission(day: date, listed_s: float, shape: Era) -> str:
    return f"{day}T00:00:00.000Z" if shape.is_submitted_at_midnight else stamp(_submitted_at(day, listed_s))


def _envelope_published_at(published_at: datetime, day: date, listed_s: float, shape: Era) -> str:
    if shape.has_envelope_summary:
        # Since 2025-03-11: New York's wall clock, with a Z that lies.
        return stamp(published_at.astimezone(NEW_YORK))
    submitted_at = _submitted_at(day, listed_s)
    is_winter = _shift_s(day) > _SUMMER_SHIFT_S
    # In the winter of 2024-25 the shift was applied twice, so that many times show the day before.
    return stamp(submitted_at - timedelta(hours=2.5) if is_winter and shape.has_followers else submitted_at)


def _paper_title(title: str, shape: Era) -> str:
    # While the envelope kept its own title, arXiv's mathematics lost its dollars on the way into the paper's.
    plain = title if shape.has_envelope_summary else title.replace("$", "")
    return quoted(wrapped(plain, _TITLE_WIDTH, "  ") if shape.is_wrapped else plain)


class _Common(NamedTuple):
    """What stands in more than one place of an entry, as JSON, and the instants, in the shape of the era."""

    title: str
    abstract: str
    organization: str
    published_at: datetime


def _to_votes(paper: Paper, common: _Common, day: date, listed_s: float, shape: Era) -> str:
    authors = ",".join([_author(author, shape) for author in paper.authors])
    media = submitted_at = submitted_by = ""
    if shape.has_submission:
        media = f'"mediaUrls":{_texts(paper.media_urls)},' if paper.media_urls else ""
        submitted_at = f'"submittedOnDailyAt":"{_submission(day, listed_s, shape)}",'
        submitted_by = f'"submittedOnDailyBy":{_user(paper.submitter, shape)},'
    return (
        f'{{"paper":{{"id":"{paper.id}","authors":[{authors}],{media}"publishedAt":"{stamp(common.published_at)}",'
        f'{submitted_at}"title":{common.title},{submitted_by}"summary":{common.abstract},"upvotes":'
    )


@lru_cache(maxsize=8192)
def _keywords(values: tuple[str, ...]) -> str:
    return _texts(values)


def _texts(values: Iterable[str]) -> str:
    return "[" + ",".join([quoted(value) for value in values]) + "]"


def _to_ai(paper: Paper, shape: Era) -> str:
    parts = [f',"discussionId":"{paper.discussion_id}"'] if shape.has_discussion else []
    if shape.has_links and paper.project_page:
        parts.append(f',"projectPage":"{paper.project_page}"')
    if shape.has_links and paper.github_repo:
        parts.append(f',"githubRepo":"{paper.github_repo}"')
        if shape.has_repo_origin:
            parts.append(f',"githubRepoAddedBy":"{paper.repo_added_by}"')
    return "".join(parts)


def _ai(paper: Paper, shape: Era) -> str:
    summary = f',"ai_summary":{quoted(paper.ai_summary)}' if shape.has_summary else ""
    keywords = f',"ai_keywords":{_keywords(paper.ai_keywords)}' if shape.has_keywords else ""
    model = f',"ai_summary_model":"{_SUMMARY_MODEL}"' if shape.has_summary_model else ""
    return f"{summary}{keywords}{model}"


def _to_comments(paper: Paper, common: _Common, envelope_at: str, shape: Era) -> str:
    home = common.organization if shape.organization_key == "organization" else ""
    inner = f',"organization":{home}' if home else ""
    title = common.title if shape.has_envelope_summary else quoted(paper.title)
    summary = f',"summary":{common.abstract}' if shape.has_envelope_summary else ""
    media = f',"mediaUrls":{_texts(paper.media_urls)}' if shape.has_media_urls and paper.media_urls else ""
    picture = "thumbnail" if shape.has_thumbnail else "mediaUrl"
    return (
        f'{inner}}},"publishedAt":"{envelope_at}","title":{title}{summary}{media},'
        f'"{picture}":"{_PICTURES}/{paper.id}.png","numComments":'
    )


def _to_end(paper: Paper, common: _Common, shape: Era) -> str:
    submitter = f',"submittedBy":{_submitter(paper.submitter, shape)}' if shape.has_submitter else ""
    home = f',"{shape.organization_key}":{common.organization}' if common.organization else ""
    flag = f',"isAuthorParticipating":{_word(paper.is_author_participating)}' if shape.has_participation else ""
    return f"{submitter}{home}{flag}}}"


def entry_text(paper: Paper, day: date, listed_s: float) -> EntryText:
    """The entry of `paper` on the list of `day`.

    `listed_s` is the second of the epoch at which it came onto this list, which for a moved paper is not its first.
    """
    shape = era(day)
    common = _Common(
        title=_paper_title(paper.title, shape),
        abstract=quoted(wrapped(paper.abstract, _ABSTRACT_WIDTH) if shape.is_wrapped else paper.abstract),
        organization=_organization(paper.organization) if paper.organization and shape.organization_key else "",
        published_at=_midnight(paper.published_at) if shape.is_published_at_midnight else paper.published_at,
    )
    return EntryText(
        to_votes=_to_votes(paper, common, day, listed_s, shape),
        to_ai=_to_ai(paper, shape),
        ai=_ai(paper, shape),
        stars_key=',"githubStars":' if shape.has_stars and paper.github_repo is not None else "",
        to_comments=_to_comments(
            paper,
            common,
            _envelope_published_at(common.published_at, day, listed_s, shape),
            shape,
        ),
        to_end=_to_end(paper, common, shape),
    )
