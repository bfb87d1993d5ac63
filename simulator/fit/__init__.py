"""Parameters of price processes from a user's own prices, as `[market.<ASSET>]` tables ready to paste."""

from simulator.fit.catalogue import fit_csv
from simulator.fit.fitted import Fitted, Sample

__all__ = ["Fitted", "Sample", "fit_csv"]
