"""A trained pipeline as a file of skops: compared with its digest, and then read by a list of types that is ours.

Whoever may write the file writes its format and its wishes, too. So nobody asks the file, or what lies beside it, how
it wants to be read: MLflow's loaders do, and are called nowhere.
"""

import hashlib
import warnings
from typing import TYPE_CHECKING, Any

from nightshift.errors import ModelError
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec
from nightshift.training.trainers import trainer_of

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

CALIBRATED = "nightshift.training.calibration.pipeline.CalibratedPipeline"
SEVERAL = "nightshift.training.several.Several"
TRAINED_FILE = "model.skops"
"""As MLflow's flavour of scikit-learn names it."""


def train_anew(spec: ModelSpec) -> str:
    """What to do about a training whose files cannot be used."""
    return f"train anew: nightshift train {spec.name} NIGHT, or trigger {spec.name}.train"


def digest_of(body: bytes) -> str:
    """What travels with a trained model, so that another file in its place is seen."""
    return hashlib.sha256(body).hexdigest()


def dumped(pipeline: "Pipeline") -> bytes:
    """A pipeline as such a file."""
    body: bytes = _skops().dumps(pipeline)
    return body


def read_pipeline(spec: ModelSpec, body: bytes, sha256: str, where: str) -> "Pipeline":
    """The pipeline in a file, if it is the one with this digest and of the trainer's types; else ``ModelError``."""
    skops_io = _skops()
    from skops.io.exceptions import UntrustedTypesFoundException

    anew = train_anew(spec)
    actual = digest_of(body)
    if actual != sha256:
        raise ModelError(
            f"{spec.name}: {where} has sha256 {actual}, and {sha256} was trained: it was replaced, and is not read",
            fix=f"find out who wrote to MLflow's artifacts, then {anew}",
        )
    trusted = list(trusted_types(spec))
    try:
        pipeline: Pipeline = skops_io.loads(body, trusted=trusted)
    except UntrustedTypesFoundException as error:
        raise ModelError(
            f"{spec.name}: {where} is made of types that {spec.training.trainer} has not: {error}", fix=anew
        ) from error
    return pipeline


def read_again(spec: ModelSpec, pipeline: "Pipeline") -> "Pipeline":
    """What a file of the pipeline gives back. Raises ``ModelError`` for types that its trainer has not."""
    body = dumped(pipeline)
    return read_pipeline(spec, body, digest_of(body), "what was trained")


def trusted_types(spec: ModelSpec) -> tuple[str, ...]:
    """What such a file may hold besides what skops trusts by itself."""
    of_trainer = trainer_of(spec).trusted
    ours = []
    if spec.training.calibration is not None:
        ours.append(CALIBRATED)
    if label_type(spec).parts:
        ours.append(SEVERAL)
    return (*of_trainer, *ours)


def _skops() -> Any:
    """``skops.io``, which asks each module of the process for names as it loads: Airflow's answer with warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import skops.io
    return skops.io
