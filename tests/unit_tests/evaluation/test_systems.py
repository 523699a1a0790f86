"""Systems as users type them."""

import pytest

from langchain_tpo import TPOSettings
from langchain_tpo.errors import SettingsError
from langchain_tpo.evaluation.systems import drawing_order, parse_systems
from langchain_tpo.evaluation.token_matching import MOST_SAMPLES, Drawn, Spent
from langchain_tpo.sampling.usage import NOTHING_USED, Usage

DEFAULTS = TPOSettings(width=5, depth=2)


def test_without_a_word_there_is_one_of_each_and_the_matched_one_comes_last() -> None:
    systems = parse_systems([], DEFAULTS)

    shapes = [(one.name, one.settings.width, one.settings.depth) for one in systems]
    assert shapes == [
        ("single", 1, 0),
        ("best-of-n", 5, 0),
        ("revision", 5, 2),
        ("tpo", 5, 2),
        ("best-of-n-matched", 5, 0),
    ]
    assert systems[2].settings.wording.name == "revision"
    assert systems[4].match == "tpo"


def test_revision_speaks_the_language_of_its_rival() -> None:
    (revision,) = parse_systems(["revision"], TPOSettings.small_model())

    assert revision.settings.wording.name == "small-revision"
    assert revision.settings.sample == TPOSettings.small_model().sample


def test_several_values_make_several_systems() -> None:
    names = [one.name for one in parse_systems(["tpo:width=2/5,depth=0/1"], DEFAULTS)]

    assert names == ["tpo-D0-N2", "tpo-D1-N2", "tpo-D0-N5", "tpo-D1-N5"]


def test_depth_zero_is_heard() -> None:
    (system,) = parse_systems(["tpo:depth=0"], DEFAULTS)

    assert system.settings.depth == 0


def test_a_system_may_stop_by_rules_of_its_own() -> None:
    thrifty, whole = parse_systems(["thrifty=tpo:patience=1,gate_reward=-0.5", "tpo"], DEFAULTS)

    assert (thrifty.settings.patience, thrifty.settings.gate_reward) == (1, -0.5)
    assert whole.settings == DEFAULTS


def test_a_rule_may_be_switched_off_for_one_system() -> None:
    paper, small = parse_systems(["paper=tpo:min_contrast=none", "small=tpo"], DEFAULTS)

    assert (paper.settings.min_contrast, small.settings.min_contrast) == (None, "unexplained")


def test_draws_without_words_come_after_those_that_everybody_can_begin_with() -> None:
    systems = parse_systems(["dumb=tpo:remarks=withheld,width=9", "single", "explain"], DEFAULTS)

    assert [one.name for one in drawing_order(systems)] == ["explain", "single", "dumb"]
    assert [one.as_dict().get("remarks") for one in systems] == ["withheld", None, None]


