"""The files of deploy/: what they start, what they show to the world, flags that servers have."""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from langchain_tpo.cli.flags import Flags
from langchain_tpo.cli.main import app
from langchain_tpo.cli.reward_strings import reward_model
from langchain_tpo.cli.run_choices import run_choices
from langchain_tpo.serve.metrics import Metrics

DEPLOY = Path(__file__).parents[3] / "deploy"
COMPOSE = sorted(DEPLOY.glob("*.yaml"))
MANIFESTS = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
KNOWN: Mapping[str, Any] = tomllib.loads((DEPLOY / "flags.toml").read_text(encoding="utf-8"))

KEYS = {
    *("image", "build", "command", "environment", "volumes", "ports", "depends_on"),
    *("healthcheck", "restart", "shm_size", "deploy", "stop_grace_period"),
}
"""What services here are made of, of all that the Compose specification allows."""

CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
SECRET = re.compile(r"(?i)(key|password|token|secret)$")
PASSED_ON = re.compile(r"\$\{[A-Z_]+(:-|:\?[^}]+)?\}")


def services(file: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))["services"]
    return found


def containers(file: Path) -> Iterator[Mapping[str, Any]]:
    for manifest in yaml.safe_load_all(file.read_text(encoding="utf-8")):
        if manifest["kind"] == "Deployment":
            yield from manifest["spec"]["template"]["spec"]["containers"]


SERVICES = [
    pytest.param(service, id=f"{file.stem}-{name}")
    for file in COMPOSE
    for name, service in services(file).items()
]
CONTAINERS = [
    pytest.param(container, id=f"{file.stem}-{container['name']}-{number}")
    for file in MANIFESTS
    for number, container in enumerate(containers(file))
]


def repository(image: str) -> str:
    return image.rpartition(":")[0]


def flags_of(arguments: list[str], known: Mapping[str, Any]) -> dict[str, str]:
    """Return the flags of a server's command; what it takes without a name stands first."""
    named = arguments[1:] if "first" in known else arguments
    assert all(flag.startswith("--") for flag in named)
    assert len(arguments) - len(named) == sum(not one.startswith("-") for one in arguments)
    flags = dict(flag.partition("=")[::2] for flag in named)
    assert len(flags) == len(named)
    return flags


def our_arguments() -> list[Any]:
    found = [
        pytest.param(service["command"], id=file.stem)
        for file in COMPOSE
        for service in services(file).values()
        if service["image"] == "langchain-tpo:serve"
    ]
    ours = [
        pytest.param(one["args"], id=f"kubernetes-{file.stem}")
        for file in MANIFESTS
        for one in containers(file)
        if one["image"] == "langchain-tpo:serve"
    ]
    return [*found, *ours]


def test_there_are_files_for_all_four_ways() -> None:
    assert [file.stem for file in COMPOSE] == ["cpu", "langgraph", "tgi", "vllm"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_says_nothing_that_compose_does_not_know(service: Mapping[str, Any]) -> None:
    assert set(service) <= KEYS
    assert "healthcheck" in service
    check = service["healthcheck"]
    assert set(check) <= {"test", "interval", "timeout", "retries", "start_period"}
    assert check["test"][0] in {"CMD", "CMD-SHELL"}


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_is_pinned(service: Mapping[str, Any]) -> None:
    tag = service["image"].rpartition(":")[2]

    assert tag not in {"", "latest", service["image"]}
    assert "/" not in tag


@pytest.mark.parametrize("service", SERVICES)
def test_only_this_machine_reaches_it(service: Mapping[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@pytest.mark.parametrize("service", SERVICES)
def test_no_secret_stands_in_a_file(service: Mapping[str, Any]) -> None:
    for name, value in service.get("environment", {}).items():
        if SECRET.search(name):
            assert PASSED_ON.fullmatch(value), name
    assert not any(re.search(r"(?i)(api-?key|token|password)=", one) for one in _command(service))


def _command(service: Mapping[str, Any]) -> list[str]:
    return [str(part) for part in service.get("command", [])]


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.stem)
def test_services_wait_for_what_they_need(file: Path) -> None:
    known = services(file)

    for service in known.values():
        for name, wait in service.get("depends_on", {}).items():
            assert name in known
            assert wait["condition"] in CONDITIONS
    addresses = re.findall(r"(?:http|redis|postgres)://(?:[^@/\s]*@)?([a-z]+)[:/]", str(known))
    assert set(addresses) <= set(known)
    ours = known["tpo"]["depends_on"]
    assert set(ours) >= set(known) - {"tpo"}
    assert all(wait["condition"] == "service_healthy" for wait in ours.values())


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.stem)
def test_volumes_are_declared(file: Path) -> None:
    whole = yaml.safe_load(file.read_text(encoding="utf-8"))
    used = {
        volume.partition(":")[0]
        for service in whole["services"].values()
        for volume in service.get("volumes", [])
    }

    assert used == set(whole["volumes"])


@pytest.mark.parametrize("service", SERVICES)
def test_every_flag_is_one_that_the_server_documents(service: Mapping[str, Any]) -> None:
    known = KNOWN.get(repository(service["image"]))
    if known is None:
        assert repository(service["image"]) in {"langchain-tpo", "redis", "pgvector/pgvector"}
        return

    flags = flags_of(service["command"], known)
    assert set(flags) <= set(known["flags"])
    assert service["image"].rpartition(":")[2] == known["version"]
    assert f":{flags['--port']}{known['health']}" in service["healthcheck"]["test"][-1]


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_flag_of_a_manifest_is_documented_too(container: Mapping[str, Any]) -> None:
    known = KNOWN.get(repository(container["image"]))
    if known is None:
        assert container["image"] == "langchain-tpo:serve"
        return

    assert set(flags_of(container["args"], known)) <= set(known["flags"])
    assert container["image"].rpartition(":")[2] == known["version"]


def test_the_table_names_no_flag_that_nobody_uses() -> None:
    commands = [one.get("command", []) for file in COMPOSE for one in services(file).values()]
    commands += [one["args"] for file in MANIFESTS for one in containers(file)]
    used = {flag.partition("=")[0] for command in commands for flag in command}

    for image, known in KNOWN.items():
        assert set(known["flags"]) <= used, image
        assert known["source"].startswith("https://")
        assert known["read"]


@pytest.mark.parametrize("arguments", our_arguments())
def test_our_own_command_is_understood(arguments: list[str]) -> None:
    command = typer.main.get_command(app).commands["serve"]

    context = command.make_context("serve", list(arguments))

    given = {name: context.params[name] for name in Flags.__dataclass_fields__}
    choices = run_choices(Flags(**given))
    assert choices.settings.width == 5
    reward_model(choices.reward)
    choices.build_model()


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.stem)
def test_manifests_probe_what_they_start_and_select_what_there_is(file: Path) -> None:
    found = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    deployments = {one["metadata"]["name"]: one for one in found if one["kind"] == "Deployment"}

    for name, deployment in deployments.items():
        pod = deployment["spec"]["template"]
        assert deployment["spec"]["selector"]["matchLabels"] == pod["metadata"]["labels"]
        for container in pod["spec"]["containers"]:
            ports = {port["name"]: port["containerPort"] for port in container["ports"]}
            asked = next(flag for flag in container["args"] if flag.startswith("--port="))
            assert asked == f"--port={ports['http']}", name
            for probe in ("livenessProbe", "readinessProbe"):
                assert container[probe]["httpGet"]["port"] == "http"
    for one in found:
        if one["kind"] == "Service":
            assert one["spec"]["selector"]["app"] in deployments
        if one["kind"] == "HorizontalPodAutoscaler":
            assert one["spec"]["scaleTargetRef"]["name"] in deployments


