"""What models cost, as command lines say it: `0.4/1.6`, `critic=2/8/0.5`."""

from collections.abc import Sequence
from typing import Annotated, get_args

import typer

from langchain_tpo.costs import ModelRole, Price
from langchain_tpo.errors import SettingsError

PriceOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[WHO=]IN/OUT[/CACHED]",
        help="Money per million tokens, as in `0.4/1.6/0.1`; of the model, or of `critic=` or "
        "`reward=` where that is another.",
    ),
]


def prices_of(texts: Sequence[str]) -> dict[ModelRole, Price]:
    """Return the price of each model that is named.

    Raises:
        SettingsError: In one line, when a price cannot be read.

    Example:
        >>> prices_of(["0.4/1.6", "critic=2/8"])["critic"].output
        8.0
    """
    prices: dict[ModelRole, Price] = {}
    for text in texts:
        role, _, figures = text.rpartition("=")
        try:
            (who,) = (known for known in get_args(ModelRole) if known == (role or "model"))
            read, written, *more = map(float, figures.split("/"))
            (cached,) = more or (None,)
        except ValueError:
            raise SettingsError(
                f"`--price {text}`: write money per million tokens read and written, and of cached "
                "ones if they are cheaper, as in `0.4/1.6/0.1` or `critic=2/8`."
            ) from None
        if who in prices:
            raise SettingsError(f"`--price {text}`: the price of `{who}` is named already.")
        prices[who] = Price(input=read, output=written, cached_input=cached)
    if prices and "model" not in prices:
        raise SettingsError("`--price` must name the price of the model itself, as in `0.4/1.6`.")
    return prices