def test_a_rule_that_cannot_work_is_one_line() -> None:
    with pytest.raises(
        SettingsError, match="`patience` of TPOSettings: input should be a valid integer"
    ):
        parse_systems(["tpo:patience=much"], DEFAULTS)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["tpoo"], "`tpoo`"),
        (["tpo:height=3"], "`height=3`"),
        (["tpo:width=many"], "`many`"),
        (["tpo:width=1"], "`width` must be at least 2"),
        (["tpo", "tpo"], "Two systems"),
        (["x=tpo:width=2/3"], "several"),
        (["tpo:width=2,width=3"], "says `width` twice"),
        (["best-of-n-matched"], "a system with rounds"),
        (["tpo", "best-of-n-matched:match=single"], "got `single`"),
        (["tpo:match=tpo"], "matches nothing"),
        (["tpo:match_on=all"], "matches nothing"),
        (["tpo", "best-of-n-matched:match_on=price"], "`match_on`"),
        (["tpo", "best-of-n-matched:width=3"], "`width=3` is no option"),
        (["single:width=3"], "`width=3` is no option, use"),
        (["single:critic=openai:gpt-4o"], "`critic=openai:gpt-4o` is no option"),
        (["best-of-n:depth=1"], "`depth=1` is no option"),
        (["best-of-n:remarks=withheld"], "`remarks=withheld` is no option"),
        (["tpo:remarks=short"], "`remarks` must be `withheld`, got `short`"),
        ([""], "there is no"),
    ],
)
def test_a_mistake_is_one_line(texts: list[str], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as caught:
        parse_systems(texts, DEFAULTS)
    assert "\n" not in str(caught.value)


def usage(completions: int, read: int | None, written: int | None, requests: int = 1) -> Usage:
    return Usage(
        requests=requests,
        completions=completions,
        input_tokens=read,
        output_tokens=written,
        cached_tokens=0,
    )


def plain(sampling: Usage, *, failed: int = 0, scoring: Usage = NOTHING_USED) -> Drawn:
    done = sampling["completions"]
    return Drawn(
        draws=done + failed,
        sampling=sampling,
        scoring=scoring,
        at_once=done > sampling["requests"] == 1,
    )


def times(usage: Usage, share: float) -> Usage:
    """Of one request: it has read its prompt once, however many it makes."""
    once = usage["requests"] == 1
    read, written = usage["input_tokens"], usage["output_tokens"]
    return Usage(
        requests=1 if once else round(usage["requests"] * share),
        completions=round(usage["completions"] * share),
        input_tokens=read if once or read is None else round(read * share),
        output_tokens=None if written is None else round(written * share),
        cached_tokens=0,
    )


@pytest.mark.parametrize(
    ("sample", "whole", "match_on", "width"),
    [
        (usage(5, 20, 500), usage(19, 9020, 2300), "output", 23),
        (usage(5, 20, 500), usage(19, 9020, 2300), "all", 113),  # (2300 + 9000) / 100
        (usage(5, 100, 500, requests=5), usage(19, 9100, 2300, requests=14), "all", 95),
        (usage(5, 20, 500), usage(19, 9020, 2300), "money", 46),  # (2300 + 9000 / 4) / 100
        (usage(5, 100, 500, requests=5), usage(19, 9100, 2300, requests=14), "money", 44),
        (usage(5, 20, None), usage(19, None, None), "output", 19),
        (usage(5, None, 500), usage(19, None, 2300), "all", 19),
        (usage(5, 20, 500), usage(5, 20, 500), "output", 5),
        (usage(2, 5, 2), usage(9, 5, 999_999), "output", MOST_SAMPLES),
        (NOTHING_USED, NOTHING_USED, "output", 1),
    ],
)
def test_best_of_n_may_be_as_wide_as_the_tokens_allow(
    sample: Usage, whole: Usage, match_on: str, width: int
) -> None:
    spent = Spent(first=plain(sample), whole=whole)
    widths = [spent.next_width(spent.first, match_on)]  # type: ignore[arg-type]

    while len(widths) < 2 or widths[-1] > widths[-2]:  # every draw takes what the first ones took
        drawn = plain(times(sample, widths[-1] / max(1, sample["completions"])))
        widths.append(spent.next_width(drawn, match_on))  # type: ignore[arg-type]

    assert widths[-1] == width


def test_short_first_samples_do_not_make_best_of_n_dearer() -> None:
    spent = Spent(first=plain(usage(5, 20, 250)), whole=usage(15, 900, 1500))
    drawn, widths = spent.first, [5]

    while (wider := spent.next_width(drawn, "output")) > widths[-1]:
        widths.append(wider)
        drawn = plain(usage(wider, 20, 250 + 100 * (wider - 5)))  # twice as long as the first

    assert widths == [5, 10, 15, 17, 18]  # 30 seemed to fit
    assert drawn.sampling["output_tokens"] == 1550


def test_no_part_is_larger_than_all_before_it() -> None:
    spent = Spent(first=plain(usage(4, 20, 4)), whole=usage(14, 900, 800))
    drawn, widths = spent.first, [4]

    while (wider := spent.next_width(drawn, "output")) > widths[-1]:
        widths.append(wider)
        drawn = plain(usage(wider, 20, 4 + 200 * (wider - 4)))

    assert widths == [4, 8]  # 800 seemed to fit


def test_the_last_draws_are_taken_in_ever_smaller_parts() -> None:
    spent = Spent(first=plain(usage(4, 20, 400)), whole=usage(14, 900, 1400))
    drawn, widths = spent.first, [4]

    while (wider := spent.next_width(drawn, "output")) > widths[-1]:
        widths.append(wider)
        drawn = plain(usage(wider, 20, 100 * wider))

    assert widths == [4, 8, 11, 13, 14]


@pytest.mark.parametrize(
    ("whole", "match_on", "width"),
    [
        (usage(29, 9020, 2300), "output", 5 + 4),  # 11.5 cost as much: half of the 6.5 left
        (usage(29, 1820, 2300), "all", 5 + 4),  # (2300 + 1800) / (200 + 120), likewise
        (usage(29, None, None), "output", 14),  # completions are matched at once
    ],
)
def test_what_a_judge_takes_counts_for_samples_too(whole: Usage, match_on: str, width: int) -> None:
    judged = plain(usage(5, 20, 500), scoring=usage(5, 600, 500, requests=5))

    assert Spent(first=judged, whole=whole).next_width(judged, match_on) == width  # type: ignore[arg-type]


def test_draws_that_failed_take_nothing_of_the_budget() -> None:
    first = plain(usage(2, 20, 200, requests=6), failed=4)
    spent = Spent(first=first, whole=usage(4, 900, 400))

    assert spent.next_width(first, "output") == 6 + 1
    assert spent.next_width(plain(usage(3, 20, 300), failed=4), "output") == 7 + 1


def test_nobody_knows_of_a_single_draw_whether_its_request_could_have_made_several() -> None:
    first = plain(usage(1, 1000, 10))
    spent = Spent(first=first, whole=usage(3, 3600, 30))

    assert spent.next_width(first, "all") == 1 + 1  # each reads the prompt: 3.6 of them fit
    drawn_singly = plain(usage(3, 3000, 30, requests=3))
    assert spent.next_width(drawn_singly, "all") == 3 + 1
    drawn_at_once = Drawn(
        draws=3, sampling=usage(3, 2000, 30, requests=2), scoring=NOTHING_USED, at_once=True
    )
    assert spent.next_width(drawn_at_once, "all") == 3 + 3  # 2630 / 10 of them fit
