"""The base class of errors whose message is meant for the user."""


class PaperlakeError(Exception):
    """An error that the user can fix; the message says what is wrong, where, and what to do. No traceback needed."""
