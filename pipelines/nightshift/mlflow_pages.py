"""Addresses of pages in MLflow's UI, each in its view of model training.

MLflow opens in its view of language models unless the address says otherwise, whatever the experiment's tag: a run of
ours would then show traces that it does not have.
"""

VIEW = "workflowType=machine_learning"


def home_page(mlflow_url: str) -> str:
    """All experiments."""
    return _page(mlflow_url, "experiments")


def run_page(mlflow_url: str, experiment_id: str, run_id: str) -> str:
    """A run: its metrics, figures and files."""
    return _page(
        mlflow_url,
        "experiments",
        experiment_id,
        "runs",
        run_id,
    )


def model_page(mlflow_url: str, model: str) -> str:
    """All versions of a model."""
    return _page(mlflow_url, "models", model)


def version_page(mlflow_url: str, model: str, version: str) -> str:
    """One version of a model."""
    return _page(
        mlflow_url,
        "models",
        model,
        "versions",
        version,
    )


def _page(mlflow_url: str, *words: str) -> str:
    base = mlflow_url.rstrip("/")
    path = "/".join(words)
    # Behind the #, where MLflow's own pages look for it.
    return f"{base}/#/{path}?{VIEW}"
