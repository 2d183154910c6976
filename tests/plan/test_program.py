"""Programs end, whatever happens to their threads: each test runs in a process with a time limit."""

import subprocess
import sys
import textwrap

import pytest

pytestmark = [pytest.mark.cpu_only, pytest.mark.fast_only]

SETUP = """
import os, signal, sys, threading, time
import numpy as np
import minicnn as mc
from functools import partial
from minicnn import nn
from minicnn.kernels.cpu.planned import Part, Step
from minicnn.kernels.cpu.runtime.threads import for_each_slice
from minicnn.plan.program import Program


class Sums:
    '''Each thread adds what all threads have left, again and again, after waiting for them.'''

    def __init__(self, threads, count=40, extra=()):
        self.values = [[i + 1] + [0] * count for i in range(threads)]
        steps = [
            Step("sum", [Part([partial(self.add, i, k)]) for i in range(threads)])
            for k in range(count)
        ]
        steps[3:3] = extra
        self.program = Program(steps, threads, [True] * len(steps))

    def add(self, thread, k):
        assert self.values[thread][k + 1] == 0  # nobody else has done it
        self.values[thread][k + 1] = sum(v[k] for v in self.values) % 1_000_003

    def __call__(self):
        for v in self.values:
            v[1:] = [0] * (len(v) - 1)
        self.program()
        return [v[-1] for v in self.values]

    def expected(self):
        total, count = sum(v[0] for v in self.values), len(self.values)
        return [total * count ** (len(self.values[0]) - 2) % 1_000_003] * count
"""


def passes(code, seconds=60):
    """Runs code in a process of its own, which must end in time."""
    code = SETUP + textwrap.dedent(code)
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=seconds, check=False
    )
    assert found.returncode == 0, found.stderr


def test_two_programs_at_the_same_time():
    """Each of them needs all workers, and gets some."""
    passes("""
        mc.set_num_threads(4)
        wrong = []

        def call():
            sums = Sums(4)
            for _ in range(100):
                if sums() != sums.expected():
                    wrong.append(sums.values)

        callers = [threading.Thread(target=call) for _ in range(3)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert not wrong
    """)


def test_another_number_of_threads_than_the_program_was_made_for():
    passes("""
        for before in (1, 2, 3, 4, 7):
            for after in (1, 2, 3, 5):
                mc.set_num_threads(before)
                sums = Sums(before)
                mc.set_num_threads(after)
                for _ in range(5):
                    assert sums() == sums.expected()
    """)


def test_workers_that_are_busy_elsewhere():
    passes("""
        mc.set_num_threads(2)
        sums, begun, ended = Sums(2), threading.Event(), threading.Event()

        def work(start, stop):
            if threading.current_thread() is not caller:
                begun.set()
            ended.wait()

        caller = threading.Thread(target=for_each_slice, args=(2, work, 1))
        caller.start()
        assert begun.wait(10)
        for _ in range(5):
            assert sums() == sums.expected()
        ended.set()
    """)


def test_within_the_work_of_a_kernel():
    passes("""
        mc.set_num_threads(3)
        sums, lock = Sums(3), threading.Lock()

        def work(start, stop):
            with lock:
                assert sums() == sums.expected()

        for_each_slice(6, work)
    """)


def test_in_a_forked_process():
    passes("""
        mc.set_num_threads(3)
        sums = Sums(3)
        sums()
        if (child := os.fork()) == 0:
            os._exit(0 if sums() == sums.expected() else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert sums() == sums.expected()
    """)


def test_ctrl_c_while_a_thread_waits_for_others():
    passes("""
        mc.set_num_threads(2)
        worker_runs = threading.Event()

        def long():
            if threading.current_thread() is threading.main_thread():
                assert worker_runs.wait(10)
                return
            worker_runs.set()
            time.sleep(0.3)
            signal.raise_signal(signal.SIGINT)
            time.sleep(0.5)

        sums = Sums(2, extra=[Step("long", [Part([long]), Part([long])])])
        try:
            sums()
        except KeyboardInterrupt:
            pass
        else:
            raise AssertionError
        again = Sums(2)
        assert again() == again.expected()
    """)


def test_an_error_in_one_thread():
    passes("""
        mc.set_num_threads(3)

        def fail(i):
            if i == wrong:
                raise ZeroDivisionError

        for wrong in (0, 1, 2) * 5:
            sums = Sums(3, extra=[Step("wrong", [Part([partial(fail, i)]) for i in range(3)])])
            try:
                sums()
            except ZeroDivisionError:
                pass
            else:
                raise AssertionError
    """)
