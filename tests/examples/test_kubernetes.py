"""The CronJob is what Kubernetes' own schema calls right, and says what our exit codes mean."""

import subprocess
import sys
from pathlib import Path

import yaml
from conftest import ROOT, TARGET

MANIFEST = ROOT / "examples" / "kubernetes" / "cronjob.yaml"


def cronjob():
    (found,) = [part for part in yaml.safe_load_all(MANIFEST.read_text()) if part["kind"] == "CronJob"]
    return found["spec"]


def container():
    (found,) = cronjob()["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return found


def test_kubernetes_finds_nothing_wrong():
    tool = Path(sys.executable).with_name("kubernetes-validate")
    said = subprocess.run([tool, "--strict", MANIFEST], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr


def test_exit_codes_are_acted_on():
    job = cronjob()["jobTemplate"]["spec"]
    rules = job["podFailurePolicy"]["rules"]
    acts = {code: rule["action"] for rule in rules for code in rule.get("onExitCodes", {}).get("values", [])}
    assert acts == {1: "FailJob", 2: "FailJob", 3: "FailJob", 6: "Ignore", 8: "Ignore", 143: "Ignore"}
    names = {rule["onExitCodes"]["containerName"] for rule in rules if "onExitCodes" in rule}
    assert names == {container()["name"]}
    # Kubernetes takes a podFailurePolicy only with this.
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    assert cronjob()["concurrencyPolicy"] == "Forbid"


def test_the_container_is_not_root_and_its_token_is_a_file():
    pod = cronjob()["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] and container()["securityContext"]["readOnlyRootFilesystem"]
    environment = {variable["name"]: variable for variable in container()["env"]}
    mounts = [mount["mountPath"] for mount in container()["volumeMounts"] if mount["name"] == "token"]
    assert environment["DRIFT_TOKEN_FILE"]["value"] == f"{mounts[0]}/token"
    assert not {"DRIFT_TOKEN", "AWS_SECRET_ACCESS_KEY"} & set(environment)


def test_the_arguments_are_understood(account):
    arguments = [str(argument) for argument in container()["args"]]
    arguments[arguments.index("--lake") + 1] = str(account.lake)
    ended = subprocess.run(
        [TARGET / "drift2parquet", *arguments], env=account.environment(), capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
