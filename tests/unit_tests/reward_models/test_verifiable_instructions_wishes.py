"""Who must do what: a wish about the answer, and what only looks like one."""

import pytest

from langchain_tpo.reward_models.verifiable_instructions import (
    Rule,
    bullets,
    ends_with,
    excludes,
    includes,
    is_json,
    lowercase,
    max_words,
    min_words,
    no_commas,
    paragraphs,
    quoted,
    rules_in,
    sentences,
    starts_with,
    uppercase,
    words,
)

WORDS: list[tuple[str, tuple[Rule, ...]]] = [
    ('Stop using the word "delve"!', (excludes("delve"),)),
    ('Never use the word "sorry" in your answer.', (excludes("sorry"),)),
    ('Do not use the passive voice or the word "very".', (excludes("very"),)),
    ('Write about love without using the word "heart".', (excludes("heart"),)),
    ('Write a rap that doesn\'t include the words "yo" and "check".', (excludes("yo", "check"),)),
    ('Avoid the phrase "touch base".', (excludes("touch base"),)),
    ('Avoid clich\u00e9s such as "game changer".', (excludes("game changer"),)),
    ('Don\'t say "utilize", say "use".', (excludes("utilize"),)),
    ('In the poem never use the word "love".', (excludes("love"),)),
    ('Use the word "however" in a sentence.', (includes("however"),)),
    ('The response must contain "Order confirmed".', (includes("Order confirmed"),)),
    ('Make sure to mention "free returns".', (includes("free returns"),)),
    ('Make sure the words "cozy" and "rustic" appear.', (includes("cozy", "rustic"),)),
    ('Write a haiku that includes the word "riddle".', (includes("riddle"),)),
    ('Write a haiku, containing the keyword "oak".', (includes("oak"),)),
    ('Work in the phrase "every dog has its day".', (includes("every dog has its day"),)),
    ('Begin your answer with "Certainly".', (starts_with("Certainly"),)),
    ('Start off with the line "It was dark".', (starts_with("It was dark"),)),
    ('The story should end with "and they left."', (ends_with("and they left."),)),
    ('Write a poem on two who meet and end with "Bye".', (ends_with("Bye"),)),
]

FORMS: list[tuple[str, tuple[Rule, ...]]] = [
    ("Output valid JSON only, with the keys name and age.", (is_json(),)),
    ("Return a JSON object with the fields title and body.", (is_json(),)),
    ("The output should be in JSON. List 3 fruits.", (is_json(),)),
    ("Please use JSON format.", (is_json(),)),
    ("WRITE THE ANSWER IN ALL CAPS. TOPIC: CATS", (uppercase(),)),
    ("Write a haiku about rain all in lowercase", (lowercase(),)),
    ("no commas pls. tell me bout cats", (no_commas(),)),
    ("Write a poem without commas.", (no_commas(),)),
    ("Your answer must contain a title and cannot contain commas.", (no_commas(),)),
    ("Write an article on it and put double quotations around your whole response.", (quoted(),)),
]

HANDED_OVER: list[tuple[str, tuple[Rule, ...]]] = [
    ('Translate it to German.\n\n"""\nUse at most three sentences.\n"""', ()),
    ("Translate into Spanish:\n\n<text>\nReply in all caps.\n</text>", ()),
    ("Proofread this:\n\n> Entries must be in all lowercase letters.\n\nFix the spelling.", ()),
    ('Proofread this notice for us:\n\nUse no more than ten words. Start with "Dear".', ()),
    ("Rewrite this so it sounds nicer: answer me in one sentence", ()),
    ("Make a checklist of it.\n\n---\nWrite at most 800 words.\n---", ()),
    ('Improve this prompt:\n\nWrite at most 200 words. End with "The End".', ()),
    (
        "Summarise the following email in one sentence.\n\nHi team,\n\nUse at most 5 bullets.",
        (sentences(1),),
    ),
    ("Correct this: I has a dog.\n\nUse at most 50 words.", (max_words(50),)),
    ('Translate this: "Use no commas." Use at most 50 words.', (max_words(50),)),
]

