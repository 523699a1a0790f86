"""Text that every encoding can carry.

A Python string can hold half of a surrogate pair: JSON that was cut inside an emoji brings one.
HTTP clients refuse to send it, some checkpointers keep a `?` in its place, terminals raise.
"""


def well_formed(text: str) -> str:
    r"""Return the text with U+FFFD, the replacement character, for each half of a surrogate pair.

    Two halves that belong together become the character that they spell. Any other text is given
    back as it is.

    Args:
        text: What a model, a user or a data set wrote.

    Example:
        >>> ascii(well_formed("cut \ud83d")), well_formed("\ud83d\ude00") == "\U0001f600"
        ("'cut \\ufffd'", True)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return "".join((text,))  # noqa: FLY002 a class of strings may format, and compare, in its own way
