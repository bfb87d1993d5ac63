"""A made-up run folder: small, the same every time, with everything in it that the report shows."""

import json
import math
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simulator.tables import SCHEMAS

START = int(datetime(2020, 3, 12, tzinfo=UTC).timestamp())
BLOCK_SECONDS = 13
GWEI = 10**9
SCENARIO: dict[str, Any] = {
    "schema": 1,
    "name": "synthetic-storm",
    "title": "Synthetic storm",
    "story": "Ether halves in a day, the feed falls silent <for two hours> & keepers are priced out of the blocks.",
    "world": {"start": "2020-03-12T00:00:00Z", "hours": 6.0, "seed": 7, "sample_minutes": 10},
    "chain": {"block_seconds": 13, "gas_limit": 10_000_000, "fee_mode": "eip1559", "demand": {"load": 1.4}},
    "market": {"ETH": {"process": "replay", "knots": [[0, 194.6], [2, 170], [4, 120], [5, 86], [6, 110]],
                       "bridge_volatility": 0.8, "impact": {"depth_usd": 5_000_000, "permanent": 0.3}},
               "DOLLAR": {"process": "constant", "price": 1.0}},
    "oracle": {"ETH": {"heartbeat_seconds": 3600, "deviation": 0.005, "latency_seconds": 30, "delay_seconds": 0}},
    "cdp": {"protocol": "cdp", "collateral": {"ETH": {"liquidation": "english", "minimum_ratio": 1.5,
            "liquidation_ratio": 1.5, "liquidation_bonus": 0.13, "stability_fee": 0.08, "debt_floor": 20}}},
    "borrowers": {"agent": "borrower", "protocol": "cdp", "count": 60},
    "liquidators": {"agent": "liquidator", "count": 4},
}  # fmt: skip

METRICS: dict[str, float | None] = {
    "transactions": 1234, "blocks": 1661, "gas_used": 123_456_789, "base_fee_gwei_max": 212.5, "reverts": 37,
    "unexpected_reverts": 3, "bad_debt_usd": 1_234_567.8, "bad_debt_ratio": 0.0123, "insolvent": 1, "liquidations": 64,
    "liquidated_debt_usd": 4_321_000.5, "liquidation_delay_blocks_max": 412, "zero_bid_share": 0.31,
    "liquidator_profit_usd": 812_345.6, "profitable_liquidation_share": 0.97, "collateral_ratio_min": 0.8123,
    "health_factor_min": 0.54, "oracle_lag_seconds_max": 9_012, "oracle_gap_max": 0.287, "cascade_amplification": 1.042,
    "margin_ratio_min": None, "hedge_effectiveness": None,
}  # fmt: skip


