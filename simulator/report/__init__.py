"""The report of a run: one page that works offline."""

from simulator.report.page import write_report

__all__ = ["write_report"]
