"""The types of what a chain's link is given.

For type checkers they are LangChain's own. At run time they are what servers and tools read JSON
by (LangServe, `as_tool`): the same without abstract classes, as `BaseChatModel.InputType` is, and
with messages that have a `role` in place of a `type`. Whatever does not fit is a ValueError, since
LangChain's own validators raise others, which end the whole union.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, TypeAlias

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, convert_to_messages
from langchain_core.prompt_values import ChatPromptValueConcrete, PromptValue, StringPromptValue
from pydantic import BeforeValidator

if TYPE_CHECKING:
    Conversation: TypeAlias = LanguageModelInput
    """Whatever a chat model takes."""
    Message: TypeAlias = BaseMessage
    """One message of it."""
    Draft: TypeAlias = AIMessage
    """An answer that exists already."""
else:

    def _message(value: object) -> BaseMessage:
        if isinstance(value, BaseMessage):
            return value
        if not isinstance(value, Mapping) or "content" not in value:
            raise ValueError("a message has `content`, and a `type` or a `role`")
        try:
            return convert_to_messages([value])[0]
        except (NotImplementedError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(str(error)) from error

    def _draft(value: object) -> AIMessage:
        message = _message(value)
        if not isinstance(message, AIMessage):
            raise ValueError("a draft is a message of the assistant's")  # noqa: TRY004 see above
        return message

    def _chat_prompt(value: object) -> object:
        named = isinstance(value, Mapping) and value.get("type") == "ChatPromptValueConcrete"
        if not named and not isinstance(value, PromptValue):
            raise ValueError("a prompt value has its `type`")
        return value

    Message = Annotated[AnyMessage, BeforeValidator(_message)]
    Draft = Annotated[AIMessage, BeforeValidator(_draft)]
    Conversation = (
        str
        | StringPromptValue
        | Annotated[ChatPromptValueConcrete, BeforeValidator(_chat_prompt)]
        | list[Message]
    )
