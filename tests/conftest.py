"""Unit tests run with the network closed; integration tests reach this machine only."""

import gc

import pytest
from pytest_socket import disable_socket, enable_socket, socket_allow_hosts


def pytest_collection() -> None:
    gc.disable()  # what is collected stays until the end


def pytest_collection_finish() -> None:
    gc.freeze()  # thousands of tests, which no garbage collection need look through again
    gc.enable()


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("integration"):
        enable_socket()
        socket_allow_hosts(["127.0.0.1", "localhost", "::1"], allow_unix_socket=True)
    else:
        disable_socket(allow_unix_socket=True)


def pytest_runtest_teardown() -> None:
    enable_socket()
