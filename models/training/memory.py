"""glibc's allocator, set for training."""
import ctypes

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8


def keep_memory():
    """Keeps freed tensors' pages in the process. By default glibc maps and unmaps every large one,
    and the page faults take most of a training step. Call it before the first large tensor."""
    libc = ctypes.CDLL(None)
    for option, value in ((M_TRIM_THRESHOLD, 2 ** 31 - 1), (M_MMAP_MAX, 0), (M_ARENA_MAX, 1)):
        libc.mallopt(option, value)
