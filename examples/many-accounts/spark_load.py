"""Loads many Drift accounts on the machines of a Spark cluster, one task for each account.

    spark-submit spark_load.py accounts.txt

`drift2parquet` and this folder must be on each worker, at the same path; ROOT and ACCOUNTS stand in the environment
(see load-account.sh). Drift limits calls by account, so more machines help across accounts, never within one.
"""

import os
import sys
from pathlib import Path

from pyspark.sql import SparkSession

# What the next run mends by itself: done, pending rows, --max-time reached.
FINE = {0, 7, 8}


def load(spark, organizations):
    """The exit code of each account's run, by organization."""
    script = Path(__file__).resolve().with_name("load-accounts.sh")
    environment = {name: os.environ[name] for name in ("ROOT", "ACCOUNTS", "PATH")}
    tasks = spark.sparkContext.parallelize(organizations, len(organizations))
    answers = tasks.pipe(str(script), environment, checkCode=True).collect()
    return {organization: int(code) for organization, code in (answer.split() for answer in answers)}


def main():
    organizations = Path(sys.argv[1]).read_text().split()
    codes = load(SparkSession.builder.appName("drift2parquet").getOrCreate(), organizations)
    for organization, code in codes.items():
        print(organization, code)
    sys.exit(0 if set(codes) == set(organizations) and set(codes.values()) <= FINE else 1)


if __name__ == "__main__":
    main()
