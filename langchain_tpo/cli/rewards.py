"""`tpo rewards`: how to name a reward model."""

from langchain_tpo.cli.console import give
from langchain_tpo.cli.reward_strings import SCHEMES


def rewards() -> None:
    """List the reward models that --reward takes, one per line.

    Options follow a `?`: `tei:http://host:8080?timeout=5`. A key is named by the environment
    variable that holds it: `?api_key_env=RM_KEY`.
    """
    wide = max(len(scheme.example) for scheme in SCHEMES.values())
    for scheme in SCHEMES.values():
        give(f"{scheme.example:<{wide}}  {scheme.about}")
