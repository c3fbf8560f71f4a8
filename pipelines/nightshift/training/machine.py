"""What a training is computed by, besides code and data: the libraries, and the CPU that their kernels are for."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = (
    "joblib",
    "lightgbm",
    "numpy",
    "onnx",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "skl2onnx",
    "torch",
    "xgboost-cpu",
)
"""Those that fit a model, or write its exact graph."""


def library_versions() -> dict[str, str]:
    """Of Python and of each library that there is."""
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def cpu_family() -> str:
    """The platform, and the kernels that linear algebra has chosen for this CPU: another one's add in another order."""
    # Only libraries that are loaded can be asked.
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_info

    kernels = {library.get("architecture") for library in threadpool_info()}
    named = sorted(kernel for kernel in kernels if kernel)
    return " ".join([sys.platform, platform.machine(), *named])
