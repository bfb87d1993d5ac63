"""What befell a stablecoin protocol on 12 March 2020, by the shipped storm on that day's recorded prices and gas."""

import csv
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from simulator.results import RunResult, run_scenario
from simulator.scenario import load_scenario
from simulator.validation.law import Measured, law
from simulator.validation.market_data import market_data

PRICES: Final = "2020-03_black_thursday_1h.csv"
GAS: Final = "2020-03-12_eth_gas_10m.csv"
SEEDS: Final = range(1, 21)
HOURS: Final = 30
FIRST: Final = "2020-03-12T00:00:00Z"
_BARS: Final = 6  # of the gas record in an hour
_ZERO_BID: Final = 0.01  # of the collateral's value, as the metric has it
_LEAST_LIFT: Final = 1.25
_WORKERS: Final = 2

_SOURCE: Final = (
    "hourly ether prices of Binance and 10-minute gas prices of arXiv:2201.03519, 12 and 13 March 2020; that day 36 % "
    "of liquidations went for zero and 5.67 million were left uncovered"
)
_FREE: Final = (
    "Free parameters, as in scenarios/black-thursday.toml: number of keepers, their capital, their gas rule; and how "
    "far the borrowers are from liquidation, set so that the day sells as much of the debt as it did."
)


@dataclass(frozen=True)
class Storm:
    """One run: its two metrics, and its settled auctions with the hour and whether next to nothing was paid."""

    zero_bid_share: float
    bad_debt_ratio: float
    hour: tuple[int, ...]
    zero_bid: tuple[bool, ...]
    gas_gwei: tuple[float, ...]  # by hour: the mean of the cheapest gas that got into full blocks


# ------------------------------------------------------------------------- the record


def recorded_weather(prices: Path, gas: Path) -> dict[str, Any]:
    """Knots of both records as changes of the scenario. Where the gas record ends, the scenario's assumption stays."""
    rows, bars = _rows(prices), _rows(gas)
    first = next(number for number, row in enumerate(rows) if row["time_utc"] == FIRST)
    assumed = [[hour, gwei] for hour, gwei in _shipped_gas() if hour > len(bars) / _BARS]
    recorded = [[(number + 0.5) / _BARS, float(row["gas_avg_gwei"])] for number, row in enumerate(bars)]
    return {
        "market.ETH.knots": _price_knots(rows[first : first + HOURS], bars),
        "chain.demand.gas_price_gwei": recorded + assumed,
    }


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _shipped_gas() -> Any:
    demand = load_scenario("black-thursday").chain.demand
    assert demand is not None
    return demand.gas_price_gwei


def _price_knots(hours: list[dict[str, str]], bars: list[dict[str, str]]) -> list[list[float]]:
    """Open, low and high of each hour, and the last close."""
    knots: list[list[float]] = []
    for hour, row in enumerate(hours):
        first, low, high = (float(row[f"eth_{name}"]) for name in ("open", "low", "high"))
        of_low, of_high = _extremes(row, bars[hour * _BARS : (hour + 1) * _BARS])
        knots += [[hour, first], *sorted([[hour + of_low, low], [hour + of_high, high]])]
    knots.append([len(hours), float(hours[-1]["eth_close"])])
    return knots


def _extremes(row: dict[str, str], bars: list[dict[str, str]]) -> tuple[float, float]:
    """When in its hour the low and the high were: by the finer record, else the low first where the hour closed higher.

    The finer record is another venue's, so it gives the times and not the prices.
    """
    rises = float(row["eth_close"]) >= float(row["eth_open"])
    early, late = 1 / 3, 2 / 3
    if bars:
        lowest = int(np.argmin([float(bar["eth_low"]) for bar in bars]))
        highest = int(np.argmax([float(bar["eth_high"]) for bar in bars]))
        if lowest != highest:
            return (lowest + 0.5) / _BARS, (highest + 0.5) / _BARS
        rises = float(bars[lowest]["eth_close"]) >= float(bars[lowest]["eth_open"])
        early, late = (lowest + early) / _BARS, (lowest + late) / _BARS
    return (early, late) if rises else (late, early)


