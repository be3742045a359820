"""Dagster: the lake as an asset, brought up to date every night.

The code location needs `drift2parquet` on its PATH (`pip install drift2parquet`), a file with the token, and the rights
of the lake. Set DRIFT2PARQUET_LAKE and DRIFT_TOKEN_FILE in its environment.

How the program's exit codes become outcomes of the run:

    0           materialized, with rows and counts as metadata
    7           materialized, and a warning in the log: the lake is good, some rows come with the next run
    4, 5, 6, 8  tried again after ten minutes: Drift was down, the store failed, another run holds the lake,
                or --max-time was reached and the rest is still to come
    others      failed at once: only a person can mend it
"""

import json
import subprocess

import dagster as dg

COMMAND = ["drift2parquet", "sync", "--max-time", "4h", "--report", "-"]
DONE, INCOMPLETE, AGAIN = 0, 7, (4, 5, 6, 8)


@dg.asset(group_name="drift", description="A Drift account as partitioned Parquet.")
def drift_lake(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    ended = subprocess.run(COMMAND, capture_output=True, text=True)
    context.log.info(ended.stderr)
    if ended.returncode in AGAIN:
        raise dg.RetryRequested(max_retries=3, seconds_to_wait=600)
    if ended.returncode not in (DONE, INCOMPLETE):
        raise dg.Failure(
            f"drift2parquet ended with code {ended.returncode}",
            metadata={"stderr": ended.stderr[-2000:]},
            allow_retries=False,
        )
    report = json.loads(ended.stdout)
    if ended.returncode == INCOMPLETE:
        context.log.warning(f"rows are pending or were set aside: {report['pending']} {report['warnings']}")
    rows = {name: table["rows"] for name, table in report["tables"].items()}
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(rows.values()),
            "rows": rows,
            "complete": ended.returncode == DONE,
            "requests": report["traffic"]["requests"],
        }
    )


drift_job = dg.define_asset_job("drift2parquet", selection=[drift_lake])

defs = dg.Definitions(
    assets=[drift_lake],
    jobs=[drift_job],
    schedules=[dg.ScheduleDefinition(job=drift_job, cron_schedule="15 2 * * *", execution_timezone="UTC")],
)
