"""Limits as people say them; what must not be mistaken for one; all of IFEval's prompts."""

import json
from pathlib import Path

import pytest

from langchain_tpo.reward_models.verifiable_instructions import (
    Rule,
    bullets,
    ends_with,
    excludes,
    highlights,
    includes,
    is_json,
    lowercase,
    max_words,
    min_words,
    no_commas,
    paragraphs,
    placeholders,
    quoted,
    rules_in,
    sentences,
    starts_with,
    uppercase,
    words,
)

IFEVAL = Path(__file__).parents[4] / "shared" / "data" / "ifeval.jsonl"

SAID: list[tuple[str, tuple[Rule, ...]]] = [
    ("Tell me why, in at most 70 words.", (max_words(70),)),
    ("No more than two sentences, please.", (sentences(at_most=2),)),
    ("Give exactly 3 bullet points.", (bullets(3),)),
    ("Use less than 300 words.", (max_words(299),)),
    ("Keep your answer under fifty words.", (max_words(49),)),
    ("Keep your answer under 50 words.", (max_words(49),)),
    ("Write 400 or more words about hammocks.", (min_words(400),)),
    ("It should be 600+ words long.", (min_words(600),)),
    ("100 words or less.", (max_words(100),)),
    ("A maximum of 5 sentences.", (sentences(at_most=5),)),
    ("More than 30 sentences.", (sentences(at_least=31),)),
    ("I don't want anything longer than 30 words.", (max_words(30),)),
    ("Between 40 and 60 words.", (words(at_least=40, at_most=60),)),
    ("In 2-3 sentences.", (sentences(at_least=2, at_most=3),)),
    ("A summary of about 100 words.", (words(at_least=80, at_most=120),)),
    ("Write a 200-word essay.", (words(at_least=160, at_most=240),)),
    ("Answer in one sentence.", (sentences(1),)),
    ("At least 25 and at most 40 words.", (words(at_least=25, at_most=40),)),
    ("At least 3 but no more than 5 sentences", (sentences(at_least=3, at_most=5),)),
    ("No fewer than 25 words and no more than 40.", (words(at_least=25, at_most=40),)),
    ("Min 25, max. 40 words", (words(at_least=25, at_most=40),)),
    ("Up to 40 words, at least 20.", (words(at_least=20, at_most=40),)),
    ("At least 20 words (at most 40)", (words(at_least=20, at_most=40),)),
    ("Under 50 words but over 20.", (words(at_least=21, at_most=49),)),
    ("At least 50 words. No, at most 40 words.", (max_words(40),)),
    ("At most 40 words. Or rather at most 60 words.", (max_words(60),)),
    ("Between 20 and 40 words. At least 30 words.", (min_words(30),)),
    ("Do not write fewer than 30 words.", (min_words(30),)),
    ("At least 25 words and at most 3 sentences.", (min_words(25), sentences(at_most=3))),
    ("At most 1,000 words.", (max_words(1000),)),
    ("At most twenty-five words.", (max_words(25),)),
    ("At most two hundred words.", ()),
    ("Between 50 words and 80 words.", (words(at_least=50, at_most=80),)),
    ("In 3 through 5 sentences.", (sentences(at_least=3, at_most=5),)),
    ("Minimum of 50, maximum of 80 words.", (words(at_least=50, at_most=80),)),
    ("At least 50 words; at most 80.", (words(at_least=50, at_most=80),)),
    ("Neither more than 80 nor fewer than 50 words.", (words(at_least=50, at_most=80),)),
    ("It cannot be longer than 50 words.", (max_words(50),)),
    ("The answer cannot be under 50 words.", (min_words(50),)),
    ("Avoid writing more than 50 words.", (max_words(50),)),
    ("Without exceeding 50 words, tell me why.", (max_words(50),)),
    ("Don't forget to write at least 50 words.", (min_words(50),)),
    ("Use no commas and write more than 50 words.", (min_words(51), no_commas())),
    ("At most 30 words instead of at most 50 words.", (max_words(30),)),
    ("Expand this 50-word blurb into 200 words.", (words(at_least=160, at_most=240),)),
    ("Write 3 bullet points of at most 10 words.", (bullets(3),)),
    ("Could you explain it in at most 70 words?", (max_words(70),)),
    ("How do I oil a table in at most 70 words?", (max_words(70),)),
    ("Explain it in a single paragraph.", (paragraphs(1),)),
    ("There should be exactly 3 paragraphs separated by ***.", (paragraphs(3),)),
    ("Include at least 12 placeholders such as [name].", (placeholders(at_least=12),)),
    ("Highlight at least three sections of it.", (highlights(at_least=3),)),
    ("Do not use any commas.", (no_commas(),)),
    ("Please don't use commas.", (no_commas(),)),
    ("Answer in all lowercase letters.", (lowercase(),)),
    ("No capital letters are allowed.", (lowercase(),)),
    ("Your entire response should be in capital letters.", (uppercase(),)),
    ("Answer in all caps.", (uppercase(),)),
    ("Wrap the entire output in JSON format.", (is_json(),)),
    ("Reply with JSON only.", (is_json(),)),
    ("Don't answer with words such as 'here', return only valid JSON.", (is_json(),)),
    ("Wrap your entire response with double quotation marks.", (quoted(),)),
    ('Include the keywords "oil" and "wax".', (includes("oil", "wax"),)),
    ("Mention the word 'water'.", (includes("water"),)),
    ('Include the word "if" and the word "oil".', (includes("if", "oil"),)),
    (
        'Use the keyword "oil", the phrase "a rag" and the name "Ann".',
        (includes("oil", "a rag", "Ann"),),
    ),
    ('The word "tea" and the word "cake" must appear.', (includes("tea", "cake"),)),
    ('Do not use the word "oil" or the word "wax".', (excludes("oil", "wax"),)),
    ('Use the word "sea" and the word "oil" exactly twice.', (includes("sea"),)),
    ('Mention the word "tea" but not the word "oil".', (excludes("oil"), includes("tea"))),
    ('Mention the word "oak" at least 4 times.', (includes("oak", times=4),)),
    ('Use the word "oak" in your answer more than twice.', (includes("oak", times=3),)),
    ('Use at least three times the word "oak".', (includes("oak", times=3),)),
    ('The word "cake" must appear three times.', (includes("cake", times=3),)),
    ('Include "oak" exactly once.', (includes("oak", times=1, at_most=1),)),
    ('Use the word "very" at most 2 times.', (includes("very", times=0, at_most=2),)),
    ('Use the word "very" fewer than 3 times.', (includes("very", times=0, at_most=2),)),
    ('The word "oil" should appear between 2 and 4 times.', (includes("oil", times=2, at_most=4),)),
    ('Use "oil" 2-3 times.', (includes("oil", times=2, at_most=3),)),
    ('Do not use "oil" more than twice.', (includes("oil", times=0, at_most=2),)),
    ('Never use "oil" twice.', ()),
    ('Avoid using "oil" no more than 2 times.', (includes("oil", times=0, at_most=2),)),
    ('Do not use "oil" more than 0 times.', (excludes("oil"),)),
    ('Do not use "oil" more than once.', (includes("oil", times=0, at_most=1),)),
    ('Use "oil" in each of the parts at least 2 times.', (includes("oil"),)),
    ('Use the word "oak". Read it twice.', (includes("oak"),)),
    ('Use "oil" twenty-five times.', (includes("oil", times=25),)),
    ('Use "oil" two hundred times.', ()),
    ('Use "oil" three or four times.', ()),
    ('Use "oil" at least once and at most 3 times.', (includes("oil", times=1, at_most=3),)),
    ('Use "oil" 5 times at most.', (includes("oil", times=0, at_most=5),)),
    ('Use "oil" under 5 times.', (includes("oil", times=0, at_most=4),)),
    ('Use "oil" once or less.', (includes("oil", times=0, at_most=1),)),
    ('Use "oil" only once.', (includes("oil", times=1, at_most=1),)),
    ('Use "oil" twice as often as "wax".', ()),
    ('Do not use "oil" fewer than 3 times.', (includes("oil", times=3),)),
    ('Don\'t forget to mention "oil".', (includes("oil"),)),
    ('Include "oak", 3 or more times.', (includes("oak", times=3),)),
    ("Do not use the word \u201crock\u201d.", (excludes("rock"),)),
    ('The word "rock" should not appear.', (excludes("rock"),)),
    ("Don't mention 'Taylor' or 'Swift'.", (excludes("Taylor", "Swift"),)),
    ('Start your reply with "Dear".', (starts_with("Dear"),)),
    ('Finish with the exact phrase "Any questions?".', (ends_with("Any questions?"),)),
    ('Use no commas and include the word "oil".', (includes("oil"), no_commas())),
    ('No commas and include the word "oil".', (includes("oil"), no_commas())),
    ("At most 70 words, exactly 3 bullet points.", (max_words(70), bullets(3))),
    ("At most 70 words. In fact, at most 50 words.", (max_words(50),)),
    ("At a maximum, use 50 words.", (max_words(50),)),
    ("At most, use 50 words.", (max_words(50),)),
    ("At the very least, write 3 sentences.", (sentences(at_least=3),)),
    ("Explain it and, at a minimum, write 50 words.", (min_words(50),)),
    ("Use 50 words at a maximum.", (max_words(50),)),
    ("Use 50 words as a minimum.", (min_words(50),)),
    ("The maximum length is 50 words.", (max_words(50),)),
    ("The minimum length of your answer is 50 words.", (min_words(50),)),
    ("Word limit: 50 words.", (max_words(50),)),
    ("Keep to a 50-word limit.", (max_words(50),)),
    ("At least explain it in 50 words.", (words(at_least=40, at_most=60),)),
    ("At most, a title. Use 50 words.", (words(at_least=40, at_most=60),)),
    ('At a maximum, use "oil" 3 times.', (includes("oil", times=0, at_most=3),)),
    ('Use "oil" 3 times at a maximum.', (includes("oil", times=0, at_most=3),)),
    ('Use "oil" not exceeding 3 times.', (includes("oil", times=0, at_most=3),)),
    ('Use "oil" within the text 3 times.', (includes("oil", times=3),)),
    ("Explain how they work in at most 50 words.", (max_words(50),)),
    ("Tell him why in at most 50 words.", (max_words(50),)),
    ("We want at most 50 words.", (max_words(50),)),
    ("Write two poems. They should have at most 50 words.", (max_words(50),)),
    ("Responses must have at most 50 words.", (max_words(50),)),
    ("A good answer has at most 50 words.", (max_words(50),)),
    ("Always have at most 50 words.", (max_words(50),)),
    ("Commas are not allowed.", (no_commas(),)),
    ('Use the word "if" and start with "Dear".', (includes("if"), starts_with("Dear"))),
    ('Use the word "when" and end with "Bye".', (includes("when"), ends_with("Bye"))),
    ("Include 'if' and write at most 50 words.", (max_words(50), includes("if"))),
    ("Use `unless` in at most 50 words.", (max_words(50), includes("unless"))),
    ("Say \u2018what if\u2019 in all caps.", (includes("what if"), uppercase())),
]

