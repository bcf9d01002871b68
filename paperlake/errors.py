"""The base of every error that carries a sentence for the person who runs Paperlake."""


class PaperlakeError(Exception):
    """Something that a person can mend; the message says what is wrong, where, and what to do. No traceback needed."""
