"""The one exception whose text is meant for the user."""


class TuttiError(Exception):
    """Something the user can act on.

    The message is one sentence that says what was wrong, with which file or
    device, and what to do. Commands print it on stderr and exit with 2.
    """
