"""A backtest in words, for the terminal and the page."""

from nightshift.monitoring.backtest.result import AlarmShare, Backtest, FaultTrials, JudgedNight
from nightshift.monitoring.verdicts import in_words


def answer(backtest: Backtest) -> str:
    """The whole of it in one sentence."""
    judged = backtest.judged
    retrained = [night for night in judged if night.retrain]
    nights = counted(len(judged), "night")
    episodes = counted(len(backtest.episodes), "episode")
    retrains = counted(len(retrained), "retrain")
    return f"{nights} from {backtest.first} to {backtest.last}: {episodes}, {retrains}"


def policy(backtest: Backtest) -> str:
    """By what nights were judged."""
    tried = backtest.policy
    whose = "a policy that is tried"
    if tried.is_of_spec:
        whose = "as model.yaml says"
    promise = f"woken once per {tried.once_per_nights:g} quiet nights"
    return f"{whose}: {promise}, {tried.retrain}"


def counted(number: int, noun: str) -> str:
    """1 night, 2 nights, no night."""
    if not number:
        return f"no {noun}"
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun}s"


def percent(share: float) -> str:
    """A share for people."""
    return f"{100 * share:.1f} %"


def interval(share: AlarmShare) -> str:
    """Where the true share lies, by so many nights."""
    low = 100 * share.low
    high = 100 * share.high
    span = f"{low:.1f} to {high:.1f}"
    return f"{span} %"


def verdict(night: JudgedNight) -> str:
    """A night in a word or two."""
    if night.why_not:
        return "not judged"
    if night.planned:
        return "planned"
    return in_words(bool(night.drifted), bool(night.lost))


def raised(night: JudgedNight) -> str:
    """What the lake's own record says beside it."""
    if night.raised is None:
        return "no record"
    if night.differs:
        return "alarm then" if night.raised else "quiet then"
    return "as then"


def soon(trials: FaultTrials) -> str:
    """Nights to the first alarm."""
    if trials.median is None:
        return "never"
    return f"{trials.median:g}"
