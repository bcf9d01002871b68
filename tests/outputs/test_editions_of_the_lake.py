"""Editions belong to the lake: the working folder of a command does not change what readers get."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.config import read_settings
from paperlake.pipelines.daily import update_site
from tests.outputs.test_digest import DAY, publish_list
from tests.replies import entry

NLP = '[nlp]\ntitle = "Language"\nevery = "day"\npapers = 2\n'


@pytest.fixture
def lake(build_once, lake_in_force, monkeypatch):
    monkeypatch.delenv("PAPERLAKE_EDITIONS", raising=False)
    return build_once(
        lambda lake: publish_list(lake, DAY, [entry(f"2511.0000{n}", paper__upvotes=9 - n) for n in (1, 2, 3)]),
        lake_in_force,
    )


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Two folders: one with a file of editions, which is the working folder, and an empty one."""
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
    (tmp_path / "with/editions.toml").write_text(NLP)
    monkeypatch.chdir(tmp_path / "with")
    return tmp_path


def run(*arguments):
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def release(edition="nlp"):
    result = run("digest", "--edition", edition, "--date", DAY.isoformat())
    assert result.exit_code == 0, result.output
    return result


def feed(lake, edition="nlp", name="feed.json"):
    return (lake.site / "feeds" / edition / name).read_text()


def test_the_site_has_the_same_editions_from_any_folder(lake, folders, monkeypatch):
    release()
    run("site")
    before = {path.relative_to(lake.site): path.read_bytes() for path in lake.site.rglob("*") if path.is_file()}
    monkeypatch.chdir(folders / "without")
    result = run("site")
    after = {path.relative_to(lake.site): path.read_bytes() for path in lake.site.rglob("*") if path.is_file()}
    assert "removed" not in result.output
    assert before == after


def test_the_daily_run_has_the_editions_of_the_lake(lake, folders, monkeypatch):
    release()
    monkeypatch.chdir(folders / "without")
    assert update_site(read_settings()) == []
    assert json.loads(feed(lake))["title"] == "Language"


def test_an_issue_can_be_released_from_any_folder(lake, folders, monkeypatch):
    run("site")
    monkeypatch.chdir(folders / "without")
    release()
    assert len(json.loads(feed(lake))["items"]) == 2


def test_the_file_of_the_working_folder_does_not_replace_that_of_the_lake(lake, folders):
    lake.editions.write_text('[own]\nevery = "day"\n')
    assert str(lake.editions) in run("site").output
    assert [path.name for path in (lake.site / "feeds").iterdir()] == ["own"]


@pytest.mark.parametrize("command", [("site",), ("digest", "--edition", "nlp", "--date", "2025-11-06")])
def test_a_run_says_which_file_is_in_force(lake, folders, command):
    assert f"Editions: {lake.editions}" in run(*command).output
    assert json.loads(run(*command, "--json").output)["editions"] == str(lake.editions)


def test_a_preview_copies_nothing_into_the_lake(lake, folders):
    result = run("digest", "--edition", "nlp", "--date", DAY.isoformat(), "--preview")
    assert f"Editions: {folders / 'with/editions.toml'}" in result.output
    assert not lake.editions.exists()


def test_the_built_in_editions_are_not_copied(lake, folders, monkeypatch):
    monkeypatch.chdir(folders / "without")
    assert "comes with Paperlake" in run("site").output
    assert not lake.editions.exists()


def test_the_setting_names_another_file_and_a_difference_is_reported(lake, folders, monkeypatch):
    run("site")
    (folders / "other.toml").write_text('[other]\nevery = "day"\n')
    monkeypatch.setenv("PAPERLAKE_EDITIONS", str(folders / "other.toml"))
    output = run("site").output
    assert f"{folders / 'other.toml'} (PAPERLAKE_EDITIONS); {lake.editions} is different and not used" in output


def test_mail_addresses_are_not_copied_into_the_lake(lake, folders, monkeypatch):
    (folders / "with/editions.toml").write_text(f'{NLP}recipients = ["ada@example.org"]\n')
    release()
    run("site")
    monkeypatch.chdir(folders / "without")
    result = run("site")
    assert f"{folders / 'with/editions.toml'} (not copied into the lake" in result.output
    assert json.loads(feed(lake))["title"] == "Language"
    assert not lake.editions.exists()
    assert not [path for path in lake.root.rglob("*") if path.is_file() and b"ada@example.org" in path.read_bytes()]


