"""Made-up audits: a configuration in a folder, and the runs that its scenarios might have had."""

from pathlib import Path

import numpy as np
import pandas as pd

from simulator.audit.conduct import AuditPlan
from simulator.audit.config import load_audit
from simulator.audit.verdict import CaseRuns
from simulator.metrics import METRICS

RATIO = "cdp.collateral.ETH.liquidation_ratio"
HEAD = """
[audit]
scenarios = ["calm"]
seeds = 300
seed = 7
"""
RULE = """
[[rule]]
id = "DEBT"
require = "p99(bad_debt_ratio) <= 0.5%"
"""


def configured(folder, text=HEAD + RULE):
    """The configuration that a file with this text gives."""
    file = Path(folder) / "risk.toml"
    file.write_text(text, encoding="utf-8")
    return load_audit(file)


def planned(config):
    """Its plan, without anybody's own code."""
    return AuditPlan(config, {}, config.seed, None)


def table(first=7, failed=0, **metrics):
    """A row a run: metrics by name, NaN for those that are not given; the last `failed` rows failed."""
    runs = max((len(values) for values in metrics.values()), default=0)
    data = {"seed": range(first, first + runs), "weight": 1.0, "status": "complete", "fault": "", "digest": "d"}
    frame = pd.DataFrame({**data, **dict.fromkeys(METRICS, np.nan), **metrics})
    if failed:
        frame.loc[frame.index[-failed:], list(METRICS)] = np.nan
        frame.loc[frame.index[-failed:], ["status", "fault"]] = ["failed", "the chain is gone"]
    return frame


def case_of(runs, name="calm", settings=None, *, missing=False, broken=None):
    """What is known of a scenario that had these runs."""
    return CaseRuns(
        name, name.title(), settings or {}, runs, missing, broken, lambda seed: f"wavetank run {name} {seed}"
    )
