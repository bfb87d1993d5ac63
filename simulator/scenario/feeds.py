"""What one table of a feed cannot tell by itself: whether the others that it names are there and fit."""

from collections.abc import Iterator, Mapping
from typing import Any

from simulator.scenario.models import OracleSettings
from simulator.scenario.problems import Problem

_OF_REPORTS = ("min_price", "max_price", "max_jump")  # guards of what a reporter writes


def feed_problems(feeds: Mapping[str, OracleSettings | None], tables: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything that does not fit, of the feeds of a scenario with these top-level tables."""
    for asset, feed in feeds.items():
        if feed is None or feed.source == "push":
            continue
        for key in _OF_REPORTS:
            if value := getattr(feed, key):
                rule = f"guards prices that a reporter writes, and source is {feed.source}"
                yield Problem(("oracle", asset, key), rule, value, "set it to 0")
        if feed.faults:
            rule = f"are of prices that a reporter writes, and source is {feed.source}"
            yield Problem(("oracle", asset, "faults"), rule, mend="use outages of a rate, or source = push")
        yield from _twap(asset, feed, tables) if feed.source == "twap" else _rate(asset, feed, feeds)


def _twap(asset: str, feed: OracleSettings, tables: Mapping[str, Any]) -> Iterator[Problem]:
    table = tables.get(feed.pool)
    if not feed.pool or not isinstance(table, Mapping) or "protocol" not in table:
        yield Problem(("oracle", asset, "pool"), "must name the table of a pool", feed.pool, 'as in pool = "pool"')
    elif table.get("liquidity_usd") == 0:
        yield Problem(
            ("oracle", asset, "pool"), "is empty: it has no price", feed.pool, f"raise {feed.pool}.liquidity_usd"
        )
    if feed.delay_seconds:
        rule = "must be 0 where source is twap: a mean lags by itself"
        yield Problem(("oracle", asset, "delay_seconds"), rule, feed.delay_seconds, "lengthen window_seconds instead")


def _rate(asset: str, feed: OracleSettings, feeds: Mapping[str, OracleSettings | None]) -> Iterator[Problem]:
    if feed.underlying not in feeds:
        mend = "as in underlying = " + '"' + next((known for known in feeds if known != asset), "ETH") + '"'
        yield Problem(("oracle", asset, "underlying"), "must name an asset with a feed", feed.underlying, mend)
    elif asset in _made_of(asset, feeds):
        rule = "leads back to the asset itself"
        yield Problem(("oracle", asset, "underlying"), rule, feed.underlying, "name what the token is made of")
    if not feed.heartbeat_seconds:
        rule = "must be > 0 where source is rate: it is written at each heartbeat"
        yield Problem(("oracle", asset, "heartbeat_seconds"), rule, feed.heartbeat_seconds, "3600 is an hour")


def _made_of(asset: str, feeds: Mapping[str, OracleSettings | None]) -> set[str]:
    """The assets that a price is made of, over any number of rates."""
    found: set[str] = set()
    while (feed := feeds.get(asset)) is not None and feed.source == "rate" and feed.underlying not in found:
        asset = feed.underlying
        found.add(asset)
    return found
