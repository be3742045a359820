"""dlt, from the bodies of pages to Parquet in a directory, as its documentation shows it. Times stay the integers that
they are in JSON, lists and objects stay JSON text, and the compression is dlt's own. `dlt_bodies.py SET INTO`"""

import glob
import os
import sys

source, into = (os.path.abspath(path) for path in sys.argv[1:])
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"

import dlt  # noqa: E402  It reads its settings from the environment when it is imported.
import orjson  # noqa: E402


def pages(table):
    for path in sorted(glob.glob(f"{source}/bodies/{table}-*.ndjson")):
        with open(path, "rb") as bodies:
            for body in bodies:
                data = orjson.loads(body)["data"]
                yield data["messages"] if table == "messages" else data


def resource(table):
    return dlt.resource(pages(table), name=table, primary_key="id", max_table_nesting=0)


pipeline = dlt.pipeline(
    "peer",
    pipelines_dir=f"{into}/state",
    destination=dlt.destinations.filesystem(f"file://{into}"),
    dataset_name="lake",
)
pipeline.run([resource("conversations"), resource("messages")], loader_file_format="parquet")
