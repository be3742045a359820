"""A real server that speaks S3, for as long as the tests need it: SeaweedFS on free ports of the loopback.

From Python: `with Server() as server:`, then `server.endpoint` and `server.environment()`. From elsewhere:
`server.py --while PID --state FILE` serves until the process PID has gone, and says in FILE, as JSON, where.
"""

import argparse
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

BUCKET = "lake"
KEY, SECRET = "test", "testtest"
REGION = "us-east-1"
# The server's other half, gRPC, listens so far above each port.
GRPC_ABOVE = 10_000
NAMES = ("s3", "master", "volume", "filer")
STARTS_WITHIN_S = 120


def binary():
    """Where the server lies: where `D2P_WEED` says, beside this Python, or on the path."""
    beside = Path(sys.executable).with_name("weed")
    found = os.environ.get("D2P_WEED") or (str(beside) if beside.exists() else shutil.which("weed"))
    if not found:
        raise SystemExit("SeaweedFS is not there; `make s3-server` installs it")
    return found


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports():
    """A port for each half of the server, that is free together with the one above it."""
    chance = random.SystemRandom()
    ports = []
    while len(ports) < len(NAMES):
        port = chance.randrange(15_000, 32_000)
        if port not in ports and is_free(port) and is_free(port + GRPC_ABOVE):
            ports.append(port)
    return dict(zip(NAMES, ports))


class Server:
    """SeaweedFS with one bucket, in a folder of its own that goes with it."""

    def __init__(self, bucket=BUCKET):
        self.bucket = bucket
        self.folder = tempfile.mkdtemp(prefix="d2p-s3-")
        self.process = None
        self.ports = free_ports()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.ports['s3']}"

    @property
    def filer(self):
        return f"http://127.0.0.1:{self.ports['filer']}"

    def environment(self):
        """What AWS tools, and drift2parquet, are told."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.endpoint,
        }

    def start(self):
        identity = {
            "name": "tests",
            "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        rights = Path(self.folder, "s3.json")
        rights.write_text(json.dumps({"identities": [identity]}))
        data = Path(self.folder, "data")
        data.mkdir()
        options = {
            "dir": data,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": 64,
            "volume.max": 100,
            "master.port": self.ports["master"],
            "volume.port": self.ports["volume"],
            "filer.port": self.ports["filer"],
            "s3.port": self.ports["s3"],
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.config": rights,
        }
        with open(Path(self.folder, "log"), "wb") as log:
            self.process = subprocess.Popen(
                [binary(), "server", "-filer", "-s3", *(f"-{name}={value}" for name, value in options.items())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._wait(self._answers)
        self._wait(self._makes_bucket)

    def _wait(self, ready):
        deadline = time.monotonic() + STARTS_WITHIN_S
        while not ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = Path(self.folder, "log").read_text(errors="replace")[-2000:]
                self.stop()
                raise RuntimeError(f"the S3 server does not start:\n{said}")
            time.sleep(0.1)

    def _answers(self):
        return self._status(urllib.request.Request(self.endpoint)) == 403

    def _makes_bucket(self):
        """A bucket is a folder of the server's own file system, which asks nobody for a signature."""
        place = f"{self.filer}/buckets/{self.bucket}/"
        return self._status(urllib.request.Request(place, method="POST")) in (200, 201)

    @staticmethod
    def _status(request):
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def stop(self):
        """At once: asked politely it takes half a minute, and nothing here is to be kept."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()


def lives(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--while", dest="process", type=int, required=True, help="serve until this process is gone")
    parser.add_argument("--state", type=Path, required=True, help="where to say how the server is reached")
    asked = parser.parse_args()
    with Server() as server:
        state = {"endpoint": server.endpoint, "filer": server.filer, "bucket": server.bucket, "pid": os.getpid()}
        staged = asked.state.with_suffix(".new")
        staged.write_text(json.dumps(state | {"environment": server.environment()}))
        staged.replace(asked.state)
        while lives(asked.process) and server.process.poll() is None:
            time.sleep(0.5)
    for left in (asked.state, asked.state.with_suffix(".lock"), asked.state.with_suffix(".log")):
        left.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
