"""The wheel, in an environment that has nothing else of ours; see ``make dist-test``."""
