"""The embedded local stack: SeaweedFS, MLflow and Airflow on 127.0.0.1, with all state in one home.

Used by ``nightshift up`` and by tests alike::

    from nightshift.stack import Ports, Stack

    stack = Stack(home=tmp / "home", project=tmp, ports=Ports.free())
    stack.up(only=["s3", "mlflow"])      # blocks until both answer; [] or None means all three
    os.environ.update(stack.env())       # keys, endpoint, region, MLFLOW_TRACKING_URI, NIGHTSHIFT_*
    stack.status()                       # one ServiceStatus per process
    stack.down()                         # stops what runs, keeps all data; safe to call twice

``Stack(home, project)`` without ports takes ``NIGHTSHIFT_{S3,MLFLOW,AIRFLOW}_PORT``, then the ports
the home remembers, then 8333, 5000 and 8080. ``up`` starts only what does not run yet, calls
``on_event`` with each step, and raises ``PortTaken`` or ``ServiceDied`` after stopping what it
had started. ``airflow_env()`` is the environment in which Airflow's own command line works.
"""

from nightshift.stack.plan import GROUPS
from nightshift.stack.ports import Ports
from nightshift.stack.stack import Event, ServiceStatus, Stack

__all__ = ["GROUPS", "Event", "Ports", "ServiceStatus", "Stack"]
