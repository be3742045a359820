"""One Spark of this machine for all tests: starting it costs more than what any of them asks of it."""

import functools
import os
import sys
import tempfile

import pyspark.sql


def options(place):
    """Listens on loopback only, takes little memory, and compiles quickly: nothing here runs for long."""
    return {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.local.dir": place,
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.warehouse.dir": place,
        "spark.ui.enabled": "false",
    }


@functools.cache
def session():
    os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    place = tempfile.mkdtemp(prefix="readers-spark-")
    builder = pyspark.sql.SparkSession.builder.master("local[2]").appName("readers")
    spark = builder.config(map=options(place)).getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark
