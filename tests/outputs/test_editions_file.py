"""The file of editions in force belongs to the lake, and a run from another folder removes no feed."""

import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.build.publish import publish_months
from paperlake.store.inbox import keep
from schemas.hub_replies import HUB_REPLIES
from tests.replies import capture, entries

OWN = '[mine]\nevery = "day"\n'


@pytest.fixture
def lake(lake_in_force, monkeypatch):
    monkeypatch.delenv("PAPERLAKE_EDITIONS", raising=False)
    for row in capture(entries(3)):
        keep(lake_in_force, HUB_REPLIES, row)
    list(publish_months(lake_in_force, ["2025-11"]))
    return lake_in_force


@pytest.fixture
def site(lake, tmp_path, monkeypatch):
    """Runs `papers site` in a folder; with `text`, after writing its editions.toml."""

    def run(folder, text=None, *options):
        (tmp_path / folder).mkdir(exist_ok=True)
        if text is not None:
            (tmp_path / folder / "editions.toml").write_text(text)
        monkeypatch.chdir(tmp_path / folder)
        return CliRunner().invoke(main, ["site", *options])

    return run


def feeds(lake):
    return sorted({path.parent.name for path in (lake.site / "feeds").glob("*/*")})


def test_a_run_from_another_folder_uses_the_same_editions(lake, site, tmp_path):
    assert f"editions: {tmp_path / 'first' / 'editions.toml'}" in site("first", OWN).output
    assert feeds(lake) == ["mine"]
    for folder, text in (("elsewhere", None), ("with its own", '[other]\nevery = "week"\n')):
        result = site(folder, text)
        assert (result.exit_code, feeds(lake)) == (0, ["mine"])
        assert f"editions: {tmp_path / 'first' / 'editions.toml'}" in result.output


def test_feeds_are_removed_only_if_told(lake, site, monkeypatch, tmp_path):
    site("first", OWN)
    other = tmp_path / "other.toml"
    other.write_text('[other]\nevery = "week"\n')
    monkeypatch.setenv("PAPERLAKE_EDITIONS", str(other))
    result = site("first")
    assert (result.exit_code, feeds(lake)) == (1, ["mine"])
    assert "the site has feeds of mine, and the editions in force are other" in result.output
    assert site("first", None, "--remove-feeds").exit_code == 0
    assert feeds(lake) == ["other"]
    assert site("first").exit_code == 0


def test_a_remembered_file_that_is_gone_is_named(lake, site, tmp_path):
    site("first", OWN)
    (tmp_path / "first" / "editions.toml").unlink()
    result = site("elsewhere")
    assert result.exit_code == 1
    assert "first/editions.toml cannot be read" in result.output.replace("\n", "")
