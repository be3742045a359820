"""The DAG as Airflow itself reads it, and its task with the real program: each exit code becomes the state it should."""

from datetime import timedelta

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from conftest import ROOT

PATH = ROOT / "examples" / "airflow" / "drift2parquet_dag.py"


@pytest.fixture(scope="module")
def dag():
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(PATH))
    assert not bag.import_errors
    return bag.dags["drift2parquet"]


@pytest.fixture
def sync(dag, account, monkeypatch):
    """Runs the task in this environment."""

    def run(**environment):
        for name, value in account.environment(**environment).items():
            monkeypatch.setenv(name, value)
        return dag.get_task("sync").python_callable()

    return run


def test_runs_never_overlap_and_nothing_is_caught_up(dag):
    assert dag.max_active_runs == 1 and not dag.catchup
    task = dag.get_task("sync")
    assert task.retries == 3 and task.retry_delay == timedelta(minutes=10)


def test_a_run_returns_its_rows(sync):
    assert sync()["rows"]["conversations"] == 12


def test_a_refused_token_fails_at_once(sync):
    with pytest.raises(AirflowFailException, match="code 3"):
        sync(token="wrong")


def test_rows_that_were_set_aside_are_a_warning(sync, account, caplog):
    account.spoil_ids()
    assert "conversations" in sync()["rows"]
    assert "set aside" in caplog.text


def test_an_outage_is_tried_again(sync, account):
    account.stop()
    with pytest.raises(AirflowException, match="code 4") as raised:
        sync()
    assert not isinstance(raised.value, (AirflowFailException, AirflowSkipException))


def test_a_lake_that_is_held_is_skipped(sync, held):
    with pytest.raises(AirflowSkipException):
        sync()
