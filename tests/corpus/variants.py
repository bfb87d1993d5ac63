"""Our contracts, each with one fault, and the default rule that names it.

A variant is a small patch: each text to be replaced stands exactly once in its file, and all edits of a variant make
one fault (a check that stands twice, once in each of two contracts, is one check). `scenario` is a file beside this
one or a shipped one, `changes` what the fault needs to matter.

    fault                         metric                        default rule
    an answer's age               stale_answers_used            STALE-PRICE
    an answer's jump              wild_answers_used             PRICE-JUMP
    an answer's unit              oracle_gap_max                ORACLE-SCALE
    a declared limit or right     limits_passed                 LIMITS
    rounding                      round_trip_gain               ROUNDING
    who pays for a liquidation    self_liquidation_gain_usd     SELF-LIQUIDATION
    what a liquidation takes      liquidation_toxicity, _harm   TOXIC-LIQUIDATION, LIQUIDATION-HARM
    how much it repays            close_factor_excess           CLOSE-FACTOR
    that it is possible           unliquidatable_debt_usd       LIQUIDATION-REVERTS
    that an auction ends          stuck_lots                    STUCK-AUCTION
    interest and funding          accrual_gap                   ACCRUAL
    what a share is priced by     share_price_push              SHARE-PRICE
    whom deleveraging takes       adl_losers_usd                ADL-LOSERS
    how much it takes             adl_past_floor_usd            ADL-FLOOR
    what a rebalance may cost     rebalance_excess_loss         REBALANCE-SLIPPAGE
    the order of a queue          queue_jumps                   QUEUE-ORDER
    a Greek                       greek_gap                     GREEKS
    a price of settlement         expiry_price_moves            EXPIRY-PRICE
    quotes of one moment          quote_arbitrage_usd           ARBITRAGE
    who bears a loss first        waterfall_skips_usd           WATERFALL
    the margin of a book          margin_gap_usd                MARGIN
    the books                     books_gap_usd                 BOOKS
"""

from collections.abc import Mapping
from typing import NamedTuple


class Edit(NamedTuple):
    """One text in place of another."""

    file: str  # under contracts/
    old: str
    new: str


class Variant(NamedTuple):
    """One fault."""

    name: str
    cause: str
    scenario: str
    rule: str  # the id of the default rule that should fail
    edits: tuple[Edit, ...]
    changes: Mapping[str, object] = {}


