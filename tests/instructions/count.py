"""Counts the instructions of a rebuild of a fixed archive: unpacking, decoding, folding, encoding, hashing.

Noise of the machine hardly changes that number, so a slowdown shows where wall time could not be trusted. It depends
on the compiler, the processor's features and the C library, though: recorded.json has a number for each set of these
that was recorded under; elsewhere it is told and not compared.

    count.py BINARY           compares with recorded.json; fails beyond 3 % more
    count.py BINARY --record  writes recorded.json
"""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
RECORDED = HERE / "recorded.json"
# The features that the libraries choose their code by.
FEATURES = {"avx", "avx2", "bmi1", "bmi2", "avx512f", "avx512vl", "sha_ni", "sse4_2", "pclmulqdq"}
MORE_MAX = 0.03


def said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def features() -> list[str]:
    flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return sorted(FEATURES & set(flags[1].split())) if flags else []


def circumstances() -> dict[str, object]:
    return {
        "rustc": said("rustc", "--version"),
        "valgrind": said("valgrind", "--version"),
        "libc": " ".join(platform.libc_ver()),
        "cpu": features(),
    }


def instructions(binary: str) -> int:
    with tempfile.TemporaryDirectory() as place:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={place}/profile", binary, "rebuild"]
        command += ["--lake", str(HERE / "lake"), "--into", f"{place}/again", "--without-archive"]
        environment = os.environ | {"RAYON_NUM_THREADS": "1"}
        ran = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
        if ran.returncode != 0:
            sys.exit(f"rebuild ended with {ran.returncode} under valgrind:\n{ran.stdout}{ran.stderr}")
        profile = Path(f"{place}/profile").read_text()
    return int(re.search(r"^(?:totals|summary): (\d+)", profile, re.MULTILINE)[1])


def main() -> None:
    if not shutil.which("valgrind"):
        print("there is no valgrind here; instructions are not counted")
        return
    here, counted = circumstances(), instructions(sys.argv[1])
    recorded = json.loads(RECORDED.read_text())
    alike = [one for one in recorded if {**one, "instructions": None} == {**here, "instructions": None}]
    if "--record" in sys.argv:
        others = [one for one in recorded if one not in alike]
        RECORDED.write_text(json.dumps([*others, {"instructions": counted, **here}], indent=2) + "\n")
        print(f"recorded {counted:,} instructions")
        return
    if not alike:
        print(f"{counted:,} instructions; not compared, since nothing was recorded under {here}")
        return
    before = alike[0]["instructions"]
    more = counted / before - 1
    print(f"{counted:,} instructions, {more:+.2%} against what was recorded")
    if more > MORE_MAX:
        sys.exit(f"that is more than {MORE_MAX:.0%} slower; if it is meant to be, `make instructions` records it")


if __name__ == "__main__":
    main()
