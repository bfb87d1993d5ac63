"""Set-up: what is refused is named, and accounts, tokens and time are what they are asked to be."""

import pytest

from simulator.chain.abi import Abi
from simulator.chain.artifacts import Artifact
from simulator.chain.revm import RevmChain
from simulator.errors import ConfigError, SetupError, UnsupportedOpcode
from simulator.protocols.genesis import Genesis
from simulator.units import WAD

START = 1_000_000


@pytest.fixture
def blocks():
    return []


@pytest.fixture
def genesis(blocks):
    return Genesis(
        RevmChain("exact"),
        seed=1,
        start=START,
        begin=START - 1000,
        gas_limit=10_000_000,
        prices={"ETH": 200.0},
        observe=lambda env, outcomes: blocks.append((env, outcomes)),
    )


def test_a_contract_that_reads_the_base_fee_is_refused_by_its_own_name(genesis):
    code = bytes.fromhex("60078060095f395ff3" + "485f5260205ff3")
    with pytest.raises(UnsupportedOpcode, match="reads BASEFEE") as caught:
        genesis.deploy(Artifact("Nosy", Abi([]), code, ""))
    assert caught.value.where == "Nosy"


def test_a_refused_constructor_names_contract_error_and_numbers(genesis):
    token = genesis.deploy("CollateralToken", "ETH", "ETH", 18)
    with pytest.raises(SetupError, match=r"ConstantProductPool constructor reverted: SameToken\("):
        genesis.deploy("ConstantProductPool", token.address, token.address, 0)


def test_tokens_are_minted_where_we_may_and_bought_where_they_are_only_drawn(genesis):
    genesis.tokens["ETH"] = genesis.deploy("CollateralToken", "ETH", "ETH", 18)
    genesis.tokens["DOLLAR"] = genesis.deploy("Dollar")
    somebody = genesis.account("somebody").address
    genesis.endow("ETH", somebody, 3 * WAD)
    genesis.flush()
    assert genesis.tokens["ETH"].read(genesis.chain, "balanceOf", somebody) == 3 * WAD
    assert genesis.float_of("DOLLAR") == 0
    genesis.endow("DOLLAR", somebody, WAD)
    with pytest.raises(SetupError, match="InsufficientBalance"):
        genesis.flush()


def test_blocks_are_a_second_apart_without_fees_and_never_after_the_start(genesis, blocks):
    genesis.tokens["ETH"] = genesis.deploy("CollateralToken", "ETH", "ETH", 18)
    for number in range(30):
        genesis.endow("ETH", genesis.account(f"a{number}").address, WAD)
    genesis.advance_to(START - 1)
    genesis.endow("ETH", genesis.account("last").address, WAD)
    genesis.flush()
    times = [env.timestamp for env, _ in blocks]
    assert times == sorted(set(times))
    assert times[-1] == START - 1
    assert {env.base_fee for env, _ in blocks} == {0}
    assert sum(len(outcomes) for _, outcomes in blocks) == 32
    with pytest.raises(ConfigError, match="does not fit"):
        genesis.advance_to(START - 1)


def test_an_asset_without_token_or_market_is_named(genesis):
    with pytest.raises(ConfigError, match="GOLD has no token"):
        genesis.token("GOLD")
    with pytest.raises(ConfigError, match="no market for GOLD"):
        genesis.price("GOLD")
