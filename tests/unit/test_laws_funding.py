import pytest
from market_records import market_record

from simulator.validation.catalogue import chosen
from simulator.validation.law import judge

LAWS = chosen(["funding", "svi"])  # test_laws.py judges the moments
FILES = ("hyperliquid_eth_funding_premium_1h_2024_2025.csv", "funding_8h_binance_eth_btc_2022_2025.csv")


def test_every_law_of_funding_and_volatility_is_judged_here():
    assert [law.name for law in LAWS] == [
        "funding",
        "funding/hours",
        "funding/memory",
        "svi/butterfly",
        "svi/lowest",
    ]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_a_law_of_funding_or_volatility_holds(law):
    if law.family == "funding":
        for name in FILES:
            market_record(name)
    assert judge(law).verdict == "holds"
