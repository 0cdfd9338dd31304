"""The Singer SDK's standard tests of a target, for pytest. suite_test.py runs them.

test_target_multiple_state_messages is not run: it expects a STATE after each of the SDK's drains,
while this target prints any subsequence that ends with the last one. suite_test.py checks that.
"""

import os

from singer_sdk.testing import get_target_test_class, suites, target_tests
from target_shim import SynclineTarget

EXCEPTED = {target_tests.TargetMultipleStateMessages}

suite = suites.SingerTestSuite("target", [test for test in suites.target_tests.tests if test not in EXCEPTED])
TestSynclineTarget = get_target_test_class(
    target_class=SynclineTarget,
    config={"server": os.environ["SYNCLINE_SERVER_ADDRESS"], "schema": os.environ["SYNCLINE_TEST_SCHEMA"]},
    custom_suites=[suite],
    include_target_tests=False,
    validate_config=False,
)
