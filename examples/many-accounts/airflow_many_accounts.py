"""Airflow: every night one task for each Drift account, by task mapping.

The variable `drift_accounts` holds the organizations as a JSON list; ROOT, ACCOUNTS and the path of load-account.sh
stand in the environment of the workers. Drift limits calls by account, so accounts may run side by side; the pool
`drift` bounds how many.
"""

from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import Variable, dag, task


@dag(
    schedule="15 2 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
)
def drift_many_accounts():
    @task
    def commands():
        accounts = Variable.get("drift_accounts", deserialize_json=True)
        # A number is all that an organization can be; nothing else reaches a shell.
        return [f"$LOAD_ACCOUNT {int(organization)}" for organization in accounts]

    # 6: another run holds this lake and is at it; 7: pending rows, which the next run tries first.
    BashOperator.partial(
        task_id="load",
        pool="drift",
        append_env=True,
        skip_on_exit_code=[6, 7],
        execution_timeout=timedelta(hours=6),
    ).expand(bash_command=commands())


drift_many_accounts()
