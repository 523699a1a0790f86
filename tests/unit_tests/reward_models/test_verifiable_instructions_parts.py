"""Limits on the whole answer, and limits on a part of it, of its subject or of somebody else."""

import pytest

from langchain_tpo.reward_models.verifiable_instructions import (
    Rule,
    bullets,
    max_words,
    paragraphs,
    rules_in,
    sentences,
    words,
)

OF_THE_WHOLE: list[tuple[str, tuple[Rule, ...]]] = [
    ("Give me more than just one sentence about quarks.", (sentences(at_least=2),)),
    ("Explain RNA: max 50 words", (max_words(50),)),
    ("be brief - max 2 sentences", (sentences(at_most=2),)),
    ("Length limit: at most 50 words", (max_words(50),)),
    ("Write 3 bullet points, each with at most 10 words.", (bullets(3),)),
    ("Write an essay with 4 paragraphs. Every paragraph has a title.", (paragraphs(4),)),
    ("Max words: 100\nEach city in bold.", (max_words(100),)),
    ("Describe in at most 50 words what happens if it rains.", (max_words(50),)),
    ("Use at most 50 words if possible.", (max_words(50),)),
    ("Write a 150-word product description for a mug.", (words(at_least=120, at_most=180),)),
    ("Give me a five-paragraph essay about uniforms.", (paragraphs(5),)),
    ("A 4-sentence reply to this review, please.", (sentences(4),)),
    ("Write an essay of 500 words on pollution.", (words(at_least=400, at_most=600),)),
    ("Please write a reply of 60 to 80 words.", (words(at_least=60, at_most=80),)),
    ("Write a blog on AI, 500 words.", (words(at_least=400, at_most=600),)),
    ("Write a short story (200 words) on a lamp.", (words(at_least=160, at_most=240),)),
    ("Answer with a single word: what is the capital of Peru?", (words(1),)),
    ("The assistant must answer in three sentences.", (sentences(3),)),
    ("Translate it so that it has at most 20 words.", (max_words(20),)),
    ("Keep it to 3 sentences.", (sentences(at_most=3),)),
    ("Stick to 100 words.", (words(at_least=80, at_most=120),)),
    ("Shorten this to 100 words.", (words(at_least=80, at_most=120),)),
    ("Give me a list of 5 bullet points on sleep.", (bullets(5),)),
    ("Summarize the notes as 5 bullets.", (bullets(5),)),
    ("At most 50 words.\n\nIn at most 90 words, please.", (max_words(90),)),
]

OF_NO_WHOLE = [
    # a part named before it
    "Style:\n- Short paragraphs: max 3 sentences",
    "Headline: max 8 words\nBody: max 40 words",
    "Write a cold email. Subject line under 8 words, body under 120 words.",
    "| Intro | max 50 words |\n| Body | max 200 words |",
    "Headline - 5 words max\nDescription - 15 words max",
    "1) Summary (max. 200 words)\n2) Impact (max. 100 words)",
    "Create flashcards: term, definition in at most 15 words, example.",
    "Write a title under 60 characters and a description in 2 sentences.",
    "Include a 50-word author bio at the end.",
    # a part named behind it
    "Write about both with two paragraphs for each framework.",
    "Describe the planets with one sentence about each.",
    "Write 3 bullet points for the pros and 3 bullet points for the cons.",
    "Write one paragraph in English and one paragraph in Spanish.",
    "Summarize it in one sentence, then explain it in 2 paragraphs.",
    "Give a one-sentence answer followed by a detailed explanation.",
    "Answer the following questions in 2-3 sentences: 1) What is DNA? 2) What is RNA?",
    "Answer in 20 words or 2 sentences.",
    "Write 100 or 200 words.",
    "Summarise each chapter, 3 sentences max.",
    # a condition
    "Answer in one sentence if the question is simple, otherwise use bullet points.",
    "Answer in two sentences when asked about pricing.",
    "For simple questions write at most 50 words.",
    "Once I have answered, write a 500-word article.",
    "Depending on the topic, use 2 or 3 paragraphs.",
    "Feel free to write more than 200 words.",
    # the subject
    "Is 250 words enough for an abstract?",
    "Rewrite my essay (900 words).",
    "Compare a 3-sentence summary with a 2-paragraph summary.",
    "Teach me how to write a 200-word story.",
    "The essay prompt was: discuss freedom in 500 words.",
    "Create a rubric for a 500-word essay.",
    "Help me outline a 2000-word essay on the French Revolution.",
    "Give me 5 ideas for a 1000-word blog post.",
    "List 10 two-word brand names.",
    "Come up with a two word name for it.",
    "Write a blog post about six-word stories.",
    "I need to write 500 words by tomorrow, how do I get started?",
    "Write about a woman with only five words left to say.",
    'Explain these two words: "affect" and "effect".',
    # somebody else
    "The candidate must answer in three sentences. Prepare the questions.",
    "Our blog posts are at least 1200 words long. Suggest topics.",
    "Write an email to the team asking them to keep updates under 100 words.",
    "Write a prompt that makes it answer in at most 3 sentences.",
    "The Starter plan includes up to 900 words a month.",
    "Our app rewrites up to 10,000 words.",
    "The user can enter at most 50 words. Write the form.",
    "A model that answers in one sentence is useful. Discuss.",
    "Plan a workshop in which everyone writes a 100-word story.",
    "Write a guide in 3 parts with bold titles.",
]


@pytest.mark.parametrize(("prompt", "rules"), OF_THE_WHOLE)
def test_a_limit_on_the_whole_answer_is_read(prompt: str, rules: tuple[Rule, ...]) -> None:
    assert rules_in(prompt) == rules


@pytest.mark.parametrize("prompt", OF_NO_WHOLE)
def test_a_limit_on_anything_else_is_left_alone(prompt: str) -> None:
    assert rules_in(prompt) == ()
