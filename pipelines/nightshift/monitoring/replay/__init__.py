"""Rows that a server answered by day, scored once more by a night: the same bits, or a skew that somebody hears of."""
