"""A paper may be named as people write it; what is no identifier is an error on one line."""

import gzip
from hashlib import sha256

import pytest
from click.testing import CliRunner

from cli.main import main
from paperlake.operations.import_arxiv import import_snapshot
from paperlake.operations.lineage import trace_paper
from paperlake.paper_id import InvalidPaperId, parse_paper_id
from sandbox.arxiv.generated import generate_papers
from tests.arxiv_rows import snapshot_line


@pytest.mark.parametrize(
    ("written", "paper_id"),
    [
        ("2511.01234", "2511.01234"),
        (" 2511.01234v3 ", "2511.01234"),
        ("0704.0001", "0704.0001"),
        ("arXiv:1101.3650v2", "1101.3650"),
        ("ARXIV: 1101.3650", "1101.3650"),
        ("arXiv:1101.3650v2 [hep-th]", "1101.3650"),
        ("https://arxiv.org/abs/1101.3650", "1101.3650"),
        ("https://arxiv.org/abs/1101.3650v1?context=cs", "1101.3650"),
        ("http://www.arxiv.org/pdf/1101.3650v1.pdf", "1101.3650"),
        ("arxiv.org/pdf/2511.01234v2#page=3", "2511.01234"),
        ("https://arxiv.org/html/2511.01234v1#S1", "2511.01234"),
        ("https://arxiv.org/html/2511.01234v1/x1.png", "2511.01234"),
        ("https://export.arxiv.org/abs/hep-th/9901001v1", "hep-th/9901001"),
        ("https://huggingface.co/papers/2511.01234", "2511.01234"),
        ("https://huggingface.co/papers/2511.01234/#community", "2511.01234"),
        ("https://doi.org/10.48550/arXiv.2511.01234", "2511.01234"),
        ("10.48550/arXiv.hep-th/9901001", "hep-th/9901001"),
        ("oai:arXiv.org:math/0309136", "math/0309136"),
        ("hep-th/9901001v1", "hep-th/9901001"),
        ("HEP-TH/9901001", "hep-th/9901001"),
        ("hep-th%2F9901001", "hep-th/9901001"),
        ("math.GT/0309136", "math/0309136"),
        ("https://arxiv.org/abs/math.GT/0309136v2", "math/0309136"),
        ("<https://arxiv.org/abs/2511.01234>", "2511.01234"),
    ],
)
def test_every_way_to_write_an_identifier(written, paper_id):
    assert parse_paper_id(written) == paper_id


@pytest.mark.parametrize(
    "written",
    [
        "",
        "2511",
        "2513.01234",
        "2511.123",
        "2511.012345",
        "2511.01234 2511.01235",
        "hep-th/99010",
        "https://arxiv.org/list/cs/recent",
        "https://huggingface.co/papers/date/2025-11-06",
        "https://example.org/abs/2511.01234",
        "10.1145/2511.01234",
        "On Trees",
        "x" * 5000,
    ],
)
def test_what_is_no_identifier_is_an_error_on_one_short_line(written, lake_in_force):
    with pytest.raises(InvalidPaperId, match="is no arXiv identifier; write it like"):
        parse_paper_id(written)
    result = CliRunner().invoke(main, ["why", "--", written])
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1
    assert len(result.output) < 250


def test_why_shows_the_hash_and_the_date_of_a_snapshot_line(lake_in_force, tmp_path):
    (paper,) = generate_papers(1, seed=5)
    line = snapshot_line(paper)
    path = tmp_path / "snapshot.json.gz"
    path.write_bytes(gzip.compress(line))
    import_snapshot(lake_in_force, path, lambda _: None, lambda *_: None)
    (record,) = trace_paper(lake_in_force, f"arXiv:{paper.id}v1").records
    assert (record["origin"], record["datestamp"]) == ("snapshot", paper.datestamp)
    assert record["body_sha256"] == sha256(line).hexdigest()
    shown = CliRunner().invoke(main, ["why", f"https://arxiv.org/abs/{paper.id}"]).output
    assert str(paper.datestamp) in shown
    assert sha256(line).hexdigest()[:12] in shown


def test_an_old_paper_is_found_with_and_without_its_subject_class(lake_in_force, tmp_path):
    (paper,) = generate_papers(1, seed=5)
    line = snapshot_line(paper, id="math.GT/0309136")
    path = tmp_path / "snapshot.json.gz"
    path.write_bytes(gzip.compress(line))
    import_snapshot(lake_in_force, path, lambda _: None, lambda *_: None)
    assert len(trace_paper(lake_in_force, "math/0309136").records) == 1
    assert len(trace_paper(lake_in_force, "https://arxiv.org/abs/math.GT/0309136v2").records) == 1
