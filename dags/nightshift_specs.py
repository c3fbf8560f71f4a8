"""Whether every model.yaml is good: one that is not shows as an import error of this file, which makes no Airflow Dag.

The Dags of the other models come from nightshift_dags.py, and stay.
"""

from nightshift.orchestration.families import require_specs

require_specs()
