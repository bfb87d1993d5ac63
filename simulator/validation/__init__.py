"""The validation page: laws that the simulator must obey, each measured now against its source."""
