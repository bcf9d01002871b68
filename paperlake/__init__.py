"""Paperlake: capture the papers that the research community lists, votes on and discusses, with proof of origin."""
