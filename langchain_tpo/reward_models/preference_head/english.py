"""The few English words that the features know by name.

Words that carry grammar, and words that ask for something: what is left carries the topic.
"""


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


DETERMINERS = _words("a an every her his its my our the their your")
"""Words that announce a noun: what follows them tells order from disorder."""

PREPOSITIONS = _words(
    "about after against among as at before between by during for from in into of on over since "
    "through to under until upon with within without"
)
"""Words that announce a noun phrase."""

CONJUNCTIONS = _words("although and because but if nor or so than though unless while")
"""Words that join clauses."""

AUXILIARIES = _words(
    "am are be been being can could did do does had has have is may might must shall should was "
    "were will would"
)
"""Verbs that lean on another word."""

PRONOUNS = _words(
    "he her him i it me one she that them there these they this those us we what when where which "
    "who whom whose why you how"
)
"""Words that stand for a noun."""

ADVERBS = _words(
    "again all also any both each few here just like many more most much no not now only other "
    "out same some such then too up very"
)
"""Words that shade any sentence."""

FUNCTION_WORDS = DETERMINERS | PREPOSITIONS | CONJUNCTIONS | AUXILIARIES | PRONOUNS | ADVERBS
"""Words that carry grammar; English text of any topic is full of them."""

TASK_WORDS = _words(
    "answer create describe example explain explanation following generate get give given good "
    "help input instruction know list make need output please post provide question say sentence "
    "should step summarize summary task tell text think title use used using want way word words "
    "write would"
)
"""Words that ask for something without saying about what."""
