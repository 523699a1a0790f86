"""What to check at a wrong URL: the missing `/v1` of classes that add none."""

import httpx
import pytest

from langchain_tpo.sampling.unreachable import note_what_to_check, what_to_check


def error(status: int) -> Exception:
    request = httpx.Request("POST", "http://host:8000/chat/completions")
    return httpx.HTTPStatusError("", request=request, response=httpx.Response(status))


@pytest.mark.parametrize("kind", ["ChatOpenAI", "ChatXAI", "ChatTogether", "ChatMistralAI"])
def test_a_url_without_v1_is_told(kind: str) -> None:
    lacking, whole = error(404), error(404)
    note_what_to_check(lacking, f"{kind} m at http://host:8000")
    note_what_to_check(whole, f"{kind} m at http://host:8000/v1")
    assert "it has no `/v1`" in what_to_check(lacking)
    assert "`/v1`" not in what_to_check(whole).partition("?")[0].replace("8000/v1", "")


@pytest.mark.parametrize("kind", ["ChatOllama", "ChatAnthropic", "ChatGroq", "ChatCohere"])
def test_other_services_have_no_v1_of_their_own(kind: str) -> None:
    refused = error(404)
    note_what_to_check(refused, f"{kind} m at http://host:8000")
    assert "Are the URL and the model's name right?" in what_to_check(refused)