def test_the_queue_that_is_scaled_by_is_a_metric_of_ours() -> None:
    metrics = Metrics()
    found = yaml.safe_load_all((DEPLOY / "kubernetes" / "tpo.yaml").read_text(encoding="utf-8"))
    (scaler,) = (one for one in found if one["kind"] == "HorizontalPodAutoscaler")

    name = scaler["spec"]["metrics"][0]["pods"]["metric"]["name"]

    assert f"{name} 3.0".encode() in metrics.page(running=1, waiting=3)


def test_a_pod_lives_longer_than_the_grace_of_its_runs() -> None:
    found = yaml.safe_load_all((DEPLOY / "kubernetes" / "tpo.yaml").read_text(encoding="utf-8"))
    pod = next(one for one in found if one["kind"] == "Deployment")["spec"]["template"]["spec"]
    flags = dict(flag.split("=", 1) for flag in pod["containers"][0]["args"])

    assert pod["terminationGracePeriodSeconds"] > float(flags["--grace"])


def test_the_dockerfile_has_every_target_that_is_built() -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^FROM \S+ AS (\w+)$", text, re.MULTILINE))
    built = {
        service["build"]["target"]
        for file in COMPOSE
        for service in services(file).values()
        if "build" in service
    }

    assert built <= targets
    assert not re.search(r"^FROM \S+:latest\b", text, re.MULTILINE)
    copied = re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE)
    root = DEPLOY.parent
    assert all((root / path).exists() for line in copied for path in line.split())


def test_the_image_of_langgraph_is_of_the_server_that_the_tests_run() -> None:
    """An older one pins a LangGraph that the package does not run on."""
    server = pytest.importorskip("langgraph_api", reason="needs `langgraph-cli[inmem]`")
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    (tag,) = re.findall(r"^FROM langchain/langgraph-api:(\S+) AS langgraph$", text, re.MULTILINE)
    version, _, python = tag.partition("-py")

    assert version.split(".")[:2] == server.__version__.split(".")[:2]
    assert python in {"3.11", "3.12", "3.13"}


@pytest.mark.parametrize("file", COMPOSE, ids=lambda file: file.stem)
def test_docker_compose_takes_it(file: Path) -> None:
    docker = shutil.which("docker")
    asked = [docker or "", "compose", "version"]
    if docker is None or subprocess.run(asked, check=False, capture_output=True).returncode:  # noqa: S603
        pytest.skip("no Docker Compose here")
    secrets = {"TPO_SERVE_KEY": "a", "LANGSMITH_API_KEY": "a", "POSTGRES_PASSWORD": "a"}

    subprocess.run(  # noqa: S603 a fixed command
        [docker, "compose", "-f", str(file), "config", "--quiet"], check=True, env=secrets
    )