VARIANTS: tuple[Variant, ...] = (
    # ------------------------------------------------------------------- oracle
    Variant(
        "stale-price",
        "the guard forgets the age of an answer",
        "probe-lending",
        "STALE-PRICE",
        (Edit("oracle/GuardedFeed.sol", "if (maxAge != 0 && age > maxAge) revert StalePrice(age, maxAge);", ""),),
    ),
    Variant(
        "no-jump-check",
        "the guard believes a lone answer however far from the one before",
        "probe-lending",
        "PRICE-JUMP",
        (Edit("oracle/GuardedFeed.sol", "if (maxJump != 0 && roundId > 1) _requireNoJump(roundId, wad);", "roundId;"),),
    ),
    Variant(
        "wrong-decimals",
        "the guard scales answers by one digit too many",
        "probe-lending",
        "ORACLE-SCALE",
        (Edit("oracle/GuardedFeed.sol", "toWad = 10 ** (18 - decimals);", "toWad = 10 ** (19 - decimals);"),),
    ),
    Variant(
        "delay-skipped",
        "a delayed price may be poked until it counts",
        "delayed",
        "LIMITS",
        (Edit("oracle/DelayedFeed.sol", "if (block.timestamp < nextPokeAt()) revert NotYet(nextPokeAt());", ""),),
    ),
    Variant(
        "rate-uncapped",
        "an exchange rate counts whatever it is",
        "staked",
        "PRICE-JUMP",
        (
            Edit(
                "oracle/RateFeed.sol",
                "underlying.price();\n        return (base.fullMulDiv(rate.min(cap()), WAD)",
                "underlying.price();\n        return (base.fullMulDiv(rate, WAD)",
            ),
        ),
    ),
    # ---------------------------------------------------------------------- cdp
    Variant(
        "whole-debt",
        "one liquidation may repay more than the close factor allows, up to all",
        "probe-lending",
        "CLOSE-FACTOR",
        (
            Edit(
                "cdp/CdpEngine.sol",
                "uint256 part = debt.fullMulDiv(c.closeFactor, WAD);",
                "uint256 part = debt.fullMulDiv(uint256(c.closeFactor) * 3, WAD).min(debt);",
            ),
        ),
    ),
    Variant(
        "bonus-above-buffer",
        "governance may set a bonus that the liquidation ratio does not cover",
        "probe-lending",
        "TOXIC-LIQUIDATION",
        (
            Edit(
                "cdp/CdpGovernance.sol",
                "_requireWithin(liquidation, WAD + bonus, HIGHEST_RATIO);",
                "_requireWithin(liquidation, WAD, HIGHEST_RATIO);",
            ),
        ),
        {"cdp.collateral.ETH.liquidation_ratio": 1.1, "cdp.collateral.ETH.liquidation_bonus": 0.2},
    ),
    Variant(
        "sixfold-bonus",
        "a liquidation takes so much that its position is worse than before",
        "probe-lending",
        "LIQUIDATION-HARM",
        (
            Edit(
                "cdp/CdpEngine.sol",
                "uint256 factor = WAD + c.liquidationBonus;",
                "uint256 factor = WAD + 6 * uint256(c.liquidationBonus);",
            ),
        ),
    ),
    Variant(
        "double-bonus",
        "a liquidation gives twice the declared bonus",
        "probe-lending",
        "LIMITS",
        (
            Edit(
                "cdp/CdpEngine.sol",
                "uint256 factor = WAD + c.liquidationBonus;",
                "uint256 factor = WAD + 2 * uint256(c.liquidationBonus);",
            ),
        ),
    ),
    Variant(
        "no-debt-floor",
        "a position may owe so little that nobody liquidates it",
        "probe-lending",
        "LIMITS",
        (
            Edit(
                "cdp/CdpEngine.sol",
                "if (debt != 0 && a.then_.normalizedDebt != a.before.normalizedDebt && debt < c.debtFloor) {",
                "if (debt != 0 && debt < c.debtFloor && c.debtFloor == 1) {",
            ),
        ),
    ),
    Variant(
        "mint-without-cap",
        "the debt ceiling is not asked",
        "probe-lending",
        "LIMITS",
        (
            Edit(
                "cdp/CdpEngine.sol",
                "if (total > c.debtCeiling) revert DebtCeilingExceeded(total, c.debtCeiling);",
                "if (total == 0) revert DebtCeilingExceeded(total, c.debtCeiling);",
            ),
        ),
    ),
    Variant(
        "anybody-draws",
        "anybody may draw on anybody's position",
        "probe-lending",
        "LIMITS",
        (
            Edit(
                "cdp/CdpEngine.sol",
                "if (a.withdrawn == 0 && a.drawn == 0) return;",
                "if (a.withdrawn == 0) return;",
            ),
        ),
    ),
    Variant(
        "withdrawal-unchecked",
        "taking collateral out is not held to the minimum ratio",
        "probe-lending",
        "LIMITS",
        (
            Edit(
                "cdp/CdpEngine.sol",
                "if (_isNoRiskier(a.before, a.then_)) return;",
                "if (_isNoRiskier(a.before, a.then_) || a.drawn == 0) return;",
            ),
        ),
    ),
    Variant(
        "fee-not-accrued",
        "an accrual moves its time and forgets the fee",
        "probe-lending",
        "ACCRUAL",
        (Edit("cdp/CdpLedger.sol", "c.index = index.toUint128();", "index = last;"),),
    ),
    Variant(
        "dust-reverts",
        "a liquidation at the close factor is refused where it would leave dust",
        "probe-lending",
        "LIQUIDATION-REVERTS",
        (Edit("cdp/CdpEngine.sol", "return debt - part < c.debtFloor ? debt : part;", "return part;"),),
    ),
    Variant(
        "under-water-reverts",
        "a position that owes more than it has cannot be liquidated",
        "probe-lending",
        "LIQUIDATION-REVERTS",
        (
            Edit(
                "cdp/CdpEngine.sol",
                "if (ratio >= c.liquidationRatio) revert",
                "if (ratio >= c.liquidationRatio || ratio < WAD) revert",
            ),
        ),
    ),
    Variant(
        "bad-debt-forgotten",
        "debt left without collateral is dropped and not recorded",
        "probe-lending",
        "BOOKS",
        (Edit("cdp/CdpEngine.sol", "_recordBadDebt(id, s.then_.normalizedDebt * index);", ""),),
    ),
    Variant(
        "dutch-never-resets",
        "a descending auction whose price ran out gets no new start",
        "auctions",
        "STUCK-AUCTION",
        (Edit("cdp/DutchAuction.sol", "if (!due) revert NoResetNeeded();", "revert NoResetNeeded();"),),
    ),
    Variant(
        "english-never-restarts",
        "an ascending auction without a bid is restarted into the past",
        "english",
        "STUCK-AUCTION",
        (
            Edit(
                "cdp/EnglishAuction.sol",
                "s.end = uint64(block.timestamp + auctionSeconds);\n        emit AuctionRestarted",
                "emit AuctionRestarted",
            ),
        ),
    ),
    # ---------------------------------------------------------------------- amm
    Variant(
        "swap-rounds-up",
        "a swap is rounded in the caller's favour",
        "probe-lending",
        "ROUNDING",
        (
            Edit(
                "amm/ConstantProductPool.sol",
                "return reserveOut.fullMulDiv(afterFee, reserveIn * WAD + afterFee);",
                "return reserveOut.fullMulDivUp(afterFee, reserveIn * WAD + afterFee);",
            ),
        ),
    ),
    # -------------------------------------------------------------------- perps
    Variant(
        "funding-sign",
        "the side that should pay funding gets it",
        "probe-hedge",
        "ACCRUAL",
        (Edit("perps/PerpFunding.sol", "s.index += twiceArea", "s.index -= twiceArea"),),
    ),
    Variant(
        "fund-drained",
        "whoever liquidates a bankrupt is paid the whole fee, by the insurance fund",
        "probe-hedge",
        "SELF-LIQUIDATION",
        (
            Edit("perps/PerpMarket.sol", "fee = left > 0 ? fee.min(uint256(left)) : 0;", "left;"),
            Edit(
                "perps/PerpMarket.sol",
                "uint256 deficit = a.size == 0 && a.margin < 0 ? uint256(-a.margin) : 0;",
                "uint256 deficit = a.size == 0 && a.margin < int256(fee) ? uint256(int256(fee) - a.margin) : 0;",
            ),
        ),
    ),
    Variant(
        "adl-losers",
        "deleveraging does not ask for a profit",
        "probe-hedge",
        "ADL-LOSERS",
        (
            Edit("perps/Backstop.sol", "if (score == 0) revert NotProfitable(accounts[i]);", ""),
            Edit(
                "perps/Backstop.sol",
                "if (size == 0 || market.exitEquityOf(account) <= 0 || _profit(account) <= 0) return (0, 0);",
                "if (size == 0) return (0, 0);",
            ),
            Edit("perps/PerpMarket.sol", "if (realised <= 0) revert IBackstop.NotProfitable(owner);", ""),
            Edit("perps/PerpMarket.sol", "taken = haircut.min(uint256(realised)).min(", "taken = haircut.min("),
        ),
    ),
    Variant(
        "adl-past-floor",
        "deleveraging goes on until nothing of the shortfall is left",
        "probe-hedge",
        "ADL-FLOOR",
        (Edit("perps/Backstop.sol", "uint256 room = shortfall - floor;", "uint256 room = shortfall;"),),
    ),
    Variant(
        "margin-withdrawn",
        "margin may be withdrawn from under a position",
        "probe-hedge",
        "LIMITS",
        (
            Edit(
                "perps/PerpMarket.sol",
                "if (equity < int256(required)) {\n            if (required == 0)",
                "if (equity < 0) {\n            if (required == 0)",
            ),
        ),
    ),
    Variant(
        "trade-without-margin",
        "a trade is held to the maintenance margin instead of the initial one",
        "probe-hedge",
        "LIMITS",
        (
            Edit(
                "perps/PerpMarket.sol",
                "reduces ? marginRules.maintenanceRatio : marginRules.initialRatio;",
                "marginRules.maintenanceRatio;",
            ),
        ),
    ),
    Variant(
        "order-without-margin",
        "an order that waits needs no margin",
        "orders",
        "LIMITS",
        (
            Edit(
                "perps/PerpMarket.sol",
                "_checkedPlan(a, _frame(), sizeDelta, sizeDelta > 0 ? type(uint256).max : 0);",
                "_plan(_frame().worth, sizeDelta);",
            ),
        ),
    ),
    Variant(
        "order-at-old-price",
        "an order is filled at a price from before it",
        "orders",
        "STALE-PRICE",
        (
            Edit(
                "perps/PerpMarket.sol",
                "if (observedAt <= o.submittedAt) revert OrderTooEarly(observedAt, o.submittedAt + 1);",
                "observedAt;",
            ),
        ),
    ),
    Variant(
        "loss-left-out",
        "what the fund cannot pay is recorded nowhere",
        "probe-hedge",
        "BOOKS",
        (Edit("perps/Backstop.sol", "shortfall += deficit - fromFund;", "shortfall += (deficit - fromFund) / 2;"),),
    ),
    # -------------------------------------------------------- vaults, strategies
    Variant(
        "neutral-without-slippage-limit",
        "a rebalance may cost anything (delta-neutral)",
        "probe-hedge",
        "REBALANCE-SLIPPAGE",
        (Edit("vault/HedgedVault.sol", "if (got < min) revert Slippage(got, min);", "min;"),),
    ),
    Variant(
        "carry-without-slippage-limit",
        "a rebalance may cost anything (carry)",
        "probe-carry",
        "REBALANCE-SLIPPAGE",
        (Edit("vault/HedgedVault.sol", "if (got < min) revert Slippage(got, min);", "min;"),),
    ),
    Variant(
        "donation-priced-shares",
        "shares are priced by the tokens that the vault holds",
        "probe-carry",
        "SHARE-PRICE",
        (
            Edit(
                "vault/VaultShares.sol",
                "return address(strategy) == address(0) ? idle : idle + strategy.totalValue();",
                "uint256 own = token.balanceOf(address(this));\n"
                "        return address(strategy) == address(0) ? own : own + strategy.totalValue();",
            ),
        ),
    ),
    Variant(
        "queue-pays-last-first",
        "whoever asked last to leave is paid first",
        "probe-hedge",
        "QUEUE-ORDER",
        (Edit("vault/VaultQueue.sol", "uint256 id = settledCount + 1;", "uint256 id = requestCount - settledCount;"),),
    ),
    Variant(
        "entry-at-stale-value",
        "one may come in while the value of the strategy cannot be relied on",
        "probe-hedge",
        "STALE-PRICE",
        (
            Edit(
                "vault/VaultShares.sol",
                "if (w.capped || !_isLive() || (totalSupply()",
                "if (w.capped || (totalSupply()",
            ),
        ),
    ),
    Variant(
        "deposit-cap-ignored",
        "the deposit cap is not asked",
        "probe-hedge",
        "LIMITS",
        (
            Edit(
                "vault/VaultShares.sol",
                "return limits_.depositCap.zeroFloorSub(w.net);",
                "return type(uint128).max;",
            ),
        ),
    ),
    # ------------------------------------------------------------------ lending
    Variant(
        "loan-rounds-down",
        "a loan is rounded in the borrower's favour",
        "probe-carry",
        "ROUNDING",
        (
            Edit(
                "lending/LendingPool.sol",
                "loan.normalizedDebt = (loan.normalizedDebt + uint256(delta).fullMulDivUp(RAY, index)).toUint128();",
                "loan.normalizedDebt = (loan.normalizedDebt + uint256(delta).fullMulDiv(RAY, index)).toUint128();",
            ),
            Edit(
                "lending/LendingPool.sol",
                "return uint256(loan.normalizedDebt).fullMulDivUp(index, RAY);",
                "return uint256(loan.normalizedDebt).fullMulDiv(index, RAY);",
            ),
        ),
    ),
    Variant(
        "loan-to-value-ignored",
        "loans are held to the liquidation threshold only",
        "probe-carry",
        "LIMITS",
        (
            Edit(
                "lending/LendingPool.sol",
                "if (ratio > terms_.maxLoanToValue) revert",
                "if (ratio > terms_.liquidationThreshold) revert",
            ),
        ),
    ),
    Variant(
        "loan-interest-lost",
        "an accrual of loans moves its time and forgets the interest",
        "probe-carry",
        "ACCRUAL",
        (
            Edit(
                "lending/LendingPool.sol",
                "uint256 growth = index.fullMulDivUp(rate * elapsed, WAD * YEAR);",
                "uint256 growth = index.fullMulDivUp(rate * elapsed, WAD * YEAR) / 2;",
            ),
        ),
    ),
    Variant(
        "loan-gift-priced",
        "shares of the pool of loans are priced by the tokens that it holds",
        "probe-carry",
        "SHARE-PRICE",
        (
            Edit(
                "lending/LendingPool.sol",
                "return (cash + _debtDown(index)).zeroFloorSub(kept);",
                "return (lent.balanceOf(address(this)) + _debtDown(index)).zeroFloorSub(kept);",
            ),
        ),
    ),
    Variant(
        "loan-cash-miscounted",
        "what is repaid is counted twice",
        "probe-carry",
        "BOOKS",
        (Edit("lending/LendingPool.sol", "cash += amount;\n        _pull", "cash += 2 * amount;\n        _pull"),),
    ),
    # ------------------------------------------------------------------ options
    Variant(
        "surface-never-stale",
        "a surface of volatility prices however old it is",
        "probe-options",
        "STALE-PRICE",
        (Edit("options/VolSurface.sol", "if (age > rulesNow.maxAge) revert", "if (age > 365 days) revert"),),
    ),
    Variant(
        "volatility-jump-believed",
        "a report far from the one before is traded by at once",
        "probe-options",
        "PRICE-JUMP",
        (
            Edit(
                "options/VolSurface.sol",
                "if (block.timestamp < haltedUntil) revert VolatilityHalted(haltedFrom, haltedTo, haltedUntil);",
                "",
            ),
        ),
    ),
    Variant(
        "butterfly-accepted",
        "a smile is reported whose prices admit arbitrage across strikes",
        "probe-options",
        "LIMITS",
        (
            Edit(
                "options/VolSurface.sol",
                "if (density < 0) revert ButterflyArbitrage(place, j * step, density);",
                "density;",
            ),
        ),
    ),
    Variant(
        "anybody-reports-volatility",
        "anybody may replace the surface",
        "probe-options",
        "LIMITS",
        (Edit("options/VolSurface.sol", "if (!isReporter[msg.sender]) revert NotReporter(msg.sender);", ""),),
    ),
    Variant(
        "delta-of-puts-positive",
        "the delta of a put has the sign of a call's",
        "probe-options",
        "GREEKS",
        (
            Edit(
                "options/VolSurface.sol",
                "(,, ofCall, ofPut) = BlackScholes.greeks(termsOf(strike, expiry, WAD));",
                "(,, ofCall, ofPut) = BlackScholes.greeks(termsOf(strike, expiry, WAD));\n"
                "        ofPut.delta = -ofPut.delta;",
            ),
        ),
    ),
    Variant(
        "expiry-price-again",
        "a settlement price may be locked again",
        "probe-options",
        "EXPIRY-PRICE",
        (
            Edit(
                "options/ExpiryPrice.sol",
                "if (locked[expiry] != 0) revert PriceLocked(expiry, locked[expiry]);",
                "",
            ),
        ),
    ),
    Variant(
        "expiry-by-an-old-round",
        "whoever locks a settlement price chooses among the rounds before expiry",
        "probe-options",
        "EXPIRY-PRICE",
        (
            Edit(
                "options/ExpiryPrice.sol",
                "if (updatedAt <= expiry) revert WrongRound(roundId, updatedAt, expiry);",
                "updatedAt;",
            ),
        ),
    ),
    Variant(
        "spread-for-the-trader",
        "the spread is taken off for who buys and added for who sells",
        "probe-options",
        "ROUNDING",
        (
            Edit(
                "options/OptionLedger.sol",
                "factor = uint256(1e18 + shift + (sizeDelta > 0 ? spread : -spread));",
                "factor = uint256(1e18 + shift + (sizeDelta > 0 ? -spread : spread));",
            ),
        ),
    ),
    Variant(
        "inventory-of-a-series",
        "a push of calls leaves the puts of their strike where they were",
        "probe-options",
        "ARBITRAGE",
        (Edit("options/OptionLedger.sol", "return uint8(id) > OptionId.PUT ? id : id >> 8;", "return id;"),),
    ),
    Variant(
        "writer-unlocked",
        "a writer may take the collateral out again",
        "probe-options",
        "LIMITS",
        (
            Edit(
                "options/OptionMarket.sol",
                "if (collateralDelta < 0 || baseDelta < 0) _requireMargin(id, p, true);",
                "",
            ),
        ),
    ),
    Variant(
        "written-at-maintenance",
        "an option is written with the margin at which it would be liquidated",
        "probe-options",
        "LIMITS",
        (
            Edit(
                "options/OptionMarket.sol",
                "_requireMargin(id, p, sizeDelta < 0 || collateralDelta < 0 || baseDelta < 0);",
                "_requireMargin(id, p, false);",
            ),
        ),
    ),
    Variant(
        "pool-bound-ignored",
        "the pool sells more than its capital may be bound for",
        "probe-options",
        "LIMITS",
        (Edit("options/OptionMarket.sol", "        _requirePoolRoom(room);\n", ""),),
    ),
    Variant(
        "option-limit-ignored",
        "an option is traded beyond the worst price that its sender bears",
        "probe-options",
        "LIMITS",
        (
            Edit(
                "options/OptionMarket.sol",
                "if (sizeDelta > 0 ? price > limitPrice : price < limitPrice) revert",
                "if (limitPrice == 1) revert",
            ),
        ),
    ),
    Variant(
        "fund-before-collateral",
        "the fund pays for a liquidation before the writer's collateral does",
        "probe-options",
        "WATERFALL",
        (
            Edit(
                "options/OptionMarket.sol",
                "uint256 paid = cost.min(p.collateral);\n        uint256 fromFund = (cost - paid).min(fund);",
                "uint256 fromFund = cost.min(fund);\n        uint256 paid = (cost - fromFund).min(p.collateral);",
            ),
        ),
    ),
    Variant(
        "pool-before-fund",
        "the pool bears a writer's loss while the fund has money",
        "probe-options",
        "WATERFALL",
        (
            Edit(
                "options/OptionMarket.sol",
                "uint256 fromFund = (cost - paid).min(fund);",
                "uint256 fromFund = (cost - paid).min(fund) / 4;",
            ),
        ),
    ),
    Variant(
        "settlement-rounds-up",
        "what longs are paid is rounded up",
        "probe-options",
        "ROUNDING",
        (
            Edit(
                "options/OptionMarket.sol",
                "s.owed = uint256(p.size).fullMulDiv(x.payoff, WAD);",
                "s.owed = uint256(p.size).fullMulDivUp(x.payoff, WAD);",
            ),
            Edit("options/OptionMarket.sol", "x.owed - s.owed);", "x.owed.zeroFloorSub(s.owed));"),
            Edit("options/OptionMarket.sol", "owedTotal -= s.owed;", "owedTotal = owedTotal.zeroFloorSub(s.owed);"),
        ),
    ),
    Variant(
        "writers-pay-less",
        "what writers pay at settlement is rounded down",
        "probe-options",
        "ROUNDING",
        (
            Edit(
                "options/OptionMarket.sol",
                "s.owed = _uncovered(id, p.size, p.base).fullMulDivUp(x.payoff, WAD);",
                "s.owed = _uncovered(id, p.size, p.base).fullMulDiv(x.payoff, WAD);",
            ),
        ),
    ),
    Variant(
        "writer-liquidated-early",
        "a writer is liquidated at initial margin instead of maintenance",
        "probe-options",
        "LIMITS",
        (
            Edit(
                "options/OptionMarket.sol",
                "uint256 required = _requiredUp(id, p.size, p.base, false);\n        if (p.collateral >=",
                "uint256 required = _requiredUp(id, p.size, p.base, true);\n        if (p.collateral >=",
            ),
        ),
    ),
    Variant(
        "no-liquidation-in-a-halt",
        "nobody is liquidated while trading is halted",
        "probe-options",
        "LIQUIDATION-REVERTS",
        (
            Edit(
                "options/OptionMarket.sol",
                "if (!seriesById[id].listed) revert NotListed(id);\n        Position memory p = _load(account, id);"
                "\n        size =",
                "surface.requireOpen();\n        Position memory p = _load(account, id);\n        size =",
            ),
        ),
    ),
    Variant(
        "pool-share-by-balance",
        "shares of the pool are priced by the tokens that the market holds",
        "probe-options",
        "SHARE-PRICE",
        (
            Edit(
                "options/OptionLedger.sol",
                "        capital = poolCash;\n",
                "        capital = int256(marginToken.balanceOf(address(this)) * marginUnit);\n",
            ),
        ),
    ),
    Variant(
        "option-deposit-doubled",
        "a deposit counts twice",
        "probe-options",
        "BOOKS",
        (Edit("options/OptionMarket.sol", "cash[account] += int256(amount);", "cash[account] += 2 * int256(amount);"),),
    ),
    # ----------------------------------------------------------- clearinghouse
    Variant(
        "margin-forgets-a-leg",
        "the margin of a book looks at all of its options but the last",
        "probe-options",
        "MARGIN",
        (
            Edit(
                "margin/OptionInstrument.sol",
                "else values = market.surface().shockedValues(ids[alive:], sizes[alive:], shocks);",
                "else {\n"
                "            uint256 end = ids.length - (ids.length > alive + 1 ? 1 : 0);\n"
                "            values = market.surface().shockedValues(ids[alive:end], sizes[alive:end], shocks);\n"
                "        }",
            ),
        ),
    ),
    Variant(
        "shocks-up-forgotten",
        "the margin of a book looks at falls of the price only",
        "probe-options",
        "MARGIN",
        (
            Edit(
                "margin/PortfolioRisk.sol",
                "grid[i].spot = (s.spot * int256(factor) / ONE).max(-0.99e18);",
                "grid[i].spot = (s.spot * int256(factor) / ONE).max(-0.99e18).min(0);",
            ),
        ),
    ),
    Variant(
        "book-at-maintenance",
        "a book grows to the margin at which it would be auctioned",
        "probe-options",
        "LIMITS",
        (
            Edit(
                "margin/Clearinghouse.sol",
                "_requireMargin(account, sizeDelta < 0 || then_ > 0);",
                "_requireMargin(account, false);",
            ),
        ),
    ),
    Variant(
        "book-drained",
        "cash may be withdrawn from under a book",
        "probe-options",
        "LIMITS",
        (
            Edit(
                "margin/Clearinghouse.sol",
                "_addCash(account, -int256(amount));\n        _requireMargin(account, true);",
                "_addCash(account, -int256(amount));",
            ),
        ),
    ),
    Variant(
        "healthy-book-auctioned",
        "a book is auctioned at initial margin instead of maintenance",
        "probe-options",
        "LIMITS",
        (
            Edit(
                "margin/Clearinghouse.sol",
                "marginOf(account, false);\n        if (equity >= int256(required)) revert AccountHealthy",
                "marginOf(account, true);\n        if (equity >= int256(required)) revert AccountHealthy",
            ),
        ),
    ),
    Variant(
        "members-before-house",
        "the members' fund pays for a default before the house's",
        "probe-options",
        "WATERFALL",
        (
            Edit(
                "margin/ClearingFund.sol",
                "uint256 ofHouse = loss.min(houseFund);\n"
                "        uint256 ofMembers = (loss - ofHouse).min(membersFund);",
                "uint256 ofMembers = loss.min(membersFund);\n"
                "        uint256 ofHouse = (loss - ofMembers).min(houseFund);",
            ),
        ),
    ),
    Variant(
        "book-left-lying",
        "an auction that nobody took in its time cannot be taken any more",
        "probe-options",
        "STUCK-AUCTION",
        (
            Edit(
                "margin/Clearinghouse.sol",
                "(equity, paid, received) = previewTake(account);",
                "uint256 until = accounts[account].auctionSince + auctionRules.length;\n"
                "        if (block.timestamp > until) revert InAuction(account);\n"
                "        (equity, paid, received) = previewTake(account);",
            ),
        ),
    ),
    Variant(
        "healthy-liquidated",
        "a position is liquidated a tenth above the ratio at which that is allowed",
        "probe-lending",
        "LIMITS",
        (
            Edit(
                "cdp/CdpEngine.sol",
                "if (ratio >= c.liquidationRatio) revert",
                "if (ratio >= uint256(c.liquidationRatio) * 11 / 10) revert",
            ),
        ),
    ),
    Variant(
        "initial-margin-liquidates",
        "accounts are liquidated below their initial margin instead of the maintenance one",
        "probe-hedge",
        "LIMITS",
        (
            Edit(
                "perps/PerpMarket.sol",
                "uint256 required = _requiredUp(a.size, f, false);",
                "uint256 required = _requiredUp(a.size, f, true);",
            ),
        ),
    ),
    Variant(
        "profit-while-short",
        "profit may be withdrawn while the fund is short",
        "probe-hedge",
        "LIMITS",
        (
            Edit(
                "perps/PerpMarket.sol",
                "uint256 short = _shortfall(f);\n        if (short != 0) revert WithdrawalsPaused(short);",
                "f;",
            ),
        ),
    ),
    Variant(
        "pool-before-winners",
        "losses fall on the pool while there are winners to deleverage",
        "probe-hedge",
        "LIMITS",
        (
            Edit(
                "perps/Backstop.sol",
                "if (block.timestamp < b.since + patience) revert DeleverageFirst(b.since + patience);",
                "",
            ),
        ),
    ),
    Variant(
        "filled-before-impact",
        "a trade fills at the premium before it, so that one may sell to oneself what one pushed up",
        "probe-hedge",
        "ROUNDING",
        (
            Edit(
                "perps/PerpLedger.sol",
                "fillWorth = _worthAt(worth, 2 * skew + sizeDelta);",
                "fillWorth = _worthAt(worth, 2 * skew);",
            ),
        ),
    ),
    Variant(
        "neutral-at-mark",
        "the short is valued at the mark, which anybody's trade moves (delta-neutral)",
        "probe-hedge",
        "SHARE-PRICE",
        (
            Edit(
                "vault/PerpHedge.sol",
                "b.equity = cash + b.size * int256(b.index) / int256(WAD);",
                "try market.markPrice() returns (uint256 mark) {\n"
                "            b.equity = cash + b.size * int256(mark) / int256(WAD);\n"
                "        } catch {}",
            ),
        ),
    ),
    Variant(
        "carry-at-pool-price",
        "debt is valued at the price of a pool, which anybody's trade moves (carry)",
        "probe-carry",
        "SHARE-PRICE",
        (
            Edit(
                "vault/CdpCarry.sol",
                "(b.price, b.fresh) = _priceOf(IPrice(engine.collaterals(id).feed));",
                "(b.price, b.fresh) = _priceOf(IPrice(engine.collaterals(id).feed));\n"
                "        b.price = pool.previewSwap(asset, 1e12) * 1e6;",
            ),
        ),
    ),
    Variant(
        "spot-instead-of-mean",
        "the mean of a pool is its price of the moment",
        "mean",
        "MANIPULATION",
        (
            Edit(
                "oracle/TwapFeed.sol",
                "if (covered) _adopt((integral - past).fullMulDiv(baseUnit, window * quoteUnit));",
                "(uint256 up, uint256 down) = baseFirst ? (reserve1, reserve0) : (reserve0, reserve1);\n"
                "        if (covered && past != 0) _adopt((up * 1e18 / down).fullMulDiv(baseUnit, quoteUnit));",
            ),
        ),
    ),
    Variant(
        "least-received-ignored",
        "a swap gives what it gives, whatever its sender asked for at least",
        "probe-lending",
        "LIMITS",
        (Edit("amm/ConstantProductPool.sol", "if (out < minOut) revert Slippage(out, minOut);", "minOut;"),),
    ),
    Variant(
        "limit-price-ignored",
        "a trade fills beyond the worst price that its sender bears",
        "probe-hedge",
        "LIMITS",
        (
            Edit(
                "perps/PerpMarket.sol",
                "if (sizeDelta > 0 ? p.price > limitPrice : p.price < limitPrice) revert",
                "if (limitPrice == 1) revert",
            ),
        ),
    ),
    Variant(
        "highest-price-ignored",
        "whoever takes from an auction pays its price, whatever they said to pay at most",
        "auctions",
        "LIMITS",
        (Edit("cdp/DutchAuction.sol", "if (price > maxPrice) revert TooExpensive(price, maxPrice);", "maxPrice;"),),
    ),
    Variant(
        "anybody-reports",
        "anybody may report a price",
        "probe-lending",
        "LIMITS",
        (Edit("oracle/PushFeed.sol", "if (!isReporter[msg.sender]) revert NotReporter(msg.sender);", ""),),
    ),
    Variant(
        "rate-never-stale",
        "an exchange rate counts however old it is",
        "staked",
        "STALE-PRICE",
        (Edit("oracle/RateFeed.sol", "if (maxAge != 0 && age > maxAge) revert StalePrice(age, maxAge);", "age;"),),
    ),
    Variant(
        "anybody-borrows",
        "anybody may draw on anybody's loan",
        "probe-carry",
        "LIMITS",
        (
            Edit(
                "lending/LendingPool.sol",
                "if (msg.sender != owner && (debtDelta > 0 || collateralDelta < 0)) revert",
                "if (msg.sender != owner && collateralDelta < 0) revert",
            ),
        ),
    ),
    Variant(
        "order-before-its-delay",
        "an order may be filled before its delay is over",
        "orders",
        "LIMITS",
        (
            Edit(
                "perps/PerpMarket.sol",
                "if (block.timestamp < o.executableAt) revert OrderTooEarly(block.timestamp, o.executableAt);",
                "",
            ),
        ),
    ),
    Variant(
        "order-revocable",
        "an order may be taken back while it binds, an option for nothing",
        "orders",
        "LIMITS",
        (Edit("perps/PerpMarket.sol", "if (block.timestamp <= o.expiresAt) revert OrderBinding(o.expiresAt);", "o;"),),
    ),
)
