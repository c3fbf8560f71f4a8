"""AWS Lambda: a container image whose handler needs ONNX Runtime and numpy alone.

A handler of its own, and no web framework behind an adapter: it has one route, and each package more is time that a
cold start takes.
"""

from pathlib import Path

from nightshift.export.exported import Export
from nightshift.export.scripts import GRAPH, SCORER, dockerfile, scored_files, scripts
from nightshift.export.target import ANY_GRAPH

PROGRAM = "lambda.py"
HANDLER = "handler.py"
BASE = "public.ecr.aws/lambda/python:3.11"


class AwsLambda:
    """``Dockerfile`` and ``task/``, which becomes the function's folder."""

    name = "lambda"
    takes = ANY_GRAPH

    def write(self, export: Export, folder: Path) -> str:
        """No role, no memory, no address: they are said where the function is made."""
        programs = scripts((SCORER, PROGRAM))
        # A module cannot be called lambda.
        programs[HANDLER] = programs.pop(PROGRAM)
        task = folder / "task"
        task.mkdir()
        for name, body in {**scored_files(export), **programs}.items():
            (task / name).write_bytes(body)
        image = dockerfile(BASE, ["COPY task ${LAMBDA_TASK_ROOT}", 'CMD ["handler.handler"]'])
        (folder / "Dockerfile").write_text(image, encoding="utf-8")
        return f"task/{GRAPH}"


TARGET = AwsLambda()
