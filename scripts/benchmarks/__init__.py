"""The benchmarks, one a module: each has `measure(small) -> Verdict`."""
