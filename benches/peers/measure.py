"""One process, measured: wall time, CPU time and peak memory as the kernel counts them (wait4)."""

import os
import subprocess
import time
from dataclasses import asdict, dataclass


@dataclass
class Measured:
    wall_s: float
    cpu_s: float
    peak_mb: float
    exit_code: int
    out: str

    def figures(self):
        return {name: value for name, value in asdict(self).items() if name not in ("out", "exit_code")}


def measure(command, env=None, log=None):
    """Runs a command to its end. Its output goes to a file, so that no pipe has to be read meanwhile."""
    log = log or os.devnull
    with open(log, "wb") as out:
        begin = time.monotonic()
        process = subprocess.Popen(command, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    with open(log, "rb") as out:
        text = out.read().decode(errors="replace")
    return Measured(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6, process.returncode, text)
