"""The code location as Dagster itself loads it, and its asset with the real program."""

import importlib.util

import dagster as dg
import pytest
from conftest import ROOT

PATH = ROOT / "examples" / "dagster" / "drift2parquet_assets.py"


@pytest.fixture(scope="module")
def location():
    spec = importlib.util.spec_from_file_location("drift2parquet_assets", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    dg.Definitions.validate_loadable(module.defs)
    return module


@pytest.fixture
def materialize(location, account, monkeypatch):
    def run(**environment):
        for name, value in account.environment(**environment).items():
            monkeypatch.setenv(name, value)
        with dg.DagsterInstance.ephemeral() as instance:
            return dg.materialize([location.drift_lake], instance=instance, raise_on_error=False)

    return run


def events(result):
    return {event.event_type_value for event in result.all_events}


def test_the_schedule_starts_the_job(location):
    schedule = location.defs.resolve_schedule_def("drift2parquet_schedule")
    assert schedule.cron_schedule == "15 2 * * *" and schedule.job_name == "drift2parquet"


def test_a_run_is_a_materialization_with_its_rows(materialize):
    result = materialize()
    assert result.success
    (event,) = result.asset_materializations_for_node("drift_lake")
    assert event.metadata["rows"].value["conversations"] == 12
    assert event.metadata["complete"].value is True


def test_a_refused_token_fails_at_once(materialize):
    result = materialize(token="wrong")
    assert not result.success and "STEP_UP_FOR_RETRY" not in events(result)


def test_rows_that_were_set_aside_are_said_to_be_missing(materialize, account):
    account.spoil_ids()
    result = materialize()
    (event,) = result.asset_materializations_for_node("drift_lake")
    assert result.success and event.metadata["complete"].value is False


def test_a_lake_that_is_held_is_tried_again(location, materialize, held, monkeypatch):
    retry = dg.RetryRequested
    monkeypatch.setattr(location.dg, "RetryRequested", lambda **_: retry(max_retries=1, seconds_to_wait=0))
    result = materialize()
    assert not result.success and "STEP_UP_FOR_RETRY" in events(result)
