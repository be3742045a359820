"""One Spark job over the lakes of many accounts: messages by organization and month.

    spark-submit spark_read.py s3a://bucket/drift accounts.txt

Spark finds partitions upwards from the objects and stops at the folder of the table, so it does not see `org=…` above
it. Here each lake is a table of its own with its organization as a column; a filter on `org` leaves the other lakes
unread.
"""

import sys
from functools import reduce
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col, count, lit


def table(spark, root, organizations, name):
    """The rows of a table from all lakes, with the column `org`."""
    lakes = [spark.read.parquet(f"{root}/org={org}/{name}").withColumn("org", lit(org)) for org in organizations]
    return reduce(DataFrame.unionByName, lakes)


def messages_by_month(spark, root, organizations):
    current = table(spark, root, organizations, "messages").where(col("_deleted_at").isNull())
    return current.groupBy("org", "month").agg(count("*").alias("messages")).orderBy("org", "month")


def main():
    root, accounts = sys.argv[1:]
    spark = SparkSession.builder.appName("drift").getOrCreate()
    messages_by_month(spark, root, Path(accounts).read_text().split()).show(1000)


if __name__ == "__main__":
    main()
