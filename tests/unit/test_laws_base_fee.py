"""The base fee's law, and that it would notice a fault."""

from fractions import Fraction

import pytest

from simulator.mempool import Eip1559
from simulator.validation import base_fee
from simulator.validation.catalogue import all_laws
from simulator.validation.law import judge


def test_the_base_fee_follows_eip_1559_to_the_wei():
    finding = judge(all_laws()["base-fee"])
    assert finding.verdict == "holds"
    assert finding.result == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("fault", ["never one wei at least", "rounded up", "a sixteenth"])
def test_a_fee_market_with_a_fault_breaks_the_law(monkeypatch, fault):
    class Faulty(Eip1559):
        def advance(self, gas_used):
            before, target = self.base_fee, self._target
            super().advance(gas_used)
            if fault == "never one wei at least" and self.base_fee - before == 1:
                self.base_fee = before + before * (gas_used - target) // target // 8
            elif fault == "rounded up" and gas_used < target:
                self.base_fee = before - -(-before * (target - gas_used) // target // 8)
            elif fault == "a sixteenth":
                self.base_fee = (before + self.base_fee) // 2

    monkeypatch.setattr(base_fee, "Eip1559", Faulty)
    assert judge(all_laws()["base-fee"]).verdict == "fails"


def test_the_fillings_are_a_thousand_and_of_every_kind():
    blocks = base_fee.random_fillings(base_fee.BLOCKS, 1559)
    shares = [Fraction(block.gas_used, block.gas_limit) for block in blocks]
    assert len(blocks) == 1000
    assert min(shares) == 0
    assert max(shares) == 1
    assert sum(block.gas_used == block.gas_limit // 2 for block in blocks) > 20
    assert min(block.base_fee for block in blocks) < 8 < 10**14 < max(block.base_fee for block in blocks)
    assert len(set(blocks)) == 1000


def test_the_law_reads_the_specification_as_a_known_block_of_mainnet_does():
    # Block 12,965,000, the first with a base fee, and its successor.
    assert base_fee.following(base_fee.Filling(10**9, 30_029_122, 30_025_257)) == 1_124_967_822
