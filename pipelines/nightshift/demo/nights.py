"""The nights of the demo, as data: the one place to tune what it plays."""

MODEL = "flight_delays"
# The first champion learns from the quarter before this night.
CHAMPION_AS_OF = "2013-04-01"
BACKFILL = ("2013-04-01", "2013-04-14")
# From here nights are replayed one after the other until the governor asks for a retrain.
REPLAY_FROM = "2013-04-15"
REPLAY_AT_MOST = 90
# Nights under way at the same time; enough to keep two cores busy.
SIDE_BY_SIDE = 4
