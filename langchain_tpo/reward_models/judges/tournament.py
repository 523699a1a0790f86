"""Who meets whom when responses are compared in pairs, and what strength follows. Pure.

Responses meet in stages. While there are too many for everyone to meet everyone, neighbours by
strength meet, and whoever loses, both orders taken together, is out; the rest then meet each other.
Strengths are those of Bradley and Terry over all results. With a judge that is right the best
response wins whatever its place in the list.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Literal, TypeAlias

Effort: TypeAlias = Literal["linear", "loglinear"]
"""How many requests a round may cost: three for each response, or twice N log2 N."""

Pair: TypeAlias = tuple[str, str]
"""Two responses that meet."""

MOST_SWEEPS = 100
"""Sweeps after which strengths are taken as they are; some dozens suffice for any tournament."""

PRIOR = 0.5
"""Wins and losses that everyone is given against one of middle strength: an unbeaten response is
strong, not infinitely so."""


def most_pairs(players: int, effort: Effort) -> int:
    """Return how many pairs may meet; each is asked in both orders.

    Args:
        players: Responses of the round, the best one so far included.
        effort: How much may be asked.

    Example:
        >>> most_pairs(5, "linear"), most_pairs(20, "linear"), most_pairs(20, "loglinear")
        (7, 30, 86)
    """
    linear = 3 * players // 2
    allowed = linear if effort == "linear" else math.floor(players * math.log2(max(2, players)))
    return min(max(allowed, linear, players - 1), players * (players - 1) // 2)


@dataclass
class Tournament:
    """One round's meetings; ask for `stage` and report with `record` until a stage is empty.

    Example:
        >>> worth = {"a": 1, "b": 3, "c": 2}
        >>> tournament = Tournament(players=list(worth))
        >>> while pairs := tournament.stage():
        ...     for one, other in pairs:
        ...         tournament.record((one, other), 1.0 if worth[one] > worth[other] else 0.0)
        >>> strengths = tournament.strengths()
        >>> sorted(strengths, key=strengths.get)
        ['a', 'c', 'b']
    """

    players: Sequence[str]
    """The responses, each once."""
    effort: Effort = "linear"
    """How much may be asked."""
    shares: dict[Pair, float] = field(default_factory=dict)
    """What the first of a pair has won of it, from 0 to 1."""
    _met: set[Pair] = field(default_factory=set)
    _out: set[str] = field(default_factory=set)

    def stage(self) -> list[Pair]:
        """Return the pairs that meet next; none when it is over."""
        left = most_pairs(len(self.players), self.effort) - len(self._met)
        alive = [player for player in self._ranked() if player not in self._out]
        fresh = [pair for pair in combinations(alive, 2) if not self._have_met(pair)]
        pairs = fresh if len(fresh) <= left else list(self._neighbours(alive))[:left]
        self._met.update(pairs)
        return pairs

    def record(self, pair: Pair, share: float | None) -> None:
        """Note what the first of a pair has won of it, and whether somebody is out.

        Args:
            pair: As it was given by `stage`.
            share: 1 when it won in both orders, 0.5 when it won in one; None when nobody can tell.
        """
        if share is None:
            return
        self.shares[pair] = share
        if share != 0.5:  # noqa: PLR2004 neither is better
            self._out.add(pair[1] if share > 0.5 else pair[0])  # noqa: PLR2004 as above

    def strengths(self) -> dict[str, float]:
        """Return the log-strength of everyone who has met somebody; the winner's is the highest.

        The difference of two is the log-odds that one beats the other.
        """
        known = {player for pair in self.shares for player in pair}
        strengths = {
            player: strength
            for player, strength in _strengths(self.players, self.shares).items()
            if player in known or len(self.players) == 1
        }
        alive = [player for player in strengths if player not in self._out]
        if not alive:
            return strengths
        top = max(strengths[player] for player in alive)
        ceiling = math.nextafter(top, -math.inf)
        return {
            player: min(strength, ceiling) if player in self._out else strength
            for player, strength in strengths.items()
        }

    def _ranked(self) -> list[str]:
        strengths = _strengths(self.players, self.shares)
        return sorted(self.players, key=lambda player: -strengths[player])

    def _neighbours(self, alive: Sequence[str]) -> Iterator[Pair]:
        """Pair everyone with the next in strength that they have not met."""
        free = list(alive)
        while free:
            player = free.pop(0)
            other = next((one for one in free if not self._have_met((player, one))), None)
            if other is not None:
                free.remove(other)
                yield player, other

    def _have_met(self, pair: Pair) -> bool:
        return pair in self._met or pair[::-1] in self._met


def _strengths(players: Sequence[str], shares: Mapping[Pair, float]) -> dict[str, float]:
    """Return log-strengths by the sweeps of Zermelo, each player having met a middling one too."""
    weights = dict.fromkeys(players, 1.0)
    wins = dict.fromkeys(players, PRIOR)
    for (one, other), share in shares.items():
        wins[one] += share
        wins[other] += 1 - share
    for _ in range(MOST_SWEEPS):
        meetings = {player: 2 * PRIOR / (weight + 1) for player, weight in weights.items()}
        for one, other in shares:
            meeting = 1 / (weights[one] + weights[other])
            meetings[one] += meeting
            meetings[other] += meeting
        swept = {player: wins[player] / meetings[player] for player in players}
        moved = max((abs(swept[one] - weights[one]) for one in players), default=0.0)
        weights = swept
        if moved < 1e-6:  # noqa: PLR2004 below what matters
            break
    return {player: math.log(weight) for player, weight in weights.items()}