def test_an_invalid_file_is_not_copied_into_the_lake(lake, folders):
    (folders / "with/editions.toml").write_text("[nlp]\n")
    assert run("site").exit_code == 1
    assert not lake.editions.exists()


def test_an_unknown_edition_is_reported_with_the_file(lake, folders):
    result = run("digest", "--edition", "daily", "--preview")
    assert result.exit_code == 2
    assert "choose one of: nlp" in result.output
    assert "with/editions.toml" in result.output.replace("\n", "").replace(" ", "")


def test_a_file_of_the_working_folder_that_is_not_used_is_named(lake, folders):
    assert "not used" not in run("site").output
    (folders / "with/editions.toml").write_text(NLP.replace("papers = 2", "papers = 3"))
    assert f"{lake.editions}; {folders / 'with/editions.toml'} is different and not used" in run("site").output


def test_a_remembered_file_that_is_gone_is_an_error_and_not_replaced_by_other_editions(lake, folders, monkeypatch):
    path = folders / "with/editions.toml"
    path.write_text(f'{NLP}recipients = ["ada@example.org"]\n')
    run("site")
    release()
    before = feed(lake)
    path.rename(folders / "moved.toml")
    for command in (("site",), ("digest", "--edition", "daily", "--date", DAY.isoformat())):
        result = run(*command)
        assert result.exit_code == 1
        assert "editions.toml cannot be read" in result.output
        assert "PAPERLAKE_EDITIONS" in result.output
    assert feed(lake) == before
    monkeypatch.setenv("PAPERLAKE_EDITIONS", str(folders / "moved.toml"))
    assert run("site").exit_code == 0
    monkeypatch.delenv("PAPERLAKE_EDITIONS")
    assert str(folders / "moved.toml") in run("site").output


class TestUndeclared:
    @pytest.fixture(autouse=True)
    def _undeclared(self, lake, folders):
        assert Path.cwd() == folders / "with"
        run("site")
        release()
        lake.editions.write_text('[daily]\nevery = "day"\n')

    def test_an_edition_with_issues_keeps_its_feeds(self, lake):
        before = {name: feed(lake, name=name) for name in ("atom.xml", "rss.xml", "feed.json")}
        result = run("site")
        assert {name: feed(lake, name=name) for name in before} == before
        assert "not declared in" in result.output
        assert "papers site --remove-edition" in result.output
        assert "Language" in (lake.site / "feeds.html").read_text()

    def test_its_feeds_are_rendered_again_if_the_site_is_deleted(self, lake):
        run("site")
        before = feed(lake, name="atom.xml")
        (lake.site / "feeds/nlp/atom.xml").unlink()
        run("site")
        assert feed(lake, name="atom.xml") == before

    def test_an_explicit_option_removes_its_feeds_for_good(self, lake):
        assert run("site", "--remove-edition", "nlp").exit_code == 0
        assert not (lake.site / "feeds/nlp").exists()
        assert "not declared" not in run("site", "--force").output
        assert not (lake.site / "feeds/nlp/atom.xml").exists()

    def test_a_declared_edition_cannot_be_removed(self, lake):
        lake.editions.write_text(NLP)
        result = run("site", "--remove-edition", "nlp")
        assert result.exit_code == 1
        assert "is a declared edition" in result.output

    def test_an_edition_that_never_had_an_issue_cannot_be_removed(self):
        result = run("site", "--remove-edition", "npl")
        assert result.exit_code == 1
        assert "editions that are not declared any more: nlp" in result.output

    def test_an_edition_that_is_declared_again_has_its_feeds_again(self, lake):
        run("site", "--remove-edition", "nlp")
        lake.editions.write_text(NLP)
        run("site")
        lake.editions.write_text('[daily]\nevery = "day"\n')
        run("site")
        assert len(json.loads(feed(lake))["items"]) == 2

    def test_an_edition_without_issues_goes_with_its_declaration(self, lake):
        run("site")
        assert (lake.site / "feeds/daily/atom.xml").exists()
        lake.editions.write_text('[weekly]\nevery = "week"\n')
        run("site")
        assert not (lake.site / "feeds/daily/atom.xml").exists()
