"""Properties are tried with the same examples in every run, however busy the machine is.

`make test_properties` looks for new ones instead, and for more.
"""

from hypothesis import HealthCheck, settings

from tests.support.properties import TIMES

settings.register_profile(
    "of these tests",
    max_examples=100 * TIMES,
    derandomize=TIMES == 1,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("of these tests")
