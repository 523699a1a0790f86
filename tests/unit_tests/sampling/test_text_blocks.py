"""A revision's blocks without its tags, an answer's without its thinking."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage

from langchain_tpo import TPORunnable
from langchain_tpo.sampling.replies import message_of, read_reply
from langchain_tpo.sampling.text_blocks import with_text
from tests.support.fakes import Call, ScriptedModel, last_number

OPEN, CLOSE = "<IMPROVED_VARIABLE>", "</IMPROVED_VARIABLE>"


def cited(text: str, start: int, end: int) -> dict[str, Any]:
    link = {"type": "citation", "url": "https://example.org", "start_index": start}
    return {"type": "text", "text": text, "annotations": [{**link, "end_index": end}], "id": "t"}


@pytest.mark.parametrize("blocks", [1, 3])
def test_a_revision_keeps_the_citations_of_its_own_text(blocks: int) -> None:
    def said(number: int) -> list[Any]:
        text = f"Oil it {number}"
        if blocks == 1:
            return [cited(f"{OPEN}{text}{CLOSE}", len(OPEN), len(OPEN) + 3)]
        return [{"type": "text", "text": OPEN}, cited(text, 0, 3), CLOSE]

    class Citing(ScriptedModel):
        def _result(self, call: Call) -> Any:
            result = super()._result(call)
            if call.step == "update":
                result.generations[0].message.content = said(next(self.notebook.numbers))
            return result

    answer = TPORunnable(model=Citing(), reward=last_number, width=2, depth=1).invoke("Wood?")

    (block,) = answer.content
    assert block["text"] == answer.text == f"Oil it {int(last_number('', answer.text))}"
    assert block["id"] == "t"
    (link,) = block["annotations"]
    assert answer.text[link["start_index"] : link["end_index"]] == "Oil"


def test_thinking_in_the_text_moves_what_points_behind_it_and_drops_what_points_into_it() -> None:
    text = "<think>Oil or wax?</think>\n\nOil it."
    block = cited(text, text.rindex("Oil"), len(text))
    block["annotations"] += [{"start_index": 7, "end_index": 10}, {"url": "https://example.org"}]

    read = read_reply(AIMessage([block, {"type": "image", "url": "https://example.org/oak.png"}]))
    message = message_of({"text": read["text"], "reward": 1.0, "round": 0, **_parts(read)})

    said, image = message.content
    assert [one.get("start_index") for one in said["annotations"]] == [0, None]
    assert (said["text"], said["annotations"][0]["end_index"]) == ("Oil it.", 7)
    assert image["type"] == "image"


def test_a_text_of_another_hand_takes_the_place_of_the_first() -> None:
    blocks = ["Oil", {"type": "image"}, {"type": "text", "text": " it."}]

    assert with_text(blocks, "Wax it.") == [{"type": "text", "text": "Wax it."}, {"type": "image"}]
    assert with_text(blocks, "il it") == ["il", {"type": "image"}, {"type": "text", "text": " it"}]
    assert with_text(blocks, "Oil it.") == blocks


def _parts(read: Any) -> Any:
    return {"message": read["message"]}
