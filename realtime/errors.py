"""The one exception whose text is meant for the user."""


class TuttiError(Exception):
    """Something the user can act on.

    The message is one sentence that says what was wrong, with which file or
    device, and what to do. Commands print it on stderr and exit with 2.
    Names of files may hold line breaks and the terminal's orders: they are shown as "?".
    """

    def __str__(self) -> str:
        return plain(super().__str__())


def plain(text: str) -> str:
    """Text on one line, without orders to a terminal; bytes that are no text stay."""
    return "".join(c if c.isprintable() or "\ud800" <= c <= "\udfff" else "?" for c in text)
