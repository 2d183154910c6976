"""Forking while another thread draws random numbers."""

from __future__ import annotations

import multiprocessing
import threading

import pytest

from minicnn import random

pytestmark = [
    pytest.mark.cpu_only,
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
    pytest.mark.skipif(
        "fork" not in multiprocessing.get_all_start_methods(), reason="the system has no fork"
    ),
]


def test_a_child_can_seed_the_generator_that_a_thread_was_using():
    lock, is_held = random.default_generator._twister.lock, threading.Event()

    def draw_for_long() -> None:
        with lock:
            is_held.set()
            threading.Event().wait(0.3)

    thread = threading.Thread(target=draw_for_long)
    thread.start()
    is_held.wait()
    child = multiprocessing.get_context("fork").Process(target=random.manual_seed, args=(1,))
    child.start()
    child.join(10)
    child.kill()
    child.join()
    thread.join()
    assert child.exitcode == 0
    random.default_generator.random_()  # the parent's lock is free, too