def write_synthetic_run(
    folder: Path, *, blocks: int = 1661, status: str = "complete", gas: str = "exact", quiet: bool = False
) -> Path:
    """A run folder without a report. `quiet`: nothing is liquidated, no pool, no demand; `blocks` may be 0."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(7)
    tables = _Storm(rng, blocks, quiet).tables()
    for name, schema in SCHEMAS.items():
        rows = tables[name]
        arrays = [pa.array([row[place] for row in rows], type=kind) for place, kind in enumerate(schema.types)]
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), folder / f"{name}.parquet")
    manifest: dict[str, Any] = {
        "schema": 1,
        "scenario": SCENARIO,
        "seed": 7,
        "chain": {"name": "revm", "gas": gas},
        "status": status,
        "digest": "9f2c" * 16,
        "digest_version": 1,
        "metrics": METRICS if blocks and not quiet else dict.fromkeys(METRICS),
        "versions": {"wavetank": "0.1.0", "pyrevm": "0.3.7", "numpy": "2.4.6"},
        "bytecode": {"CdpEngine": "ab" * 32},
        "wall_seconds": {"setup": 0.4, "run": 3.21, "record": 0.2},
    }
    if status == "partial":
        manifest["fault"] = {"what": "the agent raised ValueError", "where": "borrowers", "mend": "mend the agent"}
    (folder / "manifest.json").write_text(json.dumps(manifest, sort_keys=True), encoding="utf-8")
    return folder


class _Storm:
    """Six hours in which ether halves."""

    def __init__(self, rng: np.random.Generator, blocks: int, quiet: bool) -> None:
        self.rng, self.count, self.quiet = rng, blocks, quiet
        self.blocks = np.arange(1, blocks + 1)
        self.times = START + BLOCK_SECONDS * self.blocks
        share = np.linspace(0, 1, blocks) if blocks else np.zeros(0)
        knots = np.interp(share, [0, 0.33, 0.6, 0.8, 1], [194.6, 170, 120, 86, 110])
        noise = np.cumsum(rng.normal(0, 0.0006, blocks))
        self.exogenous = knots * np.exp(noise)
        dent = 0.0 if quiet else 0.06
        self.market = self.exogenous * (1 - dent * np.exp(-(((share - 0.8) / 0.08) ** 2)))
        self.pool = self.market * np.exp(rng.normal(0, 0.002, blocks))
        self.oracle, self.observed = self._reports(share)
        self.samples = self.blocks[::23]

    def _reports(self, share: np.ndarray) -> tuple[list[float | None], list[int | None]]:
        """The feed follows at half a per cent, is silent for a while, and refuses to answer for a short time."""
        prices: list[float | None] = []
        seen: list[int | None] = []
        price, at = 0.0, 0
        for place, market in enumerate(self.market.tolist()):
            silent = 0.5 < share[place] < 0.82 and not self.quiet
            if not silent and abs(market / (price or 1e-9) - 1) > 0.005:
                price, at = market, int(self.times[place])
            refuses = 0.78 < share[place] < 0.82 and not self.quiet
            prices.append(None if refuses else price)
            seen.append(at)
        return prices, seen

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        return {
            "blocks": self._blocks(),
            "transactions": self._transactions(),
            "events": self._events(),
            "prices": self._prices(),
            "positions": self._positions(),
            "measures": self._measures(),
        }

    def _blocks(self) -> list[tuple[Any, ...]]:
        rows = []
        for place, block in enumerate(self.blocks.tolist()):
            heat = 0.0 if self.quiet else float(np.exp(-(((place / self.count - 0.75) / 0.15) ** 2)))
            load = 0.0 if self.quiet else min(1.0, 0.55 + 0.8 * heat + float(self.rng.normal(0, 0.15)))
            used = int(self.rng.integers(0, 400_000))
            virtual = max(0, min(int(load * 10_000_000), 10_000_000 - used))
            price = 11 * (1 + 14 * heat) * float(np.exp(self.rng.normal(0, 0.2)))
            full = used + virtual >= 9_990_000
            base_fee = Decimal(int(price * 0.8 * GWEI))
            floor = price if full else None
            rows.append((block, int(self.times[place]), base_fee, used, virtual, 10_000_000, 3, floor))
        return rows

    def _transactions(self) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        kinds = [
            ("borrowers", "repay", "included", None, False, 60),
            ("liquidators", "bid", "included", None, False, 45),
            ("liquidators", "bid", "reverted", "BidTooLow", False, 22),
            ("liquidators", "settle", "reverted", "Panic(0x11)", True, 3),
            ("liquidators", "bid", "dropped", "insufficient funds", False, 4),
            ("reporter", "report", "included", None, False, 80),
            ("keepers", "settle", "pending", None, False, 7),
        ]
        for agent, action, status, reason, unexpected, number in [] if self.quiet or not self.count else kinds:
            for nonce in range(number):
                ran = status in ("included", "reverted")
                block = int(self.blocks[(nonce * 37) % self.count])
                rows.append(
                    (block, 0 if ran else None, agent, f"{agent}-0", "0x" + "11" * 20, nonce, "0x" + "22" * 20,
                     Decimal(0), action, 300_000, 91_234 if ran else None, Decimal(40 * GWEI) if ran else None,
                     status, reason, unexpected, int(self.times[0]), None)
                )  # fmt: skip
        return rows

    def _events(self) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        if self.quiet or not self.count:
            return rows
        for number in range(64):
            block = int(self.blocks[int(self.count * (0.45 + 0.5 * number / 64))])
            value = float(self.rng.lognormal(9, 1))
            zero = 20 < number < 41 and number % 2 == 0
            paid = 0.0 if zero else value * float(self.rng.uniform(0.75, 1.0))
            start = {"debt_usd": value / 1.4, "collateral_usd": value, "profit_usd": value - paid,
                     "unsafe_block": block - 9, "fill_block": block + 40, "lot": f"ETH/lot-{number + 1}"}  # fmt: skip
            rows.append(
                (block, None, 0, "cdp", "liquidation", f"ETH/0x{number:040x}", json.dumps(start, sort_keys=True))
            )
            end = json.dumps({"paid_usd": paid, "collateral_usd": value}, sort_keys=True)
            later = min(block + 40, self.count)
            rows.append((later, None, 0, "cdp", "auction_settled", f"ETH/lot-{number + 1}", end))
        for number in range(12):
            block = int(self.blocks[int(self.count * (0.6 + 0.03 * number))])
            args = {"debt_usd": 20_000.0, "collateral_usd": 21_500.0 + 90 * number, "profit_usd": 900.0}
            rows.append((block, 1, 0, "lender", "liquidation", f"vault-{number}", json.dumps(args, sort_keys=True)))
        never = '{"collateral_usd":0.0,"debt_usd":0.0,"fill_block":null,"profit_usd":0.0,"unsafe_block":9}'
        rows += [(self.count, None, None, "cdp", "liquidation", f"ETH/0x{number:040x}", never) for number in (51, 52)]
        rows.append((1, 0, 0, "cdp", "PositionAdjusted", "ETH/0", '{"debtDelta": "1"}'))
        return sorted(rows, key=lambda row: row[0])

    def _prices(self) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for place, block in enumerate(self.blocks.tolist()):
            time = int(self.times[place])
            pool = None if self.quiet else float(self.pool[place])
            rows.append((block, time, "ETH", float(self.exogenous[place]), float(self.market[place]),
                         self.oracle[place], self.observed[place], pool))  # fmt: skip
            rows.append((block, time, "DOLLAR", 1.0, 1.0, None, None, None))
        return rows

    def _positions(self) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        sizes = self.rng.lognormal(3, 1, 60)
        targets = 1.55 + self.rng.gamma(2.0, 0.5, 60)
        for block in self.samples.tolist():
            price = float(self.market[block - 1])
            for number in range(60):
                debt = 0.0 if number == 59 else 194.6 * float(sizes[number]) / float(targets[number])
                worth = price * float(sizes[number])
                ratio = worth / debt if debt else math.inf
                owner = f"0x{number:040x}"
                health = ratio / 1.5
                rows.append((block, "cdp", f"ETH/{owner}", owner, worth - debt, 0.5 * debt, health))
        return rows

    def _measures(self) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for block in self.samples.tolist():
            progress = 0.0 if self.quiet else block / self.count
            shortfall = 90_000 * float(np.exp(-(((progress - 0.82) / 0.05) ** 2))) if progress else 0.0
            recorded = 260_000 * max(0.0, progress - 0.7)
            at_auction = 8e5 * max(0.0, progress - 0.5)
            for name, value in (("debt_usd", 9e6), ("shortfall_usd", shortfall), ("auction_debt_usd", at_auction)):
                rows.append((block, "cdp", "ETH", name, value))
            rows.append((block, "cdp", "", "bad_debt_usd", recorded))
            rows.append((block, "cdp", "", "reserve_usd", 25_000 + 4_000 * progress))
        return rows
