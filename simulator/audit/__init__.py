"""Audits: rules that a change of a protocol must keep, judged over many runs."""
