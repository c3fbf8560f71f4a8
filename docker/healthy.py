"""Exit 0 when PORT answers PATH with 200; with a PART, when Airflow's api-server calls that part healthy.

Small and without imports from outside the standard library: each container asks every 15 seconds.
"""

import http.client
import json
import sys

host, port, path, *part = sys.argv[1:]
connection = http.client.HTTPConnection(host, int(port), timeout=8)
connection.request("GET", path)
answer = connection.getresponse()
healthy = answer.status == 200
for name in part:
    healthy = healthy and json.load(answer)[name]["status"] == "healthy"
sys.exit(not healthy)
