"""Great Expectations' look at the rows of a night, by what it was asked of the nights before.

A validator of its own works out of each expectation, twice a night, which metrics answer it: most of the time of a
small night. Here that is done once, and the same metrics are then computed of the rows of each night. Nothing of a
night's rows is kept: each has an engine of its own.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

BATCH = "night-night"
"""What Great Expectations calls the rows of a source and an asset of that name."""
NO_EXCEPTION = {
    "raised_exception": False,
    "exception_traceback": None,
    "exception_message": None,
}


@dataclass(frozen=True)
class CheckedItem:
    """What came of one expectation: as Great Expectations has it, for its pages, and as it writes it down."""

    validated: Any
    json: dict[str, Any]


@dataclass(frozen=True)
class Question:
    """An expectation, the metrics that answer it, and which of them is made of which."""

    expectation: Any
    configuration: Any
    written: dict[str, Any]
    dependencies: Any
    edges: Sequence[Any]


class Suite:
    """The expectations of a model, for many nights; not for several threads."""

    def __init__(self) -> None:
        self._questions: dict[tuple[int, str], tuple[Any, Question]] = {}
        self._expectations: dict[int, tuple[Any, Any]] = {}

    def expectation(self, place: int, check: Any, made: Callable[[], Any]) -> Any:
        """What ``made`` makes of a check: as of the night before, where the same check has its place."""
        before = self._expectations.get(place)
        if before is not None and _is_same(before[0], check):
            return before[1]
        expectation = made()
        self._expectations[place] = (check, expectation)
        return expectation

    def look(
        self, frame: "pd.DataFrame", expectations: Sequence[tuple[int, Any]], result_format: str
    ) -> list[CheckedItem]:
        """What the rows have to say to expectations, each with its place in the suite.

        Raises what Great Expectations raises of a metric that cannot be computed.
        """
        from great_expectations.execution_engine import PandasExecutionEngine
        from great_expectations.validator.validation_graph import ValidationGraph

        engine = PandasExecutionEngine(caching=False)
        engine.load_batch_data(BATCH, frame)
        questions = [self._question(place, expectation, result_format, engine) for place, expectation in expectations]
        graph = ValidationGraph(engine, _once(questions))
        metrics, _ = graph.resolve({"catch_exceptions": False}, show_progress_bars=False)
        return [_answer(question, metrics, engine) for question in questions]

    def _question(self, place: int, expectation: Any, result_format: str, engine: Any) -> Question:
        """As of the night before, where the same is asked in its place."""
        before = self._questions.get((place, result_format))
        if before is not None and _is_same(before[0], expectation):
            return before[1]
        question = _ask(expectation, result_format, engine)
        self._questions[place, result_format] = (expectation, question)
        return question


def _is_same(one: Any, other: Any) -> bool:
    # Great Expectations calls two of different kinds equal where their arguments are, and takes long to find out.
    return one is other or (type(one) is type(other) and bool(one == other))


def _ask(expectation: Any, result_format: str, engine: Any) -> Question:
    from great_expectations.validator.metrics_calculator import MetricsCalculator

    of_batch = expectation.copy(update={"batch_id": BATCH})
    runtime = {"result_format": result_format}
    dependencies = of_batch.get_validation_dependencies(execution_engine=engine, runtime_configuration=runtime)
    calculator = MetricsCalculator(engine, show_progress_bars=False)
    graph = calculator.build_metric_dependency_graph(dependencies.get_metric_configurations(), runtime)
    configuration = of_batch.configuration
    return Question(of_batch, configuration, configuration.to_json_dict(), dependencies, graph.edges)


def _once(questions: Sequence[Question]) -> list[Any]:
    """All edges; expectations of one column share most."""
    edges: dict[Any, Any] = {}
    for question in questions:
        for edge in question.edges:
            edges.setdefault(edge.id, edge)
    return list(edges.values())


def _answer(question: Question, metrics: dict[Any, Any], engine: Any) -> CheckedItem:
    from great_expectations.core import ExpectationValidationResult

    wanted = question.dependencies.metric_configurations
    answer = question.expectation._validate(
        metrics={name: metrics[metric.id] for name, metric in wanted.items()},
        runtime_configuration={"result_format": question.dependencies.result_format},
        execution_engine=engine,
    )
    validated = ExpectationValidationResult(
        success=bool(answer["success"]),
        expectation_config=question.configuration,
        result=answer.get("result", {}),
        exception_info=dict(NO_EXCEPTION),
    )
    return CheckedItem(validated, _written(validated, question.written))


def _written(validated: Any, configuration: dict[str, Any]) -> dict[str, Any]:
    """As ``to_json_dict`` of it, which takes as long as the look."""
    from great_expectations.util import convert_to_json_serializable

    return {
        "success": validated.success,
        "expectation_config": configuration,
        "result": convert_to_json_serializable(dict(validated.result)),
        "meta": {},
        "exception_info": validated.exception_info,
    }


def items_of(suite_result: Any) -> Iterator[CheckedItem]:
    """The results of a validator of Great Expectations' own."""
    for validated in suite_result.results:
        yield CheckedItem(validated, validated.to_json_dict())
