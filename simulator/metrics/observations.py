"""What metrics read of a run's tables, each read once.

Protocols are known by neutral rows alone. In `events`, with a null index:

    liquidation        subject the position; debt_usd that the liquidator paid, collateral_usd that he got (of a
                       perpetual position both are the notional closed, of options written what buying them back cost
                       and what the collateral paid of it), profit_usd after slippage, gas and tips,
                       unsafe_block, fill_block (null: never filled)
    auction_settled    subject the lot; paid_usd, collateral_usd that was in it
    deleveraged        subject the account; notional_usd closed, haircut_usd of profit given up
    socialised         loss_usd that a pool's depositors took, or those whom it owed

In `measures`, at every sample and at the end, by protocol and subject (a collateral, or empty for all of a protocol):

    debt_usd              owed, what is at auction included
    shortfall_usd         sum of (debt - collateral)+ over open positions and lots at auction, at the reference price
    bad_debt_usd          recorded as lost, and in no shortfall any more
    reserve_usd           what the protocol has put by against losses
    collateral_ratio_min  lowest collateral over debt of its positions; not recorded while nothing is owed
    open_interest_usd     of a perpetual market: notional of the larger side
    insurance_fund_lowest_usd  of a perpetual market: lowest insurance fund so far
    hedge_funding_paid_usd     of a perpetual market: funding paid so far by accounts that are contracts, what is due
                               included; not recorded where there is no such account
    option_interest_usd   of an option market: notional of the larger side
    margin_used_usd       collateral of what is written, base with it; of a margin account what it requires
    margin_freed_usd      margin that cover by base, or a model of the whole portfolio, spares
    quoted_volatility_7d  at the money, of the surface that an option market quotes by
    realised_volatility   a year's, of the reference price, exponentially over a day
    realised_volatility_run    the same since the start
    net_delta_usd, net_gamma_usd, net_vega_usd, net_theta_usd, net_rho_usd, delta_drift_usd
                          of portfolios with options, as `simulator/portfolios.py` has them
    option_premiums_usd, option_payoffs_usd, option_marks_usd
                          of vaults: paid so far for options less what their sale brought, paid out by them, worth now

Of a vault, by protocol and subject, as `simulator/protocols/vault_record.py` writes them: `nav_per_share` and `delta`
at every block; `target_per_share` and, where there is a hedge leg, `hedge_profit_per_share` each full hour;
`rebalance_delay_seconds`, `rebalance_due_seconds`, `withdrawal_wait_seconds`, `withdrawal_pending_seconds`; and of each
rebalance `rebalance_cost_usd`. Of these every row counts.

Of what a prober tried, by protocol and subject: rows named as the metrics of `simulator/metrics/probes.py`, each the
outcome of one attempt. Of these too every row counts.

Any other measure stands until the next one of its protocol, subject and name; of two in one block the later counts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from simulator.tables import Tables, field

Floats = NDArray[np.float64]
_HOUR = 3600  # [s]
_VAULT_PATHS = ("nav_per_share", "delta", "target_per_share", "hedge_profit_per_share")
_VAULT_ROWS = (
    "rebalance_cost_usd",
    "rebalance_delay_seconds",
    "rebalance_due_seconds",
    "withdrawal_wait_seconds",
    "withdrawal_pending_seconds",
)
_MEASURES = (
    "debt_usd",
    "shortfall_usd",
    "bad_debt_usd",
    "reserve_usd",
    "collateral_ratio_min",
    "open_interest_usd",
    "insurance_fund_lowest_usd",
    "hedge_funding_paid_usd",
    "option_interest_usd",
    "margin_used_usd",
    "margin_freed_usd",
    "quoted_volatility_7d",
    "realised_volatility",
    "realised_volatility_run",
    "net_delta_usd",
    "net_gamma_usd",
    "net_vega_usd",
    "net_theta_usd",
    "net_rho_usd",
    "delta_drift_usd",
    "option_premiums_usd",
    "option_payoffs_usd",
    "option_marks_usd",
)
_PROBED = (
    "stale_answers_used",
    "wild_answers_used",
    "limits_passed",
    "round_trip_gain",
    "self_liquidation_gain_usd",
    "liquidation_harm",
    "close_factor_excess",
    "liquidation_toxicity",
    "unliquidatable_debt_usd",
    "stuck_lots",
    "accrual_gap",
    "share_price_push",
    "adl_losers_usd",
    "adl_past_floor_usd",
    "rebalance_excess_loss",
    "queue_jumps",
    "greek_gap",
    "expiry_price_moves",
    "quote_arbitrage_usd",
    "waterfall_skips_usd",
    "margin_gap_usd",
    "books_gap_usd",
    "manipulation_cost_ratio",
    "stale_hour_loss_usd",
)
_NEUTRAL = ["liquidation", "auction_settled", "deleveraged", "socialised"]


@dataclass(frozen=True)
class Liquidation:
    """A position, or what was seized of it, from unsafe to sold."""

    debt_usd: float
    collateral_usd: float
    profit_usd: float
    unsafe_block: int
    fill_block: int | None

    @classmethod
    def from_args(cls, args: Mapping[str, Any]) -> "Liquidation":
        """From the arguments of a neutral event."""
        fill = args["fill_block"]
        return cls(
            float(args["debt_usd"]),
            float(args["collateral_usd"]),
            float(args["profit_usd"]),
            int(args["unsafe_block"]),
            None if fill is None else int(fill),
        )


@dataclass(frozen=True)
class SettledLot:
    """A lot of seized collateral that was sold."""

    paid_usd: float
    collateral_usd: float


@dataclass(frozen=True)
class PricePath:
    """The prices of one asset over the blocks; NaN where there is none."""

    time: Floats  # [unix s]
    exogenous: Floats  # [usd]
    market: Floats
    oracle: Floats
    oracle_time: Floats  # [unix s]


@dataclass(frozen=True)
class VaultPath:
    """One vault over the run; per share in its own asset. What is hourly is empty where it does not apply."""

    nav: Floats  # at every block
    delta: Floats  # less the wanted one, over net assets, at every block
    nav_hourly: Floats
    target_hourly: Floats
    hedge_hourly: Floats  # profit since the start
    step: float = 1.0  # [h] from one hourly row to the next: more than 1 where blocks are longer


class Observations:
    """One run, as metrics see it."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    @cached_property
    def blocks(self) -> int:
        """How many blocks there were."""
        return self.tables.count("blocks")

    @cached_property
    def last_block(self) -> int | None:
        """The number of the last block."""
        numbers = self.column("blocks", "block")
        return int(numbers.max()) if numbers.size else None

    @cached_property
    def included(self) -> int:
        """How many transactions are in blocks."""
        return self.tables.count("transactions", field("status").isin(["included", "reverted"]))

    @cached_property
    def _neutral(self) -> list[tuple[str, dict[str, Any]]]:
        table = self.tables.read("events", ["name", "args"], field("name").isin(_NEUTRAL) & field("index").is_null())
        rows = zip(table["name"].to_pylist(), table["args"].to_pylist(), strict=True)
        return [(name, json.loads(args)) for name, args in rows]

    @cached_property
    def liquidations(self) -> list[Liquidation]:
        """Every liquidation, and everything that was unsafe and never filled."""
        return [Liquidation.from_args(args) for name, args in self._neutral if name == "liquidation"]

    @cached_property
    def fills(self) -> list[Liquidation]:
        """The liquidations that came to a sale."""
        return [each for each in self.liquidations if each.fill_block is not None]

    @cached_property
    def settled_lots(self) -> list[SettledLot]:
        """Auctions that ended in a sale."""
        return [
            SettledLot(float(args["paid_usd"]), float(args["collateral_usd"]))
            for name, args in self._neutral
            if name == "auction_settled"
        ]

    def total(self, name: str, key: str) -> float:
        """The sum of an argument over the neutral events of a name."""
        return float(sum(float(args[key]) for found, args in self._neutral if found == name))

    @cached_property
    def lends(self) -> bool:
        """Whether any protocol was there to lend, or to trade on margin, so that no liquidation is an answer."""
        return bool(self.liquidations) or not self.measure("debt_usd").empty or self.has_derivatives

    @property
    def has_derivatives(self) -> bool:
        """Whether there was a perpetual or an option market."""
        return self.has_perpetuals or not self.measure("option_interest_usd").empty

    @cached_property
    def has_perpetuals(self) -> bool:
        """Whether there was a perpetual market, so that nothing deleveraged is an answer."""
        return not self.measure("open_interest_usd").empty

    @cached_property
    def paths(self) -> list[PricePath]:
        """The prices of each asset that an oracle answered for, in order of their names."""
        columns = ["time", "asset", "exogenous", "market", "oracle", "oracle_time"]
        table = self.tables.read("prices", columns)
        assets = np.array(table["asset"].cast(pa.string()).to_pylist(), dtype=object)
        numbers = {name: floats(table, name) for name in columns if name != "asset"}
        paths = []
        for asset in sorted(set(assets.tolist())):
            of_asset = assets == asset
            path = PricePath(**{name: values[of_asset] for name, values in numbers.items()})
            if np.isfinite(path.oracle).any():
                paths.append(path)
        return paths

    @cached_property
    def _measures(self) -> pd.DataFrame:
        key = ["name", "block", "protocol", "subject"]
        frame = self.tables.read("measures", [*key, "value"], field("name").isin(_MEASURES)).to_pandas()
        texts = dict.fromkeys(("protocol", "subject", "name"), str)
        known: pd.DataFrame = frame.astype(texts).dropna(subset=["value"])
        return known.drop_duplicates(key, keep="last").set_index(key)

    def measure(self, name: str) -> pd.DataFrame:
        """A measure by block (rows, ascending) and (protocol, subject) (columns); before the first it is NaN."""
        if name not in self._measures.index.get_level_values("name"):
            return pd.DataFrame()
        return self._measures.loc[name]["value"].unstack(["protocol", "subject"]).sort_index().ffill()

    def measure_at_end(self, name: str) -> pd.Series:
        """The last value of a measure, summed over subjects: by protocol."""
        wide = self.measure(name)
        if wide.empty:
            return pd.Series(dtype=float)
        return wide.iloc[-1].groupby(level="protocol").sum()

    @cached_property
    def vaults(self) -> list[VaultPath]:
        """Every vault, in order of protocol and subject."""
        key = ["protocol", "subject"]
        frame = self.tables.read("measures", ["block", *key, "name", "value"], field("name").isin(_VAULT_PATHS))
        known = frame.to_pandas().astype(dict.fromkeys([*key, "name"], str)).dropna(subset=["value"])
        times = self.tables.read("blocks", ["block", "time"]).to_pandas().set_index("block")["time"]
        return [_vault_path(rows, times) for _, rows in known.groupby(key, sort=True)]

    @cached_property
    def _every_row(self) -> dict[str, list[float]]:
        names = (*_VAULT_ROWS, *_PROBED)
        table = self.tables.read("measures", ["name", "value"], field("name").isin(names))
        found: dict[str, list[float]] = {name: [] for name in names}
        for name, value in zip(table["name"].to_pylist(), table["value"].to_pylist(), strict=True):
            if value is not None:
                found[name].append(value)
        return found

    def vault_rows(self, name: str) -> list[float]:
        """Every value of a measure that vaults write when something happens, in order."""
        return self._every_row[name]

    def probed(self, name: str) -> list[float]:
        """The outcome of every attempt of a prober that is for the metric of a name, in order."""
        return self._every_row[name]

    def column(self, table: str, name: str) -> Floats:
        """A column as floats without its nulls."""
        values = floats(self.tables.read(table, [name]), name)
        return values[np.isfinite(values)]


