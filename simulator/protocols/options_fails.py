"""Which reverts of an option market can happen to an honest caller, and why."""

from simulator.protocols.feeds import FEED_REFUSES

PRICE_FAILS = {
    **FEED_REFUSES,
    "StaleSurface": "the surface is stale",
    "VolatilityHalted": "volatility jumped, and trading is halted for a while",
}
_TOKEN_FAILS = {
    "InsufficientBalance": "the token was spent meanwhile",
    "TransferFromFailed": "the token was spent meanwhile",
}
TRADE_FAILS = PRICE_FAILS | _TOKEN_FAILS | {
    "PriceLimit": "the price moved while it waited",
    "InsufficientMargin": "the price moved while it waited, or a liquidation came first",
    "InsufficientCash": "the price moved while it waited, or a liquidation came first",
    "InsufficientLiquidity": "others took what the pool had",
    "InventoryExceeded": "others filled this strike first",
    "MarketPaused": "the market is shut",
    "TradingClosed": "the expiry is too close",
    "SeriesExpired": "it expired while it waited",
    "NotListed": "it was settled and closed meanwhile",
    "DustSize": "a liquidation came first",
    "NoPosition": "a liquidation came first",
}  # fmt: skip
MONEY_FAILS = PRICE_FAILS | _TOKEN_FAILS | {
    "InsufficientCash": "something else took it first",
    "MarketPaused": "the market is shut",
}  # fmt: skip
LIQUIDATION_FAILS = PRICE_FAILS | {
    "PositionHealthy": "a rival was first, or the price recovered",
    "NoPosition": "a rival was first",
    "NotListed": "a rival was first",
    "SeriesExpired": "it expired while it waited",
}
LIST_FAILS = FEED_REFUSES | {
    "AlreadyListed": "somebody else listed it first",
    "TooManySeries": "there are as many as the market takes",
    "OutOfBounds": "the price moved while it waited",
}
LOCK_FAILS = {
    "PriceLocked": "a rival was first",
    "OracleStalled": "the feed had stalled, and the rules ask to wait",
    "WrongRound": "a round came while it waited",
    "InvalidAnswer": "the feed has no price",
}
SETTLE_FAILS = FEED_REFUSES | {
    "NoPosition": "a rival was first",
    "NotFrozen": "a rival was first",
    "PriceNotLocked": "its lock waits still",
    "SettleShortsFirst": "shorts have to pay first",
    "SellBaseFirst": "the pool has to sell its base first",
    "NotGuarantor": "a guarantor settles by itself",
}
BASE_FAILS = FEED_REFUSES | {
    "PriceLimit": "the price moved while it waited",
    "InsufficientCash": "others took what there was",
}
WATCH_FAILS = {
    "AlreadyWatched": "a rival was first",
    "AboveBarrier": "the round is above the barrier",
    "RoundNotCounted": "the round came before anybody watched, or after expiry",
}
POOL_FAILS = MONEY_FAILS | {
    "DepositMoreThanMax": "shares are worth nothing, or there is no price",
    "RedeemMoreThanMax": "others left first, its time in the queue is over, or there is no price",
    "RequestTooLarge": "they are queued already",
}
REPORT_FAILS = {
    "ButterflyArbitrage": "what the market shows admits arbitrage, as a sticky smile may after a large move",
    "CalendarArbitrage": "what the market shows admits arbitrage, as a sticky smile may after a large move",
    "VolatilityOutOfBounds": "the market has left the bounds of the surface",
    "InvalidSlice": "the market's smile is too steep",
}
