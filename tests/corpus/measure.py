"""Measure the corpus of broken vaults and print who caught what.

python tests/corpus/measure.py [NAME...] [--seeds N]
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import artifacts, broken, metrics_of
from variants import VARIANTS

from simulator.errors import WavetankError


def main() -> int:
    """Exit code: 0 every variant was caught by the rule that names it, else 1."""
    parser = argparse.ArgumentParser(description="Measure the corpus of broken vaults.")
    parser.add_argument("names", nargs="*", help="variants; all without")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each")
    options = parser.parse_args()
    missed = 0
    print(f"{'variant':28} {'rule':20} {'value':>12}  {'compiled':>8} {'a run':>6}  also broken")
    for variant in VARIANTS:
        if options.names and variant.name not in options.names:
            continue
        began = time.perf_counter()
        artifacts(variant)
        compiled = time.perf_counter()
        try:
            found = broken([metrics_of(variant.scenario, seed, variant) for seed in range(1, options.seeds + 1)])
        except WavetankError as fault:
            print(f"{variant.name:28} {fault}")
            missed += 1
            continue
        each = (time.perf_counter() - compiled) / options.seeds
        value = found.pop(variant.rule, None)
        missed += value is None
        shown = "not caught" if value is None else f"{value:.6g}"
        others = ", ".join(f"{rule} {other:.3g}" for rule, other in found.items())
        print(f"{variant.name:28} {variant.rule:20} {shown:>12}  {compiled - began:7.1f}s {each:5.1f}s  {others}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
