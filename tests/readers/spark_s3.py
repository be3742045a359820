"""Spark reads a lake over s3a: counts, keys and times as in the account, and one month alone when one is asked for."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pyarrow.fs
import truth
from account import Account
from pyspark.sql import SparkSession
from pyspark.sql.functions import expr

PORTS = {"s3": 8463, "master": 9463, "volume": 9563, "filer": 9663}
ENDPOINT = f"127.0.0.1:{PORTS['s3']}"
KEY, SECRET = "test", "testtest"


@contextmanager
def bucket(place):
    """A SeaweedFS on loopback, as a file system of pyarrow with the bucket `lake`."""
    identity = {"name": "test", "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
    (place / "s3.json").write_text(json.dumps({"identities": [identity]}))
    ports = [f"-{name}.port={port}" for name, port in PORTS.items()]
    command = [
        "weed", "server", f"-dir={place}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false",
        "-master.volumeSizeLimitMB=64", "-volume.max=100", "-filer", "-s3", "-s3.port.iceberg=0", "-s3.port.lance=0",
        f"-s3.config={place / 's3.json'}", *ports,
    ]  # fmt: skip
    with open(place / "weed.log", "wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            for _ in range(300):
                if answers():
                    break
                time.sleep(0.2)
            store = pyarrow.fs.S3FileSystem(
                access_key=KEY, secret_key=SECRET, endpoint_override=ENDPOINT, scheme="http", region="us-east-1",
                allow_bucket_creation=True,
            )  # fmt: skip
            store.create_dir("lake")
            yield store
        finally:
            server.send_signal(signal.SIGKILL)
            server.wait()


def answers():
    try:
        urllib.request.urlopen(f"http://{ENDPOINT}/", timeout=2)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def session(jars):
    options = {
        "spark.jars": ",".join(jars),
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        # Where it starts slowly, a heartbeat comes before the driver is there, and fills the screen with traces.
        "spark.executor.heartbeatInterval": "60s",
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
        "spark.hadoop.fs.s3a.endpoint": ENDPOINT,
        "spark.hadoop.fs.s3a.access.key": KEY,
        "spark.hadoop.fs.s3a.secret.key": SECRET,
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
        "spark.hadoop.fs.s3a.aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
    }
    builder = SparkSession.builder.master("local[2]")
    for name, value in options.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def check(spark, account, table):
    """Returns how many rows a table has, when their keys and times are those of the account."""
    frame, own = spark.read.parquet(f"s3a://lake/drift/{table}"), list(truth.TABLES[table])
    times = [name for name, kind in frame.dtypes if kind == "timestamp" and name in own]
    chosen = [*truth.KEYS[table], *times]
    shown = frame.where("_deleted_at IS NULL").select([expr(f"unix_micros({name})") if name in times else name for name in chosen])
    found = sorted(map(tuple, shown.collect()), key=repr)
    records = [truth.row(table, text) for text in account.truth(table)]
    wanted = sorted((tuple(record[name] for name in chosen) for record in records), key=repr)
    assert found == wanted, f"{table}: {len(found)} rows, wanted {len(wanted)}"
    return len(found)


def check_pruning(spark):
    frame = spark.read.parquet("s3a://lake/drift/messages")
    [month] = frame.agg({"month": "max"}).first()
    one = frame.where(frame.month == month).select("id")
    assert f"= {month})" in one._jdf.queryExecution().executedPlan().toString().split("PartitionFilters")[1]
    assert 0 < one.count() < frame.count()


def main():
    os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    with tempfile.TemporaryDirectory() as place, bucket(Path(place)) as store:
        account = Account(Path(place), "--conversations", "200", "--months", "6", "--seed", "3")
        try:
            account.sync()
            pyarrow.fs.copy_files(
                str(account.lake), "lake/drift", source_filesystem=pyarrow.fs.LocalFileSystem(), destination_filesystem=store
            )
            spark = session(sys.argv[1:])
            for table in truth.TABLES:
                print(f"{table}: {check(spark, account, table)} rows", flush=True)
            check_pruning(spark)
        finally:
            account.stop()
    print("Spark reads the lake over s3a as it is in the account")


if __name__ == "__main__":
    main()
