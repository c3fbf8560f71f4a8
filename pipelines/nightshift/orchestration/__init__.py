"""How steps become Airflow Dags; the only place that imports airflow.

Each file is named after its Dag and has its tasks and the factory that wires them; ``families.py`` lists the
factories. ``tasks.py`` is what all tasks share, ``policies.py`` what all Dags do.
"""
