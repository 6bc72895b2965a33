"""Thread counts: the number of threads that torch and numpy compute with in this process."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


def use_one_thread() -> None:
    """Compute with one thread in this process, as a web process must, whose requests are threads already.

    Two threads of numpy wait for each other in a busy loop: on cores that other processes use, they took ten times as
    long as one.
    """
    torch.set_num_threads(1)
    threadpool_limits(1, user_api="blas")


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """A context in which torch computes with one thread, as is best for many small products one after the other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def use_threads(n_threads: int) -> int:
    """Let torch compute with this many threads, at least 1, as a job in its own process may; returns the number."""
    torch.set_num_threads(max(1, n_threads))
    return max(1, n_threads)