NO_LIMIT = [
    "What are the three words of the magic spell?",
    "Why do people write sentences?",
    "Each bullet point should have at most ten words.",
    "At most 5 words per line.",
    "Use more than 4 words in capital letters.",
    "Use words in all capital letters now and then.",
    'Translate "in exactly two words" into French.',
    "Fix this code:\n```\n# at most 3 words, no commas\n```",
    'Not a single word of "thanks" came.',
    'Do not include the letter "c".',
    "How do I parse a JSON file?",
    'The second paragraph must start with "President".',
    "Separate it into 4 sections.",
    'What does the word "oil" mean?',
    "Not one sentence was spoken.",
    "The text below has at most 40 words. Translate it.",
    "My essay has fewer than 300 words, what is missing?",
    "Your last answer was over 50 words. Make it shorter.",
    "Write a story about a man who says at most five words.",
    "Write a function that returns at most 5 words.",
    "Why do most tweets have fewer than 50 words?",
    "If it is long, use at most 50 words.",
    "More than 50 words is too long.",
    "Don't write exactly three sentences.",
    "You don't need to write more than 50 words.",
    "Summarise this 500-word article.",
    "Make it at least 20 words longer.",
    "Add exactly 2 more sentences.",
    "No sentence longer than 15 words.",
    "Give a title with at most 5 words.",
    "Start with a sentence of at most 10 words.",
    "Write two versions: one under 50 words, one over 100 words.",
    "Use only one-word sentences.",
    "List 10 words that rhyme with oak.",
    'Include "oil" or "wax".',
    'Include at least one of "oil" and "wax".',
    "You don't have to mention 'oil'.",
    "You may use 'oil'.",
    'If you do not know, say "unsure".',
    'How do I use "pandas"?',
    "Don't mention 'oil' in the first paragraph.",
    'Do not start with "Sure".',
    'Start with "Sure" or "Yes".',
    'List five words that start with "un".',
    "Use no more than 3 commas.",
    "Don't forget commas.",
    "Why should I not use commas?",
    "Do not write in all caps.",
    "Write headings in all caps.",
    "Do not answer in JSON format.",
    "How do I return a response in JSON format?",
    "Do not wrap your answer in double quotes.",
    "Put the title in double quotes.",
    "He always answers in exactly three words.",
    "She writes in at most 50 words. Why?",
    "They answer in two sentences.",
    "The oracle always speaks in at most five words.",
    "He never uses commas.",
    "Tweets must have at most 50 words.",
    "Most tweets have fewer than 50 words.",
    "A haiku has at most 20 words.",
    "A good abstract should be under 200 words.",
    "The maximum length of a tweet is 50 words.",
    "Tweets must be in all caps.",
    'Tweets must include the word "oil".',
    "Translate 'in exactly two words' into French.",
    'Limit the use of "oil" to 3 times.',
    "",
]


