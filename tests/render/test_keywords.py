"""The rule `keywords` of an edition: hyphens, plurals, stars, case, and letters of every script."""

import string
import unicodedata

import polars as pl
import pytest

from paperlake.render.editions import InvalidEdition, parse_editions, rules_sentence
from paperlake.render.keywords import has_keyword


def matches(keyword, text):
    frame = pl.DataFrame({"title": [text], "abstract": [None]}, schema={"title": pl.String, "abstract": pl.String})
    return frame.select(has_keyword(["title", "abstract"], [keyword])).item()


@pytest.mark.parametrize(
    "keyword", ["chain of thought", "chain-of-thought", "Chain-of thought", "chain \u2013 of  thought"]
)
@pytest.mark.parametrize(
    "text",
    [
        "A chain of thought.",
        "CHAIN-OF-THOUGHT prompting",
        "chain-of thought",
        "chain\u2011of\u2011thought",
        "(chain\u00a0of\nthought)",
        "chain--of--thought",
        "Long-chain-of-thought-based",
        "chains of thoughts",
    ],
)
def test_a_hyphen_and_a_blank_are_one(keyword, text):
    assert matches(keyword, text)


@pytest.mark.parametrize("text", ["fine-tuning", "fine tuning", "finetuning", "fine\u00adtuning", "fine \u2212 tuning"])
def test_a_compound_matches_with_a_hyphen_with_a_blank_and_joined(text):
    assert matches("fine-tuning", text)
    assert matches("fine tuning", text)


def test_a_hyphen_in_the_text_does_not_hide_a_word():
    assert matches("multimodal", "A multi-modal model")
    assert matches("GPT4", "With GPT-4")
    assert not matches("notable", "There is no table")


@pytest.mark.parametrize(
    ("singular", "plural"),
    [
        ("LLM", "LLMs"),
        ("VLM", "VLMs"),
        ("language model", "Language Models"),
        ("policy", "policies"),
        ("survey", "surveys"),
        ("benchmark", "benchmarks"),
        ("bias", "biases"),
        ("mesh", "meshes"),
        ("box", "boxes"),
        ("matrix", "matrices"),
        ("analysis", "analyses"),
        ("A100", "A100s"),
        ("mixture of experts", "mixtures of experts"),
    ],
)
def test_singular_and_plural_are_one(singular, plural):
    assert matches(singular, f"On {plural}.")
    assert matches(plural, f"On one {singular}: ")


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("news", "a new model"),
        ("dynamics", "a dynamic model"),
        ("GPS", "a GP"),
        ("GP", "a GPS receiver"),
        ("CL", "the CLS token"),
        ("R", "RS and rs"),
        ("loss", "los"),
    ],
)
def test_another_word_with_an_s_is_no_plural(keyword, text):
    assert not matches(keyword, text)


@pytest.mark.parametrize(
    ("keyword", "text", "expected"),
    [
        ("LLM*", "LLMOps", True),
        ("LLM*", "LLM", True),
        ("LLM*", "llms", True),
        ("LLM*", "LLM-based", True),
        ("LLM*", "MLLM", False),
        ("*former", "a reformer", True),
        ("*former", "formerly", False),
        ("vision*language", "visionlanguage", True),
        ("vision*language", "vision and language", False),
        ("reason* model*", "reasoning models", True),
        (r"A\*", "the A* search", True),
        (r"A\*", "the A search", False),
        (r"C\*-algebra", "C*-algebras", True),
    ],
)
def test_a_star_stands_for_any_letters_and_digits(keyword, text, expected):
    assert matches(keyword, text) is expected


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("LLM", "an MLLM"),
        ("LLM", "LLM2"),
        ("diffusion", "diffusional"),
        ("rl", "rlhf"),
        ("हिन्द", "हिन्दी"),
        ("naiv", "naïv"),
        ("model", "модель"),
    ],
)
def test_a_keyword_matches_whole_words_only(keyword, text):
    assert not matches(keyword, text)


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("Schrödinger bridge", unicodedata.normalize("NFD", "SCHRÖDINGER BRIDGES")),
        (unicodedata.normalize("NFD", "Schrödinger"), "schrödinger"),
        ("трансформер", "ТРАНСФОРМЕР"),
        ("Alzheimer's disease", "ALZHEIMER\u2019S DISEASE"),
        ("τ-bench", "On \u03a4-Bench"),
        ("大模型", "论 大模型。"),
        ("LLM", "LLM's"),
        ("LLM", "\u201cLLM\u201d"),
        ("LLM", "prompt_LLM_answer"),
    ],
)
def test_letters_of_every_script_match_in_any_case_and_form(keyword, text):
    assert matches(keyword, text)


@pytest.mark.parametrize("character", sorted(set(string.printable) - set(string.whitespace) - {"*", "\\"}))
def test_punctuation_in_a_keyword_means_itself(character):
    assert matches(f"ab{character}cd", f"(ab{character}cd)")
    assert character == "-" or not matches(f"ab{character}cd", "(ab§cd)")


def test_a_null_matches_nothing_and_every_column_counts():
    frame = pl.DataFrame({"title": [None, "x", "a tree"], "abstract": [None, "Trees!", None]})
    assert frame.select(has_keyword(["title", "abstract"], ["graph", "tree"])).to_series().to_list() == [
        False,
        True,
        True,
    ]


def test_hundreds_of_keywords_are_one_condition():
    keywords = [f"{prefix}-word {n}*" for prefix in ("state", "policy", "analysis") for n in range(100, 220)]
    frame = pl.DataFrame({"title": ["No keyword", "STATE WORD 219th"]})
    assert frame.select(has_keyword(["title"], keywords)).to_series().to_list() == [False, True]


@pytest.mark.parametrize(
    ("keyword", "message"),
    [("*", "match too much"), ("A*", "match too much"), ("large * model", "match too much"), ("-", "no word")],
)
def test_a_keyword_that_cannot_be_used_is_an_error_of_its_edition(keyword, message):
    with pytest.raises(InvalidEdition, match=r"^editions\.toml: \[daily\] keywords has .*") as error:
        parse_editions(f'[daily]\nevery = "day"\nkeywords = ["{keyword}"]')
    assert message in str(error.value)


def test_readers_see_an_escaped_star_as_a_star():
    edition = parse_editions("[daily]\nevery = 'day'\nkeywords = ['A\\*', 'LLM*']")["daily"]
    assert rules_sentence(edition).endswith("about A*, LLM*.")
