"""Which hardware ONNX Runtime uses: as the spec asks, or an error. Falling back in silence is how nights get slow."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nightshift.errors import ModelError, UnsafeGraph

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
"""The spec's word for each execution provider, and ONNX Runtime's."""

PACKAGES = {"cuda": "onnxruntime-gpu", "tensorrt": "onnxruntime-gpu", "openvino": "onnxruntime-openvino"}


def open_session(body: bytes, provider: str, name: str) -> Any:
    """A session of one thread on that provider and no other; ``name`` is the model's, for messages.

    Raises ``ModelError`` when the provider is not installed or does not take the whole graph, and
    ``UnsafeGraph`` for a file that ONNX Runtime refuses.
    """
    import onnxruntime as ort

    _check_installed(provider, ort.get_available_providers(), name)
    session = _session(body, provider, name)
    wanted = PROVIDERS[provider]
    chosen = session.get_providers()
    # ONNX Runtime adds the CPU to the list by itself; an option of the session keeps nodes from landing there.
    if chosen[0] != wanted:
        raise ModelError(f"{name}: asked for {wanted}, ONNX Runtime chose {', '.join(chosen)}")
    return session


@contextmanager
def refusals(name: str) -> Iterator[None]:
    """ONNX Runtime runs a graph inside; ``name`` is the model's. Raises ``ModelError`` in place of its own errors."""
    try:
        yield
    except run_errors() as error:
        raise cannot_run(name, error) from error


def cannot_run(name: str, error: Exception) -> ModelError:
    """One of ``run_errors`` in words of ours."""
    return ModelError(f"{name}: ONNX Runtime cannot run the graph: {error}", fix=f"nightshift rollback {name}")


def _session(body: bytes, provider: str, name: str) -> Any:
    import onnxruntime as ort

    try:
        return ort.InferenceSession(body, _options(provider), providers=[PROVIDERS[provider]])
    except run_errors() as error:
        if provider == "cpu":
            raise UnsafeGraph(f"{name}: ONNX Runtime refuses the file: {error}") from error
        raise ModelError(f"{name}: {PROVIDERS[provider]} does not take the whole graph: {error}") from error


def run_errors() -> tuple[type[Exception], ...]:
    """All that ONNX Runtime raises: errors of its own, which have no common class, and Python's for what it is fed."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = [kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    return (*own, RuntimeError, TypeError, ValueError)


def _options(provider: str) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    if provider != "cpu":
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    return options


def _check_installed(provider: str, installed: list[str], name: str) -> None:
    if PROVIDERS[provider] not in installed:
        raise ModelError(
            f"{name}: optimize.provider is {provider}, but the installed onnxruntime has only {', '.join(installed)}",
            fix=f"pip install {PACKAGES.get(provider, 'onnxruntime')}, or set optimize.provider to cpu",
        )
