"""Studies: one question, the runs that answer it, and a chart. `wavetank run SCENARIO --study NAME`."""
