"""The JSON of a Hub entry: a generated paper on one list, in the schema version of that list.

Keys have the order of the recorded entries. The JSON is built as text, because encoding objects takes four times as
long. It is split where the counts go, which change with time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from json.encoder import encode_basestring as quoted
from typing import NamedTuple

from sandbox.clock import NEW_YORK, opens_at
from sandbox.hub.papers import Author, Paper
from sandbox.hub.schema_versions import SchemaVersion, schema_version
from sandbox.words import Account, Organization, wrapped

_TITLE_WIDTH, _ABSTRACT_WIDTH = 72, 80
_SUMMARY_MODEL = "example/notes-small"
_SUMMER_SHIFT_S = 1.5 * 3600
_PICTURES = "https://cdn-thumbnails.huggingface.co/social-thumbnails/papers"


class EntryText(NamedTuple):
    """The parts of an entry's JSON between its counts. The AI fields are a separate part because they arrive later."""

    to_votes: str
    to_ai: str
    ai: str
    stars_key: str
    to_comments: str
    to_end: str

    def at(self, votes: int, comments: int, stars: int, *, has_ai: bool) -> str:
        """The complete entry with these counts."""
        ai = self.ai if has_ai else ""
        starred = f"{self.stars_key}{stars}" if self.stars_key else ""
        return f"{self.to_votes}{votes}{self.to_ai}{ai}{starred}{self.to_comments}{comments}{self.to_end}"


def stamp(at: datetime) -> str:
    """`at` in the Hub's form: its wall-clock time to the millisecond, and a Z whatever the time zone."""
    return at.isoformat("T", "milliseconds")[:23] + "Z"


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _json_bool(value: bool) -> str:  # noqa: FBT001 - the value to encode
    return "true" if value else "false"


@lru_cache(maxsize=4096)
def _user(account: Account, version: SchemaVersion) -> str:
    own_id = f'"{version.user_id_key}":"{account.id}",' if version.user_id_key else ""
    name = f',"name":"{account.login}"' if version.has_user_name else ""
    return (
        f'{{{own_id}"avatarUrl":"{account.avatar}","isPro":{_json_bool(account.is_pro)},'
        f'"fullname":{quoted(account.fullname)},"user":"{account.login}","type":"user"{name}}}'
    )


@lru_cache(maxsize=4096)
def _submitter(account: Account, version: SchemaVersion) -> str:
    own_id = f'"_id":"{account.id}",' if version.has_submitter_id else ""
    admin = '"isHfAdmin":false,' if version.has_admin_flag else ""
    # The Hub omits the count of a user without followers.
    followers = f',"followerCount":{account.followers}' if version.has_followers and account.followers else ""
    following = ',"isUserFollowing":false' if version.has_following_flag else ""
    return (
        f'{{{own_id}"avatarUrl":"{account.avatar}","fullname":{quoted(account.fullname)},"name":"{account.login}",'
        f'"type":"user","isPro":{_json_bool(account.is_pro)},"isHf":{_json_bool(account.is_staff)},{admin}"isMod":false'
        f"{followers}{following}}}"
    )


@lru_cache(maxsize=256)
def _organization(organization: Organization) -> str:
    avatar = f',"avatar":"{organization.avatar}"' if organization.avatar else ""
    return (
        f'{{"_id":"{organization.id}","name":"{organization.slug}","fullname":{quoted(organization.fullname)}{avatar}}}'
    )


def _author(author: Author, version: SchemaVersion) -> str:
    own_id, name, profile = author
    if profile is None:
        # Generated names contain no character that JSON escapes.
        return f'{{"_id":"{own_id}","name":"{name}","hidden":false}}'
    user = f'"user":{_user(profile.account, version)},' if profile.account else ""
    changed_at = stamp(datetime.fromtimestamp(profile.since_s, UTC))
    return (
        f'{{"_id":"{own_id}",{user}"name":{quoted(name)},"status":"{profile.status}",'
        f'"statusLastChangedAt":"{changed_at}","hidden":{_json_bool(profile.is_hidden)}}}'
    )


@lru_cache(maxsize=1024)
def _shift_s(day: date) -> float:
    # The Hub shifts submission times onto the date of the list: by 1.5 hours in summer, 2.5 in winter.
    return (opens_at(day) - datetime.combine(day, time(tzinfo=UTC))).total_seconds()


def _submitted_at(day: date, listed_s: float) -> datetime:
    return datetime.fromtimestamp(listed_s - _shift_s(day), UTC)


def _submission(day: date, listed_s: float, version: SchemaVersion) -> str:
    return f"{day}T00:00:00.000Z" if version.is_submitted_at_midnight else stamp(_submitted_at(day, listed_s))


def _envelope_published_at(published_at: datetime, day: date, listed_s: float, version: SchemaVersion) -> str:
    if version.has_envelope_summary:
        # Since 2025-03-11 the Hub writes New York's wall-clock time with a wrong Z.
        return stamp(published_at.astimezone(NEW_YORK))
    submitted_at = _submitted_at(day, listed_s)
    is_winter = _shift_s(day) > _SUMMER_SHIFT_S
    # In the winter of 2024-25 the Hub applied the shift twice, so that many times are on the day before.
    return stamp(submitted_at - timedelta(hours=2.5) if is_winter and version.has_followers else submitted_at)


