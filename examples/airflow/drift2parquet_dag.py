"""Airflow 3: a sync every night, with the report of the run as its result.

The workers need `drift2parquet` on their PATH (`pip install drift2parquet`), a file with the token, and the rights of
the lake. Set DRIFT2PARQUET_LAKE and DRIFT_TOKEN_FILE in their environment.

How the program's exit codes become states of the task:

    0        success
    7        success with a warning in the log: the lake is good, some rows come with the next run
    4, 5, 8  retry: Drift was down, the store failed, or --max-time was reached and the rest is still to come
    6        skipped: another run is at it
    others   failed at once: only a person can mend it
"""

import json
import logging
import subprocess
from datetime import datetime, timedelta, timezone

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

COMMAND = ["drift2parquet", "sync", "--max-time", "4h", "--report", "-"]
DONE, HELD, INCOMPLETE, AGAIN = 0, 6, 7, (4, 5, 8)

log = logging.getLogger(__name__)


@dag(
    schedule="15 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    # A sync brings everything that changed since the last one, so nights that were missed need no runs of their own.
    catchup=False,
    max_active_runs=1,
    tags=["drift"],
)
def drift2parquet():
    @task(retries=3, retry_delay=timedelta(minutes=10), execution_timeout=timedelta(hours=5))
    def sync():
        ended = subprocess.run(COMMAND, capture_output=True, text=True)
        log.info("%s", ended.stderr)
        if ended.returncode == HELD:
            raise AirflowSkipException("another run holds the lake")
        if ended.returncode in AGAIN:
            raise AirflowException(f"drift2parquet ended with code {ended.returncode}; it goes on in the next try")
        if ended.returncode not in (DONE, INCOMPLETE):
            raise AirflowFailException(f"drift2parquet ended with code {ended.returncode}: {ended.stderr[-2000:]}")
        report = json.loads(ended.stdout)
        if ended.returncode == INCOMPLETE:
            log.warning("rows are pending or were set aside: %s %s", report["pending"], report["warnings"])
        return {"run": report["run"], "rows": {name: table["rows"] for name, table in report["tables"].items()}}

    sync()


drift2parquet()
