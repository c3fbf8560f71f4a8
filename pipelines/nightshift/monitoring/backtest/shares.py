"""How often something happened, with the interval that so few nights allow."""

from nightshift.monitoring.backtest.result import AlarmShare

CONFIDENCE = 0.95


def alarm_share(detector: str, asked: float, nights: int, episodes: int) -> AlarmShare:
    """Episodes by night beside what was asked."""
    low, high = binomial_interval(episodes, nights)
    return AlarmShare(
        detector=detector,
        asked=asked,
        nights=nights,
        episodes=episodes,
        low=low,
        high=high,
    )


def binomial_interval(events: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a share (Clopper and Pearson, 1934, Biometrika 26); all of it where nothing was tried."""
    from scipy.stats import beta

    tail = (1 - CONFIDENCE) / 2
    misses = trials - events
    low = 0.0
    high = 1.0
    if events:
        low = float(beta.ppf(tail, events, misses + 1))
    if misses > 0:
        high = float(beta.ppf(1 - tail, events + 1, misses))
    return low, high
