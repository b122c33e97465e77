"""Starts programs, one for each line of standard input, and says what the kernel accounts to each.

A small process of its own: Linux counts to a new program's peak memory what its parent had when it was started.
A line is a JSON list: words, working directory, environment, file for the output. The answer is one, too: exit code,
seconds passed, CPU seconds, peak memory in megabytes; the latter two as `timing.Run` has them.
"""

import json
import os
import sys
import time


def main() -> None:
    for line in sys.stdin:
        words, folder, env, output = json.loads(line)
        os.chdir(folder)
        write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, output, write, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        began = time.perf_counter()
        pid = os.posix_spawnp(words[0], words, env, file_actions=actions)
        _, status, used = os.wait4(pid, 0)
        wall = time.perf_counter() - began
        code = os.waitstatus_to_exitcode(status)
        print(json.dumps([code, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]), flush=True)


if __name__ == "__main__":
    main()
