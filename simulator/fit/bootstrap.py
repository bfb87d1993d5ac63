"""The block length of a bootstrap by the library arch."""

import numpy as np

from simulator.fit.fitted import Fitted, Sample
from simulator.fit.libraries import heard, library


def fit_bootstrap(sample: Sample) -> Fitted:
    """Politis and White's automatic length (2004, corrected 2009), of squared gains: volatility comes in runs."""
    optimal = library("arch.bootstrap", "bootstrap").optimal_block_length
    with heard():
        lengths = [float(optimal(x)["stationary"].iloc[0]) for x in (sample.gains**2, sample.gains)]
    squares, gains = (float(np.clip(each, 1.0, len(sample.gains) / 2)) for each in lengths)
    return Fitted(
        "bootstrap",
        {"price": sample.last, "csv": sample.file, "column": sample.column, "mean_block": squares},
        notes=(
            f"mean_block suits squared gains, for volatility comes in runs; for the gains themselves it is {gains:.3g}",
            "csv is relative to the scenario's folder; price is the last one of the file",
        ),
    )
