"""Who meets whom when responses are compared in pairs, and what strength follows. Pure.

Responses meet in stages. While there are too many for everyone to meet everyone, neighbours by
strength meet, and whoever loses, both orders taken together, can no longer be the best; the rest
then meet each other. Then those who have won against nobody meet, and whoever wins can no longer be
the worst. A pair of each response with another is enough for both ends: first all meet in pairs,
then the winners seek the best among them, and the losers the worst. Strengths are those of Bradley
and Terry over all results. With a judge that is right, the best and the worst response stand first
and last whatever their place in the list.
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
    _winners: set[str] = field(default_factory=set)
    _losers: set[str] = field(default_factory=set)

    def stage(self) -> list[Pair]:
        """Return the pairs that meet next; none when it is over."""
        left = most_pairs(len(self.players), self.effort) - len(self._met)
        ranked = self._ranked()
        pairs = self._for_the_top(ranked, left) or self._for_the_bottom(ranked, left)
        self._met.update(pairs)
        return pairs

    def record(self, pair: Pair, share: float | None) -> None:
        """Note what the first of a pair has won of it, and who can no longer be best or worst.

        Args:
            pair: As it was given by `stage`.
            share: 1 when it won in both orders, 0.5 when it won in one; None when nobody can tell.
        """
        if share is None:
            return
        self.shares[pair] = share
        if share != 0.5:  # noqa: PLR2004 neither is better
            winner, loser = pair if share > 0.5 else pair[::-1]  # noqa: PLR2004 as above
            self._winners.add(winner)
            self._losers.add(loser)

    def strengths(self) -> dict[str, float]:
        """Return the log-strength of everyone who has met somebody.

        The difference of two is the log-odds that one beats the other. The highest is of one who
        lost to nobody, and the lowest of one who won against nobody, where there are such.
        """
        known = {player for pair in self.shares for player in pair}
        strengths = {
            player: strength
            for player, strength in _strengths(self.players, self.shares).items()
            if player in known or len(self.players) == 1
        }
        if unbeaten := strengths.keys() - self._losers:
            ceiling = math.nextafter(max(strengths[player] for player in unbeaten), -math.inf)
            strengths |= {p: min(strengths[p], ceiling) for p in self._losers}
        if winless := strengths.keys() - self._winners:
            floor = math.nextafter(min(strengths[player] for player in winless), math.inf)
            strengths |= {p: max(strengths[p], floor) for p in self._winners}
        return strengths

    def _for_the_top(self, ranked: Sequence[str], left: int) -> list[Pair]:
        """Pair those who have lost to nobody, and leave enough to find the worst as well."""
        unbeaten = [player for player in ranked if player not in self._losers]
        winless = len(ranked) - len(self._winners)
        free = max(left - winless + 1, min(left, 1)) if self._met else left
        fresh = [pair for pair in combinations(unbeaten, 2) if not self._have_met(pair)]
        return fresh if len(fresh) <= free else list(self._neighbours(unbeaten))[:free]

    def _for_the_bottom(self, ranked: Sequence[str], left: int) -> list[Pair]:
        """Pair those who have lost and won against nobody, the weakest first."""
        winless = self._losers - self._winners
        return list(self._neighbours([p for p in reversed(ranked) if p in winless]))[:left]

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