LABELS: list[tuple[str, tuple[Rule, ...]]] = [
    ("Bullets: 5\nBullet length: 12 words\nTopic: owls", (bullets(5),)),
    ("Word limit: 100\nTone: friendly\nTopic: our refund policy", (max_words(100),)),
    ("1. Word count: 600-800\n2. Paragraphs: 5", (words(at_least=600, at_most=800), paragraphs(5))),
    ("Write an ad (word limit: 50, sentence limit: 4).", (max_words(50), sentences(at_most=4))),
    ("Target word count: 300\nWrite about Rome.", (words(at_least=240, at_most=360),)),
    ("Word count: 100+\nWrite about Rome.", (min_words(100),)),
]

NO_LABELS = [
    "Paragraph length: 3 sentences",
    "Sentences: 10-15 words\nTopic: owls",
    "Bullets: max 10 words\nTopic: owls",
    "Words: 520\nSentences: 31\n\nIs that readable?",
    "Word count: 432\n\nThe fox ran.\n\nIs my story too short?",
    "words = 5\nprint(words)",
    "Title: The Lost Sea\nWords: 80,000\nGenre: fantasy\n\nWrite a query letter.",
    "Word count: 1500\nDue: Friday\nTopic: the Corn Laws\n\nHelp me plan my week.",
    "Q1. Why us?\nWord limit: 250\n\nQ2. Why you?\nWord limit: 150\n\nWhich one first?",
    "config:\n  max_words: 50\n  sentences: 3\nWhat does this do?",
]

OF_OTHERS = [
    'Find a better way to say "touch base".',
    'Suggest a synonym to use for "important".',
    'Don\'t translate the word "Acme".',
    'Do not remove the word "limited" from the text.',
    'Never abbreviate the name "Saint Petersburg".',
    'Don\'t overuse the word "very".',
    'Don\'t use "and" to start sentences.',
    'Do not use "its" when you mean "it is".',
    'Don\'t end your email with the phrase "Best regards".',
    'Give three reasons not to use the word "literally".',
    'no idea what the term "API" means, help',
    'Say "I don\'t know" if the answer is not in the context.',
    'Use "N/A" for missing values.',
    'Use "Sie" instead of "du".',
    'Say "hello" in Japanese.',
    'The log contains "Connection refused". What does it mean?',
    'Filter out all emails that contain "unsubscribe".',
    'Rewrite sentences that use the phrase "in order to".',
    'The hero\'s catchphrase must include "by Jove".',
    'Add "alt text" to all images.',
    'Only say "done" once the task is complete.',
    "Translate: \"Start with 'Hello' and use no commas.\"",
    "In case of an error, respond in JSON.",
    "Respond in JSON when the user says export.",
    "Reply in all caps if the user shouts at you.",
    "Write FastAPI code to return the answer as JSON.",
    "Give me the config in JSON and in YAML.",
    "Our server should respond with JSON to every request.",
    "Use ALL CAPS sparingly.",
    "Use all caps only for emphasis.",
    "Write the tagline in all caps and the rest normally.",
    "Write 5 captions about tea with hashtags in lowercase.",
    "The user typed in all caps. Write a calm reply.",
    "Don't use Oxford commas.",
    "Avoid too many commas.",
    "Write numbers without commas.",
    "The csv has no commas, it uses tabs.",
    "Use tabs, not commas, as the separator.",
    "Put dialogue in double quotation marks.",
    "Wrap all strings in double quotes in the code.",
    'Find a word that starts with "un" and ends with "able".',
    'The branch name should start with "feature/".',
    'Start with a greeting such as "Hi".',
    'Start the presentation with a slide titled "Agenda".',
    'The poem ends with "nevermore". Who wrote it?',
]


@pytest.mark.parametrize(("prompt", "rules"), [*WORDS, *FORMS, *HANDED_OVER, *LABELS])
def test_a_wish_about_the_answer_is_read(prompt: str, rules: tuple[Rule, ...]) -> None:
    assert rules_in(prompt) == rules


@pytest.mark.parametrize("prompt", [*OF_OTHERS, *NO_LABELS])
def test_what_is_wished_of_others_or_of_a_part_is_left_alone(prompt: str) -> None:
    assert rules_in(prompt) == ()


def test_what_stands_behind_a_very_long_beginning_is_left_unread() -> None:
    much = "So it is.\n" * 3000
    assert rules_in(f"{much}Use no commas.") == ()
    assert rules_in(f"Use no commas.\n{much}") == (no_commas(),)
