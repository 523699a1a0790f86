"""Flags win over the file, the file over the preset."""

from pathlib import Path

import pytest

from langchain_tpo import TPOSettings
from langchain_tpo.cli.flags import Flags
from langchain_tpo.cli.run_choices import run_choices
from langchain_tpo.errors import SettingsError

FILE = """
model = "openai:from-file"
reward = "tei:http://rm:8080"
preset = "paper"

[model_options]
temperature = 0.1

[settings]
width = 7
seed = 3

[settings.sample]
temperature = 1.0
"""


def test_without_a_word_a_small_model_runs_here() -> None:
    choices = run_choices(Flags())

    assert (choices.model, choices.reward) == ("local", "head")
    assert choices.settings == TPOSettings.small_model()


def test_any_other_model_starts_from_the_plain_settings() -> None:
    assert run_choices(Flags(model="openai:gpt-4o")).settings == TPOSettings()


def test_flags_win_over_the_file_and_the_file_over_the_preset(tmp_path: Path) -> None:
    path = tmp_path / "tpo.toml"
    path.write_text(FILE)

    choices = run_choices(
        Flags(
            config=path,
            width=9,
            temperature=0.2,
            changes=["textual_loss.max_tokens=50", "sample.top_p=0.5"],
        )
    )

    settings = choices.settings
    assert (choices.model, choices.reward) == ("openai:from-file", "tei:http://rm:8080")
    assert choices.model_options == {"temperature": 0.1}
    assert (settings.width, settings.depth, settings.seed) == (9, 2, 3)
    assert (settings.sample.temperature, settings.sample.top_p) == (0.2, 0.5)
    assert settings.sample.max_tokens == 2048
    assert settings.textual_loss.max_tokens == 50
    assert settings.textual_loss.temperature == 0.7


def test_set_reads_numbers_switches_and_words() -> None:
    flags = Flags(changes=["depth=1", "one_request=false", "on_error=raise", "strategy=revision"])

    settings = run_choices(flags).settings

    assert (settings.depth, settings.one_request, settings.on_error) == (1, False, "raise")
    assert settings.strategy.name == "revision"


def test_options_of_a_step_add_up_however_they_are_said() -> None:
    flags = Flags(temperature=0.5, changes=["sample={max_tokens=9}", "sample.top_p=0.4"])

    sample = run_choices(flags).settings.sample

    assert (sample.temperature, sample.max_tokens, sample.top_p) == (0.5, 9, 0.4)


@pytest.mark.parametrize(
    "flags",
    [
        Flags(changes=["sample=5", "sample.top_p=1"]),
        Flags(width=5, changes=["width.least=1"]),
        Flags(strategy="fused", changes=["strategy.fresh=1"]),
    ],
)
def test_a_setting_and_a_part_of_it_are_not_said_at_once(flags: Flags) -> None:
    with pytest.raises(SettingsError, match="is set as a whole already"):
        run_choices(flags)


@pytest.mark.parametrize("name", ["model", "base_url", "critic", "reward"])
def test_an_empty_word_is_not_taken_for_none(name: str) -> None:
    """As `-m "$MODEL"` says where the variable is not set."""
    assert getattr(run_choices(Flags(**{name: ""})), name) == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("modell = 1", "`modell`"),
        ("= nonsense", "no TOML"),
        ("[settings]\nwidht = 3", "`widht`"),
        ("[settings]\nwidth = 'many'", "`width`"),
        ("preset = 'huge'", "`huge`"),
    ],
)
def test_a_mistake_in_the_file_is_one_line(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "tpo.toml"
    path.write_text(content)

    with pytest.raises(SettingsError, match=words) as caught:
        run_choices(Flags(config=path))
    assert "\n" not in str(caught.value)


def test_a_mark_at_the_start_of_the_file_is_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "tpo.toml"
    path.write_text('\ufeffreward = "oil"\n', encoding="utf-8")

    assert run_choices(Flags(config=path)).reward == "oil"
