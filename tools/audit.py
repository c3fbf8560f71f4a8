"""Look up every installed package among known vulnerabilities, and write down what is installed: CycloneDX, JSON.

    .venv-audit/bin/python tools/audit.py --environment .venv --out build/audit

Exit 0 is a result: packages were looked up, and none is known to be vulnerable. 1 is a result too, and names them. 2 is
none: no source of vulnerabilities answered, or it knew no package.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

Run: TypeAlias = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]
SOURCES = ("pypi", "osv")
CLEAN = 0
VULNERABLE = 1
NO_RESULT = 2
IMAGE = "nightshift"
MOST_NAMED = 10
INSIDE_IMAGE = ("docker", "run", "--rm", "--network", "none", "--entrypoint")


@dataclass(frozen=True)
class Looked:
    """What one source of vulnerabilities knew of the installed packages."""

    source: str
    known: list[str]
    unknown: list[str]
    vulnerable: list[str]


def main() -> None:
    """Both parts; the exit status is that of the look-up."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--environment", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for line in write_lists(arguments.environment, arguments.out, run):
        print(line)
    looked = look_up(arguments.environment, arguments.out, run)
    print(sentence(looked))
    sys.exit(status(looked))


def run(words: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """A program of this environment, or of the machine; nobody judges how it ends."""
    beside = Path(sys.executable).with_name(words[0])
    program = str(beside) if beside.exists() else words[0]
    return subprocess.run([program, *words[1:]], capture_output=True, text=True, check=False)


def look_up(environment: Path, out: Path, run: Run) -> Looked | None:
    """Ask one source after the other, until one knows a package; None where none does."""
    (packages,) = environment.glob("lib/python3*/site-packages")
    for source in SOURCES:
        answer = run([
            "pip-audit", "--path", str(packages), "--skip-editable", "--vulnerability-service", source,
            "--format", "json", "--progress-spinner", "off",
        ])  # fmt: skip
        looked = parsed(source, answer.stdout)
        if looked is not None and looked.known:
            (out / "vulnerabilities.json").write_text(answer.stdout, encoding="utf-8")
            return looked
        print(f"{source}: {_why_not(looked, answer.stderr)}")
    return None


def parsed(source: str, report: str) -> Looked | None:
    """pip-audit's report in JSON; None where it wrote none. It calls a run in which it skipped everything a success."""
    try:
        packages = json.loads(report)["dependencies"]
    except (ValueError, KeyError):
        return None
    known = []
    unknown = []
    vulnerable = []
    for package in packages:
        if "skip_reason" in package:
            unknown.append(package["name"])
            continue
        known.append(package["name"])
        vulnerable += [_named(package, vulnerability) for vulnerability in package["vulns"]]
    return Looked(source, known, unknown, vulnerable)


def _named(package: dict[str, Any], vulnerability: dict[str, Any]) -> str:
    mended = ", ".join(vulnerability.get("fix_versions", ())) or "no version"
    return f"{package['name']} {package['version']}: {vulnerability['id']}, mended by {mended}"


def _why_not(looked: Looked | None, errors: str) -> str:
    if looked is not None:
        return f"knows none of {len(looked.unknown)} packages"
    lines = errors.strip().splitlines()
    return f"does not answer: {lines[-1][:200]}" if lines else "does not answer"


def sentence(looked: Looked | None) -> str:
    """What the look-up came to."""
    if looked is None:
        return "NO RESULT: no package was looked up. Run this where the service of PyPI or of OSV can be reached."
    lines = [f"{looked.source}: {len(looked.known)} packages looked up, {len(looked.vulnerable)} known vulnerabilities"]
    lines += [f"  {line}" for line in looked.vulnerable]
    if looked.unknown:
        names = ", ".join(looked.unknown[:MOST_NAMED])
        more = " ..." if len(looked.unknown) > MOST_NAMED else ""
        lines.append(f"  NOT looked up, since it does not know them: {len(looked.unknown)} ({names}{more})")
    return "\n".join(lines)


def status(looked: Looked | None) -> int:
    """The exit status."""
    if looked is None:
        return NO_RESULT
    return VULNERABLE if looked.vulnerable else CLEAN


def write_lists(environment: Path, out: Path, run: Run) -> Iterator[str]:
    """Write the lists of the environment and, where an engine has it, of the image; one line on each."""
    file = out / "environment.cdx.json"
    # Its own check of what it wrote takes longer than the writing.
    made = run([
        "cyclonedx-py", "environment", str(environment / "bin" / "python"), "--pyproject", "pyproject.toml",
        "--output-format", "JSON", "--no-validate", "--output-file", str(file),
    ])  # fmt: skip
    if made.returncode:
        raise SystemExit(f"cyclonedx-py: {made.stderr.strip()[-500:]}")
    yield _without_paths(file)
    yield _write_image(out / "image.cdx.json", run)


def _without_paths(file: Path) -> str:
    # Where the clone lies is nobody's business.
    content = json.loads(file.read_text(encoding="utf-8"))
    for component in content["components"]:
        references = component.get("externalReferences", [])
        component["externalReferences"] = [one for one in references if not one["url"].startswith("file:")]
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return f"{file}: {len(content['components'])} packages of the environment"


def _write_image(file: Path, run: Run) -> str:
    if shutil.which("docker") is None or run(["docker", "image", "inspect", IMAGE]).returncode:
        file.unlink(missing_ok=True)
        return f"no list of the image: no engine here has an image {IMAGE} (docker compose build)"
    python = run([*INSIDE_IMAGE, "python", IMAGE, "-m", "pip", "list", "--format", "json"])
    debian = run([*INSIDE_IMAGE, "dpkg-query", IMAGE, "-W", "-f", "${Package} ${Version}\\n"])
    components = [
        *(_component("pypi", one["name"], one["version"]) for one in json.loads(python.stdout)),
        *(_component("deb/debian", *line.split()) for line in debian.stdout.splitlines()),
    ]
    content = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components}
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return f"{file}: {len(components)} packages of the image, Python's and Debian's"


def _component(kind: str, name: str, version: str) -> dict[str, str]:
    return {
        "type": "library",
        "bom-ref": f"{kind}:{name}@{version}",
        "name": name,
        "version": version,
        "purl": f"pkg:{kind}/{name}@{version}",
    }


if __name__ == "__main__":
    main()
