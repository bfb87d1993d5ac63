"""A run in one file that is replayed on any machine, and made smaller while it still fails."""
