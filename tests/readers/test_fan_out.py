"""The examples that fan out over accounts: what Kubernetes' own schema says of them, and what their scripts do."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import yaml
from account import TARGET

EXAMPLES = Path(__file__).parents[2] / "examples" / "many-accounts"
JOB = EXAMPLES / "kubernetes-indexed-job.yaml"


def parts():
    accounts, job = yaml.safe_load_all(JOB.read_text())
    return accounts["data"]["accounts"].split(), job["spec"]


def test_kubernetes_finds_nothing_wrong():
    tool = Path(sys.executable).with_name("kubernetes-validate")
    said = subprocess.run([tool, "--strict", JOB], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr


def test_each_index_is_one_account(tmp_path):
    """The script of the first container, run as it stands, chooses the account of its line."""
    accounts, job = parts()
    assert job["completions"] == len(accounts) > 1 and job["completionMode"] == "Indexed"
    (tmp_path / "accounts").mkdir()
    (tmp_path / "accounts" / "accounts").write_text("\n".join(accounts) + "\n")
    (tmp_path / "tokens").mkdir()
    for account in accounts:
        (tmp_path / "tokens" / account).write_text(f"token of {account}")
    [chooser] = job["template"]["spec"]["initContainers"]
    [script] = chooser["args"]
    for place in ("accounts/", "tokens/", "chosen/"):
        script = script.replace(f"/{place}", f"{tmp_path}/{place}")
    for index, account in enumerate(accounts):
        (tmp_path / "chosen").mkdir(exist_ok=True)
        environment = {"JOB_COMPLETION_INDEX": str(index), "PATH": os.environ["PATH"]}
        subprocess.run([*chooser["command"], script], env=environment, check=True)
        assert (tmp_path / "chosen" / "token").read_text() == f"token of {account}"
        assert f"/org={account}\"" in (tmp_path / "chosen" / "drift2parquet.toml").read_text()


def test_the_arguments_are_understood(tmp_path):
    """Without a token it stops at once, for that and for no argument that it does not know."""
    [load] = parts()[1]["template"]["spec"]["containers"]
    (tmp_path / "drift2parquet.toml").write_text(f'lake = "{tmp_path}/lake"\n')
    arguments = [word.replace("/chosen/", f"{tmp_path}/") for word in load["args"]]
    ended = subprocess.run([TARGET / "drift2parquet", *arguments], env={}, capture_output=True, text=True)
    assert ended.returncode == 2 and "DRIFT_TOKEN" in ended.stderr, ended.stderr


def test_the_dag_is_python_and_lets_nothing_but_numbers_into_a_shell():
    tree = ast.parse((EXAMPLES / "airflow_many_accounts.py").read_text())
    commands = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    assert [ast.unparse(value.value) for node in commands for value in node.values if isinstance(value, ast.FormattedValue)] == [
        "int(organization)"
    ]
