"""Ray, Spark and AWS Batch, as Nightshift uses them: calls go to their workers, and results come back.

An engine maps shards, never rows: what it is given writes finished files that are kept by content, so that a call that
is made twice, or by a worker that was thought dead, changes nothing. Publishing stays with who launched it.
"""
