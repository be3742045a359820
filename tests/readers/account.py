"""A simulated Drift account and a lake that the real program fills from it."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

TARGET = Path(os.environ.get("TARGET", "target/debug")).resolve()
TOKEN = "sim-token"


class Account:
    def __init__(self, place, *options):
        self.place, self.lake = place, place / "lake"
        port_file = place / "port"
        command = [TARGET / "drift-simulator", "--port", "0", "--port-file", port_file, *options]
        self.log = open(place / "simulator.log", "wb")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        for _ in range(300):
            if port_file.exists() or self.process.poll() is not None:
                break
            time.sleep(0.1)
        assert port_file.exists(), (place / "simulator.log").read_text()
        self.url = f"http://{port_file.read_text().strip()}"

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.log.close()

    def call(self, path, post=False):
        request = urllib.request.Request(
            self.url + path, data=b"" if post else None, headers={"Authorization": f"Bearer {TOKEN}"}
        )
        with urllib.request.urlopen(request) as answer:
            return answer.read().decode()

    def answers(self, path):
        """Whether there is something at this path."""
        try:
            self.call(path)
        except urllib.error.HTTPError as error:
            assert error.code == 404
            return False
        return True

    def truth(self, table):
        """The records of a table, each as its own text. Only line feeds end a record."""
        return [line for line in self.call(f"/_sim/truth/{table}.ndjson").split("\n") if line]

    def mutate(self, **counts):
        self.call("/_sim/mutate?" + "&".join(f"{name}={count}" for name, count in counts.items()), post=True)

    def messages_of(self, conversation):
        """The ids of the messages that are asked for under a conversation."""
        ids, query = [], "next="
        while True:
            answer = json.loads(self.call(f"/conversations/{conversation}/messages?{query}"))
            ids += [message["id"] for message in answer["data"]["messages"]]
            paging = answer.get("pagination") or {}
            if not paging.get("more") or not paging.get("next"):
                return ids
            query = f"next={paging['next']}"

    def command(self, *arguments):
        return [TARGET / "drift2parquet", *arguments]

    def environment(self):
        return {"DRIFT_TOKEN": TOKEN, "DRIFT_API_URL": self.url, "PATH": os.environ["PATH"]}

    def sync(self, *options):
        """Runs the program, which must end well; returns its report."""
        return self.sync_to(self.lake, *options, cwd=self.place)

    def sync_to(self, lake, *options, cwd):
        command = self.command("sync", "--lake", lake, "--report", "-", *options)
        ended = subprocess.run(command, env=self.environment(), cwd=cwd, capture_output=True, timeout=600)
        assert ended.returncode == 0, ended.stderr.decode()
        return json.loads(ended.stdout)
