"""Exit 0 when the file at PATH was touched within the last SECONDS.

Small and without imports from outside the standard library: a container asks every 15 seconds.
"""

import sys
import time
from pathlib import Path

path, seconds = sys.argv[1:]
heart = Path(path)
if not heart.exists():
    sys.exit(f"{path} is not there yet")
age = time.time() - heart.stat().st_mtime
sys.exit(age > float(seconds))
