import pytest

from nightshift.monitoring.backtest.shares import alarm_share, binomial_interval


@pytest.mark.parametrize(
    ("events", "trials", "low", "high"),
    [(0, 0, 0.0, 1.0), (0, 30, 0.0, 0.1157), (3, 30, 0.0211, 0.2653), (30, 30, 0.8843, 1.0)],
)
def test_the_interval_is_that_of_clopper_and_pearson(events, trials, low, high):
    assert binomial_interval(events, trials) == pytest.approx((low, high), abs=1e-4)


def test_a_share_is_over_only_where_that_is_sure():
    assert not alarm_share("drift", asked=0.01, nights=30, episodes=1).is_over
    assert alarm_share("drift", asked=0.01, nights=30, episodes=4).is_over
    assert alarm_share("drift", asked=0.01, nights=0, episodes=0).seen == 0.0