@pytest.mark.parametrize(("prompt", "rules"), SAID)
def test_a_limit_is_read_as_it_is_meant(prompt: str, rules: tuple[Rule, ...]) -> None:
    assert rules_in(prompt) == rules


@pytest.mark.parametrize("prompt", NO_LIMIT)
def test_what_is_no_limit_on_the_answer_is_left_alone(prompt: str) -> None:
    assert rules_in(prompt) == ()


COUNTED = {
    "length_constraints:number_words": ("word", "num_words"),
    "length_constraints:number_sentences": ("sentence", "num_sentences"),
    "detectable_format:number_bullet_lists": ("bullet point", "num_bullets"),
    "detectable_content:number_placeholders": ("placeholder", "num_placeholders"),
}
STATED = {
    "punctuation:no_comma": no_commas(),
    "startend:quotation": quoted(),
    "detectable_format:json_format": is_json(),
    "change_case:english_lowercase": lowercase(),
    "change_case:english_capital": uppercase(),
}


@pytest.mark.skipif(not IFEVAL.exists(), reason="IFEval's prompts are not here: `../shared/data`")
def test_of_ifeval_most_limits_are_found_and_hardly_one_is_misread() -> None:
    found = misread = asked = 0
    for line in IFEVAL.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        by_topic = {rule.topic: rule for rule in rules_in(row["prompt"])}
        for kind, options in zip(row["instruction_id_list"], row["kwargs"], strict=True):
            if kind in COUNTED:
                topic, option = COUNTED[kind]
                rule = by_topic.get(topic)
                numbers = {getattr(rule, "at_least", None), getattr(rule, "at_most", None)}
                right = not numbers.isdisjoint({options[option], options[option] - 1})
            elif kind in STATED:
                rule = by_topic.get(STATED[kind].topic)
                right = rule == STATED[kind]
            else:
                continue
            asked, found, misread = (
                asked + 1,
                found + bool(rule),
                misread + bool(rule and not right),
            )
    assert asked == 350
    assert found / asked > 0.94
    assert misread / asked < 0.02


@pytest.mark.parametrize(
    "piece",
    [
        "don't ",
        "use '",
        "at least 1 word, at most ",
        "at least 1, ",
        'include the word "a" ',
        "between 3 and ",
        "start with ",
        "1-",
        '"',
    ],
)
def test_a_long_hostile_prompt_is_read_in_one_go(piece: str) -> None:
    """Each of these once took a minute or would have: the patterns look only so far back."""
    rules_in(piece * (200_000 // len(piece)))
