"""Evaluation of the score of `trends` against later votes."""
