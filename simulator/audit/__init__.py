"""A protocol's risk as a gate in CI: rules judged over many runs, a baseline, and what CI systems read of them."""