def _vault_path(rows: pd.DataFrame, times: pd.Series) -> VaultPath:
    """One vault's rows, put side by side by block; `times` of blocks [unix s]."""
    wide = rows.drop_duplicates(["name", "block"], keep="last").pivot(index="block", columns="name", values="value")
    wide = wide.reindex(columns=_VAULT_PATHS)
    hourly = wide[wide["target_per_share"].notna()]

    def column(frame: pd.DataFrame, name: str) -> Floats:
        values: Floats = np.asarray(frame[name], dtype=np.float64)
        finite: Floats = values[np.isfinite(values)]
        return finite

    return VaultPath(
        column(wide, "nav_per_share"),
        column(wide, "delta"),
        column(hourly, "nav_per_share"),
        column(hourly, "target_per_share"),
        column(hourly, "hedge_profit_per_share"),
        _step(times.reindex(hourly.index).dropna()),
    )


def _step(times: pd.Series) -> float:
    """Whole hours between rows, 1 at least."""
    gaps = np.diff(times.to_numpy(dtype=np.float64))
    return max(1.0, round(float(np.median(gaps)) / _HOUR)) if gaps.size else 1.0


def floats(table: pa.Table, name: str) -> Floats:
    """A column as float64, null as NaN."""
    return np.asarray(table[name].cast(pa.float64()).to_numpy(), dtype=np.float64)
