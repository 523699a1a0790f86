"""What an error shows of a value that others made: short, in one line, without keys.

Knows objects that fail when they are asked what they are; knows nothing of errors' types.
"""

from langchain_tpo.text.secrecy import without_credentials

MOST_SHOWN = 60
"""Characters of a value that an error shows."""


def shown(value: object, *, quoted: bool = False) -> str:
    """Return the beginning of a value's text, whatever the value does when it is asked for it.

    Args:
        value: What was handed over, in place of what was expected.
        quoted: Whether texts stand in quotation marks, as they would in code.

    Example:
        >>> shown(["a"] * 99)
        "['a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a',..."
        >>> class Broken:
        ...     def __str__(self):
        ...         raise OSError("gone")
        >>> shown(Broken())
        '<Broken whose text cannot be had: OSError>'
    """
    text = without_credentials(as_text(value, quoted=quoted))
    return f"{text[:MOST_SHOWN]}..." if len(text) > MOST_SHOWN else text


def as_text(value: object, *, quoted: bool = False) -> str:
    """Return a value's whole text, or what kept it from having one.

    Args:
        value: Anything, an error whose message fails included.
        quoted: As for `shown`.

    Example:
        >>> as_text(ValueError("bad")), as_text("bad", quoted=True)
        ('bad', "'bad'")
    """
    try:
        return repr(value) if quoted else str(value)
    except Exception as error:  # noqa: BLE001 whatever a stranger's class does
        return f"<{type(value).__name__} whose text cannot be had: {type(error).__name__}>"


def message_of(error: BaseException) -> str:
    """Return what an error says, without credentials.

    Example:
        >>> message_of(ValueError("401: Incorrect API key provided: abcd1234"))
        '401: Incorrect API key provided: (hidden)'
    """
    said, note = as_text(error), what_to_check(error)
    return without_credentials(f"{said.rstrip('.')}. {note}" if note else said)


WHAT_TO_CHECK = "To check: "
"""How a note on an error begins that says where to look."""


def what_to_check(error: BaseException) -> str:
    """Return what was noted on an error of where to look; nothing where nothing was."""
    try:
        notes = [note for note in getattr(error, "__notes__", ()) if isinstance(note, str)]
    except Exception:  # noqa: BLE001 as above
        return ""
    return next((note for note in notes if note.startswith(WHAT_TO_CHECK)), "")


def named(error: BaseException) -> str:
    """Return an error's type and message, without credentials.

    Example:
        >>> named(TimeoutError("too slow"))
        'TimeoutError: too slow'
    """
    return f"{type(error).__name__}: {message_of(error)}"