def _paper_title(title: str, version: SchemaVersion) -> str:
    # While the envelope had its own title, the paper's title lost the dollar signs of TeX.
    plain = title if version.has_envelope_summary else title.replace("$", "")
    return quoted(wrapped(plain, _TITLE_WIDTH, "  ") if version.is_wrapped else plain)


class _Common(NamedTuple):
    """JSON that occurs in several places of an entry, and the publication time, in its schema version."""

    title: str
    abstract: str
    organization: str
    published_at: datetime


def _to_votes(paper: Paper, common: _Common, day: date, listed_s: float, version: SchemaVersion) -> str:
    authors = ",".join([_author(author, version) for author in paper.authors])
    media = submitted_at = submitted_by = ""
    if version.has_submission:
        media = f'"mediaUrls":{_json_array(paper.media_urls)},' if paper.media_urls else ""
        submitted_at = f'"submittedOnDailyAt":"{_submission(day, listed_s, version)}",'
        submitted_by = f'"submittedOnDailyBy":{_user(paper.submitter, version)},'
    return (
        f'{{"paper":{{"id":"{paper.id}","authors":[{authors}],{media}"publishedAt":"{stamp(common.published_at)}",'
        f'{submitted_at}"title":{common.title},{submitted_by}"summary":{common.abstract},"upvotes":'
    )


@lru_cache(maxsize=8192)
def _keywords(values: tuple[str, ...]) -> str:
    return _json_array(values)


def _json_array(values: Iterable[str]) -> str:
    return "[" + ",".join([quoted(value) for value in values]) + "]"


def _to_ai(paper: Paper, version: SchemaVersion) -> str:
    parts = [f',"discussionId":"{paper.discussion_id}"'] if version.has_discussion else []
    if version.has_links and paper.project_page:
        parts.append(f',"projectPage":"{paper.project_page}"')
    if version.has_links and paper.github_repo:
        parts.append(f',"githubRepo":"{paper.github_repo}"')
        if version.has_repo_origin:
            parts.append(f',"githubRepoAddedBy":"{paper.repo_added_by}"')
    return "".join(parts)


def _ai(paper: Paper, version: SchemaVersion) -> str:
    summary = f',"ai_summary":{quoted(paper.ai_summary)}' if version.has_summary else ""
    keywords = f',"ai_keywords":{_keywords(paper.ai_keywords)}' if version.has_keywords else ""
    model = f',"ai_summary_model":"{_SUMMARY_MODEL}"' if version.has_summary_model else ""
    return f"{summary}{keywords}{model}"


def _to_comments(paper: Paper, common: _Common, envelope_at: str, version: SchemaVersion) -> str:
    home = common.organization if version.organization_key == "organization" else ""
    inner = f',"organization":{home}' if home else ""
    title = common.title if version.has_envelope_summary else quoted(paper.title)
    summary = f',"summary":{common.abstract}' if version.has_envelope_summary else ""
    media = f',"mediaUrls":{_json_array(paper.media_urls)}' if version.has_media_urls and paper.media_urls else ""
    picture = "thumbnail" if version.has_thumbnail else "mediaUrl"
    return (
        f'{inner}}},"publishedAt":"{envelope_at}","title":{title}{summary}{media},'
        f'"{picture}":"{_PICTURES}/{paper.id}.png","numComments":'
    )


def _to_end(paper: Paper, common: _Common, version: SchemaVersion) -> str:
    submitter = f',"submittedBy":{_submitter(paper.submitter, version)}' if version.has_submitter else ""
    home = f',"{version.organization_key}":{common.organization}' if common.organization else ""
    flag = f',"isAuthorParticipating":{_json_bool(paper.is_author_participating)}' if version.has_participation else ""
    return f"{submitter}{home}{flag}}}"


def entry_text(paper: Paper, day: date, listed_s: float) -> EntryText:
    """The entry of `paper` on the list of `day`.

    `listed_s` is the time, in seconds since the epoch, at which the paper came onto this list. A moved paper had an
    earlier list.
    """
    version = schema_version(day)
    common = _Common(
        title=_paper_title(paper.title, version),
        abstract=quoted(wrapped(paper.abstract, _ABSTRACT_WIDTH) if version.is_wrapped else paper.abstract),
        organization=_organization(paper.organization) if paper.organization and version.organization_key else "",
        published_at=_midnight(paper.published_at) if version.is_published_at_midnight else paper.published_at,
    )
    return EntryText(
        to_votes=_to_votes(paper, common, day, listed_s, version),
        to_ai=_to_ai(paper, version),
        ai=_ai(paper, version),
        stars_key=',"githubStars":' if version.has_stars and paper.github_repo is not None else "",
        to_comments=_to_comments(
            paper,
            common,
            _envelope_published_at(common.published_at, day, listed_s, version),
            version,
        ),
        to_end=_to_end(paper, common, version),
    )
