"""How many threads torch and numpy compute with in this process."""

import torch
from threadpoolctl import threadpool_limits


def use_one_thread() -> None:
    """Let torch and numpy compute with one thread in this process, as a web process must: its requests are the threads.

    Two of numpy's, on cores that others use too, wait for each other by computing: that cost ten times the time of one.
    """
    torch.set_num_threads(1)
    threadpool_limits(1, user_api="blas")


def use_threads(n_threads: int) -> int:
    """Let torch compute with so many threads, as a job may in a process of its own; gives the number, at least 1."""
    torch.set_num_threads(max(1, n_threads))
    return max(1, n_threads)
