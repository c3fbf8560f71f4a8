"""A network for tables in PyTorch: how it learns, how far it came, and what is left of it when it has learnt."""
