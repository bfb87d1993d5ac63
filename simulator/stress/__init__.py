"""Which parameters are safe, how safe, and at what price: many runs of a scenario, and what they say together."""
