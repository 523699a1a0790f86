"""A chat model that runs in this process: no key, no GPU, no other program (extra `local`).

`local_chat_model()` is all that most users need. The parts: `weights_file` finds a GGUF file,
`LocalServer` serves it on 127.0.0.1, and `LocalChatModel` is the chat model that talks to it.
"""

from langchain_tpo.errors import MissingExtraError

try:
    from langchain_tpo.local.chat_model import LocalChatModel
    from langchain_tpo.local.packaged_weights import PACKAGED_MODELS, PackagedModel
    from langchain_tpo.local.server import LocalServer, local_chat_model
    from langchain_tpo.local.weights import weights_file
except ModuleNotFoundError as error:
    raise MissingExtraError(str(error.name).replace("_", "-"), "local") from None

__all__ = [
    "PACKAGED_MODELS",
    "LocalChatModel",
    "LocalServer",
    "PackagedModel",
    "local_chat_model",
    "weights_file",
]
