"""What reading texts remembers for the life of a process, and how a test forgets it."""

from langchain_tpo.text import control_tokens, conversation, fencing, look_alikes


def forget() -> None:
    """Forget every text that was read, and every pattern made of a table."""
    for remembers in (
        control_tokens._pattern,
        conversation._letters,
        fencing._frames,
        fencing._is_of_a_word,
        look_alikes.readings,
    ):
        remembers.cache_clear()
