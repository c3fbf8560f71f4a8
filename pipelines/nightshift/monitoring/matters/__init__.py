"""What matters of a night: which drift, how much loss to expect, whether all features together moved, which slices.

These figures rank and inform; none of them alarms or retrains. Each has a limit that a quiet night like the
reference's passes with probability ``limits.RATE``, drawn from the reference's own nights.
"""