# --------------------------------------------------------------------------- the runs


def storm(seed: int, weather: dict[str, Any]) -> Storm:
    """Run it."""
    result = run_scenario(load_scenario("black-thursday", weather), seed=seed)
    settled = _settled(result)
    return Storm(
        float(result.metrics["zero_bid_share"]),
        float(result.metrics["bad_debt_ratio"]),
        tuple(settled["hour"].tolist()),
        tuple((settled["paid_usd"] < _ZERO_BID * settled["collateral_usd"]).tolist()),
        tuple(_gas_by_hour(result).tolist()),
    )


def _settled(result: RunResult) -> pd.DataFrame:
    """Settled auctions: paid_usd, collateral_usd, hour."""
    events = result.events[(result.events["name"] == "auction_settled") & result.events["index"].isna()]
    settled = pd.DataFrame([json.loads(args) for args in events["args"]])
    settled["hour"] = _hours(result).loc[events["block"]].to_numpy()
    return settled


def _hours(result: RunResult) -> "pd.Series[int]":
    """The hour of each block, by its number."""
    start = pd.Timestamp(FIRST).timestamp()
    blocks = result.blocks
    hours = ((blocks["time"].astype(float) - start) // 3600).clip(0, HOURS - 1).astype(int)
    return pd.Series(hours.to_numpy(), index=blocks["block"].to_numpy())


def _gas_by_hour(result: RunResult) -> "pd.Series[float]":
    floors = result.blocks["price_floor_gwei"].astype(float).to_numpy()
    return pd.Series(floors).groupby(_hours(result).to_numpy()).mean().reindex(range(HOURS), fill_value=0.0)


@cache
def storms(prices: Path, gas: Path) -> list[Storm]:
    """The storm of every seed."""
    weather = recorded_weather(prices, gas)
    found: list[Storm] = Parallel(n_jobs=_WORKERS)(delayed(storm)(seed, weather) for seed in SEEDS)
    return found


def _storms() -> list[Storm]:
    return storms(market_data(PRICES), market_data(GAS))


def lift(runs: list[Storm]) -> float:
    """Share of the zero bids that were settled in the dearest quarter of their run's hours, over that quarter's share
    of all settled auctions; all runs together. NaN without a zero bid."""
    zero_bids = zero_bids_there = lots = lots_there = 0
    for run in runs:
        dearest = set(np.argsort(run.gas_gwei)[::-1][: round(HOURS / 4)].tolist())
        for hour, zero_bid in zip(run.hour, run.zero_bid, strict=True):
            lots += 1
            lots_there += hour in dearest
            zero_bids += zero_bid
            zero_bids_there += zero_bid and hour in dearest
    if not zero_bids or not lots_there:
        return float("nan")
    return (zero_bids_there / zero_bids) / (lots_there / lots)


# --------------------------------------------------------------------------- the laws


@law("black-thursday/zero-bid-share", f"{_SOURCE}. {_FREE}")
def zero_bid_share() -> Measured:
    """Share of auctions that went for next to nothing, mean over 20 seeds: .26 to .46."""
    return Measured(0.36, float(np.mean([run.zero_bid_share for run in _storms()])), 0.10)


@law("black-thursday/bad-debt-ratio", f"{_SOURCE}. {_FREE}")
def bad_debt_ratio() -> Measured:
    """Bad debt over the highest debt outstanding, mean over 20 seeds: .03 to .07."""
    return Measured(0.05, float(np.mean([run.bad_debt_ratio for run in _storms()])), 0.02)


@law("black-thursday/gas-hours", f"{_SOURCE}. {_FREE}")
def gas_hours() -> Measured:
    """The dearest quarter of hours by gas has at least 1.25 times as large a share of the zero bids as of all auctions
    (measured: that ratio over 1.25, at most 1), 20 seeds together."""
    return Measured(1.0, float(np.minimum(1.0, lift(_storms()) / _LEAST_LIFT)), 0.0)  # NaN stays NaN
