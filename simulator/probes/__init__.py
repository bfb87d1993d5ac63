"""Known attacks, each tried on a branch of the chain; `simulator/metrics/probes.py` says what a row of each means."""
