"""Which reverts of a clearinghouse can happen to an honest caller, and why."""

from simulator.protocols.options_fails import PRICE_FAILS, TRADE_FAILS

_TOKEN_FAILS = {
    "InsufficientBalance": "the token was spent meanwhile",
    "TransferFromFailed": "the token was spent meanwhile, or other accounts' money is out at a venue",
}
_AUCTION = {"InAuction": "its auction began while it waited"}
DEPOSIT_FAILS = _TOKEN_FAILS | _AUCTION | {"AssetLimit": "others filled it first"}
WITHDRAW_FAILS = PRICE_FAILS | _TOKEN_FAILS | _AUCTION | {
    "InsufficientMargin": "the price moved while it waited",
    "InsufficientCash": "the money is out at a venue, or was taken first",
    "WithdrawalsPaused": "losses are not repaid yet",
    "TransferFailed": "the money is out at a venue",
}  # fmt: skip
BOOK_TRADE_FAILS = TRADE_FAILS | _TOKEN_FAILS | _AUCTION | {
    "NoTrade": "it was settled meanwhile",
    "NotFilled": "the venue fills with a delay",
    "OpenInterestExceeded": "others filled the market first",
    "SkewExceeded": "others filled this side first",
    "OrderPending": "an order waits already",
    "TooManyLegs": "more was taken on meanwhile",
    "Undercollateralised": "the venue's price moved while it waited",
    "AlreadyTaken": "a rival was first",
    "Started": "it came too late",
}  # fmt: skip
BOOK_SETTLE_FAILS = PRICE_FAILS | {
    "NoTrade": "a rival was first",
    "NotFrozen": "the market has not fixed it yet",
    "NoPosition": "the market has closed it",
    "PriceNotLocked": "its price is not locked yet",
    "SettleShortsFirst": "others have to pay first",
    "SellBaseFirst": "the market has to sell its base first",
    "NotSampled": "samples are missing yet",
}
START_FAILS = PRICE_FAILS | _AUCTION | {"AccountHealthy": "the price recovered, or it paid in"}
END_FAILS = PRICE_FAILS | {
    "NotInAuction": "a rival was first",
    "InsufficientMargin": "the price moved while it waited",
}
TAKE_FAILS = END_FAILS | _AUCTION | {
    "TooExpensive": "the price moved while it waited",
    "TooManyLegs": "more was taken on meanwhile",
    "MarketPaused": "the market is shut",
}  # fmt: skip
FUND_FAILS = _TOKEN_FAILS | {
    "WithdrawalsPaused": "losses are not repaid yet",
    "NotReady": "it did not wait long enough",
    "AuctionsOpen": "an auction began first",
    "InsufficientCash": "it left already",
}
CHORE_FAILS = PRICE_FAILS | {
    "SampleNotDue": "a rival was first",
    "WrongRound": "a round came while it waited",
    "AlreadySampled": "a rival was first",
    "NoSwap": "it was settled meanwhile",
    "InsufficientMargin": "the price moved while it waited",
    "TransferFromFailed": "the money is out elsewhere",
    "MarketPaused": "the market is shut",
    "Undercollateralised": "the price moved while it waited",
    "InsufficientCash": "somebody was first",
}
